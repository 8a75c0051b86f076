//! JSON in the shape of Prometheus' API, so that what reads a Prometheus reads the agent: `/api/v1/targets`,
//! `/api/v1/status/config`; and `/api/v1/status/agent`, the agent's own.
//!
//! # Invariants
//! Targets are written one by one: a list of thousands takes no more memory than one of them.

use super::Sources;
use super::dropped::DroppedTarget;
use super::http::{Request, Response};
use super::overview::Overview;
use crate::duration;
use crate::labels::Labels;
use crate::scrape::state::{Report, TargetState};
use crate::telemetry::log_format::LocalTime;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

const JSON: &str = "application/json";

/// What Prometheus says of a target that was never scraped: Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// One target being scraped; the fields after `scrapeTimeout` are the agent's own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveTarget<'a> {
    discovered_labels: Labels,
    labels: &'a Labels,
    scrape_pool: &'a str,
    scrape_url: String,
    global_url: String,
    last_error: String,
    last_scrape: String,
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
    id: String,
    lane: &'static str,
    next_scrape: String,
    samples_scraped: u64,
    samples_kept: u64,
    body_bytes: u64,
    scrapes: u64,
    failures: u64,
}

/// One target that is not scraped; `reason` is the agent's own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dropped<'a> {
    discovered_labels: Labels,
    scrape_pool: &'a str,
    reason: &'a str,
}

/// `GET /api/v1/targets`; `state` (active, dropped, any) and `scrapePool` narrow it, as with Prometheus.
pub fn targets(sources: &Sources, request: &Request) -> Response {
    let state = request.param("state").unwrap_or("any").to_ascii_lowercase();
    if !matches!(state.as_str(), "any" | "active" | "dropped") {
        return error(400, "bad_data", "state must be active, dropped or any");
    }
    let pool = request.param("scrapePool").map(str::to_owned);
    let (active, dropped) = (sources.targets.snapshot(), sources.dropped.snapshot());
    Response::stream(JSON, move |out| {
        let wanted = |job: &str| pool.as_ref().is_none_or(|pool| pool == job);
        out.write_all(b"{\"status\":\"success\",\"data\":{\"activeTargets\":")?;
        let active = active.iter().filter(|state| wanted(&state.target.job.name));
        list(out, active.filter(|_| state != "dropped").map(|state| ActiveTarget::of(state, &state.report())))?;
        out.write_all(b",\"droppedTargets\":")?;
        let shown = dropped.iter().filter(|one| wanted(&one.job));
        list(out, shown.filter(|_| state != "active").map(Dropped::of))?;
        out.write_all(b",\"droppedTargetCounts\":")?;
        serde_json::to_writer(&mut *out, &counts(&dropped))?;
        out.write_all(b"}}\n")
    })
}

/// `GET /api/v1/status/config`: the configuration in force, secrets masked.
pub fn config(sources: &Sources) -> Response {
    match &sources.config {
        Some(config) => success(&serde_json::json!({ "yaml": config() })),
        None => error(503, "unavailable", "this agent has no configuration file"),
    }
}

/// `GET /api/v1/status/agent`: the agent in a few figures.
pub fn agent(sources: &Sources) -> Response {
    success(&Overview::of(sources))
}

fn success(data: &impl Serialize) -> Response {
    match serde_json::to_vec(&serde_json::json!({ "status": "success", "data": data })) {
        Ok(mut body) => {
            body.push(b'\n');
            Response::new(200, JSON, body)
        }
        Err(why) => error(500, "internal", &why.to_string()),
    }
}

fn error(status: u16, kind: &str, what: &str) -> Response {
    let body = serde_json::json!({ "status": "error", "errorType": kind, "error": what });
    Response::new(status, JSON, format!("{body}\n").into_bytes())
}

/// Writes a JSON list, one item at a time.
fn list(out: &mut dyn Write, items: impl Iterator<Item = impl Serialize>) -> io::Result<()> {
    out.write_all(b"[")?;
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.write_all(b",\n")?;
        }
        serde_json::to_writer(&mut *out, &item)?;
    }
    out.write_all(b"]")
}

fn counts(dropped: &[DroppedTarget]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for one in dropped {
        *counts.entry(&*one.job).or_insert(0) += 1;
    }
    counts
}

impl<'a> ActiveTarget<'a> {
    fn of(state: &'a TargetState, report: &Report) -> Self {
        let target = &*state.target;
        Self {
            discovered_labels: super::page::discovered(target),
            labels: &target.labels,
            scrape_pool: &target.job.name,
            scrape_url: target.url(),
            global_url: target.url(),
            last_error: report.error.as_ref().map(ToString::to_string).unwrap_or_default(),
            last_scrape: rfc3339(report.last_scrape),
            last_scrape_duration: report.duration.as_secs_f64(),
            health: report.health.as_str(),
            scrape_interval: duration::format(target.interval),
            scrape_timeout: duration::format(report.timeout),
            id: super::page::id_text(target.id()),
            lane: report.lane.as_str(),
            next_scrape: rfc3339(report.next_due),
            samples_scraped: report.tally.scraped,
            samples_kept: report.tally.kept,
            body_bytes: report.body_bytes,
            scrapes: report.scrapes,
            failures: report.failures,
        }
    }
}

impl<'a> Dropped<'a> {
    fn of(one: &'a DroppedTarget) -> Self {
        Self { discovered_labels: one.discovered.unpack(), scrape_pool: &one.job, reason: &one.reason }
    }
}

/// A moment in UTC; 0 is never.
fn rfc3339(unix_ms: i64) -> String {
    match u64::try_from(unix_ms) {
        Ok(unix_millis) if unix_millis > 0 => LocalTime { unix_millis, offset: 0 }.to_string(),
        _ => NEVER.to_owned(),
    }
}
