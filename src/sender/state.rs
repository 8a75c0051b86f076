//! What the sender tells of itself while it runs: for the status page, the agent's own metrics and the scrapers.
//!
//! # Invariants
//! Numbers are relaxed atomics; the texts stand behind a mutex that is held for a copy only.

use super::drops::Drops;
use crate::telemetry::counters::Counter;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The sender's state; shared, always current.
#[derive(Debug, Default)]
pub struct SenderState {
    /// Frames handed to the connection, time syncs aside.
    pub frames_sent: Counter,
    /// Bytes of those frames.
    pub bytes_sent: Counter,
    /// Records in those frames.
    pub records_sent: Counter,
    /// Frames among them that had been sent over an earlier session, which broke before the server showed it had them.
    pub frames_resent: Counter,
    /// Frames among them that came out of the spool.
    pub frames_replayed: Counter,
    /// Packs that the server has, as far as one can know: it has shown it, or TCP has where the window was full. Without a
    /// window they are those that were sent.
    pub packs_delivered: Counter,
    /// Packs that went into the spool.
    pub packs_spooled: Counter,
    /// Attempts to set up a session that failed.
    pub connects_failed: Counter,
    /// Sessions that broke.
    pub sessions_lost: Counter,
    /// Frames of the server that were not meant for this session.
    pub frames_ignored: Counter,
    /// Commands of the server that nobody took in time.
    pub commands_lost: Counter,
    /// Packs given up, by reason.
    pub drops: Arc<Drops>,
    connected: AtomicBool,
    sessions: AtomicU64,
    clock_offset_ms: AtomicI64,
    queue_bytes: AtomicU64,
    unacked_bytes: AtomicU64,
    spool_bytes: AtomicU64,
    spool_oldest_ms: AtomicI64,
    texts: Mutex<Texts>,
}

#[derive(Debug, Default, Clone)]
struct Texts {
    server: String,
    since_ms: i64,
    last_error: Option<String>,
    spool_fault: Option<String>,
}

impl SenderState {
    /// Whether a session is up.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Relaxed)
    }

    /// Sessions set up so far. When it has grown, the server may be another one that knows no help record yet.
    pub fn sessions(&self) -> u64 {
        self.sessions.load(Relaxed)
    }

    /// Milliseconds by which the server's clock is ahead of the agent's.
    pub fn clock_offset_ms(&self) -> i64 {
        self.clock_offset_ms.load(Relaxed)
    }

    /// Bytes that waited in memory when the sender thread last looked, at most a second ago.
    pub fn queue_bytes(&self) -> u64 {
        self.queue_bytes.load(Relaxed)
    }

    /// Bytes sent that the server has not yet shown to have.
    pub fn unacked_bytes(&self) -> u64 {
        self.unacked_bytes.load(Relaxed)
    }

    /// Bytes that wait in the spool.
    pub fn spool_bytes(&self) -> u64 {
        self.spool_bytes.load(Relaxed)
    }

    /// Time of the oldest pack in the spool, Unix milliseconds; `None` when it is empty.
    pub fn spool_oldest_ms(&self) -> Option<i64> {
        Some(self.spool_oldest_ms.load(Relaxed)).filter(|time_ms| *time_ms != 0)
    }

    /// The server of the session, or of the last one: `host:port (address)`.
    pub fn server(&self) -> String {
        self.texts().server.clone()
    }

    /// When the session was set up, or ended when there is none now; Unix milliseconds, 0 before the first.
    pub fn since_ms(&self) -> i64 {
        self.texts().since_ms
    }

    /// Why the last session ended or could not be set up.
    pub fn last_error(&self) -> Option<String> {
        self.texts().last_error.clone()
    }

    /// Why the spool can't be used now.
    pub fn spool_fault(&self) -> Option<String> {
        self.texts().spool_fault.clone()
    }

    pub(super) fn up(&self, server: String, now_ms: i64) {
        let mut texts = self.texts();
        (texts.server, texts.since_ms) = (server, now_ms);
        drop(texts);
        self.sessions.fetch_add(1, Relaxed);
        self.connected.store(true, Relaxed);
    }

    pub(super) fn left(&self, now_ms: i64) {
        if self.connected.swap(false, Relaxed) {
            self.texts().since_ms = now_ms;
        }
    }

    pub(super) fn down(&self, error: String, now_ms: i64) {
        let mut texts = self.texts();
        if self.connected.swap(false, Relaxed) {
            texts.since_ms = now_ms;
            self.sessions_lost.add(1);
        } else {
            self.connects_failed.add(1);
        }
        texts.last_error = Some(error);
    }

    pub(super) fn set_clock_offset(&self, offset_ms: i64) {
        self.clock_offset_ms.store(offset_ms, Relaxed);
    }

    pub(super) fn set_waiting(&self, queued: usize, unacked: usize) {
        self.queue_bytes.store(queued as u64, Relaxed);
        self.unacked_bytes.store(unacked as u64, Relaxed);
    }

    pub(super) fn set_spool(&self, bytes: u64, oldest_ms: Option<i64>) {
        self.spool_bytes.store(bytes, Relaxed);
        self.spool_oldest_ms.store(oldest_ms.unwrap_or(0), Relaxed);
    }

    pub(super) fn set_spool_fault(&self, fault: Option<String>) {
        self.texts().spool_fault = fault;
    }

    fn texts(&self) -> MutexGuard<'_, Texts> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
