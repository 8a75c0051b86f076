//! Targets that discovery found and that are not scraped, each with the reason: shared by who discovers and who shows.
//!
//! # Invariants
//! The list is replaced whole and shared, never copied; discovered labels stay packed until somebody looks.

use crate::discovery::packed::PackedLabels;
use std::sync::{Arc, Mutex, PoisonError};

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct DroppedTarget {
    /// Its job's name.
    pub job: Arc<str>,
    /// Labels before relabelling.
    pub discovered: PackedLabels,
    /// What dropped it, in one line: the rule as it was written, or the limit.
    pub reason: String,
}

/// All of them, as of the last discovery.
#[derive(Debug, Clone, Default)]
pub struct DroppedTable(Arc<Mutex<Arc<Vec<DroppedTarget>>>>);

impl DroppedTable {
    /// Puts another list in place.
    pub fn replace(&self, dropped: Vec<DroppedTarget>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(dropped);
    }

    /// The list now.
    pub fn snapshot(&self) -> Arc<Vec<DroppedTarget>> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
