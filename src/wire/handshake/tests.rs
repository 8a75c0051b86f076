//! Tests of this room: golden vectors, round trips, bytes nobody would send.

use super::*;
use crate::wire::cypher::{Key, Level};
use crate::wire::golden;
use crate::wire::licence::Licence;
use crate::wire::session::SessionKeys;
use proptest::prelude::*;
use std::net::Ipv4Addr;

const LICENCE: &str = "xa07edck0247v-z3vvuvnufnunq-xe2091a07vahv";

fn licence() -> Licence {
    Licence::parse(LICENCE).unwrap()
}

fn keys() -> SessionKeys {
    SessionKeys {
        transfer_key: 0x1122_3344,
        secure_key: Key::new(*b"SECURE_KEY-16byt"),
        hide_key: -1_412_567_144,
        public_ip: Ipv4Addr::from((-889_163_511_i32).to_be_bytes()),
    }
}

#[test]
fn hellos_are_the_librarys_and_are_understood() {
    for entry in &golden::section("g_keyreset", 6) {
        let licence = Licence::parse(golden::text(entry, "license")).unwrap();
        let level = Level::from_bits(golden::number(entry, "cypher_level") as u32).unwrap();
        let ip = Ipv4Addr::from((golden::number(entry, "ip_int") as i32).to_be_bytes());
        assert_eq!(ip.to_string(), golden::text(entry, "ip"));
        let (oid, oname) = (golden::number(entry, "oid") as i32, golden::text(entry, "oname"));
        let hello = Client::new(&licence, oid, level).hello(oname, ip);
        assert_eq!(hello, golden::hex(entry, "frame_hex"));

        let (read, used) = Hello::read(&licence, &hello).unwrap().unwrap();
        assert_eq!(used, hello.len());
        assert_eq!(read, Hello { pcode: licence.pcode, oid, oname: oname.to_owned(), ip, level });
    }
}

#[test]
fn the_reply_is_the_servers_and_gives_the_clients_session() {
    let all = golden::all();
    let entry = &all["g2_keyreset_reply"];
    let licence = Licence::parse(golden::text(entry, "license")).unwrap();
    let oid = golden::number(entry, "oid") as i32;
    let frame = golden::hex(entry, "frame_hex");

    let client = Client::new(&licence, oid, Level::Aes128);
    let (session, used) = client.read_reply(&frame).unwrap().unwrap();
    assert_eq!(used, frame.len());
    let state = &entry["client_state"];
    assert_eq!(i64::from(session.keys().transfer_key), golden::number(state, "transfer_key"));
    assert_eq!(i64::from(session.keys().hide_key), golden::number(state, "hide_key"));
    assert_eq!(session.keys().secure_key.expose(), golden::hex(state, "secure_key_hex"));
    let public_ip = i32::from_be_bytes(session.keys().public_ip.octets());
    assert_eq!(i64::from(public_ip), golden::number(state, "public_ip"));

    let hello =
        Hello { pcode: licence.pcode, oid, oname: "x".to_owned(), ip: Ipv4Addr::LOCALHOST, level: Level::Aes128 };
    let (reply, server) = hello.reply(&licence, session.keys().clone());
    assert_eq!(reply, frame);
    assert_eq!(server.keys(), session.keys());
}

#[test]
fn a_partial_message_is_waited_for() {
    let client = Client::new(&licence(), 5, Level::Aes128);
    let hello = client.hello("name", Ipv4Addr::LOCALHOST);
    let (read, _) = Hello::read(&licence(), &hello).unwrap().unwrap();
    let (reply, _) = read.reply(&licence(), keys());
    for end in 0..hello.len() {
        assert!(Hello::read(&licence(), &hello[..end]).unwrap().is_none(), "{end}");
    }
    for end in 0..reply.len() {
        assert!(client.read_reply(&reply[..end]).unwrap().is_none(), "{end}");
    }
    let (_, used) = client.read_reply(&[reply.clone(), vec![9; 40]].concat()).unwrap().unwrap();
    assert_eq!(used, reply.len());
}

#[test]
fn a_refusal_says_what_does_not_fit() {
    let theirs = Licence::parse(&Licence::generate(4_000_000_001, b"another key")).unwrap();
    let foreign = Licence::parse(&Licence::generate(12, b"another key")).unwrap();
    let hello = Client::new(&theirs, 5, Level::Aes128).hello("name", Ipv4Addr::LOCALHOST);
    let error = Hello::read(&licence(), &hello).unwrap_err();
    assert!(matches!(error, HandshakeError::WrongKey(_) | HandshakeError::NoGreeting), "{error}");
    let error = Hello::read(&foreign, &hello).unwrap_err().to_string();
    assert_eq!(
        error,
        "key exchange: the peer names project 4000000001, the licence is of project 12; \
         is the licence right for this server?"
    );

    let ours = Client::new(&licence(), 5, Level::Aes128);
    let (hello, _) = Hello::read(&licence(), &ours.hello("n", Ipv4Addr::LOCALHOST)).unwrap().unwrap();
    let (reply, _) = hello.reply(&theirs, keys());
    assert!(matches!(ours.read_reply(&reply), Err(HandshakeError::WrongKey(_))));
    let error = Client::new(&licence(), 6, Level::Aes128).read_reply(&reply).unwrap_err().to_string();
    assert_eq!(error, "key exchange: the reply is for agent 5, this is agent 6");

    let error = Hello::read(&licence(), b"GET / HTTP/1.1").unwrap_err().to_string();
    assert_eq!(error, "key exchange: the first frame has code 0x45 and is no hello");
    let mut long = reply;
    long[18..22].copy_from_slice(&1025_i32.to_be_bytes());
    assert!(matches!(ours.read_reply(&long), Err(HandshakeError::TooLong(_))));
    let mut level = Client::new(&licence(), 5, Level::Aes256).hello("n", Ipv4Addr::LOCALHOST);
    level[15] = 20;
    assert_eq!(Hello::read(&licence(), &level).unwrap_err(), HandshakeError::UnknownLevel(20));
}

proptest! {
    #[test]
    fn both_sides_agree_at_every_level(
        oid: i32, oname: String, ip: [u8; 4], transfer_key: i32, hide_key: i32,
        secure_key in prop::collection::vec(any::<u8>(), 0..40),
        bits in prop::sample::select(&[0_u32, 128, 192, 256]),
    ) {
        let (licence, level) = (licence(), Level::from_bits(bits).unwrap());
        let client = Client::new(&licence, oid, level);
        let (hello, _) = Hello::read(&licence, &client.hello(&oname, ip.into()))?.unwrap();
        prop_assert_eq!(&hello, &Hello { pcode: licence.pcode, oid, oname, ip: ip.into(), level });
        let keys = SessionKeys { transfer_key, secure_key: Key::new(secure_key), hide_key, public_ip: ip.into() };
        let (reply, server) = hello.reply(&licence, keys);
        let (session, _) = client.read_reply(&reply)?.unwrap();
        prop_assert_eq!(session.keys(), server.keys());
        prop_assert_eq!((session.level(), session.oid(), session.pcode()), (level, oid, licence.pcode));
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, at: prop::sample::Index, with: u8) {
        let client = Client::new(&licence(), 5, Level::Aes128);
        let hello = client.hello("name", Ipv4Addr::LOCALHOST);
        let (read, _) = Hello::read(&licence(), &hello).unwrap().unwrap();
        let (reply, _) = read.reply(&licence(), keys());
        let _ = (client.read_reply(&bytes), Hello::read(&licence(), &bytes));
        for mut message in [hello, reply] {
            let at = at.index(message.len());
            message[at] = with;
            let _ = (client.read_reply(&message), Hello::read(&licence(), &message));
        }
    }
}
