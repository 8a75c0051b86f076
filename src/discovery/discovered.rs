//! The outcome of discovery over all jobs: what is scraped, and what is not.
//!
//! # Invariants
//! - No two targets send the same series: the first in the order of the jobs stays.
//! - No job has more targets than its targetLimit: the first ones stay, so that one pod too many costs that pod and
//!   not the whole job.

use super::dropped::{DropReason, Dropped};
use super::shard::Shard;
use super::target::Target;
use crate::config::job::{Discover, ScrapeJob};
use foldhash::quality::FixedState;
use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;

/// What discovery came to.
#[derive(Debug, Default)]
pub struct Discovered {
    /// What is scraped.
    pub targets: Vec<Arc<Target>>,
    /// What is not, and why.
    pub dropped: Vec<Dropped>,
    /// Positions of targets by the hash of where they go and what they are called.
    places: HashMap<u64, Vec<usize>>,
}

impl Discovered {
    /// The targets of all jobs in order; `kubernetes` gives those of a job that finds its targets in the cluster.
    pub fn of(jobs: &[Arc<ScrapeJob>], mut kubernetes: impl FnMut(&Arc<ScrapeJob>) -> Vec<Arc<Target>>) -> Self {
        let mut all = Self::default();
        for job in jobs {
            if matches!(job.discover, Discover::Static(_)) {
                let found = super::static_::resolve(job);
                all.dropped.extend(found.dropped);
                all.add(job, found.targets);
            } else {
                let found = kubernetes(job);
                all.add(job, found);
            }
        }
        all
    }

    /// Adds the targets of one job, those that nothing speaks against.
    pub fn add(&mut self, job: &ScrapeJob, targets: impl IntoIterator<Item = Arc<Target>>) {
        let before = self.targets.len();
        for target in targets {
            let limit = job.limits.targets;
            if let Some(reason) = self.duplicate(&target) {
                self.drop(&target, reason);
            } else if limit > 0 && self.targets.len() - before >= limit {
                self.drop(&target, DropReason::TargetLimit { limit });
            } else {
                self.places.entry(place(&target)).or_default().push(self.targets.len());
                self.targets.push(target);
            }
        }
    }

    /// Leaves out what other members of the cluster scrape, and tells how many that are.
    pub fn keep_own(&mut self, shard: Shard) -> usize {
        let before = self.targets.len();
        self.targets.retain(|target| shard.owns(&target.job.name, &target.url()));
        before - self.targets.len()
    }

    fn duplicate(&self, target: &Target) -> Option<DropReason> {
        let near = self.places.get(&place(target))?;
        let other = near.iter().map(|i| &self.targets[*i]).find(|other| other.sends_the_same_as(target))?;
        Some(DropReason::Duplicate { url: target.url(), job: Arc::clone(&other.job.name) })
    }

    fn drop(&mut self, target: &Target, reason: DropReason) {
        self.dropped.push(Dropped {
            job: Arc::clone(&target.job),
            address: target.address.clone(),
            namespace: target.namespace.clone(),
            discovered: target.discovered.clone(),
            reason,
        });
    }
}

fn place(target: &Target) -> u64 {
    FixedState::default().hash_one((&target.address, &target.path_and_query, &target.labels))
}
