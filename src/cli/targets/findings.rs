//! What there is to print: targets, what is not scraped, what could not be asked.

use crate::agent::cluster::{poll_settings, shard};
use crate::config::{ScrapeFile, ScrapeJob, Settings};
use crate::discovery::Discovered;
use crate::discovery::kubernetes::Missed;
use crate::discovery::kubernetes::api::Client;
use crate::discovery::kubernetes::ask::Learned;
use crate::discovery::kubernetes::collect::JobTargets;
use crate::discovery::kubernetes::poll::is_kubernetes;
use crate::discovery::kubernetes::round::round;
use std::sync::Arc;

/// The outcome of one look.
pub(super) struct Findings {
    /// Targets, and what was found and is none.
    pub discovered: Discovered,
    /// What the cluster has and is no target, with its job.
    pub missed: Vec<(Arc<ScrapeJob>, Missed)>,
    /// What else is to be told, a line each.
    pub faults: Vec<String>,
    /// Whether the configuration or the API server failed in part.
    pub failed: bool,
}

impl Findings {
    /// Looks once: at the jobs of a configuration and, where they ask for it, at the cluster.
    pub fn of(file: &ScrapeFile, settings: &Settings, client: Option<&Client>) -> Self {
        let mut faults: Vec<String> = file.faults.iter().map(ToString::to_string).collect();
        let mut failed = file.faults.iter().any(|fault| fault.is_error());
        let cluster = look(&file.jobs, settings, client, &mut faults);
        let of_job = |job: &Arc<ScrapeJob>| cluster.iter().find(|of| of.job == *job);
        let mut discovered =
            Discovered::of(&file.jobs, |job| of_job(job).map(|of| of.targets.clone()).unwrap_or_default());
        let mut missed = Vec::new();
        for of in &cluster {
            discovered.dropped.extend(of.dropped.iter().cloned());
            missed.extend(of.missed.iter().map(|missed| (Arc::clone(&of.job), missed.clone())));
            failed |= !of.faults.is_empty();
            faults.extend(told(of));
        }
        let elsewhere = discovered.keep_own(shard(settings));
        if elsewhere > 0 {
            faults.push(format!("{elsewhere} static targets are scraped by other members of the cluster"));
        }
        Self { discovered, missed, faults, failed }
    }
}

fn look(
    jobs: &[Arc<ScrapeJob>],
    settings: &Settings,
    client: Option<&Client>,
    faults: &mut Vec<String>,
) -> Vec<JobTargets> {
    let jobs: Vec<_> = jobs.iter().filter(|job| is_kubernetes(job)).cloned().collect();
    match client {
        _ if jobs.is_empty() => Vec::new(),
        Some(client) => {
            let settings = poll_settings(settings).round;
            round(client, &mut Learned::default(), &settings, &jobs, &[]).jobs
        }
        None => {
            let skipped = |job: &Arc<ScrapeJob>| {
                format!("target {:?}: a {} finds nothing with --standalone", job.name, job.discover.type_name())
            };
            faults.extend(jobs.iter().map(skipped));
            Vec::new()
        }
    }
}

/// What a job's look at the cluster leaves to tell beside its targets.
fn told(of: &JobTargets) -> Vec<String> {
    let name = &of.job.name;
    let fault = |namespace: Option<&str>, what: &str| match namespace {
        Some(namespace) => format!("target {name:?}, namespace {namespace}: {what}"),
        None => format!("target {name:?}: {what}"),
    };
    let mut lines: Vec<_> = of.faults.iter().map(|one| fault(one.namespace.as_deref(), &one.what)).collect();
    if of.untold > 0 {
        lines.push(format!("target {name:?}: {} more are not scraped", of.untold));
    }
    if of.elsewhere > 0 {
        lines.push(format!("target {name:?}: {} are scraped by other members of the cluster", of.elsewhere));
    }
    lines
}
