//! The joint between scraping and sending: finished scrapes go into the sender's queue, debug lines to stdout.

use crate::scrape::run::{Outlet, ScrapedBatch};
use crate::sender::{Batch, Queue, SenderState};
use std::io::Write as _;
use std::sync::Arc;

/// Hands scrapes to the sender.
#[derive(Debug)]
pub struct ToSender {
    queue: Queue,
    state: Arc<SenderState>,
}

impl ToSender {
    /// A joint to this queue; `state` tells when a new session wants all help records again.
    pub fn new(queue: Queue, state: Arc<SenderState>) -> Self {
        Self { queue, state }
    }
}

impl Outlet for ToSender {
    fn deliver(&self, batch: ScrapedBatch) {
        self.queue.push(Batch { time_ms: batch.time_ms, packs: batch.packs });
    }

    fn session(&self) -> u64 {
        self.state.sessions()
    }

    fn debug_lines(&self, lines: &str) {
        // A closed pipe is no reason to stop scraping.
        let _ = std::io::stdout().lock().write_all(lines.as_bytes());
    }
}
