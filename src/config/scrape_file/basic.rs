//! The basic format: `global` and `scrape_configs`, with Prometheus' own keys.

use super::cursor::Cursor;
use super::fields::Fields;
use super::limits::LimitOptions;
use super::options::{Defaults, Names, Options};
use super::selectors::read_address;
use super::values::{labels_of, read_labels, read_names};
use super::{Found, Reading};
use crate::config::job::Discover;
use std::collections::BTreeSet;
use std::sync::Arc;

const NAMES: Names = Names { interval: "scrapeInterval", timeout: "scrapeTimeout", path: "metricsPath" };

/// Keys of `global` that concern what this agent does not do.
const GLOBAL_WITHOUT_EFFECT: [&str; 11] = [
    "evaluationInterval",
    "ruleQueryOffset",
    "queryLogFile",
    "scrapeFailureLogFile",
    "scrapeProtocols",
    "keepDroppedTargets",
    "metricNameValidationScheme",
    "metricNameEscapingScheme",
    "alwaysScrapeClassicHistograms",
    "convertClassicHistogramsToNhcb",
    "scrapeNativeHistograms",
];

/// Keys of a job that concern what this agent does not do, or always does.
const JOB_WITHOUT_EFFECT: [&str; 16] = [
    "scrapeProtocols",
    "fallbackScrapeProtocol",
    "scrapeClassicHistograms",
    "alwaysScrapeClassicHistograms",
    "convertClassicHistogramsToNhcb",
    "scrapeNativeHistograms",
    "nativeHistogramBucketLimit",
    "nativeHistogramMinBucketFactor",
    "trackTimestampsStaleness",
    "enableCompression",
    "enableHttp2",
    "keepDroppedTargets",
    "metricNameValidationScheme",
    "metricNameEscapingScheme",
    "scrapeFailureLogFile",
    "noProxy",
];

/// Prometheus' ways of discovery that have no counterpart here.
const DISCOVERIES: [&str; 8] = [
    "kubernetesSdConfigs",
    "fileSdConfigs",
    "httpSdConfigs",
    "dnsSdConfigs",
    "consulSdConfigs",
    "ec2SdConfigs",
    "gceSdConfigs",
    "dockerSdConfigs",
];

/// Reads `global` over the defaults.
pub fn read_global(global: &Cursor<'_>, defaults: Defaults, reading: &Reading<'_>) -> Defaults {
    let Some(fields) = global.fields() else { return defaults };
    let interval = fields.take(NAMES.interval).and_then(|value| value.duration());
    let timeout = fields.take(NAMES.timeout).and_then(|value| value.duration());
    let labels = fields.take("externalLabels").map(|map| read_labels(&map)).unwrap_or_default();
    let limits = LimitOptions::read(&fields).over(defaults.limits, global);
    fields.without_effect(&GLOBAL_WITHOUT_EFFECT, "");
    reading.finish(fields);
    Defaults {
        interval: interval.unwrap_or(defaults.interval),
        timeout: timeout.unwrap_or(defaults.timeout),
        external_labels: labels_of(&labels),
        limits,
        ..defaults
    }
}

/// Reads `scrape_configs`.
pub fn read_jobs(list: &Cursor<'_>, defaults: &Defaults, reading: &Reading<'_>) -> Vec<Found> {
    list.items().iter().map(|item| reading.item(item, |item| read_job(item, defaults, reading))).collect()
}

fn read_job(job: &Cursor<'_>, defaults: &Defaults, reading: &Reading<'_>) -> Found {
    let Some(fields) = job.fields() else { return Found::default() };
    let name = fields.need("jobName", "give the job a name").and_then(|value| value.word().map(str::to_owned));
    let options = Options::read(&fields, NAMES, &reading.rules);
    let groups = read_groups(&fields);
    tell_discoveries(&fields);
    fields.without_effect(&JOB_WITHOUT_EFFECT, "");
    fields.finish();
    let mut found = Found { name, ..Found::default() };
    for Group { addresses, options: own } in groups {
        let name = found.name.as_deref().unwrap_or_default();
        found.jobs.push(own.or(&options).job(name, Discover::Static(addresses), defaults, job).into());
    }
    found
}

/// Targets with labels and filter of their own.
struct Group {
    addresses: Vec<String>,
    options: Options,
}

/// `static_config` (one group) and `static_configs` (a list of them); each is accepted in the other's form.
fn read_groups(fields: &Fields<'_>) -> Vec<Group> {
    let written: Vec<_> = ["staticConfig", "staticConfigs"].into_iter().filter_map(|name| fields.take(name)).collect();
    if written.is_empty() {
        fields.whole().error("static_config is missing; write static_config: {targets: [host:port]}");
    }
    let groups = written.into_iter().flat_map(|one| if one.is_list() { one.items() } else { vec![one] });
    groups.filter_map(|group| read_group(&group)).collect()
}

fn read_group(group: &Cursor<'_>) -> Option<Group> {
    let fields = group.fields()?;
    let targets = fields.need("targets", "write targets: [host:port]");
    let labels = fields.take("labels").map(|map| read_labels(&map)).unwrap_or_default();
    let keep_names = fields.take("filter").and_then(|filter| read_filter(&filter));
    fields.finish();
    let addresses = targets?.items().iter().filter_map(read_address).collect();
    Some(Group { addresses, options: Options::of_group(labels, keep_names) })
}

/// `filter: {enabled: true, whitelist: [name]}`
fn read_filter(filter: &Cursor<'_>) -> Option<Arc<BTreeSet<String>>> {
    let fields = filter.fields()?;
    let enabled = fields.take("enabled").and_then(|value| value.boolean()).unwrap_or(false);
    let names = fields.take("whitelist").and_then(|list| read_names(&list));
    fields.finish();
    if !enabled && names.is_some() {
        filter.warning("its whitelist has no effect without enabled: true");
    }
    names.filter(|_| enabled)
}

fn tell_discoveries(fields: &Fields<'_>) {
    for found in DISCOVERIES.iter().filter_map(|name| fields.take(name)) {
        found.error("this way of discovery is not there; for Kubernetes write a PodMonitor or ServiceMonitor under features.openAgent.targets");
    }
}
