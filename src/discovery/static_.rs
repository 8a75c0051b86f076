//! Static discovery: the addresses of a job as written become targets.

use super::discovered::Discovered;
use super::dropped::Dropped;
use super::resolve::{Candidate, Resolver};
use super::target::Target;
use crate::config::job::{Discover, ScrapeJob};
use std::sync::Arc;

/// What the addresses of one job came to.
pub(super) struct Resolved {
    pub targets: Vec<Arc<Target>>,
    pub dropped: Vec<Dropped>,
}

/// Makes targets of a job's addresses; a job that finds its targets in a cluster has none.
pub(super) fn resolve(job: &Arc<ScrapeJob>) -> Resolved {
    let mut resolved = Resolved { targets: Vec::new(), dropped: Vec::new() };
    let Discover::Static(addresses) = &job.discover else { return resolved };
    let mut resolver = Resolver::new(Arc::clone(job));
    for address in addresses {
        match resolver.resolve(Candidate { address: address.clone(), ..Candidate::default() }) {
            Ok(target) => resolved.targets.push(Arc::new(target)),
            Err(dropped) => resolved.dropped.push(dropped),
        }
    }
    resolved
}

/// The targets of one job.
pub fn targets(job: &Arc<ScrapeJob>) -> Discovered {
    all_targets(std::slice::from_ref(job))
}

/// The static targets of all jobs.
pub fn all_targets(jobs: &[Arc<ScrapeJob>]) -> Discovered {
    Discovered::of(jobs, |_| Vec::new())
}
