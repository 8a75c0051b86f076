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

/// Upper bounds of the lateness buckets, in seconds.
pub const LATENESS_BOUNDS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// A histogram with the bounds of [`LATENESS_BOUNDS`].
#[derive(Debug)]
pub struct Lateness {
    buckets: [Counter; LATENESS_BOUNDS.len() + 1],
    sum_micros: Counter,
}

impl Lateness {
    const fn new() -> Self {
        Self { buckets: [const { Counter::new() }; LATENESS_BOUNDS.len() + 1], sum_micros: Counter::new() }
    }

    /// Adds an observation, in seconds.
    pub fn observe(&self, seconds: f64) {
        let bucket = LATENESS_BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket].add(1);
        self.sum_micros.add((seconds * 1e6) as u64);
    }

    /// The observations of each bucket, not added up; the last is beyond all bounds.
    pub fn buckets(&self) -> [u64; LATENESS_BOUNDS.len() + 1] {
        std::array::from_fn(|bucket| self.buckets[bucket].value())
    }

    /// The sum of all observations, in seconds.
    pub fn sum(&self) -> f64 {
        self.sum_micros.value() as f64 / 1e6
    }
}

/// Reasons a sample can be dropped for; see `scrape::tally::DropReason`.
pub const DROP_REASONS: usize = 7;

/// Classes a scrape can end in; see `scrape::failure::ErrorClass`.
pub const SCRAPE_CLASSES: usize = 9;

/// Everything the process counts.
#[derive(Debug)]
pub struct Counters {
    /// Scrapes that ended, by the number of their error's class; the first are those that went well.
    pub scrapes: [Counter; SCRAPE_CLASSES],
    /// Scrape slots missed because the last scrape of the target still ran, or the machine slept.
    pub slots_missed: Counter,
    /// Samples parsed.
    pub samples_scraped: Counter,
    /// Samples handed to the sender.
    pub samples_kept: Counter,
    /// Those of them whose series an exposition before had taught.
    pub samples_known: Counter,
    /// Samples dropped, by the number of the reason.
    pub samples_dropped: [Counter; DROP_REASONS],
    /// Bytes of bodies after inflation.
    pub body_bytes: Counter,
    /// Bodies without a Content-Type that names a format, read as text.
    pub content_type_fallbacks: Counter,
    /// How long after its slot a scrape began.
    pub lateness: Lateness,
    /// Answers of the Kubernetes API server.
    pub kubernetes: super::kubernetes::KubernetesCounters,
}

/// The process's counters.
pub static COUNTERS: Counters = Counters {
    scrapes: [const { Counter::new() }; SCRAPE_CLASSES],
    slots_missed: Counter::new(),
    samples_scraped: Counter::new(),
    samples_kept: Counter::new(),
    samples_known: Counter::new(),
    samples_dropped: [const { Counter::new() }; DROP_REASONS],
    body_bytes: Counter::new(),
    content_type_fallbacks: Counter::new(),
    lateness: Lateness::new(),
    kubernetes: super::kubernetes::KubernetesCounters::new(),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lateness_falls_into_the_first_bucket_that_holds_it() {
        let lateness = Lateness::new();
        for seconds in [0.0005, 0.001, 0.002, 60.0] {
            lateness.observe(seconds);
        }
        let buckets = lateness.buckets();
        assert_eq!((buckets[0], buckets[1], buckets[10]), (2, 1, 1));
        assert!((lateness.sum() - 60.0035).abs() < 1e-9);
    }
}
