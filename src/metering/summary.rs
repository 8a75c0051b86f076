//! Endpoints put together by target name and namespace: however many pods a target has, it is one series.

use crate::scrape::failure::ErrorClass;
use crate::scrape::state::{Health, Report, TargetState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the endpoints of one target name and namespace are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// `targetName`.
    pub name: Arc<str>,
    /// `PodMonitor`, `ServiceMonitor` or `StaticEndpoints`.
    pub kind: &'static str,
    /// Where it was found; `None` for a static one.
    pub namespace: Option<Arc<str>>,
    /// Endpoints whose last scrape went well.
    pub up: u64,
    /// Endpoints that were scraped.
    pub total: u64,
    /// The longest of their last scrapes.
    pub max_duration_ms: u64,
    /// Bytes of their last bodies together.
    pub bytes: u64,
    /// The class of a failure among them, 0 when there is none.
    pub error_code: u8,
}

/// Sums up the targets that were scraped at least once, by name and namespace.
pub fn summaries(targets: &[Arc<TargetState>]) -> Vec<Summary> {
    let mut by_name: BTreeMap<(Arc<str>, Option<Arc<str>>), Summary> = BTreeMap::new();
    for state in targets {
        let report = state.report();
        if report.health == Health::Unknown {
            continue;
        }
        let (name, namespace) = (&state.target.job.name, &state.target.namespace);
        let fresh = || Summary::none(name, state.target.job.discover.type_name(), namespace.as_ref());
        by_name.entry((Arc::clone(name), namespace.clone())).or_insert_with(fresh).add(&report);
    }
    by_name.into_values().collect()
}

/// How much later than it ended a scrape may have come into the table: better a URL twice than never.
const BOOKKEEPING_MS: i64 = 1_000;

/// The URLs of the targets whose last scrape ended after that moment (Unix milliseconds), each once, in order.
pub fn urls_since(targets: &[Arc<TargetState>], since_ms: i64) -> Vec<String> {
    let scraped = targets.iter().filter(|state| {
        let report = state.report();
        let ended = report.last_scrape.saturating_add(i64::try_from(report.duration.as_millis()).unwrap_or(i64::MAX));
        report.health != Health::Unknown && ended >= since_ms.saturating_sub(BOOKKEEPING_MS)
    });
    let mut urls: Vec<String> = scraped.map(|state| state.target.url()).collect();
    urls.sort_unstable();
    urls.dedup();
    urls
}

impl Summary {
    fn none(name: &Arc<str>, kind: &'static str, namespace: Option<&Arc<str>>) -> Self {
        let (name, namespace) = (Arc::clone(name), namespace.cloned());
        Self { name, kind, namespace, up: 0, total: 0, max_duration_ms: 0, bytes: 0, error_code: 0 }
    }

    fn add(&mut self, report: &Report) {
        self.total += 1;
        self.up += u64::from(report.health == Health::Up);
        let duration = u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX);
        self.max_duration_ms = self.max_duration_ms.max(duration);
        self.bytes = self.bytes.saturating_add(report.body_bytes);
        if report.health == Health::Down && self.error_code == 0 {
            self.error_code = report.error.as_ref().map_or(ErrorClass::Other, |error| error.class()) as u8;
        }
    }
}
