//! Static discovery: the addresses of a job as written become targets.

use super::Target;
use crate::config::job::{Discover, ScrapeJob};
use crate::labels::LabelBuf;
use std::sync::Arc;

/// What discovery came to.
#[derive(Debug, Default)]
pub struct Discovered {
    /// What is scraped.
    pub targets: Vec<Arc<Target>>,
    /// What is not, and why.
    pub dropped: Vec<String>,
}

/// The targets of one job.
pub fn targets(job: &Arc<ScrapeJob>) -> Discovered {
    let mut found = Discovered::default();
    let Discover::Static(addresses) = &job.discover else { return found };
    for address in addresses {
        let mut labels = LabelBuf::new();
        labels.extend(job.labels.view());
        labels.set("job", &job.name);
        labels.set("instance", address);
        found.targets.push(Arc::new(Target::example(job, address, (&labels).into())));
    }
    found
}

/// The targets of all jobs.
pub fn all_targets(jobs: &[Arc<ScrapeJob>]) -> Discovered {
    let mut all = Discovered::default();
    for job in jobs {
        let found = targets(job);
        all.targets.extend(found.targets);
        all.dropped.extend(found.dropped);
    }
    all
}
