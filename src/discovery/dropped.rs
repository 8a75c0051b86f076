//! What was found and is no target, and why.

use super::packed::PackedLabels;
use crate::config::ScrapeJob;
use crate::duration;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Something discovered that is not scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// The job it was found for.
    pub job: Arc<ScrapeJob>,
    /// The address it was found at, before relabelling.
    pub address: String,
    /// Kubernetes namespace it was found in.
    pub namespace: Option<Arc<str>>,
    /// Labels before relabelling.
    pub discovered: PackedLabels,
    /// Why it is no target.
    pub reason: DropReason,
}

/// Why something discovered is no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DropReason {
    /// A rule of relabelConfigs dropped it.
    Rule {
        /// Which, from 0.
        index: usize,
        /// As it was written.
        text: String,
    },
    /// Relabelling left no `__address__`.
    NoAddress,
    /// `__address__` is no `host:port`.
    Address {
        /// What it is.
        address: String,
        /// What is wrong with it and how to mend it.
        what: String,
    },
    /// `__scheme__` is neither http nor https.
    Scheme(String),
    /// `__scrape_interval__` or `__scrape_timeout__` is no duration above zero.
    Time {
        /// The label.
        label: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The timeout is longer than the interval.
    TimeoutOverInterval {
        /// The timeout.
        timeout: Duration,
        /// The interval.
        interval: Duration,
    },
    /// Another target scrapes the same URL, with the same labels.
    Duplicate {
        /// The URL.
        url: String,
        /// The other one's job.
        job: Arc<str>,
    },
    /// The job has more targets than its targetLimit.
    TargetLimit {
        /// The limit.
        limit: usize,
    },
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, address, reason, .. } = self;
        write!(f, "target {:?} at {address} is not scraped: {reason}", job.name)
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { index, text } => write!(f, "rule {} of relabelConfigs dropped it: {text}", index + 1),
            Self::NoAddress => f.write_str("relabelConfigs left no __address__; keep it or set it to host:port"),
            Self::Address { address, what } => write!(f, "{address:?} is no address: {what}"),
            Self::Scheme(scheme) => write!(f, "__scheme__ is {scheme:?}; it must be http or https"),
            Self::Time { label, what } => write!(f, "{label}: {what}"),
            Self::TimeoutOverInterval { timeout, interval } => write!(
                f,
                "its timeout {} is longer than its interval {}; shorten the one or lengthen the other",
                duration::format(*timeout),
                duration::format(*interval)
            ),
            Self::Duplicate { url, job } => {
                write!(
                    f,
                    "target {job:?} already scrapes {url} with the same labels; give one of them a label of its own"
                )
            }
            Self::TargetLimit { limit } => {
                write!(f, "the target has more than targetLimit {limit}; raise it or drop some with relabelConfigs")
            }
        }
    }
}
