//! Tests of this room: golden vectors, round trips, bytes nobody would send.

use super::*;
use crate::wire::golden;
use proptest::prelude::*;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[test]
fn decimals_are_the_librarys() {
    for entry in &golden::section("a_decimal", 28) {
        let value: i64 = golden::text(entry, "v_str").parse().unwrap();
        let bytes = written(|out| write_decimal(out, value));
        assert_eq!(bytes, golden::hex(entry, "hex"), "{value}");
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.decimal("decimal").unwrap().to_string(), golden::text(entry, "read_back"));
        assert!(reader.is_empty());
    }
}

#[test]
fn every_primitive_is_the_librarys() {
    let bytes = written(|out| {
        write_bool(out, true);
        out.push(0x7f);
        write_i16(out, -2);
        write_i24(out, -3);
        write_i32(out, -4);
        write_i40(out, -5);
        write_i64(out, -6);
        write_f32(out, 1.5);
        write_f64(out, -2.25);
        write_short_bytes(out, b"ab");
        write_int_bytes(out, &[1, 2]);
        write_short_bytes(out, &[3]);
        write_int_bytes(out, &[]);
        write_array(out, &[7, -8], |out, v| write_i64(out, *v));
        write_array(out, &[], |out, v| write_i64(out, *v));
    });
    let golden = golden::hex(&golden::all()["b2_primitives"], "hex");
    assert_eq!(bytes, golden);

    let mut reader = Reader::new(&golden);
    let r = &mut reader;
    assert!(r.bool("").unwrap());
    assert_eq!(r.byte("").unwrap(), 0x7f);
    assert_eq!(r.i16("").unwrap(), -2);
    assert_eq!(r.i24("").unwrap(), -3);
    assert_eq!(r.i32("").unwrap(), -4);
    assert_eq!(r.i40("").unwrap(), -5);
    assert_eq!(r.i64("").unwrap(), -6);
    assert_eq!(r.f32("").unwrap(), 1.5);
    assert_eq!(r.f64("").unwrap(), -2.25);
    assert_eq!(r.short_bytes("").unwrap(), b"ab");
    assert_eq!(r.int_bytes("").unwrap(), [1, 2]);
    assert_eq!(r.short_bytes("").unwrap(), [3]);
    assert!(r.int_bytes("").unwrap().is_empty());
    for expected in [vec![7, -8], vec![]] {
        let count = r.short_count("", 8).unwrap();
        assert_eq!(r.elements(count, |r| r.i64("")).unwrap(), expected);
    }
    reader.end("primitives").unwrap();
}

#[test]
fn blobs_of_every_length_class_are_the_librarys() {
    for entry in &golden::section("b_blob_text", 11) {
        let len = golden::number(entry, "n") as usize;
        let text: String = "abcdefghij".chars().cycle().take(len).collect();
        let bytes = written(|out| write_text(out, &text));
        assert_eq!(bytes, written(|out| write_blob(out, text.as_bytes())));
        assert_eq!(bytes.len() as i64, golden::number(entry, "blob_total_len"));
        assert_eq!(bytes.len(), blob_bytes(len));
        assert!(bytes.starts_with(&golden::hex(entry, "blob_prefix16_hex")), "{len}");
        assert_eq!(sha256(&bytes), golden::text(entry, "blob_sha256"), "{len}");
        assert_eq!(Reader::new(&bytes).text("text").unwrap(), text);
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256
        .tls13()
        .expect("a TLS 1.3 suite")
        .common
        .hash_provider
        .hash(bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn errors_name_the_field_the_place_and_what_stood_there() {
    let error = |bytes: &[u8], read: fn(&mut Reader<'_>) -> Option<DecodeError>| {
        read(&mut Reader::new(bytes)).expect("refused").to_string()
    };
    assert_eq!(error(&[5, 1], |r| r.decimal("pcode").err()), "pcode at byte 1: needs 5 bytes, 1 are left");
    assert_eq!(error(&[6, 1], |r| r.decimal("pcode").err()), "pcode at byte 0: impossible length 6");
    assert_eq!(
        error(&[254, 0xff, 0xff, 0xff, 0xff], |r| r.blob("bytes").err()),
        "bytes at byte 5: impossible length -1"
    );
    assert_eq!(error(&[2, 0xc3, 0x28], |r| r.text("metric").err()), "metric at byte 0: is not UTF-8");
    assert_eq!(error(&[0, 0], |r| r.end("pack").err()), "pack at byte 0: 2 bytes follow after the end");
    assert_eq!(error(&[0xff, 0xff], |r| r.short_count("spans", 8).err()), "spans at byte 2: impossible length -1");
    assert_eq!(
        error(&[0x7f, 0xff, 0], |r| r.short_count("spans", 8).err()),
        "spans at byte 2: needs 262136 bytes, 1 are left"
    );
    assert_eq!(
        error(&[254, 0x7f, 0xff, 0xff, 0xff], |r| r.blob("bytes").err()),
        "bytes at byte 5: needs 2147483647 bytes, 0 are left"
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        decimal: i64, int: i32, short: i16, double: f64, bytes: Vec<u8>, text: String, longs: Vec<i64>,
    ) {
        let out = written(|out| {
            write_decimal(out, decimal);
            write_i24(out, int >> 8);
            write_i40(out, decimal >> 24);
            write_i16(out, short);
            write_f64(out, double);
            write_blob(out, &bytes);
            write_text(out, &text);
            write_array(out, &longs, |out, v| write_i64(out, *v));
        });
        let mut r = Reader::new(&out);
        prop_assert_eq!(r.decimal("")?, decimal);
        prop_assert_eq!(r.i24("")?, int >> 8);
        prop_assert_eq!(r.i40("")?, decimal >> 24);
        prop_assert_eq!(r.i16("")?, short);
        prop_assert_eq!(r.f64("")?.to_bits(), double.to_bits());
        prop_assert_eq!(r.blob("")?, bytes);
        prop_assert_eq!(r.text("")?, text);
        let count = r.short_count("", 8)?;
        prop_assert_eq!(r.elements(count, |r| r.i64(""))?, longs);
        r.end("all")?;
    }

    #[test]
    fn the_shortest_decimal_is_chosen(value: i64) {
        let len = written(|out| write_decimal(out, value)).len() - 1;
        for shorter in [0_u32, 1, 2, 3, 4, 5].into_iter().filter(|n| (*n as usize) < len) {
            let unused = 64 - 8 * shorter;
            prop_assert!(shorter == 0 || (value << unused) >> unused != value);
        }
    }
}
