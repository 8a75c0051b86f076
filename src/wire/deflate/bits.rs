//! Bits into bytes, lowest first, as DEFLATE packs them.
//!
//! # Invariants
//! - Fewer than 8 bits wait between two calls.
//! - The buffer's bytes from `at` on are nobody's: whole words are written there, and only the filled part counts.

use super::codes::Code;

/// Most bits of one [`Bits::put`].
const MOST: u32 = 56;

/// A growing stream of bits.
#[derive(Debug, Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    at: usize,
    word: u64,
    /// Bits of `word` in use.
    used: u32,
}

impl Bits {
    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        (self.at, self.word, self.used) = (0, 0, 0);
    }

    /// Makes room for so many bytes more.
    #[inline]
    pub fn reserve(&mut self, bytes: usize) {
        let wanted = self.at + bytes + size_of::<u64>();
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted.next_multiple_of(4096), 0);
        }
    }

    /// Appends bits. The caller has reserved room.
    #[inline]
    pub fn put(&mut self, code: Code) {
        debug_assert!(self.used + u32::from(code.count) <= MOST);
        self.word |= u64::from(code.bits) << self.used;
        self.used += u32::from(code.count);
        self.settle();
    }

    /// Appends the bits of a match's length and of its distance: 20 and 28 at most. The caller has reserved room.
    #[inline]
    pub fn put_pair(&mut self, length: Code, distance: Code) {
        self.word |= u64::from(length.bits) << self.used;
        self.used += u32::from(length.count);
        self.put(distance);
    }

    /// Appends a code for each byte. The caller has reserved room.
    #[inline]
    pub fn put_all(&mut self, bytes: &[u8], codes: &[Code; 256]) {
        // three codes of at most 15 bits and the 7 bits that may wait fit a word
        let (threes, rest) = bytes.as_chunks::<3>();
        for three in threes {
            for byte in three {
                let code = codes[usize::from(*byte)];
                self.word |= u64::from(code.bits) << self.used;
                self.used += u32::from(code.count);
            }
            self.settle();
        }
        for byte in rest {
            self.put(codes[usize::from(*byte)]);
        }
    }

    /// Fills the last byte up with zeros, then appends whole bytes.
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        self.at += usize::from(self.used > 0);
        (self.word, self.used) = (0, 0);
        self.reserve(bytes.len());
        self.bytes[self.at..][..bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// The bytes so far, to change or to read; those of bits that wait are not among them.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.at]
    }

    /// Writes the word out, as many whole bytes of it as are full.
    #[inline]
    fn settle(&mut self) {
        let room = self.bytes[self.at..].first_chunk_mut();
        debug_assert!(room.is_some(), "room was not reserved");
        if let Some(room) = room {
            *room = self.word.to_le_bytes();
        }
        self.at += (self.used / 8) as usize;
        self.word >>= self.used & !7;
        self.used &= 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_any_width_stand_in_a_row() {
        let mut bits = Bits::default();
        bits.reserve(100);
        for (code, count) in [(0b1, 1), (0b01, 2), (0x1f, 5), (0xdead_beef, 32), (0, 0), (0b101, 3)] {
            bits.put(Code { bits: code, count });
        }
        bits.put_pair(Code { bits: 0b11, count: 4 }, Code { bits: 0b1, count: 4 });
        bits.put_bytes(&[7, 8]);
        assert_eq!(bits.bytes_mut(), [0b1111_1011, 0xef, 0xbe, 0xad, 0xde, 0b1001_1101, 0, 7, 8]);
        bits.clear();
        bits.put_bytes(&[9]);
        assert_eq!(bits.bytes_mut(), [9]);
    }

    #[test]
    fn a_row_of_bytes_is_the_codes_one_by_one() {
        let codes: [Code; 256] = std::array::from_fn(|n| Code { bits: n as u32 * 127, count: 15 });
        let text: Vec<u8> = (0..=255).collect();
        for length in 0..20 {
            let (mut one, mut all) = (Bits::default(), Bits::default());
            for bits in [&mut one, &mut all] {
                bits.reserve(100);
                bits.put(Code { bits: 0x7f, count: 7 });
            }
            text[..length].iter().for_each(|byte| one.put(codes[usize::from(*byte)]));
            all.put_all(&text[..length], &codes);
            for bits in [&mut one, &mut all] {
                bits.put_bytes(&[]);
            }
            assert_eq!(one.bytes_mut(), all.bytes_mut());
        }
    }
}
