//! What is known of each target's scrapes: the answer to "why is this target down?", for the status page, the
//! `openagent_scrape_target` pack and the log.
//!
//! # Invariants
//! Written once per scrape under the target's own lock; readers copy it out. Bounded: the last 30 scrapes.

use super::failure::ScrapeError;
use super::tally::Tally;
use super::telling::Telling;
use crate::discovery::Target;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Scrapes remembered for the sparkline.
pub const HISTORY: usize = 30;

/// Which threads scrape a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lane {
    /// The pool for targets that answer in time.
    #[default]
    Fast,
    /// The few threads for targets that timed out, until they answer in time again.
    Slow,
}

impl Lane {
    /// `fast` or `slow`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
        }
    }
}

/// How a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not scraped yet.
    #[default]
    Unknown,
    /// The last scrape went well.
    Up,
    /// The last scrape failed.
    Down,
}

impl Health {
    /// `unknown`, `up` or `down`, as Prometheus' API says.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// One past scrape, for the sparkline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastScrape {
    /// How long it took.
    pub duration: Duration,
    /// Whether it went well.
    pub up: bool,
}

/// What is known after the last scrape.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How the target is.
    pub health: Health,
    /// Why the last scrape failed; `None` after a good one.
    pub error: Option<ScrapeError>,
    /// When the last scrape began, Unix milliseconds; 0 before the first.
    pub last_scrape: i64,
    /// How long it took.
    pub duration: Duration,
    /// What became of its samples.
    pub tally: Tally,
    /// Bytes of its body after inflation.
    pub body_bytes: u64,
    /// The first line that could not be read, in lenient text.
    pub first_fault: Option<String>,
    /// Slots missed because the scrape before still ran.
    pub missed_slots: u64,
    /// The timeout in force: the target's own, or what adaptiveTimeout has grown it to.
    pub timeout: Duration,
    /// Timeouts in a row.
    pub timeouts: u32,
    /// Which threads scrape it.
    pub lane: Lane,
    /// When it is due next, Unix milliseconds.
    pub next_due: i64,
    /// Scrapes that failed since it was found.
    pub failures: u64,
    /// Scrapes since it was found.
    pub scrapes: u64,
    /// The last scrapes, oldest first.
    pub history: Vec<PastScrape>,
}

/// A target and what is known of it.
#[derive(Debug)]
pub struct TargetState {
    /// The target.
    pub target: Arc<Target>,
    report: Mutex<Report>,
    telling: Mutex<Telling>,
    stopped: AtomicBool,
    running: AtomicBool,
}

impl TargetState {
    /// Nothing known yet.
    pub fn new(target: Arc<Target>) -> Self {
        let report = Report { timeout: target.timeout, ..Report::default() };
        Self {
            target,
            report: Mutex::new(report),
            telling: Mutex::default(),
            stopped: AtomicBool::new(false),
            running: AtomicBool::new(false),
        }
    }

    /// What is known now.
    pub fn report(&self) -> Report {
        self.lock().clone()
    }

    /// Changes what is known.
    pub fn update(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.lock());
    }

    /// The timeout of the next scrape.
    pub fn timeout(&self) -> Duration {
        self.lock().timeout
    }

    /// How the target is.
    pub fn health(&self) -> Health {
        self.lock().health
    }

    /// Which threads do the next scrape.
    pub fn lane(&self) -> Lane {
        self.lock().lane
    }

    /// Works on what was told of the target.
    pub(super) fn telling(&self, tell: impl FnOnce(&mut Telling)) {
        tell(&mut self.telling.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Marks the target as gone: a scrape under way delivers nothing more.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// Notes that a scrape was handed out, or has ended.
    pub(super) fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::Release);
    }

    /// Whether a scrape is handed out.
    pub(super) fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    /// Whether the target is gone.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Report {
    /// Adds a scrape to the history.
    pub fn remember(&mut self, scrape: PastScrape) {
        if self.history.len() >= HISTORY {
            self.history.remove(0);
        }
        self.history.push(scrape);
    }
}

/// All targets being scraped, in the order they were started; readable by any thread.
#[derive(Debug, Clone, Default)]
pub struct TargetTable(Arc<Mutex<Arc<Vec<Arc<TargetState>>>>>);

impl TargetTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// The targets now; the list is shared, not copied.
    pub fn snapshot(&self) -> Arc<Vec<Arc<TargetState>>> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another list in place.
    pub fn replace(&self, states: Vec<Arc<TargetState>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(states);
    }
}
