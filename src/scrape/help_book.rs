//! Which help records the server has: a record goes out when first seen, when changed, every five minutes, and again
//! after a new session was set up. One book serves all targets, for metadata belongs to a metric, not to a target.

use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After this time a help record is sent again.
pub const REPEAT_AFTER: Duration = Duration::from_secs(300);
/// Records remembered; beyond it the oldest halves are forgotten and simply sent again.
const CAPACITY: usize = 100_000;

/// The help records sent, by fingerprint.
#[derive(Debug, Default)]
pub struct HelpBook(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    /// The session the book was written in.
    session: u64,
    sent: HashMap<u64, Instant, FixedState>,
}

impl HelpBook {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps those fingerprints that are due in this session (a number that grows with each one set up) and writes
    /// them down as sent now. Called once a scrape, so the lock is nowhere near a sample.
    pub fn take_due(&self, session: u64, now: Instant, fingerprints: &mut Vec<u64>) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.session != session {
            pages.session = session;
            pages.sent.clear();
        }
        fingerprints.retain(|fingerprint| match pages.sent.get(fingerprint) {
            Some(sent) if now.saturating_duration_since(*sent) < REPEAT_AFTER => false,
            _ => {
                pages.sent.insert(*fingerprint, now);
                true
            }
        });
        if pages.sent.len() > CAPACITY {
            pages.sent.retain(|_, sent| now.saturating_duration_since(*sent) < REPEAT_AFTER / 2);
            if pages.sent.len() > CAPACITY {
                pages.sent.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(book: &HelpBook, session: u64, now: Instant, fingerprints: &[u64]) -> Vec<u64> {
        let mut list = fingerprints.to_vec();
        book.take_due(session, now, &mut list);
        list
    }

    #[test]
    fn first_seen_then_every_five_minutes_then_after_a_reconnect() {
        let (book, start) = (HelpBook::new(), Instant::now());
        assert_eq!(due(&book, 1, start, &[1, 2]), [1, 2]);
        assert_eq!(due(&book, 1, start + Duration::from_secs(299), &[1, 2, 3]), [3], "3 is new or changed");
        assert_eq!(due(&book, 1, start + Duration::from_secs(300), &[1, 2, 3]), [1, 2]);
        assert_eq!(due(&book, 2, start + Duration::from_secs(301), &[1, 2, 3]), [1, 2, 3], "a new session");
    }

    #[test]
    fn the_book_stays_bounded() {
        let (book, start) = (HelpBook::new(), Instant::now());
        for round in 0..5_u64 {
            let many: Vec<u64> = (0..50_000).map(|n| round * 50_000 + n).collect();
            due(&book, 1, start, &many);
        }
        assert!(book.0.lock().unwrap().sent.len() <= CAPACITY);
    }
}
