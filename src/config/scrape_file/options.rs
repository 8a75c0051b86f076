//! How a target is scraped, as far as one place of the file says it: an endpoint, a target, a `scrape_configs` entry.
//!
//! An endpoint's [`Options`] are completed from its target's and those from the defaults, in [`Options::or`] and
//! [`Options::job`]; labels are joined, everything else is taken whole.

use super::Context;
use super::credentials::{read_credentials, read_tls};
use super::cursor::Cursor;
use super::fields::Fields;
use super::limits::LimitOptions;
use super::rules::RuleCache;
use super::values::{labels_of, read_adaptive, read_labels, read_names, read_params, read_path, read_scheme};
use crate::config::job::{AdaptiveTimeout, Credentials, Discover, Limits, Scheme, ScrapeJob, TlsSettings};
use crate::labels::Labels;
use crate::relabel::Rules;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The keys that the two formats name differently.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// Time between scrapes.
    pub interval: &'static str,
    /// Bound of a scrape.
    pub timeout: &'static str,
    /// Path of the URL.
    pub path: &'static str,
}

/// What is written in one place; `None` leaves it to the next.
#[derive(Debug, Clone, Default)]
pub struct Options {
    scheme: Option<Scheme>,
    path: Option<String>,
    params: Option<Vec<(String, Vec<String>)>>,
    interval: Option<Duration>,
    timeout: Option<Duration>,
    honor_labels: Option<bool>,
    honor_timestamps: Option<bool>,
    labels: Vec<(String, String)>,
    /// metricSelector; the inner `None` keeps every name.
    keep_names: Option<Option<Arc<BTreeSet<String>>>>,
    relabel: Option<Arc<Rules>>,
    metric_relabel: Option<Arc<Rules>>,
    add_node_label: Option<bool>,
    tls: Option<TlsSettings>,
    credentials: Option<Credentials>,
    limits: LimitOptions,
    /// adaptiveTimeout; the inner `None` is switched off.
    adaptive_timeout: Option<Option<AdaptiveTimeout>>,
    follow_redirects: Option<bool>,
    proxy_url: Option<String>,
}

/// What holds for every target of a file that says nothing else.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// Time between scrapes.
    pub interval: Duration,
    /// The least time between scrapes.
    pub minimum_interval: Duration,
    /// Bound of a scrape.
    pub timeout: Duration,
    /// Path of the URL.
    pub path: String,
    /// Limits.
    pub limits: Limits,
    /// Labels added last.
    pub external_labels: Labels,
}

impl Defaults {
    /// Those of a file that says nothing: every minute, 10 s, `/metrics`, not under a second.
    pub fn new(context: &Context) -> Self {
        let new = ScrapeJob::new("", Discover::Static(Vec::new()));
        Self {
            interval: new.interval,
            minimum_interval: Duration::from_secs(1),
            timeout: new.timeout,
            path: new.path,
            limits: context.limits,
            external_labels: Labels::default(),
        }
    }
}

impl Options {
    /// Takes every key of a scrape out of a mapping.
    pub fn read(fields: &Fields<'_>, names: Names, rules: &RuleCache) -> Self {
        let boolean = |name| fields.take(name).and_then(|value| value.boolean());
        let rules_of = |name| fields.take(name).and_then(|list| rules.read(&list));
        Self {
            scheme: fields.take("scheme").and_then(|value| read_scheme(&value)),
            path: fields.take(names.path).and_then(|value| read_path(&value)),
            params: fields.take("params").map(|map| read_params(&map)),
            interval: fields.take(names.interval).and_then(|value| value.duration()),
            timeout: fields.take(names.timeout).and_then(|value| value.duration()),
            honor_labels: boolean("honorLabels"),
            honor_timestamps: boolean("honorTimestamps"),
            labels: fields.take("labels").map(|map| read_labels(&map)).unwrap_or_default(),
            keep_names: fields.take("metricSelector").map(|list| read_names(&list)),
            relabel: rules_of("relabelConfigs"),
            metric_relabel: rules_of("metricRelabelConfigs"),
            add_node_label: boolean("addNodeLabel"),
            tls: fields.take("tlsConfig").and_then(|map| read_tls(&map)),
            credentials: read_credentials(fields),
            limits: LimitOptions::read(fields),
            adaptive_timeout: fields.take("adaptiveTimeout").and_then(|map| read_adaptive(&map)),
            follow_redirects: boolean("followRedirects"),
            proxy_url: fields.take("proxyUrl").and_then(|value| value.word().map(str::to_owned)),
        }
    }

    /// What a group of static targets says: labels and names that are kept.
    pub fn of_group(labels: Vec<(String, String)>, keep_names: Option<Arc<BTreeSet<String>>>) -> Self {
        Self { labels, keep_names: keep_names.map(Some), ..Self::default() }
    }

    /// Completes what is not said here from what is said there.
    pub fn or(self, other: &Self) -> Self {
        Self {
            scheme: self.scheme.or(other.scheme),
            path: self.path.or_else(|| other.path.clone()),
            params: self.params.or_else(|| other.params.clone()),
            interval: self.interval.or(other.interval),
            timeout: self.timeout.or(other.timeout),
            honor_labels: self.honor_labels.or(other.honor_labels),
            honor_timestamps: self.honor_timestamps.or(other.honor_timestamps),
            labels: self.labels.into_iter().chain(other.labels.iter().cloned()).collect(),
            keep_names: self.keep_names.or_else(|| other.keep_names.clone()),
            relabel: self.relabel.or_else(|| other.relabel.clone()),
            metric_relabel: self.metric_relabel.or_else(|| other.metric_relabel.clone()),
            add_node_label: self.add_node_label.or(other.add_node_label),
            tls: self.tls.or_else(|| other.tls.clone()),
            credentials: self.credentials.or_else(|| other.credentials.clone()),
            limits: self.limits.or(other.limits),
            adaptive_timeout: self.adaptive_timeout.or(other.adaptive_timeout),
            follow_redirects: self.follow_redirects.or(other.follow_redirects),
            proxy_url: self.proxy_url.or_else(|| other.proxy_url.clone()),
        }
    }

    /// The whole job; times that do not fit are mended and told at `place`.
    pub fn job(self, name: &str, discover: Discover, defaults: &Defaults, place: &Cursor<'_>) -> ScrapeJob {
        let interval = at_least(self.interval.unwrap_or(defaults.interval), defaults.minimum_interval, place);
        let timeout = match self.timeout {
            Some(timeout) => at_most(timeout, interval, place),
            None => defaults.timeout.min(interval),
        };
        let new = ScrapeJob::new(name, discover);
        ScrapeJob {
            scheme: self.scheme,
            path: self.path.unwrap_or_else(|| defaults.path.clone()),
            params: self.params.unwrap_or_default(),
            interval,
            timeout,
            honor_labels: self.honor_labels.unwrap_or(new.honor_labels),
            honor_timestamps: self.honor_timestamps.unwrap_or(new.honor_timestamps),
            labels: labels_of(&self.labels),
            external_labels: defaults.external_labels.clone(),
            keep_names: self.keep_names.flatten(),
            relabel: self.relabel.unwrap_or_default(),
            metric_relabel: self.metric_relabel.unwrap_or_default(),
            add_node_label: self.add_node_label.unwrap_or(new.add_node_label),
            tls: self.tls,
            credentials: self.credentials.unwrap_or_default(),
            limits: self.limits.over(defaults.limits, place),
            adaptive_timeout: self.adaptive_timeout.unwrap_or(new.adaptive_timeout),
            follow_redirects: self.follow_redirects.unwrap_or(new.follow_redirects),
            proxy_url: self.proxy_url,
            ..new
        }
    }
}

fn at_least(interval: Duration, minimum: Duration, place: &Cursor<'_>) -> Duration {
    if interval < minimum {
        let [interval, minimum] = [interval, minimum].map(crate::duration::format);
        place.warning(format!("its interval {interval} is raised to the minimum of {minimum}"));
    }
    interval.max(minimum)
}

fn at_most(timeout: Duration, interval: Duration, place: &Cursor<'_>) -> Duration {
    if timeout > interval {
        let [timeout, interval] = [timeout, interval].map(crate::duration::format);
        place.warning(format!("its timeout {timeout} is cut to its interval {interval}"));
    }
    timeout.min(interval)
}
