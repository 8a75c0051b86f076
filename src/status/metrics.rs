//! The agent's own metrics, for `/metrics` and for `openagent try`.
//!
//! # Invariants
//! Reading them takes no lock that a scrape or the sender waits for longer than a copy.

use super::Sources;
use super::exposition::{LabelPairs, Metrics};
use crate::scrape::failure::ErrorClass;
use crate::scrape::state::{Health, Lane, TargetState};
use crate::scrape::tally::DropReason;
use crate::telemetry::counters::{COUNTERS, LATENESS_BOUNDS};
use crate::telemetry::{build, process};
use std::sync::Arc;

/// Writes all families in the format that `accept` prefers; gives Content-Type and body.
pub fn write(sources: &Sources, accept: &str) -> (&'static str, Vec<u8>) {
    let mut metrics = Metrics::for_accept(accept);
    build_info(&mut metrics);
    scraping(&mut metrics);
    targets(&mut metrics, &sources.targets.snapshot());
    sending(&mut metrics, sources);
    process_costs(&mut metrics);
    metrics.finish()
}

/// One sample without labels.
fn single(value: f64) -> [(LabelPairs<'static>, f64); 1] {
    [(&[], value)]
}

fn build_info(metrics: &mut Metrics) {
    let labels = [("version", build::VERSION), ("commit", build::COMMIT), ("arch", build::arch())];
    metrics.gauge("openagent_build", "A constant 1 with the build's version.", [(labels.as_slice(), 1.0)]);
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

fn targets(metrics: &mut Metrics, states: &[Arc<TargetState>]) {
    let reports: Vec<_> = states.iter().map(|state| (state.health(), state.lane())).collect();
    let healths = [Health::Up, Health::Down, Health::Unknown];
    let labels = healths.map(|health| [("health", health.as_str())]);
    let count = |wanted: Health| reports.iter().filter(|(health, _)| *health == wanted).count() as f64;
    metrics.gauge(
        "openagent_targets",
        "Targets by health.",
        labels.iter().zip(healths).map(|(labels, health)| (labels.as_slice(), count(health))),
    );
    let slow = reports.iter().filter(|(_, lane)| *lane == Lane::Slow).count();
    metrics.gauge("openagent_targets_in_slow_lane", "Targets that timed out last.", single(slow as f64));
}

fn sending(metrics: &mut Metrics, sources: &Sources) {
    let sender = &sources.sender;
    for (name, help, counter) in [
        ("openagent_sent_frames", "Frames sent to the server.", &sender.frames_sent),
        ("openagent_sent_bytes", "Bytes sent to the server.", &sender.bytes_sent),
        ("openagent_sent_records", "Records sent to the server.", &sender.records_sent),
        ("openagent_resent_frames", "Frames sent again after a session broke.", &sender.frames_resent),
        ("openagent_replayed_frames", "Frames sent out of the spool.", &sender.frames_replayed),
        ("openagent_spooled_packs", "Packs written to the spool.", &sender.packs_spooled),
        ("openagent_connects_failed", "Attempts to set up a session that failed.", &sender.connects_failed),
        ("openagent_sessions_lost", "Sessions that broke.", &sender.sessions_lost),
    ] {
        metrics.counter(name, help, single(counter.value() as f64));
    }
    let connected = if sender.is_connected() { 1.0 } else { 0.0 };
    for (name, help, value) in [
        ("openagent_connected", "1 while a session with the server is up.", connected),
        ("openagent_queue_bytes", "Bytes that wait in memory.", sources.queue.bytes() as f64),
        ("openagent_unacked_bytes", "Bytes sent that the server has not shown to have.", sender.unacked_bytes() as f64),
        ("openagent_spool_bytes", "Bytes that wait on disk.", sender.spool_bytes() as f64),
        (
            "openagent_clock_offset_seconds",
            "How far the server's clock is ahead.",
            sender.clock_offset_ms() as f64 / 1e3,
        ),
    ] {
        metrics.gauge(name, help, single(value));
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
        ("process_threads", "Threads.", usage.threads.map(|count| count as f64)),
        ("process_start_time_seconds", "When the process started, in seconds since 1970.", usage.start_seconds),
    ] {
        if let Some(value) = value {
            metrics.gauge(name, help, single(value));
        }
    }
}
