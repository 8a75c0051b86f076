//! Gzip of record blocks: a block over [`ZIP_ABOVE`] bytes goes zipped, and what came zipped is inflated under a bound.

use super::codec::{DecodeError, Found};
use flate2::bufread::GzDecoder;
use std::borrow::Cow;
use std::io::{Read as _, Write as _};

/// Blocks longer than this are zipped, in bytes.
pub const ZIP_ABOVE: usize = 100;

/// A block as a pack's body carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed<'a> {
    /// Whether the bytes are gzip.
    pub zipped: bool,
    /// The bytes.
    pub bytes: Cow<'a, [u8]>,
}

/// Zips a block where the protocol wants it zipped. `level` is 0 (none) to 9 (smallest).
///
/// For blocks made now and then; the hot path keeps its own compressor.
pub fn pack(plain: &[u8], level: u32) -> Packed<'_> {
    if plain.len() <= ZIP_ABOVE {
        return Packed { zipped: false, bytes: Cow::Borrowed(plain) };
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    let zipped = encoder.write_all(plain).and_then(|()| encoder.finish());
    Packed { zipped: true, bytes: Cow::Owned(zipped.expect("writing to memory doesn't fail")) }
}

/// Inflates gzip to at most `most` bytes.
///
/// # Errors
/// [`Found::NotGzip`], [`Found::TooBig`], [`Found::Trailing`].
pub fn inflate(zipped: &[u8], most: usize) -> Result<Vec<u8>, DecodeError> {
    let fault = |found| DecodeError { what: "gzip", at: 0, found };
    let mut decoder = GzDecoder::new(zipped);
    let mut plain = Vec::new();
    let bound = (most as u64).saturating_add(1);
    decoder.by_ref().take(bound).read_to_end(&mut plain).map_err(|_| fault(Found::NotGzip))?;
    if plain.len() > most {
        return Err(fault(Found::TooBig(most)));
    }
    match decoder.into_inner().len() {
        0 => Ok(plain),
        left => Err(fault(Found::Trailing(left))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let zeros = vec![0; 10 << 20];
        let bomb = pack(&zeros, 9);
        assert!(bomb.zipped && bomb.bytes.len() < 20_000);
        let error = inflate(&bomb.bytes, 1 << 16).unwrap_err();
        assert_eq!(error.to_string(), "gzip at byte 0: inflates to more than 65536 bytes");
        assert_eq!(inflate(&bomb.bytes, 10 << 20).unwrap().len(), 10 << 20);
    }

    #[test]
    fn torn_foreign_and_trailing_bytes_are_refused() {
        let good = pack(&[7; 200], 6).bytes.into_owned();
        assert_eq!(inflate(&good[..good.len() - 1], 1000).unwrap_err().found, Found::NotGzip);
        assert_eq!(inflate(b"no gzip at all", 1000).unwrap_err().found, Found::NotGzip);
        assert_eq!(inflate(&[good, vec![1, 2]].concat(), 1000).unwrap_err().found, Found::Trailing(2));
    }

    proptest! {
        #[test]
        fn what_is_packed_inflates_to_itself(plain in prop::collection::vec(any::<u8>(), 0..500), level in 0_u32..=9) {
            let packed = pack(&plain, level);
            prop_assert_eq!(packed.zipped, plain.len() > ZIP_ABOVE);
            if packed.zipped {
                prop_assert_eq!(inflate(&packed.bytes, plain.len())?, plain);
            } else {
                prop_assert_eq!(&*packed.bytes, &plain);
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = inflate(&bytes, 1000);
            let _ = inflate(&[vec![0x1f, 0x8b, 8, 0], bytes].concat(), 1000);
        }
    }
}
