//! The jobs in force, and what changes from one configuration to the next.
//!
//! # Invariants
//! A job that did not change is the same [`Arc`] after a reload, so comparing pointers finds the changes, and its
//! targets can be left alone.

use super::job::ScrapeJob;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// All jobs of one configuration, in the order of its file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Jobs(pub Vec<Arc<ScrapeJob>>);

/// What a new configuration changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobChanges {
    /// Jobs that are no more; they stop before others start.
    pub stopped: Vec<Arc<ScrapeJob>>,
    /// Jobs that are new or differ.
    pub started: Vec<Arc<ScrapeJob>>,
    /// How many go on untouched.
    pub kept: usize,
}

impl Jobs {
    /// The jobs after these: equal ones stay the same, those of `refused` names stay as they were.
    #[must_use]
    pub fn followed_by(&self, jobs: Vec<Arc<ScrapeJob>>, refused: &BTreeSet<String>) -> Self {
        let mut known: HashMap<&str, Vec<&Arc<ScrapeJob>>> = HashMap::new();
        for job in &self.0 {
            known.entry(&job.name).or_default().push(job);
        }
        let mut same = |job: Arc<ScrapeJob>| {
            let namesakes = known.get_mut(&*job.name);
            let at = namesakes.as_ref().and_then(|list| list.iter().position(|old| **old == job));
            namesakes.zip(at).map_or(job, |(list, at)| list.swap_remove(at).clone())
        };
        let mut next: Vec<_> = jobs.into_iter().map(&mut same).collect();
        next.extend(self.0.iter().filter(|job| refused.contains(&*job.name)).cloned());
        Self(next)
    }

    /// What differs from the jobs these follow.
    pub fn changes_from(&self, old: &Self) -> JobChanges {
        let pointers = |jobs: &Self| jobs.0.iter().map(Arc::as_ptr).collect::<BTreeSet<_>>();
        let (before, now) = (pointers(old), pointers(self));
        let only = |jobs: &Self, others: &BTreeSet<*const ScrapeJob>| {
            jobs.0.iter().filter(|job| !others.contains(&Arc::as_ptr(job))).cloned().collect::<Vec<_>>()
        };
        let (stopped, started) = (only(old, &now), only(self, &before));
        JobChanges { kept: self.0.len() - started.len(), stopped, started }
    }
}

impl std::fmt::Display for JobChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stopped, started, kept } = self;
        write!(f, "{} stopped, {} started, {kept} untouched", stopped.len(), started.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::job::Discover;
    use std::time::Duration;

    fn job(name: &str, seconds: u64) -> Arc<ScrapeJob> {
        let new = ScrapeJob::new(name, Discover::Static(vec!["a:1".into()]));
        Arc::new(ScrapeJob { interval: Duration::from_secs(seconds), ..new })
    }

    fn names(jobs: &[Arc<ScrapeJob>]) -> String {
        jobs.iter().map(|job| format!("{}/{} ", job.name, job.interval.as_secs())).collect()
    }

    #[test]
    fn only_what_differs_changes() {
        let old = Jobs((0..1000).map(|i| job(&format!("j{i}"), 60)).collect());
        let mut texts: Vec<_> = (0..1000).map(|i| job(&format!("j{i}"), 60)).collect();
        texts[500] = job("j500", 30);
        let new = old.followed_by(texts, &BTreeSet::new());
        let changes = new.changes_from(&old);
        assert_eq!(
            (names(&changes.stopped), names(&changes.started), changes.kept),
            ("j500/60 ".into(), "j500/30 ".into(), 999)
        );
        assert!(Arc::ptr_eq(&old.0[7], &new.0[7]));
        assert_eq!(changes.to_string(), "1 stopped, 1 started, 999 untouched");
    }

    #[test]
    fn a_refused_target_stays_as_it_was() {
        let old = Jobs(vec![job("a", 10), job("b", 10), job("b", 20)]);
        let new = old.followed_by(vec![job("a", 15)], &BTreeSet::from(["b".to_owned(), "never".to_owned()]));
        assert_eq!(names(&new.0), "a/15 b/10 b/20 ");
        assert_eq!(new.changes_from(&old).kept, 2);
    }

    #[test]
    fn equal_jobs_of_one_name_are_paired_one_by_one() {
        let old = Jobs(vec![job("a", 10), job("a", 10)]);
        let new = old.followed_by(vec![job("a", 10), job("a", 10), job("a", 10)], &BTreeSet::new());
        let changes = new.changes_from(&old);
        assert_eq!((changes.stopped.len(), changes.started.len(), changes.kept), (0, 1, 2));
    }
}
