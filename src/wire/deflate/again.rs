//! Records that were compressed before, in another scrape: the matches made then are tried first, and nothing else is
//! looked for.
//!
//! # Invariants
//! A match is made only where the bytes are the same now, so a wrong hint costs bytes and is never wrong data.

use super::{BLOCK_HEAD, Deflater, MAX_DISTANCE, WORTH};
use crate::prefix::common;
use crate::wire::record::{Block, NUMBERS};

/// Matches logged at most: 2 MiB.
pub(super) const MAX_LOG: usize = 1 << 18;

/// A match: the place where it begins, and the place of what it repeats. Places count the plain bytes of all blocks since
/// [`Deflater::restart`], in 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Where it begins.
    pub at: u32,
    /// Where that is what it repeats.
    pub source: u32,
}

impl Deflater {
    /// Forgets a block that was begun and any log, and counts places from 0 again.
    pub fn restart(&mut self) {
        self.abandon();
        self.origin = 0;
        self.log = None;
    }

    /// Makes the places of the next block follow those of one of so many plain bytes.
    pub fn next_block(&mut self, plain_bytes: usize) {
        self.origin += plain_bytes;
    }

    /// Remembers the matches made from now on, within a bound.
    pub fn log(&mut self) {
        self.log.get_or_insert_default();
    }

    /// The matches made since [`Deflater::log`], in their order; none are remembered any more.
    pub fn take_log(&mut self) -> Vec<Match> {
        self.log.take().unwrap_or_default()
    }

    /// The place of a byte of the block.
    #[inline]
    pub fn place(&self, at: usize) -> u32 {
        (self.origin + self.gone + at) as u32
    }

    /// Takes the sample that was added to the block last, from `start` on, by the matches it had before: where in the
    /// record each begins, and the place of what it repeats, 0 for nowhere.
    #[inline]
    pub fn record_again(&mut self, block: &Block, start: usize, matches: impl Iterator<Item = (usize, u32)>) {
        let bytes = block.bytes();
        if self.done == 0 {
            self.begin();
        }
        self.out.reserve(2 * (bytes.len() - self.done));
        let numbers = bytes.len() - NUMBERS;
        let (mut at, mut distance) = (self.done, 0);
        for (offset, source) in matches {
            let from = start + offset;
            let back = self.place(from).wrapping_sub(source) as usize;
            if from < at || from > numbers || source == 0 || back == 0 || back > MAX_DISTANCE.min(from - BLOCK_HEAD) {
                continue;
            }
            let same = common(&bytes[from - back..], &bytes[from..]);
            if same >= WORTH {
                at = self.repeat_from(bytes, from, same, back);
                distance = back;
            }
        }
        self.end(bytes, at, numbers, distance);
        self.before.clear();
        (self.last, self.numbers) = (start, numbers as u32);
        self.sum(bytes);
    }
}
