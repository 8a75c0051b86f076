//! Settings of scraping that change while the agent runs: read once per scrape, swapped whole.

use std::sync::{Arc, Mutex, PoisonError};

/// A value that is swapped whole and read by cloning its handle.
#[derive(Debug, Default)]
pub struct Live<T>(Mutex<Arc<T>>);

impl<T> Live<T> {
    /// Starts with this value.
    pub fn new(value: T) -> Self {
        Self(Mutex::new(Arc::new(value)))
    }

    /// The value in force.
    pub fn load(&self) -> Arc<T> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another value in force; scrapes under way finish with the one they began with.
    pub fn store(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

/// What a scrape needs to know beside its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeSettings {
    /// The licence's project, the `pcode` label of every sample.
    pub pcode: i64,
    /// Whether a bad line of text 0.0.4 fails the scrape instead of being skipped.
    pub strict_text: bool,
    /// Longest line (or protobuf message) in bytes.
    pub max_line_bytes: usize,
    /// Whether `up` and its like are sent.
    pub report_series: bool,
    /// Whether `scrape_timeout_seconds`, `scrape_sample_limit` and `scrape_body_size_bytes` are sent too.
    pub extra_series: bool,
    /// Whether every sample sent is also printed.
    pub debug: bool,
    /// Whether packs carry their target's URL.
    pub endpoint_metering: bool,
}

impl Default for ScrapeSettings {
    fn default() -> Self {
        Self {
            pcode: 0,
            strict_text: false,
            max_line_bytes: 1 << 20,
            report_series: true,
            extra_series: false,
            debug: false,
            endpoint_metering: false,
        }
    }
}
