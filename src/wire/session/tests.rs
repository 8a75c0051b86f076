//! Tests of this room: golden vectors, round trips, bytes nobody would send.

use super::*;
use crate::wire::frame::{FrameReader, HEAD_BYTES};
use crate::wire::{golden, time_sync};
use proptest::prelude::*;

fn session(level: Level) -> Session {
    let keys = SessionKeys {
        transfer_key: 287_454_020,
        secure_key: Key::new(*b"SECUREKEY-16byte"),
        hide_key: -1_412_567_144,
        public_ip: Ipv4Addr::LOCALHOST,
    };
    Session::new(4_000_000_001, -1_417_046_410, level, keys)
}

fn sealed(session: &Session, code: Code, payload: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    let len = session.seal(code, &mut out, |out| out.extend_from_slice(payload));
    assert_eq!(len, out.len() - 6);
    out.split_off(6)
}

fn with_frame<T>(bytes: &[u8], then: impl FnOnce(Frame<'_>) -> T) -> T {
    let mut reader = FrameReader::new();
    reader.push(bytes);
    then(reader.next().unwrap().expect("a whole frame"))
}

#[test]
fn every_golden_frame_is_sealed_and_opened_byte_for_byte() {
    let session = session(Level::Aes128);
    let frames = golden::section("i_frames", 25);
    for entry in &frames {
        let (name, golden) = (golden::text(entry, "pack"), golden::hex(entry, "frame_hex"));
        let code = Code::from(golden::number(entry, "code") as u8);
        let payload = match name {
            "TIME_SYNC" => {
                let mut out = Vec::new();
                time_sync::Request { agent_ms: 1_718_668_800_123 }.write(&mut out);
                out
            }
            name => golden::pack(name),
        };
        assert_eq!(sealed(&session, code, &payload), golden, "{name}");
        with_frame(&golden, |frame| {
            let opened = session.open(frame).unwrap();
            assert_eq!(opened.code, code);
            assert!(opened.payload.starts_with(&payload), "{name}");
            assert!(opened.payload.len() - payload.len() < 16, "{name}");
            if code != Code::TimeSync {
                let padded = matches!(Pack::decode(&payload).unwrap().body, crate::wire::pack::Body::Other { .. });
                assert!(padded || opened.pack().unwrap() == Pack::decode(&payload).unwrap(), "{name}");
            }
        });
    }
}

#[test]
fn frames_of_others_are_refused_with_the_reason() {
    let session = session(Level::Aes128);
    let frame = sealed(&session, Code::SecureHide, b"payload");
    for (at, text) in [
        (9, "a frame for another agent (pcode 4000000000, oid -1417046410)"),
        (13, "a frame for another agent (pcode 4000000001, oid -1417046409)"),
        (17, "a frame of another session (its transfer key is not ours)"),
    ] {
        let mut other = frame.clone();
        other[at] ^= 1;
        assert_eq!(with_frame(&other, |frame| session.open(frame).unwrap_err().to_string()), text);
    }
    let mut unknown = frame.clone();
    unknown[1] = 0x77;
    let error = with_frame(&unknown, |frame| session.open(frame).unwrap_err().to_string());
    assert_eq!(error, "a frame of the unknown code 0x77");
    let mut torn = frame;
    torn[1] = 0x02;
    let error = with_frame(&torn, |frame| session.open(frame).unwrap_err().to_string());
    assert!(error.ends_with("7 encrypted bytes are not whole blocks of 16"), "{error}");
}

#[test]
fn a_time_sync_is_read_whatever_its_transfer_key() {
    let session = session(Level::Aes128);
    let mut frame = sealed(&session, Code::TimeSync, &[0; 16]);
    frame[17] ^= 1;
    with_frame(&frame, |frame| assert_eq!(session.open(frame).unwrap().payload, [0; 16]));
}

#[test]
fn nothing_secret_is_printed() {
    let text = format!("{:?}", session(Level::Aes128));
    for secret in ["287454020", "1412567144", "SECURE", "83, 69"] {
        assert!(!text.contains(secret), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens_to_itself(
        payload: Vec<u8>,
        bits in prop::sample::select(&[0_u32, 128, 192, 256]),
        code in prop::sample::select(&[Code::SecureHide, Code::SecureCypher, Code::OneWay, Code::TimeSync]),
    ) {
        let session = session(Level::from_bits(bits).unwrap());
        let frame = sealed(&session, code, &payload);
        if bits == 0 {
            prop_assert_eq!(&frame[HEAD_BYTES..], &payload);
        }
        with_frame(&frame, |frame| {
            let opened = session.open(frame).unwrap();
            prop_assert!(opened.payload.starts_with(&payload));
            let padding = &opened.payload[payload.len()..];
            prop_assert!(padding.len() < 16 && padding.iter().all(|byte| *byte == 0));
            Ok(())
        })?;
    }
}
