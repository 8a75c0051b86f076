//! The agent's own metrics, for `/metrics` and for `openagent try`.
//!
//! # Invariants
//! Reading them takes no lock that a scrape or the sender waits for longer than a copy.

mod sending;

use super::Sources;
use super::exposition::{LabelPairs, Metrics};
use super::overview::TargetCounts;
use crate::scrape::failure::ErrorClass;
use crate::scrape::state::Health;
use crate::scrape::tally::DropReason;
use crate::telemetry::counters::{COUNTERS, LATENESS_BOUNDS};
use crate::telemetry::{build, process};
use std::time::UNIX_EPOCH;

/// Writes all families in the format that `accept` prefers; gives Content-Type and body.
pub fn write(sources: &Sources, accept: &str) -> (&'static str, Vec<u8>) {
    let mut metrics = Metrics::for_accept(accept);
    build_info(&mut metrics);
    scraping(&mut metrics);
    targets(&mut metrics, sources);
    sending::write(&mut metrics, sources);
    configuration(&mut metrics, sources);
    kubernetes(&mut metrics);
    process_costs(&mut metrics);
    metrics.finish()
}

/// One sample without labels.
fn single(value: f64) -> [(LabelPairs<'static>, f64); 1] {
    [(&[], value)]
}

fn build_info(metrics: &mut Metrics) {
    let labels = [("version", build::VERSION), ("commit", build::COMMIT), ("arch", build::arch())];
    metrics.gauge("openagent_build_info", "A constant 1 with the build's version.", [(labels.as_slice(), 1.0)]);
}

fn scraping(metrics: &mut Metrics) {
    let results = ErrorClass::ALL.map(|class| [("result", class.as_str())]);
    metrics.counter(
        "openagent_scrapes",
        "Scrapes that ended, by their result.",
        results.iter().zip(&COUNTERS.scrapes).map(|(labels, count)| (labels.as_slice(), count.value() as f64)),
    );
    let reasons = DropReason::ALL.map(|reason| [("reason", reason.as_str())]);
    metrics.counter(
        "openagent_samples_dropped",
        "Samples not sent, by the reason.",
        reasons.iter().zip(&COUNTERS.samples_dropped).map(|(labels, count)| (labels.as_slice(), count.value() as f64)),
    );
    for (name, help, counter) in [
        ("openagent_samples_scraped", "Samples read from bodies.", &COUNTERS.samples_scraped),
        ("openagent_samples_kept", "Samples handed to the sender.", &COUNTERS.samples_kept),
        (
            "openagent_samples_known",
            "Samples kept whose series was known from a scrape before.",
            &COUNTERS.samples_known,
        ),
        ("openagent_scrape_body_bytes", "Bytes of bodies after inflation.", &COUNTERS.body_bytes),
        ("openagent_scrape_slots_missed", "Slots missed while the last scrape still ran.", &COUNTERS.slots_missed),
        (
            "openagent_content_type_fallbacks",
            "Bodies read as text for want of a Content-Type that names a format.",
            &COUNTERS.content_type_fallbacks,
        ),
    ] {
        metrics.counter(name, help, single(counter.value() as f64));
    }
    let lateness = &COUNTERS.lateness;
    metrics.histogram(
        "openagent_scrape_lateness_seconds",
        "How long after its slot a scrape began.",
        &LATENESS_BOUNDS,
        &lateness.buckets(),
        lateness.sum(),
    );
}

fn targets(metrics: &mut Metrics, sources: &Sources) {
    let counts = TargetCounts::of(sources);
    let healths = [(Health::Up, counts.up), (Health::Down, counts.down), (Health::Unknown, counts.unknown)];
    let labels = healths.map(|(health, _)| [("health", health.as_str())]);
    let samples = labels.iter().zip(healths).map(|(labels, (_, count))| (labels.as_slice(), count as f64));
    metrics.gauge("openagent_targets", "Targets by health.", samples);
    for (name, help, count) in [
        ("openagent_targets_in_slow_lane", "Targets that timed out last.", counts.slow),
        ("openagent_targets_dropped", "Targets found and not scraped: dropped by a rule or a limit.", counts.dropped),
    ] {
        metrics.gauge(name, help, single(count as f64));
    }
}

fn configuration(metrics: &mut Metrics, sources: &Sources) {
    let Some(reload) = &sources.reload else { return };
    let outcome = reload.outcome();
    let successful = if outcome.successful { 1.0 } else { 0.0 };
    metrics.gauge(
        "openagent_config_last_reload_successful",
        "1 while the configuration files hold no error; otherwise the last good ones are in force.",
        single(successful),
    );
    let seconds = outcome.last_success.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    metrics.gauge(
        "openagent_config_last_reload_success_timestamp_seconds",
        "When the configuration files were last read without an error, in seconds since 1970.",
        single(seconds.map_or(0.0, |seconds| seconds.as_secs_f64())),
    );
    metrics.gauge(
        "openagent_config_faults",
        "Faults in the configuration files as they are now.",
        single(outcome.faults().count() as f64),
    );
    metrics.counter(
        "openagent_config_reads",
        "Changed configurations read, the first one included.",
        single(outcome.changes as f64),
    );
}

fn kubernetes(metrics: &mut Metrics) {
    let counters = &COUNTERS.kubernetes;
    let codes = counters.by_code().map(|(code, count)| ([("code", code)], count));
    metrics.counter(
        "openagent_kubernetes_requests",
        "Requests to the Kubernetes API server, by the status of the answer.",
        codes.iter().map(|(labels, count)| (labels.as_slice(), *count as f64)),
    );
    for (name, help, counter) in [
        ("openagent_kubernetes_response_bytes", "Bytes of the API server's answers after inflation.", &counters.bytes),
        ("openagent_kubernetes_polls", "Rounds of polling the API server.", &counters.polls),
    ] {
        metrics.counter(name, help, single(counter.value() as f64));
    }
}

fn process_costs(metrics: &mut Metrics) {
    let usage = process::usage();
    if let Some(seconds) = usage.cpu_seconds {
        metrics.counter("process_cpu_seconds", "Processor time of user and kernel.", single(seconds));
    }
    for (name, help, value) in [
        ("process_resident_memory_bytes", "Resident memory.", usage.resident_bytes.map(|bytes| bytes as f64)),
        ("process_virtual_memory_bytes", "Virtual memory.", usage.virtual_bytes.map(|bytes| bytes as f64)),
        ("process_open_fds", "Open descriptors.", usage.open_fds.map(|count| count as f64)),
        ("process_max_fds", "The most descriptors it may open.", usage.max_fds.map(|count| count as f64)),
        ("process_threads", "Threads.", usage.threads.map(|count| count as f64)),
        ("process_start_time_seconds", "When the process started, in seconds since 1970.", usage.start_seconds),
    ] {
        if let Some(value) = value {
            metrics.gauge(name, help, single(value));
        }
    }
}
