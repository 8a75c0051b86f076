//! How the last reload went, for the status page, the own metrics and the server's commands.

use super::fault::Fault;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Where the scrape configuration in force came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A ConfigMap, which wins over the file.
    ConfigMap {
        /// `namespace/name`.
        name: String,
        /// Its text as it was read last, in force or not.
        contents: Arc<str>,
    },
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::ConfigMap { name, .. } => write!(f, "ConfigMap {name}"),
        }
    }
}

/// The outcome of the reloads so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether both files as they are now hold no error.
    pub successful: bool,
    /// When both files were last read without an error.
    pub last_success: Option<SystemTime>,
    /// When a change was last read.
    pub last_change: SystemTime,
    /// How many changes were read, the first reading included.
    pub changes: u64,
    /// Faults of whatap.conf as it is now.
    pub conf_faults: Vec<Fault>,
    /// Faults of the scrape configuration as it is now.
    pub scrape_faults: Vec<Fault>,
    /// Where the scrape configuration comes from.
    pub source: Source,
}

impl Outcome {
    /// All faults, whatap.conf's first.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.conf_faults.iter().chain(&self.scrape_faults)
    }
}

/// The outcome, shared by who reloads and who asks.
#[derive(Debug)]
pub struct ReloadState(Mutex<Outcome>);

impl ReloadState {
    pub(super) fn new(source: Source) -> Self {
        Self(Mutex::new(Outcome {
            successful: true,
            last_success: None,
            last_change: SystemTime::UNIX_EPOCH,
            changes: 0,
            conf_faults: Vec::new(),
            scrape_faults: Vec::new(),
            source,
        }))
    }

    /// The outcome as it is now.
    pub fn outcome(&self) -> Outcome {
        self.lock().clone()
    }

    /// Whether both files hold no error now, and when that was last so.
    pub fn last_success(&self) -> (bool, Option<SystemTime>) {
        let outcome = self.lock();
        (outcome.successful, outcome.last_success)
    }

    /// Notes a reading: what it found, and when.
    pub(super) fn note(&self, now: SystemTime, change: impl FnOnce(&mut Outcome)) {
        let mut outcome = self.lock();
        change(&mut outcome);
        let faulty = outcome.faults().any(Fault::is_error);
        outcome.successful = !faulty;
        outcome.last_change = now;
        outcome.changes += 1;
        if outcome.successful {
            outcome.last_success = Some(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outcome> {
        // a panic while it was held leaves a whole Outcome: each field is set on its own
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
