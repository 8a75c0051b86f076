//! The agent's own counters: the one global, relaxed atomics only, so that counting costs nothing worth measuring.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only grow, from the start of the process.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything the process counts.
#[derive(Debug)]
pub struct Counters {
    /// Scrapes that ended, well or not.
    pub scrapes: Counter,
    /// Scrapes that failed.
    pub scrapes_failed: Counter,
    /// Scrape slots missed because the last scrape of the target still ran.
    pub slots_missed: Counter,
    /// Samples parsed.
    pub samples_scraped: Counter,
    /// Samples handed to the sender.
    pub samples_kept: Counter,
    /// Bytes of bodies after inflation.
    pub body_bytes: Counter,
}

/// The process's counters.
pub static COUNTERS: Counters = Counters {
    scrapes: Counter::new(),
    scrapes_failed: Counter::new(),
    slots_missed: Counter::new(),
    samples_scraped: Counter::new(),
    samples_kept: Counter::new(),
    body_bytes: Counter::new(),
};
