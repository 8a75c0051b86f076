//! The session's two ways of covering a payload: AES in ECB ([`Cypher`]) and [`hide`].
//!
//! Neither protects much (ECB shows repeats, hide is an XOR with four bytes); the protocol demands them.

use super::codec::{DecodeError, Found};
use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit, typenum::U16};
use aes::{Aes128, Aes192, Aes256};
use std::fmt;

/// Bytes of an AES block.
pub const BLOCK: usize = 16;

/// Key bytes that no way of printing shows.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Key(Box<[u8]>);

impl Key {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the cypher and the key exchange.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(crate::secret::MASK)
    }
}

/// `cypher_level`: the key size of AES in bits, or no covering at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// 0: nothing is hidden or encrypted.
    Plain,
    /// 128, the default.
    #[default]
    Aes128,
    /// 192.
    Aes192,
    /// 256.
    Aes256,
}

impl Level {
    /// The level of that many bits; `None` for other numbers than 0, 128, 192, 256.
    pub fn from_bits(bits: u32) -> Option<Self> {
        [Self::Plain, Self::Aes128, Self::Aes192, Self::Aes256].into_iter().find(|level| level.bits() == bits)
    }

    /// Bits of the key.
    pub fn bits(self) -> u32 {
        match self {
            Self::Plain => 0,
            Self::Aes128 => 128,
            Self::Aes192 => 192,
            Self::Aes256 => 256,
        }
    }

    /// Bytes of the key.
    pub fn key_bytes(self) -> usize {
        self.bits() as usize / 8
    }
}

/// AES in ECB with the round keys made, or nothing at level 0.
pub struct Cypher {
    level: Level,
    rounds: Rounds,
}

enum Rounds {
    None,
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
}

impl Cypher {
    /// A cypher with `key` cut or padded with zeros to the level's size.
    pub fn new(level: Level, key: &Key) -> Self {
        let rounds = match level {
            Level::Plain => Rounds::None,
            Level::Aes128 => Rounds::Aes128(Box::new(Aes128::new(&fitted(key).into()))),
            Level::Aes192 => Rounds::Aes192(Box::new(Aes192::new(&fitted(key).into()))),
            Level::Aes256 => Rounds::Aes256(Box::new(Aes256::new(&fitted(key).into()))),
        };
        Self { level, rounds }
    }

    /// Its level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Pads what stands in `out` from `start` on with zeros to whole blocks and encrypts it in place.
    pub fn encrypt(&self, out: &mut Vec<u8>, start: usize) {
        if self.level == Level::Plain {
            return;
        }
        out.resize(start + (out.len() - start).next_multiple_of(BLOCK), 0);
        let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(&mut out[start..]);
        match &self.rounds {
            Rounds::None => {}
            Rounds::Aes128(aes) => aes.encrypt_blocks(blocks),
            Rounds::Aes192(aes) => aes.encrypt_blocks(blocks),
            Rounds::Aes256(aes) => aes.encrypt_blocks(blocks),
        }
    }

    /// Decrypts in place; the padding stays.
    ///
    /// # Errors
    /// [`Found::NotBlocks`] when the bytes don't end on a block.
    pub fn decrypt(&self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        if self.level == Level::Plain {
            return Ok(());
        }
        if !bytes.len().is_multiple_of(BLOCK) {
            return Err(DecodeError { what: "encrypted payload", at: 0, found: Found::NotBlocks(bytes.len()) });
        }
        let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(bytes);
        match &self.rounds {
            Rounds::None => {}
            Rounds::Aes128(aes) => aes.decrypt_blocks(blocks),
            Rounds::Aes192(aes) => aes.decrypt_blocks(blocks),
            Rounds::Aes256(aes) => aes.decrypt_blocks(blocks),
        }
        Ok(())
    }
}

impl fmt::Debug for Cypher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cypher").field("level", &self.level).finish_non_exhaustive()
    }
}

fn fitted<const N: usize>(key: &Key) -> [u8; N] {
    let mut fitted = [0; N];
    for (to, from) in fitted.iter_mut().zip(key.expose()) {
        *to = *from;
    }
    fitted
}

/// XORs the payload with the key's four bytes over and over; done twice it is undone.
pub fn hide(payload: &mut [u8], key: i32) {
    let four = key.to_be_bytes();
    let eight = u64::from_ne_bytes(std::array::from_fn(|i| four[i % 4]));
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ eight).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(four.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden;
    use proptest::prelude::*;

    #[test]
    fn encrypts_decrypts_and_hides_as_the_library() {
        for entry in &golden::section("f_cypher", 60) {
            let plain = golden::hex(entry, "plain_hex");
            let cypher = Cypher::new(Level::Aes128, &Key::new(golden::hex(entry, "key_hex")));

            let mut bytes = plain.clone();
            cypher.encrypt(&mut bytes, 0);
            assert_eq!(bytes, golden::hex(entry, "encrypt_hex"), "{entry}");
            cypher.decrypt(&mut bytes).unwrap();
            assert_eq!(bytes, golden::hex(entry, "decrypt_of_encrypt_hex"), "{entry}");

            let mut hidden = plain;
            hide(&mut hidden, golden::number(entry, "xor_key") as i32);
            assert_eq!(hidden, golden::hex(entry, "hide_hex"), "{entry}");
        }
    }

    /// FIPS 197, appendix C: the library's vectors have 128 bits only.
    #[test]
    fn the_longer_keys_are_those_of_the_standard() {
        let plain = golden::unhex("00112233445566778899aabbccddeeff");
        let key: Vec<u8> = (0..32).collect();
        for (bits, encrypted) in [
            (128, "69c4e0d86a7b0430d8cdb78070b4c55a"),
            (192, "dda97ca4864cdfe06eaf70a0ec0d7191"),
            (256, "8ea2b7ca516745bfeafc49904b496089"),
        ] {
            let cypher = Cypher::new(Level::from_bits(bits).unwrap(), &Key::new(key.clone()));
            let mut bytes = plain.clone();
            cypher.encrypt(&mut bytes, 0);
            assert_eq!(bytes, golden::unhex(encrypted), "{bits}");
            cypher.decrypt(&mut bytes).unwrap();
            assert_eq!(bytes, plain, "{bits}");
        }
        assert_eq!(Level::from_bits(64), None);
    }

    #[test]
    fn a_torn_block_is_refused_and_no_key_is_printed() {
        let key = Key::new(*b"0123456789abcdef");
        let cypher = Cypher::new(Level::Aes256, &key);
        let error = cypher.decrypt(&mut [0; 17]).unwrap_err();
        assert_eq!(error.to_string(), "encrypted payload at byte 0: 17 encrypted bytes are not whole blocks of 16");
        assert_eq!(format!("{key:?} {cypher:?}"), "*** Cypher { level: Aes256, .. }");
    }

    proptest! {
        #[test]
        fn hiding_is_the_xor_of_each_byte_and_its_own_inverse(plain: Vec<u8>, key: i32) {
            let mut bytes = plain.clone();
            hide(&mut bytes, key);
            let naive: Vec<u8> =
                plain.iter().enumerate().map(|(i, byte)| byte ^ key.to_be_bytes()[i % 4]).collect();
            prop_assert_eq!(&bytes, &naive);
            hide(&mut bytes, key);
            prop_assert_eq!(bytes, plain);
        }

        #[test]
        fn decrypting_gives_the_padded_plain_back(
            head: Vec<u8>, plain: Vec<u8>, key: [u8; 20], bits in prop::sample::select(&[0_u32, 128, 192, 256]),
        ) {
            let cypher = Cypher::new(Level::from_bits(bits).unwrap(), &Key::new(key));
            let mut bytes = [head.clone(), plain.clone()].concat();
            cypher.encrypt(&mut bytes, head.len());
            cypher.decrypt(&mut bytes[head.len()..])?;
            prop_assert!(bytes.starts_with(&[head, plain].concat()));
        }
    }
}
