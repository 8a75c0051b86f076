//! The metrics of one family: a metric's samples stand together, in the order of time, and fit each other.

use super::Owned;
use super::family::at;
use crate::exposition::{FamilyKind, Fault, number};
use std::collections::HashSet;

/// A metric's labels, sorted, without the one that tells its samples apart.
type Labels = Vec<(String, String)>;

/// The metrics seen so far and the one at hand.
#[derive(Debug, Default)]
pub(super) struct Groups {
    seen: HashSet<Labels>,
    current: Option<Group>,
}

/// One metric at one time.
#[derive(Debug)]
struct Group {
    labels: Labels,
    line: u64,
    timestamp: Option<i64>,
    series: HashSet<(String, Labels)>,
    total: bool,
    created: bool,
    parts: Parts,
}

/// What was seen of a histogram.
#[derive(Debug, Default)]
struct Parts {
    bound: Option<f64>,
    last: f64,
    count: Option<f64>,
    sum: Option<f64>,
    negative_bounds: bool,
}

impl Groups {
    /// Whether no sample came yet.
    pub fn is_empty(&self) -> bool {
        self.current.is_none()
    }

    /// Adds a sample whose name is `family` and `suffix`.
    pub fn add(
        &mut self,
        kind: FamilyKind,
        family: &str,
        suffix: &str,
        sample: &Owned,
        line: u64,
        breaches: &mut Vec<Fault>,
    ) {
        let labels = group_labels(kind, family, suffix, sample);
        match self.current.take_if(|group| group.labels == labels) {
            Some(group) => self.go_on(group, kind, sample, line, breaches),
            None => self.change(labels, kind, sample, line, breaches),
        }
        if let Some(group) = &mut self.current {
            group.add(suffix, sample, line, breaches);
        }
    }

    /// The family has ended.
    pub fn finish(&mut self, kind: FamilyKind, breaches: &mut Vec<Fault>) {
        if let Some(group) = self.current.take() {
            group.close(kind, breaches);
        }
    }

    /// Another sample of the metric at hand, perhaps at another time.
    fn go_on(&mut self, group: Group, kind: FamilyKind, sample: &Owned, line: u64, breaches: &mut Vec<Fault>) {
        let name = &sample.name;
        match (group.timestamp, sample.timestamp) {
            (Some(_), None) | (None, Some(_)) => {
                breaches.push(at(line, format!("{name}: either all samples of a metric have a timestamp or none")));
            }
            (Some(before), Some(now)) if now < before => {
                breaches.push(at(line, format!("{name}: the timestamp goes back")));
            }
            _ => {}
        }
        self.current = if group.timestamp == sample.timestamp {
            Some(group)
        } else {
            let next = Group::new(group.labels.clone(), line, sample.timestamp);
            group.close(kind, breaches);
            Some(next)
        };
    }

    fn change(&mut self, labels: Labels, kind: FamilyKind, sample: &Owned, line: u64, breaches: &mut Vec<Fault>) {
        self.finish(kind, breaches);
        if !self.seen.insert(labels.clone()) {
            breaches.push(at(line, format!("{}: the samples of a metric must stand together", sample.name)));
        }
        self.current = Some(Group::new(labels, line, sample.timestamp));
    }
}

impl Group {
    fn new(labels: Labels, line: u64, timestamp: Option<i64>) -> Self {
        Self { labels, line, timestamp, series: HashSet::new(), total: false, created: false, parts: Parts::default() }
    }

    fn add(&mut self, suffix: &str, sample: &Owned, line: u64, breaches: &mut Vec<Fault>) {
        let mut labels = sample.labels.clone();
        labels.sort();
        // With timestamps the same series may come again: two times may be cut to the same millisecond.
        if !self.series.insert((sample.name.clone(), labels)) && sample.timestamp.is_none() {
            breaches.push(at(line, format!("{}: the same series stands twice", sample.name)));
        }
        match suffix {
            "_total" => self.total = true,
            "_created" => self.created = true,
            "_count" | "_gcount" => self.parts.count = Some(sample.value),
            "_sum" | "_gsum" => self.parts.sum = Some(sample.value),
            "_bucket" => self.bucket(sample, line, breaches),
            _ => {}
        }
    }

    fn bucket(&mut self, sample: &Owned, line: u64, breaches: &mut Vec<Fault>) {
        let bound = sample.labels.iter().find(|(name, _)| name == "le").and_then(|(_, value)| number::float(value));
        let Some(bound) = bound else { return }; // told of the sample
        let parts = &mut self.parts;
        if parts.bound.is_some_and(|before| bound <= before) {
            breaches.push(at(line, format!("{}: buckets come in the order of le", sample.name)));
        }
        if sample.value < parts.last {
            breaches.push(at(line, format!("{}: a bucket counts no less than the one before", sample.name)));
        }
        parts.negative_bounds |= bound < 0.0;
        (parts.bound, parts.last) = (Some(bound), sample.value);
    }

    fn close(self, kind: FamilyKind, breaches: &mut Vec<Fault>) {
        let found = match kind {
            FamilyKind::Counter if self.created && !self.total => vec!["a counter needs its _total"],
            FamilyKind::Histogram => self.parts.histogram(),
            FamilyKind::GaugeHistogram => self.parts.gauge_histogram(),
            _ => Vec::new(),
        };
        breaches.extend(found.into_iter().map(|what| at(self.line, what.to_owned())));
    }
}

impl Parts {
    fn histogram(&self) -> Vec<&'static str> {
        let mut found = self.both();
        if self.negative_bounds && self.sum.is_some() {
            found.push("a histogram with negative bounds has no _sum");
        }
        if self.count.is_some() && self.sum.is_none() {
            found.push("a histogram with _count has _sum as well");
        }
        if self.sum.is_some() && self.count.is_none() {
            found.push("a histogram with _sum has _count as well");
        }
        found
    }

    fn gauge_histogram(&self) -> Vec<&'static str> {
        let mut found = self.both();
        if self.sum.is_some() != self.count.is_some() {
            found.push("a gauge histogram has both _gcount and _gsum or neither");
        }
        if self.sum.is_some_and(|sum| sum < 0.0) && !self.negative_bounds {
            found.push("_gsum is negative, yet no bound is");
        }
        found
    }

    fn both(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        if self.bound != Some(f64::INFINITY) {
            found.push("a histogram needs the bucket le=\"+Inf\"");
        } else if self.count.is_some_and(|count| count != self.last) {
            found.push("the bucket le=\"+Inf\" is not the count");
        }
        found
    }
}

fn group_labels(kind: FamilyKind, family: &str, suffix: &str, sample: &Owned) -> Labels {
    let apart = match (kind, suffix) {
        (FamilyKind::Histogram | FamilyKind::GaugeHistogram, "_bucket") => "le",
        (FamilyKind::Summary, "") => "quantile",
        (FamilyKind::StateSet, _) => family,
        _ => "",
    };
    let mut labels: Labels = sample.labels.iter().filter(|(name, _)| name != apart).cloned().collect();
    labels.sort();
    labels
}
