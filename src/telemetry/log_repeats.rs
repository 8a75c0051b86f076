//! Repeats: the same line again within ten seconds is counted, not written.
//!
//! # Invariants
//! Time comes in as an argument. Memory is bounded by 256 lines; only a line that did repeat keeps its text.

use log::Level;
use std::hash::BuildHasher as _;
use std::time::{Duration, Instant};

/// How long a line is not written again.
pub const WINDOW: Duration = Duration::from_secs(10);

/// Lines remembered at a time; with more the oldest is forgotten.
const MAX_OPEN: usize = 256;

/// How much of a repeated line's text is kept for its summary, in bytes.
const MAX_TEXT: usize = 512;

/// What was written lately.
#[derive(Debug, Default)]
pub struct Repeats {
    /// Oldest first.
    open: std::collections::VecDeque<Open>,
    hash: foldhash::fast::RandomState,
}

/// A line whose window is open.
#[derive(Debug)]
struct Open {
    key: u64,
    until: Instant,
    folded: u64,
    summary: Option<Summary>,
}

/// A line that was folded, to be told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its level.
    pub level: Level,
    /// Its module.
    pub target: String,
    /// Its text, cut to half a kilobyte.
    pub text: String,
    /// How many times it was left out.
    pub times: u64,
}

impl Repeats {
    /// Whether the line is to be written now. Errors, warnings and information are folded; debug lines never are.
    pub fn admit(&mut self, now: Instant, level: Level, target: &str, text: &str) -> bool {
        if level > Level::Info {
            return true;
        }
        let key = self.hash.hash_one((level, target, text));
        if let Some(open) = self.open.iter_mut().find(|open| open.key == key && now < open.until) {
            open.folded += 1;
            open.summary.get_or_insert_with(|| Summary::new(level, target, text));
            return false;
        }
        self.open.push_back(Open { key, until: now + WINDOW, folded: 0, summary: None });
        true
    }

    /// The next summary that is due: its window has closed, or there is no room for it any more.
    pub fn due(&mut self, now: Instant) -> Option<Summary> {
        while self.open.front().is_some_and(|open| now >= open.until) || self.open.len() > MAX_OPEN {
            if let Some(summary) = self.open.pop_front().and_then(Open::told) {
                return Some(summary);
            }
        }
        None
    }

    /// The next summary, due or not: for the end of the process.
    pub fn drain(&mut self) -> Option<Summary> {
        std::iter::from_fn(|| self.open.pop_front()).find_map(Open::told)
    }
}

impl Open {
    fn told(self) -> Option<Summary> {
        self.summary.map(|summary| Summary { times: self.folded, ..summary })
    }
}

impl Summary {
    fn new(level: Level, target: &str, text: &str) -> Self {
        let text = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
        Self { level, target: target.to_owned(), text: text.to_owned(), times: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(repeats: &mut Repeats, at: Instant, text: &str) -> bool {
        repeats.admit(at, Level::Warn, "openagent::sender", text)
    }

    #[test]
    fn repeats_within_the_window_become_one_count() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        assert!(admit(&mut repeats, start, "refused"));
        for second in 1..10 {
            assert!(!admit(&mut repeats, start + Duration::from_secs(second), "refused"));
        }
        assert_eq!(repeats.due(start + Duration::from_millis(9_999)), None);
        let summary = repeats.due(start + WINDOW).unwrap();
        assert_eq!((summary.times, summary.text.as_str(), summary.level), (9, "refused", Level::Warn));
        assert_eq!(repeats.due(start + WINDOW), None);
        assert!(admit(&mut repeats, start + WINDOW, "refused"), "a new window begins");
    }

    #[test]
    fn other_texts_levels_and_debug_lines_are_not_folded() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        assert!(admit(&mut repeats, now, "a") && admit(&mut repeats, now, "b"));
        assert!(repeats.admit(now, Level::Error, "openagent::sender", "a"));
        assert!(repeats.admit(now, Level::Warn, "openagent::scrape", "a"));
        for _ in 0..3 {
            assert!(repeats.admit(now, Level::Debug, "openagent::sender", "a"));
        }
        assert_eq!(repeats.due(now + WINDOW), None, "nothing was folded, nothing is told");
    }

    #[test]
    fn a_flood_of_different_lines_keeps_memory_bounded() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        for i in 0..10_000 {
            admit(&mut repeats, now, &format!("line {i}"));
            assert_eq!(repeats.due(now), None);
            assert!(repeats.open.len() <= MAX_OPEN);
        }
    }

    #[test]
    fn a_long_repeated_line_is_cut_at_a_character() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        let long = "한".repeat(1_000);
        admit(&mut repeats, now, &long);
        admit(&mut repeats, now, &long);
        assert_eq!(repeats.drain().unwrap().text, "한".repeat(MAX_TEXT / 3));
        assert_eq!(repeats.drain(), None);
    }
}
