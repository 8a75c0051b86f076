//! A target: one URL that is scraped, with its final labels.
//!
//! # Invariants
//! Immutable; a change of anything that a scrape depends on makes another target with another [`TargetId`].

use super::fingerprint;
use super::packed::PackedLabels;
use crate::config::job::{Scheme, ScrapeJob};
use crate::labels::Labels;
use std::sync::Arc;
use std::time::Duration;

/// What tells two targets apart: the same URL, labels and job settings give the same id, across restarts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u64);

/// One URL that is scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its job's settings.
    pub job: Arc<ScrapeJob>,
    /// Scheme after relabelling.
    pub scheme: Scheme,
    /// `host:port` after relabelling, IPv6 in brackets.
    pub address: String,
    /// Path and query of the URL, beginning with `/`.
    pub path_and_query: String,
    /// Final labels: what every sample of the target carries.
    pub labels: Labels,
    /// Labels before relabelling, `__meta_` and all.
    pub discovered: PackedLabels,
    /// Time between scrapes, after `__scrape_interval__`.
    pub interval: Duration,
    /// Bound of one scrape, after `__scrape_timeout__`.
    pub timeout: Duration,
    /// Kubernetes namespace it was found in.
    pub namespace: Option<Arc<str>>,
}

impl Target {
    /// The URL, whole.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme.as_str(), self.address, self.path_and_query)
    }

    /// What tells it apart: the same URL, labels and settings give the same id, in another process too.
    pub fn id(&self) -> TargetId {
        TargetId(fingerprint::of_target(self))
    }

    /// Whether both would send the same series: the same URL and labels, and the same is kept of what is there. Two
    /// endpoints of one address that keep different metrics are both wanted.
    pub fn sends_the_same_as(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.address == other.address
            && self.path_and_query == other.path_and_query
            && self.labels == other.labels
            && self.job.keep_names == other.job.keep_names
            && self.job.metric_relabel == other.job.metric_relabel
    }

    /// A target of a job at an address, with these labels, its job's settings taken as they are.
    pub fn example(job: &Arc<ScrapeJob>, address: &str, labels: Labels) -> Self {
        Self {
            job: Arc::clone(job),
            scheme: job.scheme.unwrap_or(Scheme::Http),
            address: address.to_owned(),
            path_and_query: job.path.clone(),
            discovered: PackedLabels::from(&labels),
            labels,
            interval: job.interval,
            timeout: job.timeout,
            namespace: None,
        }
    }
}
