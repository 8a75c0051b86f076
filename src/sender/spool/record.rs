//! One pack as it lies in a segment of the spool.
//!
//! ```text
//! record  = "OASR" length crc payload        length and crc: u32, big-endian; crc of length and payload
//! payload = time:i64 type:u16 records:u32 body
//! ```
//!
//! # Invariants
//! Whatever the bytes, [`read`] gives a record whose checksum holds or says that there is none; [`find`] goes on at
//! the next one that holds, so that damage costs the damaged record alone.

use crate::wire::pack::EncodedPack;
use flate2::Crc;

/// First bytes of every record, to find the next one behind damage.
const MARK: &[u8; 4] = b"OASR";

/// Bytes before the payload.
pub(super) const HEAD: usize = 12;

/// Payload bytes before the body.
const FIXED: usize = 14;

/// The largest payload that is believed; frames are bounded far below it.
const MAX_PAYLOAD: usize = 64 << 20;

/// Appends a record.
pub(super) fn write(out: &mut Vec<u8>, time_ms: i64, pack: &EncodedPack) {
    let length = ((FIXED + pack.body.len()) as u32).to_be_bytes();
    let start = out.len();
    out.extend_from_slice(MARK);
    out.extend_from_slice(&length);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&time_ms.to_be_bytes());
    out.extend_from_slice(&pack.pack_type.to_be_bytes());
    out.extend_from_slice(&pack.records.to_be_bytes());
    out.extend_from_slice(&pack.body);
    let crc = checksum(length, &out[start + HEAD..]);
    out[start + 8..start + HEAD].copy_from_slice(&crc.to_be_bytes());
}

/// The payload length that the first bytes of a record tell, when they are such.
pub(super) fn payload_length(head: &[u8; HEAD]) -> Option<usize> {
    let (mark, rest) = head.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
    (mark == MARK && (FIXED..=MAX_PAYLOAD).contains(&length)).then_some(length)
}

/// The pack and its time, when the checksum holds.
pub(super) fn read(head: &[u8; HEAD], payload: &[u8]) -> Option<(i64, EncodedPack)> {
    let [_, _, _, _, l0, l1, l2, l3, crc @ ..] = *head;
    if checksum([l0, l1, l2, l3], payload) != u32::from_be_bytes(crc) {
        return None;
    }
    let (time, rest) = payload.split_first_chunk()?;
    let (pack_type, rest) = rest.split_first_chunk()?;
    let (records, body) = rest.split_first_chunk()?;
    let pack = EncodedPack {
        pack_type: u16::from_be_bytes(*pack_type),
        body: body.to_vec(),
        records: u32::from_be_bytes(*records),
    };
    Some((i64::from_be_bytes(*time), pack))
}

/// Where the first record that holds begins.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(bytes, MARK).find(|&at| holds(&bytes[at..]))
}

fn holds(bytes: &[u8]) -> bool {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else { return false };
    payload_length(head).and_then(|length| rest.get(..length)).is_some_and(|payload| read(head, payload).is_some())
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(&length);
    crc.update(payload);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(time_ms: i64, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, time_ms, &EncodedPack { pack_type: 0x1603, body: body.to_vec(), records: 7 });
        out
    }

    fn decode(bytes: &[u8]) -> Option<(i64, EncodedPack)> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        read(head, rest.get(..payload_length(head)?)?)
    }

    #[test]
    fn a_record_is_read_back() {
        let (time, pack) = decode(&record(-5, b"body")).unwrap();
        assert_eq!((time, pack.pack_type, pack.records, &pack.body[..]), (-5, 0x1603, 7, &b"body"[..]));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let good = record(1, b"some body");
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bad), None, "bit {bit}");
        }
    }

    #[test]
    fn the_next_record_is_found_behind_damage() {
        let mut bytes = b"OASR\0\0\0\x20 damaged OASR".to_vec();
        let start = bytes.len();
        bytes.extend(record(9, b"OASR inside"));
        assert_eq!(find(&bytes), Some(start));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            let _ = find(&[MARK, &bytes[..]].concat());
        }
    }
}
