//! The metric families of one scrape: HELP and TYPE in any order, before or after the samples that need them.
//!
//! A help record goes out for each family that a kept sample belongs to. Which family that is can only be told when
//! the body has ended (a TYPE line may come last), so the names of kept samples are gathered here, each once.
//!
//! # Invariants
//! Texts are kept in one buffer that a worker reuses; a sample of the same name as the one before costs a comparison.

use crate::exposition::FamilyKind;
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// Suffixes of a series' name that are not part of its family's name.
const SUFFIXES: [&str; 8] = ["_total", "_bucket", "_count", "_sum", "_created", "_info", "_gcount", "_gsum"];
/// Bytes of texts kept for a scrape; families beyond it go without help, which only a hostile body reaches.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// What the exposition said about one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its help text, unescaped; `None` without a HELP line.
    pub help: Option<&'a str>,
    /// Its type; untyped without a TYPE line.
    pub kind: FamilyKind,
}

impl Family<'_> {
    /// Tells this record apart from others, to know whether it was sent before.
    pub fn fingerprint(&self) -> u64 {
        FixedState::default().hash_one((self.name, self.help, self.kind))
    }
}

/// The families of one scrape.
#[derive(Debug, Default)]
pub struct Families {
    text: String,
    entries: Vec<Entry>,
    by_name: HashMap<u64, u32, FixedState>,
    /// The entry that was asked for last: HELP, TYPE and samples of a family stand together.
    last: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Piece,
    hash: u64,
    help: Option<Piece>,
    kind: Option<FamilyKind>,
    /// A kept sample has this very name.
    sampled: bool,
    /// A kept sample belongs to this family.
    needed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
}

impl Families {
    /// Forgets the last scrape and keeps the memory, within reason.
    pub fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(256 << 10);
        self.entries.clear();
        self.by_name.clear();
        self.last = None;
    }

    /// Notes a HELP line; of two the last counts.
    pub fn help(&mut self, family: &str, text: &str) {
        if let Some(entry) = self.entry(family)
            && let Some(piece) = self.keep(text)
        {
            self.entries[entry as usize].help = Some(piece);
        }
    }

    /// Notes a TYPE line; of two the last counts.
    pub fn kind(&mut self, family: &str, kind: FamilyKind) {
        if let Some(entry) = self.entry(family) {
            self.entries[entry as usize].kind = Some(kind);
        }
    }

    /// Notes that a sample of that name, as exposed, was kept.
    #[inline]
    pub fn sampled(&mut self, name: &str) {
        if let Some(entry) = self.entry(name) {
            self.entries[entry as usize].sampled = true;
        }
    }

    /// Gives each family that a kept sample belongs to.
    pub fn needed(&mut self, mut each: impl FnMut(Family<'_>)) {
        self.mark_needed();
        for entry in self.entries.iter().filter(|entry| entry.needed) {
            each(Family {
                name: self.text_of(entry.name),
                help: entry.help.map(|piece| self.text_of(piece)),
                kind: entry.kind.unwrap_or(FamilyKind::Untyped),
            });
        }
    }

    /// Tells the names of the kept samples, in their order, from other names: 0 for none.
    pub fn shape(&self) -> u64 {
        let sampled = self.entries.iter().filter(|entry| entry.sampled);
        sampled.fold(0, |shape: u64, entry| shape.rotate_left(5).wrapping_add(entry.hash))
    }

    fn mark_needed(&mut self) {
        for index in 0..self.entries.len() {
            if self.entries[index].sampled {
                let family = self.family_of(index);
                self.entries[family].needed = true;
            }
        }
    }

    /// The described family of a sampled name: its own, the name without a suffix, or else its own undescribed one.
    fn family_of(&self, sampled: usize) -> usize {
        let described = |index: usize| self.entries[index].kind.is_some() || self.entries[index].help.is_some();
        if described(sampled) {
            return sampled;
        }
        let name = self.text_of(self.entries[sampled].name);
        SUFFIXES
            .iter()
            .filter_map(|suffix| self.find(name.strip_suffix(suffix)?))
            .map(|index| index as usize)
            .find(|index| described(*index))
            .unwrap_or(sampled)
    }

    #[inline]
    fn entry(&mut self, name: &str) -> Option<u32> {
        let is_last = |last: &u32| self.text_of(self.entries[*last as usize].name) == name;
        if !self.last.as_ref().is_some_and(is_last) {
            self.last = self.find(name).or_else(|| self.enter(name));
        }
        self.last
    }

    fn enter(&mut self, name: &str) -> Option<u32> {
        let index = u32::try_from(self.entries.len()).ok()?;
        let hash = hash_of(name);
        let name = self.keep(name)?;
        self.entries.push(Entry { name, hash, help: None, kind: None, sampled: false, needed: false });
        // Of two names with the same hash the later takes the place; the earlier one keeps what it has so far.
        self.by_name.insert(hash, index);
        Some(index)
    }

    fn find(&self, name: &str) -> Option<u32> {
        let index = *self.by_name.get(&hash_of(name))?;
        (self.text_of(self.entries[index as usize].name) == name).then_some(index)
    }

    fn keep(&mut self, text: &str) -> Option<Piece> {
        let start = self.text.len();
        if start + text.len() > MAX_TEXT_BYTES {
            return None;
        }
        self.text.push_str(text);
        Some(Piece { start, end: self.text.len() })
    }

    fn text_of(&self, piece: Piece) -> &str {
        &self.text[piece.start..piece.end]
    }
}

fn hash_of(name: &str) -> u64 {
    FixedState::default().hash_one(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(families: &mut Families) -> Vec<(String, Option<String>, &'static str)> {
        let mut out = Vec::new();
        families.needed(|family| {
            out.push((family.name.to_owned(), family.help.map(str::to_owned), family.kind.as_str()));
        });
        out
    }

    #[test]
    fn help_and_type_meet_in_any_order_even_after_the_samples() {
        let mut families = Families::default();
        families.sampled("http_seconds_bucket");
        families.sampled("http_seconds_bucket");
        families.sampled("http_seconds_sum");
        families.kind("http_seconds", FamilyKind::Histogram);
        families.help("http_seconds", "how long");
        assert_eq!(needed(&mut families), [("http_seconds".into(), Some("how long".into()), "histogram")]);
    }

    #[test]
    fn a_family_without_kept_samples_is_left_out() {
        let mut families = Families::default();
        families.help("dropped", "nobody asks");
        families.kind("up", FamilyKind::Gauge);
        families.sampled("up");
        assert_eq!(needed(&mut families), [("up".into(), None, "gauge")]);
    }

    #[test]
    fn without_a_type_line_it_is_untyped_and_an_empty_help_stays() {
        let mut families = Families::default();
        families.sampled("bare_total");
        families.help("empty", "");
        families.sampled("empty");
        assert_eq!(
            needed(&mut families),
            [("bare_total".into(), None, "untyped"), ("empty".into(), Some(String::new()), "untyped")]
        );
    }

    #[test]
    fn a_described_name_wins_over_its_stripped_form() {
        let mut families = Families::default();
        families.kind("jobs", FamilyKind::Gauge);
        families.kind("jobs_total", FamilyKind::Counter);
        families.sampled("jobs_total");
        assert_eq!(needed(&mut families), [("jobs_total".into(), None, "counter")]);
    }

    #[test]
    fn a_change_of_anything_changes_the_fingerprint() {
        let base = Family { name: "a", help: Some("x"), kind: FamilyKind::Gauge };
        let same = Family { name: "a", help: Some("x"), kind: FamilyKind::Gauge };
        assert_eq!(base.fingerprint(), same.fingerprint());
        for other in [
            Family { name: "b", ..base },
            Family { help: None, ..base },
            Family { help: Some(""), ..base },
            Family { kind: FamilyKind::Counter, ..base },
        ] {
            assert_ne!(base.fingerprint(), other.fingerprint(), "{other:?}");
        }
    }
}
