//! What happens to a configuration: at the start, and while the agent runs.

use super::fault::Fault;
use super::jobs::{JobChanges, Jobs};
use super::scrape_file::FileFault;
use super::settings::{Change, Settings};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Something that happened to the configuration.
#[derive(Debug, Clone)]
pub enum ConfEvent {
    /// New settings are in force; the keys that changed, each with what that does.
    Settings(Arc<Settings>, Vec<Change>),
    /// New jobs are in force, and how they differ from the last.
    Jobs(Arc<Jobs>, JobChanges),
    /// A file was refused whole; what was in force stays so.
    Faulty {
        /// The file, or the ConfigMap.
        file: String,
        /// What is wrong with it.
        faults: Vec<Fault>,
    },
}

/// Why there is no configuration to start with.
#[derive(Debug)]
pub enum StartError {
    /// A file is missing or cannot be read.
    Unreadable {
        /// The path that was tried.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The scrape configuration is refused whole.
    Faulty(FileFault),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable { path, error } => {
                write!(
                    f,
                    "{} cannot be read: {error}; WHATAP_HOME, or WHATAP_OPEN_HOME for the scrape configuration, names its directory",
                    path.display()
                )
            }
            Self::Faulty(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}
