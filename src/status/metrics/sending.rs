//! The metrics of sending: what went, what waits and for how long, what was given up.

use super::super::Sources;
use super::super::exposition::Metrics;
use super::single;
use crate::scrape::run::unix_ms;
use crate::sender::{DropReason, SenderState};

/// Writes the families.
pub(super) fn write(metrics: &mut Metrics, sources: &Sources) {
    let sender = &*sources.sender;
    counts(metrics, sender);
    drops(metrics, sender);
    let age = |since: Option<i64>| since.map_or(0.0, |since| (unix_ms() - since).max(0) as f64 / 1e3);
    for (name, help, value) in [
        ("openagent_connected", "1 while a session with the server is up.", f64::from(u8::from(sender.is_connected()))),
        ("openagent_queue_bytes", "Bytes that wait in memory.", sources.queue.bytes() as f64),
        (
            "openagent_queue_age_seconds",
            "Age of the oldest that waits in memory, one pack early at most; 0 when none does.",
            age(sources.queue.oldest_ms()),
        ),
        ("openagent_unacked_bytes", "Bytes sent that the server has not shown to have.", sender.unacked_bytes() as f64),
        ("openagent_spool_bytes", "Bytes that wait on disk.", sender.spool_bytes() as f64),
        (
            "openagent_spool_age_seconds",
            "Age of the oldest pack on disk; 0 when there is none.",
            age(sender.spool_oldest_ms()),
        ),
        (
            "openagent_spool_usable",
            "0 while the spool cannot be used.",
            f64::from(u8::from(sender.spool_fault().is_none())),
        ),
        (
            "openagent_clock_offset_seconds",
            "How far the server's clock is ahead.",
            sender.clock_offset_ms() as f64 / 1e3,
        ),
    ] {
        metrics.gauge(name, help, single(value));
    }
}

fn counts(metrics: &mut Metrics, sender: &SenderState) {
    metrics.counter("openagent_sessions", "Sessions set up with the server.", single(sender.sessions() as f64));
    for (name, help, counter) in [
        ("openagent_sent_frames", "Frames sent to the server.", &sender.frames_sent),
        ("openagent_sent_bytes", "Bytes sent to the server.", &sender.bytes_sent),
        ("openagent_sent_records", "Records sent to the server.", &sender.records_sent),
        ("openagent_resent_frames", "Frames sent again after a session broke.", &sender.frames_resent),
        ("openagent_replayed_frames", "Frames sent out of the spool.", &sender.frames_replayed),
        ("openagent_delivered_packs", "Packs the server has, as far as one can know.", &sender.packs_delivered),
        ("openagent_spooled_packs", "Packs written to the spool.", &sender.packs_spooled),
        ("openagent_connects_failed", "Attempts to set up a session that failed.", &sender.connects_failed),
        ("openagent_sessions_lost", "Sessions that broke.", &sender.sessions_lost),
        ("openagent_frames_ignored", "Frames of the server not meant for the session.", &sender.frames_ignored),
        ("openagent_commands_lost", "Commands of the server that nobody took in time.", &sender.commands_lost),
    ] {
        metrics.counter(name, help, single(counter.value() as f64));
    }
}

fn drops(metrics: &mut Metrics, sender: &SenderState) {
    let reasons = DropReason::ALL.map(|reason| [("reason", reason.as_str())]);
    let rows = || reasons.iter().zip(DropReason::ALL);
    metrics.counter(
        "openagent_packs_dropped",
        "Packs given up, by the reason.",
        rows().map(|(labels, reason)| (labels.as_slice(), sender.drops.packs(reason) as f64)),
    );
    metrics.counter(
        "openagent_records_dropped",
        "Records in packs given up, by the reason.",
        rows().map(|(labels, reason)| (labels.as_slice(), sender.drops.records(reason) as f64)),
    );
}
