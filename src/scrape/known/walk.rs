//! Goes along a known exposition while another one is read.
//!
//! Lines are looked for in order: the next one, or, when series have gone since, one of the few behind it or the first one
//! of a metric further on. Series that came since are not found and do not hinder. Each line is found once at most.

use super::Known;
use crate::prefix::common;
use std::sync::Arc;

/// Lines looked at when the next one is not found.
const AHEAD: usize = 8;
/// Lines among which the beginnings of metrics are looked at after those.
const FAR_AHEAD: usize = 128;

/// The way along a known exposition.
#[derive(Debug, Default)]
pub struct Walk {
    known: Option<Arc<Known>>,
    /// The line after the one that was found last.
    next: usize,
    /// The place of each line's record in this scrape; 0 for none so far.
    places: Vec<u32>,
    hits: u64,
    misses: u64,
    /// Every series so far was found, and no two are the same.
    distinct: bool,
}

/// A known series, found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The line before it has the same name and was written in this scrape.
    pub same_name: bool,
    /// Its record up to the labels that the target adds.
    pub record: &'a [u8],
    /// Its hash.
    pub hash: u64,
    known: &'a Known,
    places: &'a [u32],
    line: usize,
}

impl Walk {
    /// Starts at the first line.
    pub fn begin(&mut self, known: Arc<Known>) {
        self.places.clear();
        self.places.resize(known.lines.len(), 0);
        let (distinct, places) = (known.distinct, std::mem::take(&mut self.places));
        *self = Self { known: Some(known), places, distinct, ..Self::default() };
    }

    /// Ends the walk; answers whether three quarters of the series were known, when there was a walk.
    pub fn end(&mut self) -> Option<bool> {
        let (hits, misses) = (std::mem::take(&mut self.hits), std::mem::take(&mut self.misses));
        self.distinct = false;
        self.known.take()?;
        Some(hits >= 3 * misses)
    }

    /// Whether no series so far can be the one found last, without looking.
    #[inline]
    pub fn is_distinct(&self) -> bool {
        self.distinct
    }

    /// Gives the hashes of the series written so far, before one that is not known is looked at: once in a walk, and only
    /// when nobody looked at them.
    #[inline]
    pub fn catch_up(&mut self, each: impl FnMut(u64)) {
        if std::mem::take(&mut self.distinct)
            && let Some(known) = &self.known
        {
            let written = known.lines.iter().zip(&self.places).filter(|(_, place)| **place != 0);
            written.map(|(line, _)| line.hash).for_each(each);
        }
    }

    /// Whether there is none under way.
    #[cfg(test)]
    pub fn is_over(&self) -> bool {
        self.known.is_none()
    }

    /// How many series were found and written.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// Notes a series that was not found, was written, and can be learned.
    #[inline]
    pub fn miss(&mut self) {
        self.misses += 1;
    }

    /// Where the known series ends that `line` begins with.
    #[inline]
    pub fn find(&mut self, line: &[u8]) -> Option<usize> {
        let known = self.known.as_deref()?;
        let found = match known.end_in(line, self.next) {
            Some(end) => (self.next, end),
            None => known.further_on(line, self.next + 1)?,
        };
        self.next = found.0 + 1;
        Some(found.1)
    }

    /// The series that was found last.
    #[inline]
    pub fn found(&self) -> Option<Found<'_>> {
        let known = self.known.as_deref()?;
        let line = self.next.checked_sub(1)?;
        let own = known.lines[line];
        let same_name = own.same_name && self.places[line - 1] != 0;
        let record = &known.bytes[own.text_end as usize..own.record_end as usize];
        Some(Found { same_name, record, hash: own.hash, known, places: &self.places, line })
    }

    /// Notes where the record of the series found last was written.
    #[inline]
    pub fn written(&mut self, place: u32) {
        self.places[self.next - 1] = place;
        self.hits += 1;
    }
}

impl Known {
    /// The first line from there on that `line` begins with, and where it ends.
    fn further_on(&self, line: &[u8], from: usize) -> Option<(usize, usize)> {
        let is_near = |at: &usize| *at < from + AHEAD || !self.lines[*at].same_name;
        let mut candidates = (from..self.lines.len().min(from + FAR_AHEAD)).filter(is_near);
        candidates.find_map(|at| Some((at, self.end_in(line, at)?)))
    }

    /// Where the text of this line ends, when `line` begins with it and a value follows: neither the rest of a longer name
    /// nor, behind blanks, labels.
    #[inline]
    fn end_in(&self, line: &[u8], at: usize) -> Option<usize> {
        let text = self.text(at)?;
        let follows = line.get(text.len()..text.len() + 2)?;
        let fits = follows[0] == b' ' && !matches!(follows[1], b' ' | b'\t' | b'{');
        // musl compares byte by byte
        (fits && common(line, text) == text.len()).then_some(text.len())
    }
}

impl<'a> Found<'a> {
    /// Its metric name.
    pub fn name(&self) -> &'a str {
        let text = self.known.text(self.line).unwrap_or_default();
        std::str::from_utf8(&text[..self.known.lines[self.line].name as usize]).unwrap_or_default()
    }

    /// Where in the record it repeated another one, and that one's place in this scrape, 0 for none.
    #[inline]
    pub fn matches(&self) -> impl Iterator<Item = (usize, u32)> + use<'a> {
        let (known, places) = (self.known, self.places);
        let of_line = known.before(self.line).matches_end as usize..known.lines[self.line].matches_end as usize;
        known.matches[of_line].iter().map(move |found| {
            let place = places[found.line as usize];
            (found.at as usize, if place == 0 { 0 } else { place.wrapping_add(u32::from(found.source)) })
        })
    }
}
