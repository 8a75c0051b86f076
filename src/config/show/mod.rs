//! The configuration in force as text: for `check --show` and the status page.
//!
//! # Invariants
//! Secrets are masked. What is shown of a job reads back as the same job, masked secrets apart.

mod credentials;
mod job;
mod yaml;

use super::jobs::Jobs;
use super::settings::{Origin, Settings};
use job::{write_job, write_labels};
use yaml::Yaml;

/// Every key of whatap.conf with its value in force and where that came from.
pub fn settings(settings: &Settings) -> String {
    let line = |entry: super::settings::Entry| {
        let origin = match entry.origin {
            Origin::Default => "default".to_owned(),
            Origin::File(name) => format!("whatap.conf: {name}"),
            Origin::Environment(name) => format!("environment: {name}"),
        };
        format!("{:<64} # {origin}\n", format!("{}={}", entry.name, entry.value))
    };
    settings.entries().map(line).collect()
}

/// Every job in the CR format, complete.
pub fn jobs(jobs: &Jobs) -> String {
    let mut out = "features:\n  openAgent:\n    enabled: true\n    targets:\n".to_owned();
    if jobs.0.is_empty() {
        out.push_str("      []\n");
    }
    for job in &jobs.0 {
        let _ = write_job(&mut Yaml { out: &mut out, depth: 3 }, job); // writing to a String does not fail
    }
    let external = jobs.0.first().map(|job| &job.external_labels).filter(|labels| !labels.is_empty());
    if let Some(labels) = external {
        let _ = write_labels(&mut Yaml { out: &mut out, depth: 0 }.under("global"), "external_labels", labels);
    }
    out
}
