//! Gzip of a block of records while it grows, by what is known of records: one looks much like the one before.
//!
//! A general compressor hashes every byte to find what repeats. Here the records' seams are known (where the name, each
//! label, the target's labels begin), so only they are looked at: first in the record before, at the same seam, then
//! by a hash of the piece in the last 32 KiB. Between seams, whoever matched goes on at the same distance. The codes
//! are made once for records of this kind, so one pass is enough.
//!
//! ```text
//! stream = gzip head, stored block (version and count of the records), one block of codes, CRC-32, length
//! ```
//!
//! The count of the records stands in front of them and is known last: it lies in a stored block, whose bytes can be
//! put in later.
//!
//! # Invariants
//! - The stream inflates to exactly the block's bytes.
//! - No allocation but the growth of the output, which is kept, and of the log of matches, where one is wanted.

mod again;
mod bits;
mod codes;
mod trained;

use super::record::{Block, Seam};
use crate::prefix::common;
use bits::Bits;
use codes::{Code, MAX_DISTANCE, MAX_MATCH, MIN_MATCH};
use crc32fast::Hasher;
use trained::{CODES, HEADER};

pub use again::Match;

/// Bytes of a block before its records: version and count.
const BLOCK_HEAD: usize = 3;
/// Gzip head (no name, no time, system unknown), then the head of a stored block of three bytes.
const HEAD: [u8; 15] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 0b000, 3, 0, !3, !0];
/// A match shorter than this costs more than its bytes as they are.
const WORTH: usize = 4;
/// A record's last bytes among which nothing is looked for any more: part of a float, whose bytes as they are cost less
/// than a match of some of them.
const TAIL: usize = 8;
/// Pieces remembered by their hash; a power of two.
const REMEMBERED: usize = 2048;
/// Bytes of a block at which those that no match can reach any more are taken out: what is worked on stays in the cache.
const SLIDE_AT: usize = 2 * MAX_DISTANCE + MAX_DISTANCE / 2;
/// Bytes that the checksum may lag behind: few calls for it, and the bytes are still in the cache.
const LAG: usize = 8 << 10;

/// The compressor of one block at a time.
#[derive(Debug, Default)]
pub struct Deflater {
    out: Bits,
    /// Bytes of the block that are written, up to where bytes were left for later.
    done: usize,
    checksum: Hasher,
    /// Bytes of the block that are in the checksum.
    summed: usize,
    /// Bytes that were taken out of the block.
    gone: usize,
    /// Where a piece with this hash began last; 0 for nowhere, the block's head being there.
    last_seen: Vec<u32>,
    /// Seams of the record before, when it had any.
    before: Vec<Seam>,
    /// Where the record before begins; 0 when there is none.
    last: usize,
    /// Where the last piece of the record before begins: its numbers; 0 when there is none.
    numbers: u32,
    /// The place of the block's first byte: places count on from block to block.
    origin: usize,
    /// The matches made since [`Deflater::log`], while they are wanted.
    log: Option<Vec<Match>>,
}

impl Deflater {
    /// A compressor at the start of a block.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the record that was just added to the block.
    pub fn record(&mut self, block: &Block) {
        let (bytes, seams) = (block.bytes(), block.seams());
        if self.done == 0 {
            self.begin();
        }
        // no code is longer than two bytes, a match has two and saves more
        self.out.reserve(2 * (bytes.len() - self.done));
        self.pieces(bytes, seams, block.copied());
        self.before.clear();
        self.before.extend_from_slice(seams);
        self.last = seams.first().map_or(0, |seam| seam.at as usize);
        self.numbers = seams.last().map_or(0, |seam| seam.at);
        self.sum(bytes);
    }

    #[inline]
    fn sum(&mut self, bytes: &[u8]) {
        if bytes.len() - self.summed >= LAG {
            self.checksum.update(&bytes[self.summed..]);
            self.summed = bytes.len();
        }
    }

    /// Takes out of the block what is written and out of reach, when it is much: for a block that only this compressor
    /// reads. The record written last stays.
    pub fn slide(&mut self, block: &mut Block) {
        let cut = block.bytes().len().saturating_sub(MAX_DISTANCE);
        if block.bytes().len() < SLIDE_AT || self.last < cut {
            return;
        }
        self.checksum.update(&block.bytes()[self.summed..]);
        block.take_out(cut);
        let shift = cut - BLOCK_HEAD;
        self.done = block.bytes().len();
        self.summed = self.done;
        self.gone += shift;
        for seam in &mut self.before {
            seam.at -= shift as u32;
        }
        self.numbers -= shift as u32;
        self.last -= shift;
        for at in &mut self.last_seen {
            *at = if (*at as usize) < cut { 0 } else { *at - shift as u32 };
        }
    }

    /// Bytes of the block so far, those taken out as well.
    pub fn plain_bytes(&self, block: &Block) -> usize {
        self.gone + block.bytes().len()
    }

    /// Ends the stream of a block all of whose records were taken, and makes ready for the next block; the stream stays
    /// until that begins.
    pub fn finish(&mut self, block: &Block) -> &[u8] {
        let bytes = block.bytes();
        if self.done == 0 {
            self.begin();
        }
        self.out.reserve(size_of::<u64>());
        self.out.put(CODES.end);
        self.checksum.update(&bytes[self.summed..]);
        let mut checksum = Hasher::new();
        checksum.update(&bytes[..BLOCK_HEAD]);
        checksum.combine(&self.checksum);
        self.out.put_bytes(&checksum.finalize().to_le_bytes());
        self.out.put_bytes(&(self.plain_bytes(block) as u32).to_le_bytes());
        self.out.bytes_mut()[HEAD.len()..][..BLOCK_HEAD].copy_from_slice(&bytes[..BLOCK_HEAD]);
        self.abandon();
        self.out.bytes_mut()
    }

    /// Forgets a block that was begun.
    pub fn abandon(&mut self) {
        (self.done, self.gone) = (0, 0);
    }

    fn begin(&mut self) {
        self.out.clear();
        self.out.put_bytes(&HEAD);
        self.out.put_bytes(&[0; BLOCK_HEAD]);
        self.out.reserve(size_of_val(&HEADER));
        for (bits, count) in HEADER {
            self.out.put(Code { bits, count });
        }
        self.checksum.reset();
        (self.done, self.summed, self.gone) = (BLOCK_HEAD, BLOCK_HEAD, 0);
        self.before.clear();
        (self.last, self.numbers) = (0, 0);
        self.last_seen.clear();
        self.last_seen.resize(REMEMBERED, 0);
    }

    /// Writes the record that begins at `done`, the block's last one, whose pieces begin at these seams.
    /// So many of its first bytes are known to be those of the record before.
    fn pieces(&mut self, bytes: &[u8], seams: &[Seam], copied: usize) {
        let Some((numbers, texts)) = seams.split_last() else { return };
        let (mut at, mut distance) = (self.done, 0);
        if copied >= WORTH
            && let Some(before) = self.before.first()
        {
            distance = near(at, before.at);
            if distance > 0 {
                let same = copied + common(&bytes[at - distance + copied..], &bytes[at + copied..]);
                at = self.repeat_from(bytes, at, same, distance);
            }
        }
        for (index, (seam, next)) in texts.iter().zip(&seams[1..]).enumerate() {
            let end = next.at as usize;
            if at >= end {
                continue; // a match went over it
            }
            let same;
            (distance, same) = self.model(bytes, Piece { index, seam: *seam, at, end }, distance);
            if same >= WORTH {
                at = self.repeat_from(bytes, at, same, distance);
            }
            at = if distance == 0 { end } else { self.along(bytes, at, end, distance) };
        }
        self.end(bytes, at, numbers.at as usize, distance);
    }

    /// Writes what is left of a record from `at` on, whose numbers begin at `numbers`, a match at this distance being
    /// under way.
    #[inline]
    fn end(&mut self, bytes: &[u8], at: usize, numbers: usize, mut distance: usize) {
        if at == numbers {
            distance = near(at, self.numbers);
        }
        if distance > 0 && bytes.len() - at > TAIL {
            self.along(bytes, at, bytes.len(), distance);
        }
        self.literals(&bytes[self.done..]);
        self.done = bytes.len();
    }

    /// What a piece of text is like: how far before it that stands, 0 for nowhere, and how many bytes from `at` on are
    /// the same, beyond the piece's end too.
    ///
    /// Looked for in the record before, at the same seam, and where such a piece was last seen. A match that ended
    /// within the piece goes on at its own distance unless the same piece was seen elsewhere.
    #[inline]
    fn model(&mut self, bytes: &[u8], piece: Piece, under_way: usize) -> (usize, usize) {
        let Piece { index, seam, at, end } = piece;
        let start = seam.at as usize;
        let slot = &mut self.last_seen[seam.hash as usize % REMEMBERED];
        let seen = near(start, std::mem::replace(slot, seam.at));
        let fresh = at == start;
        let before = if fresh { self.before.get(index).map_or(0, |before| near(start, before.at)) } else { 0 };
        let same = |distance| if distance == 0 { 0 } else { common(&bytes[at - distance..], &bytes[at..]) };
        let as_before = same(before);
        if as_before >= end - at {
            return (before, as_before);
        }
        let as_seen = if seen == before { 0 } else { same(seen) };
        if as_seen >= WORTH && as_seen > as_before {
            (seen, as_seen)
        } else if as_before >= WORTH || index == 0 && as_before > 0 {
            (before, as_before) // two names of different length have their first byte in common
        } else {
            (if fresh { 0 } else { under_way }, 0)
        }
    }

    /// Goes from `at` to `end` at least beside what stands `distance` before: writes matches where it is the same, leaves
    /// bytes where it is not. A match goes on as far as the record does. Answers where it ended.
    fn along(&mut self, bytes: &[u8], mut at: usize, end: usize, distance: usize) -> usize {
        while at < end {
            let same = common(&bytes[at - distance..], &bytes[at..]);
            if same >= WORTH {
                at = self.repeat_from(bytes, at, same, distance);
                continue;
            }
            at = (at + same + 1).min(end);
            while at < end && bytes[at] != bytes[at - distance] {
                at += 1;
            }
        }
        at
    }

    /// Writes a match of the `same` bytes from `at` on, and of those before it that were left and are the same too.
    /// Answers where it ends.
    fn repeat_from(&mut self, bytes: &[u8], at: usize, same: usize, distance: usize) -> usize {
        if let Some(log) = &mut self.log
            && log.len() < again::MAX_LOG
        {
            let place = self.origin + self.gone + at;
            log.push(Match { at: place as u32, source: (place - distance) as u32 });
        }
        let left = &bytes[self.done..at];
        // the head is no source: its count is still to change
        let sources = &bytes[BLOCK_HEAD..at - distance];
        let more = left.iter().rev().zip(sources.iter().rev()).take_while(|(byte, source)| byte == source).count();
        self.literals(&left[..left.len() - more]);
        self.repeat(more + same, distance);
        self.done = at + same;
        self.done
    }

    /// Writes bytes as they are, but for zeros at their end, which numbers have.
    #[inline]
    fn literals(&mut self, bytes: &[u8]) {
        let zeros = if bytes.last() == Some(&0) { trailing_zeros(bytes) } else { 0 };
        // the first zero of a run is what the others repeat
        let run = if zeros > WORTH { zeros - 1 } else { 0 };
        self.out.put_all(&bytes[..bytes.len() - run], &CODES.literals);
        if run > 0 {
            self.repeat(run, 1);
        }
    }

    #[inline]
    fn repeat(&mut self, mut length: usize, distance: usize) {
        let code = CODES.distance(distance);
        while length > MAX_MATCH {
            // what is left must not be shorter than a match can be
            let most = if length < MAX_MATCH + MIN_MATCH { MAX_MATCH - MIN_MATCH } else { MAX_MATCH };
            self.out.put_pair(CODES.lengths[most - MIN_MATCH], code);
            length -= most;
        }
        self.out.put_pair(CODES.lengths[length - MIN_MATCH], code);
    }
}

/// A piece of the record under way: which one of it, where it begins, how far it is written, where it ends.
#[derive(Clone, Copy)]
struct Piece {
    index: usize,
    seam: Seam,
    at: usize,
    end: usize,
}

fn trailing_zeros(bytes: &[u8]) -> usize {
    bytes.iter().rev().take_while(|byte| **byte == 0).count()
}

/// How far before `start` that is; 0 for too far and for nowhere.
#[inline]
fn near(start: usize, source: u32) -> usize {
    let distance = start - source as usize;
    if source == 0 || distance > MAX_DISTANCE { 0 } else { distance }
}

#[cfg(test)]
mod tests;
