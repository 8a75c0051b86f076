//! The agent in a few figures: targets by health, the session with the server, what waits, the configuration.
//!
//! # Invariants
//! A copy of what is known at one moment; its JSON is what `openagent status` reads, so both stand in one struct.

use super::Sources;
use crate::scrape::run::unix_ms;
use crate::scrape::state::{Health, Lane};
use crate::telemetry::{build, process};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// The agent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// Its version.
    pub version: String,
    /// The commit it was built from.
    pub commit: String,
    /// The time of this look, Unix milliseconds.
    pub now_ms: i64,
    /// When the process started, Unix milliseconds; 0 when the system does not tell.
    pub started_ms: i64,
    /// Resident memory in bytes; 0 when the system does not tell.
    pub resident_bytes: u64,
    /// Its targets.
    pub targets: TargetCounts,
    /// The way to the server.
    pub session: Session,
    /// The configuration.
    pub configuration: Configuration,
}

/// Targets by health.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetCounts {
    /// The last scrape went well.
    pub up: usize,
    /// The last scrape failed.
    pub down: usize,
    /// Not scraped yet.
    pub unknown: usize,
    /// In the lane of those that timed out; counted above as well.
    pub slow: usize,
    /// Found, and not scraped.
    pub dropped: usize,
}

/// The way to the server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Whether a session is up.
    pub connected: bool,
    /// The server of the session, or of the last one; empty before the first.
    pub server: String,
    /// When the session was set up, or ended; Unix milliseconds, 0 before the first.
    pub since_ms: i64,
    /// Why the last session ended or could not be set up.
    pub last_error: Option<String>,
    /// Bytes that wait in memory.
    pub queue_bytes: u64,
    /// Time of the oldest of them.
    pub queue_oldest_ms: Option<i64>,
    /// Bytes sent that the server has not shown to have.
    pub unacked_bytes: u64,
    /// Bytes that wait on disk.
    pub spool_bytes: u64,
    /// Time of the oldest of them.
    pub spool_oldest_ms: Option<i64>,
    /// Why the spool cannot be used.
    pub spool_fault: Option<String>,
    /// Records sent since the start.
    pub records_sent: u64,
    /// Bytes sent since the start.
    pub bytes_sent: u64,
}

/// The configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// Whether one is in force.
    pub loaded: bool,
    /// Whether the files as they are now hold no error; otherwise the last good ones are in force.
    pub successful: bool,
    /// When they were last read without an error, Unix milliseconds.
    pub last_success_ms: Option<i64>,
    /// Where the scrape configuration comes from.
    pub source: String,
    /// What is wrong with them, a line each.
    pub faults: Vec<String>,
}

impl Overview {
    /// The agent now.
    pub fn of(sources: &Sources) -> Self {
        let usage = process::usage();
        Self {
            version: build::VERSION.to_owned(),
            commit: build::COMMIT.to_owned(),
            now_ms: unix_ms(),
            started_ms: usage.start_seconds.map_or(0, |seconds| (seconds * 1e3) as i64),
            resident_bytes: usage.resident_bytes.unwrap_or(0),
            targets: TargetCounts::of(sources),
            session: Session::of(sources),
            configuration: Configuration::of(sources),
        }
    }

    /// What keeps the agent from being ready: no configuration, or no way for what it scrapes.
    pub fn why_not_ready(&self) -> Option<String> {
        if !self.configuration.loaded {
            return Some("no configuration has been read yet".to_owned());
        }
        let session = &self.session;
        if session.connected || (session.spool_bytes > 0 && session.spool_fault.is_none()) {
            return None;
        }
        Some(session.last_error.clone().unwrap_or_else(|| "no session with the server yet".to_owned()))
    }
}

impl TargetCounts {
    /// Counted now.
    pub fn of(sources: &Sources) -> Self {
        let mut counts = Self { dropped: sources.dropped.snapshot().len(), ..Self::default() };
        for state in sources.targets.snapshot().iter() {
            match state.health() {
                Health::Up => counts.up += 1,
                Health::Down => counts.down += 1,
                Health::Unknown => counts.unknown += 1,
            }
            counts.slow += usize::from(state.lane() == Lane::Slow);
        }
        counts
    }
}

impl Session {
    fn of(sources: &Sources) -> Self {
        let sender = &sources.sender;
        Self {
            connected: sender.is_connected(),
            server: sender.server(),
            since_ms: sender.since_ms(),
            last_error: sender.last_error(),
            queue_bytes: sources.queue.bytes() as u64,
            queue_oldest_ms: sources.queue.oldest_ms(),
            unacked_bytes: sender.unacked_bytes(),
            spool_bytes: sender.spool_bytes(),
            spool_oldest_ms: sender.spool_oldest_ms(),
            spool_fault: sender.spool_fault(),
            records_sent: sender.records_sent.value(),
            bytes_sent: sender.bytes_sent.value(),
        }
    }
}

impl Configuration {
    fn of(sources: &Sources) -> Self {
        let Some(reload) = &sources.reload else {
            return Self { loaded: true, successful: true, ..Self::default() };
        };
        let outcome = reload.outcome();
        Self {
            loaded: outcome.last_success.is_some() || !sources.targets.snapshot().is_empty(),
            successful: outcome.successful,
            last_success_ms: outcome.last_success.map(millis),
            source: outcome.source.to_string(),
            faults: outcome.faults().map(ToString::to_string).collect(),
        }
    }
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
