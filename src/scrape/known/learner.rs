//! Makes a [`Known`] from a scrape: it is told of each series that was written, and of the matches at the end.

use super::{Known, Line, MAX_BYTES, Match};
use crate::wire::deflate;
use std::ops::Range;

/// Longest text of a series that is learned.
const MAX_SERIES_BYTES: usize = 4096;

/// Whether a series of that text may be known. Those whose name stands in quotes or behind blanks are rare, and left out.
#[inline]
pub fn can_be_learned(text: &str, name: &str) -> bool {
    text.len() <= MAX_SERIES_BYTES && text.starts_with(name)
}

/// What was learned so far.
#[derive(Debug, Default)]
pub struct Learner {
    lines: Vec<Line>,
    bytes: Vec<u8>,
    /// Where in them the last line's name stands.
    last_name: Range<usize>,
    /// The place of each line's record.
    places: Vec<u32>,
    /// A series came with a time of its own, so that it may have come again.
    timed: bool,
    /// It became too large, and everything was forgotten.
    gave_up: bool,
}

/// A series that was just written.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// Its line up to where it ends.
    pub text: &'a str,
    /// Its metric name.
    pub name: &'a str,
    /// Its record up to the labels that the target adds.
    pub record: &'a [u8],
    /// The record's place.
    pub place: u32,
    /// Its hash.
    pub hash: u64,
    /// Whether it came with a time of its own.
    pub timed: bool,
}

impl Learner {
    /// Takes a series that [`can_be_learned`].
    pub fn take(&mut self, series: &Written<'_>) {
        if self.gave_up {
            return;
        }
        let Written { text, name, record, place, hash, timed } = *series;
        let text = text.trim_end_matches([' ', '\t']); // those behind a bare name
        let same_name = self.bytes[self.last_name.clone()] == *name.as_bytes();
        self.last_name = self.bytes.len()..self.bytes.len() + name.len();
        self.bytes.extend_from_slice(text.as_bytes());
        let text_end = self.bytes.len() as u32;
        self.bytes.extend_from_slice(record);
        let record_end = self.bytes.len() as u32;
        self.lines.push(Line { text_end, record_end, matches_end: 0, name: name.len() as u16, same_name, hash });
        self.places.push(place);
        self.timed |= timed;
        if self.bytes.len() + self.lines.len() * size_of::<Line>() > MAX_BYTES {
            *self = Self { gave_up: true, ..Self::default() };
        }
    }

    /// What was learned; `None` when that is nothing or too much.
    pub fn finish(mut self, matches: &[deflate::Match]) -> Option<Known> {
        if self.lines.is_empty() {
            return None;
        }
        let mut kept = Vec::with_capacity(matches.len());
        let mut rest = matches.iter().peekable();
        for line in 0..self.lines.len() {
            let (start, end) = (self.places[line], self.places[line].wrapping_add(self.record_len(line) as u32));
            while let Some(found) = rest.next_if(|found| found.at <= end) {
                if found.at >= start
                    && let Some((source_line, source)) = self.line_at(found.source)
                {
                    kept.push(Match { line: source_line, source, at: (found.at - start) as u16 });
                }
            }
            self.lines[line].matches_end = kept.len() as u32;
        }
        let (lines, bytes, matches) = (self.lines.into(), self.bytes.into(), kept.into());
        let known = Known { lines, bytes, matches, distinct: !self.timed };
        (known.size() <= MAX_BYTES).then_some(known)
    }

    fn record_len(&self, line: usize) -> usize {
        let Line { text_end, record_end, .. } = self.lines[line];
        (record_end - text_end) as usize
    }

    /// The line whose own part of the record has that place, and where in it.
    fn line_at(&self, place: u32) -> Option<(u32, u16)> {
        let line = self.places.partition_point(|start| *start <= place).checked_sub(1)?;
        let offset = place.wrapping_sub(self.places[line]) as usize;
        (offset <= self.record_len(line)).then_some((line as u32, offset as u16))
    }
}
