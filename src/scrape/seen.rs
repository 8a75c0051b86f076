//! The series of one scrape that were seen already, by their hash.
//!
//! Of two series with the same 64-bit hash the second is taken for a repetition; among 100 000 series that happens
//! once in some four thousand million scrapes.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Hashes kept between scrapes at most; a scrape with more gives the rest of its memory back.
const KEEP: usize = 64 << 10;

/// Hashes of series.
#[derive(Debug, Default)]
pub struct Seen(HashSet<u64, BuildHasherDefault<Premixed>>);

impl Seen {
    /// Forgets all and keeps the memory, within reason.
    pub fn clear(&mut self) {
        self.0.clear();
        self.0.shrink_to(KEEP);
    }

    /// Whether this series comes for the first time.
    #[inline]
    pub fn is_new(&mut self, hash: u64) -> bool {
        self.0.insert(hash)
    }
}

/// Takes a key that is a hash already as its own hash.
#[derive(Debug, Default)]
struct Premixed(u64);

impl Hasher for Premixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
