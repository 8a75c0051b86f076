//! What a round of polling found for one job: its targets, and why others are none.
//!
//! # Invariants
//! A target that is as it was in the last round is the same `Arc`: nothing is held twice, and who compares two rounds
//! compares pointers. What a list gave before it failed is taken back.

use super::found::{Found, Missed, Sink};
use crate::config::ScrapeJob;
use crate::discovery::dropped::Dropped;
use crate::discovery::resolve::{Candidate, Resolver};
use crate::discovery::shard::Shard;
use crate::discovery::target::{Target, TargetId};
use std::collections::HashMap;
use std::sync::Arc;

/// Reasons told one by one for a job; the rest is a number.
pub const MAX_TOLD: usize = 100;

/// What is known of a job's targets.
#[derive(Debug, Clone)]
pub struct JobTargets {
    /// The job.
    pub job: Arc<ScrapeJob>,
    /// Its targets, each once, in order of their ids.
    pub targets: Vec<Arc<Target>>,
    /// What it selects and yet is no target; the first [`MAX_TOLD`].
    pub missed: Vec<Missed>,
    /// What its relabelConfigs leave no target of; the first [`MAX_TOLD`].
    pub dropped: Vec<Dropped>,
    /// How many more were missed or dropped.
    pub untold: usize,
    /// Targets that other members of the cluster scrape.
    pub elsewhere: usize,
    /// What could not be asked of the API server; the targets in question are those of the last good answer.
    pub faults: Vec<JobFault>,
}

/// A part of the cluster that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFault {
    /// The namespace; `None` is all of them.
    pub namespace: Option<String>,
    /// What went wrong, and how to mend it.
    pub what: String,
    /// Whether the last good targets there stay.
    pub keeps: bool,
}

impl PartialEq for JobTargets {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Arc<Target>, &Arc<Target>)| Arc::ptr_eq(a, b);
        (Arc::ptr_eq(&self.job, &other.job) || self.job == other.job)
            && self.targets.len() == other.targets.len()
            && self.targets.iter().zip(&other.targets).all(same)
            && (&self.missed, &self.dropped) == (&other.missed, &other.dropped)
            && (self.untold, self.elsewhere, &self.faults) == (other.untold, other.elsewhere, &other.faults)
    }
}

/// Gathers what is found for one job.
pub(super) struct Collector<'a> {
    job: Arc<ScrapeJob>,
    resolver: Resolver,
    shard: Shard,
    /// The job's targets of the last round.
    last: HashMap<TargetId, &'a Arc<Target>>,
    targets: Vec<(TargetId, Arc<Target>)>,
    missed: Vec<Missed>,
    dropped: Vec<Dropped>,
    untold: usize,
    elsewhere: usize,
    faults: Vec<JobFault>,
    /// The namespace of the last target: one text for all that follow in it.
    namespace: Arc<str>,
}

/// How much a collector held at some moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    targets: usize,
    missed: usize,
    dropped: usize,
    untold: usize,
    elsewhere: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(job: Arc<ScrapeJob>, last: &'a [Arc<Target>], shard: Shard) -> Self {
        Self {
            resolver: Resolver::new(Arc::clone(&job)),
            job,
            shard,
            last: last.iter().map(|target| (target.id(), target)).collect(),
            targets: Vec::new(),
            missed: Vec::new(),
            dropped: Vec::new(),
            untold: 0,
            elsewhere: 0,
            faults: Vec::new(),
            namespace: Arc::from(""),
        }
    }

    pub(super) fn job(&self) -> &Arc<ScrapeJob> {
        &self.job
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            targets: self.targets.len(),
            missed: self.missed.len(),
            dropped: self.dropped.len(),
            untold: self.untold,
            elsewhere: self.elsewhere,
        }
    }

    /// Forgets what came after the mark.
    pub(super) fn rewind(&mut self, mark: Mark) {
        self.targets.truncate(mark.targets);
        self.missed.truncate(mark.missed);
        self.dropped.truncate(mark.dropped);
        (self.untold, self.elsewhere) = (mark.untold, mark.elsewhere);
    }

    pub(super) fn fault(&mut self, fault: JobFault) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Whether the last good targets of a namespace stay, because it could not be looked at.
    pub(super) fn keeps(&self, namespace: &str) -> bool {
        self.faults.iter().any(|fault| fault.keeps && fault.namespace.as_deref().is_none_or(|name| name == namespace))
    }

    /// What was found, with the last good targets where nothing could be found.
    pub(super) fn finish(mut self) -> JobTargets {
        let last = std::mem::take(&mut self.last);
        let in_doubt = |target: &Target| self.keeps(target.namespace.as_deref().unwrap_or_default());
        let kept: Vec<_> = last.into_iter().filter(|(_, target)| in_doubt(target)).collect();
        self.targets.extend(kept.into_iter().map(|(id, target)| (id, target.clone())));
        // stable, so that of two the one found just now stays
        self.targets.sort_by_key(|(id, _)| *id);
        self.targets.dedup_by_key(|(id, _)| *id);
        JobTargets {
            job: self.job,
            targets: self.targets.into_iter().map(|(_, target)| target).collect(),
            missed: self.missed,
            dropped: self.dropped,
            untold: self.untold,
            elsewhere: self.elsewhere,
            faults: self.faults,
        }
    }
}

impl Collector<'_> {
    fn candidate(&mut self, found: Found) -> Candidate {
        if *self.namespace != *found.namespace {
            self.namespace = found.namespace.into();
        }
        let Found { address, labels, port_name, node, .. } = found;
        Candidate { address, labels, port_name, namespace: Some(self.namespace.clone()), node }
    }

    fn dropped(&mut self, dropped: Dropped) {
        if self.dropped.len() < MAX_TOLD { self.dropped.push(dropped) } else { self.untold += 1 }
    }
}

impl Sink for Collector<'_> {
    fn found(&mut self, found: Found) {
        let candidate = self.candidate(found);
        match self.resolver.resolve(candidate) {
            Err(dropped) => self.dropped(dropped),
            Ok(target) if !self.shard.owns(&self.job.name, &target.url()) => self.elsewhere += 1,
            Ok(target) => {
                let id = target.id();
                let known = self.last.get(&id).filter(|known| *known.as_ref() == target);
                self.targets.push((id, known.map_or_else(|| Arc::new(target), |known| Arc::clone(known))));
            }
        }
    }

    fn missed(&mut self, missed: Missed) {
        if self.missed.contains(&missed) {
            return;
        }
        if self.missed.len() < MAX_TOLD { self.missed.push(missed) } else { self.untold += 1 }
    }
}
