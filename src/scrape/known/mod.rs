//! Expositions that look like one before: the same target ten seconds ago, or another replica of the same program.
//!
//! Such an exposition differs from the one before in its numbers and hardly anywhere else. So what its series came to is
//! kept: the line's text up to the value, the bytes of the record, the series' hash, and where the compressor found
//! repetitions. A line that begins with a known text is neither parsed nor joined nor hashed nor searched again.
//!
//! | file | what |
//! | --- | --- |
//! | `mod` | [`Known`]: one exposition, as it is kept |
//! | `learner` | makes one from a scrape |
//! | `walk` | goes along one, line by line |
//! | `shelf` | which are kept, for whom, how long |
//!
//! # Invariants
//! - The same samples are sent with it and without it, byte for byte before compression.
//! - A text is known only under the terms that made its record: format, limits, selection, names of the labels that the
//!   target adds.
//! - Memory is bounded: [`MAX_BYTES`] for one, [`shelf::MAX_BYTES`] for all.

pub mod learner;
pub mod shelf;
pub mod walk;

/// Bytes of one known exposition at most: some eight thousand series.
pub const MAX_BYTES: usize = 2 << 20;

/// The series of one exposition, in its order.
#[derive(Debug)]
pub struct Known {
    lines: Box<[Line]>,
    /// For each line its text, then its record up to the labels that the target adds.
    bytes: Box<[u8]>,
    matches: Box<[Match]>,
    /// No two lines are the same series.
    distinct: bool,
}

/// One series; each end is the next line's beginning.
#[derive(Debug, Clone, Copy)]
struct Line {
    text_end: u32,
    record_end: u32,
    matches_end: u32,
    /// Bytes of the metric name, which the text begins with.
    name: u16,
    /// The line before has the same name.
    same_name: bool,
    /// As [`crate::encode::Record::series_hash`] gives it.
    hash: u64,
}

/// Where a record repeats another.
#[derive(Debug, Clone, Copy)]
struct Match {
    /// The line whose record it repeats.
    line: u32,
    /// Where in that record.
    source: u16,
    /// Where in its own record.
    at: u16,
}

impl Known {
    /// The memory it takes.
    fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.lines) + self.bytes.len() + size_of_val(&*self.matches)
    }

    /// The line before, or one that ends where the first begins.
    #[inline]
    fn before(&self, line: usize) -> Line {
        const NONE: Line = Line { text_end: 0, record_end: 0, matches_end: 0, name: 0, same_name: false, hash: 0 };
        line.checked_sub(1).map_or(NONE, |before| self.lines[before])
    }

    #[inline]
    fn text(&self, line: usize) -> Option<&[u8]> {
        let end = self.lines.get(line)?.text_end as usize;
        Some(&self.bytes[self.before(line).record_end as usize..end])
    }
}

#[cfg(test)]
mod tests;
