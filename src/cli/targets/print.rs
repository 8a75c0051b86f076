//! Targets for people, a block each, or as JSON lines.

use super::findings::Findings;
use crate::config::ScrapeJob;
use crate::discovery::packed::PackedLabels;
use crate::discovery::resolve::explain;
use crate::discovery::{Dropped, Target};
use crate::duration;
use crate::labels::Labels;
use crate::relabel::Step;
use serde::Serialize;
use std::io::{self, Write};

/// How it is printed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Style {
    /// One JSON object a line.
    pub json: bool,
    /// With the labels before relabelling and what each rule did to them.
    pub explain: bool,
}

/// Prints what was found.
pub(super) fn print(findings: &Findings, style: Style, out: &mut impl Write) -> io::Result<()> {
    let targets = findings.discovered.targets.iter().map(|target| Line::of_target(target, style));
    let dropped = findings.discovered.dropped.iter().map(|dropped| Line::of_dropped(dropped, style));
    let missed = findings.missed.iter().map(|(job, missed)| Line {
        found: Some(missed.what.clone()),
        dropped: Some(missed.reason.to_string()),
        ..Line::of_job(job)
    });
    for line in targets.chain(dropped).chain(missed) {
        if style.json {
            serde_json::to_writer(&mut *out, &line)?;
            writeln!(out)?;
        } else {
            line.write(out)?;
        }
    }
    if style.json { Ok(()) } else { write_sum(findings, out) }
}

fn write_sum(findings: &Findings, out: &mut impl Write) -> io::Result<()> {
    let not_scraped = findings.discovered.dropped.len() + findings.missed.len();
    writeln!(out, "targets: {}, not scraped: {not_scraped}", findings.discovered.targets.len())
}

/// A target, or something that is none.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    target_name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Labels>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
    /// What was found and is no target: an address, a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    /// Why it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discovered: Option<PackedLabels>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<Step>,
}

impl Line {
    fn of_job(job: &ScrapeJob) -> Self {
        Self { target_name: job.name.to_string(), kind: job.discover.type_name(), ..Self::default() }
    }

    fn of_target(target: &Target, style: Style) -> Self {
        Self {
            namespace: target.namespace.as_deref().map(str::to_owned),
            url: Some(target.url()),
            labels: Some(target.labels.clone()),
            interval: Some(duration::format(target.interval)),
            timeout: Some(duration::format(target.timeout)),
            ..Self::of_job(&target.job)
        }
        .explained(&target.job, &target.discovered, style)
    }

    fn of_dropped(dropped: &Dropped, style: Style) -> Self {
        Self {
            namespace: dropped.namespace.as_deref().map(str::to_owned),
            found: Some(dropped.address.clone()),
            dropped: Some(dropped.reason.to_string()),
            ..Self::of_job(&dropped.job)
        }
        .explained(&dropped.job, &dropped.discovered, style)
    }

    fn explained(mut self, job: &ScrapeJob, discovered: &PackedLabels, style: Style) -> Self {
        if style.explain {
            self.discovered = Some(discovered.clone());
            self.steps = explain(job, discovered).steps;
        }
        self
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let name = &self.target_name;
        match (&self.url, &self.labels) {
            (Some(url), Some(labels)) => {
                let [interval, timeout] =
                    [&self.interval, &self.timeout].map(|time| time.as_deref().unwrap_or_default());
                writeln!(out, "{url}\n  target {name:?}, every {interval}, timeout {timeout}\n  labels {labels}")?;
            }
            _ => {
                let [found, why] = [&self.found, &self.dropped].map(|text| text.as_deref().unwrap_or_default());
                writeln!(out, "not scraped: {found}\n  target {name:?}: {why}")?;
            }
        }
        if let Some(discovered) = &self.discovered {
            writeln!(out, "  before relabelling {}", discovered.unpack())?;
        }
        self.steps.iter().try_for_each(|step| writeln!(out, "  {step}"))
    }
}
