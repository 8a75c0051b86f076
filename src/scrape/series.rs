//! The way of a sample through a scrape: join labels → select by name → relabel → drop what the server does not take →
//! external labels and `pcode` → record bytes.
//!
//! # Invariants
//! - A sample that no rule and no clash touches goes from the parser's slices straight into record bytes.
//! - No allocation per sample once the scratch has grown, but for the scrape that learns; no lock; no log line.
//! - Rules see the joined labels, so `job`, `instance` and `node` are there.

use super::families::Families;
use super::join::join;
use super::known::learner::{Learner, can_be_learned};
use super::known::walk::Walk;
use super::limits::{check_count, check_length};
use super::payload::{Fate, Payload, admit, end};
use super::prepared::{PCODE, Prepared};
use super::seen::Seen;
use super::tally::{DropReason, LimitBreach, Tally};
use crate::encode::Encoder;
use crate::exposition::{FamilyKind, Fault, Flow, NativeHistogram, Sample, Sink};
use crate::labels::{LabelBuf, LabelView, NAME};
use crate::relabel::{self, Outcome};

mod known;

/// Buffers for one scrape at a time, reused from scrape to scrape.
#[derive(Debug, Default)]
pub struct SeriesScratch {
    /// Writes the records.
    pub encoder: Encoder,
    /// Gathers HELP and TYPE.
    pub families: Families,
    labels: LabelBuf,
    exported: String,
    relabel: relabel::Scratch,
    seen: Seen,
    walk: Walk,
    learner: Option<Learner>,
    /// With `debug=true`, the lines of the samples sent.
    pub debug_lines: String,
}

impl SeriesScratch {
    /// Empty buffers.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Takes the samples of one scrape.
#[derive(Debug)]
pub struct SeriesSink<'a> {
    prepared: &'a Prepared,
    scratch: &'a mut SeriesScratch,
    /// What the target's labels bring to a series' hash.
    labels_hash: u64,
    /// The sample before was written as it was exposed, and its record is the last one.
    plain: bool,
    /// Time of samples that bring none, Unix milliseconds.
    timestamp: i64,
    debug: bool,
    /// What became of the samples so far.
    pub tally: Tally,
    /// The limit that stopped the scrape.
    pub breach: Option<LimitBreach>,
    /// The first record that could not be read.
    pub first_fault: Option<Fault>,
}

/// A series as it was exposed.
#[derive(Clone, Copy)]
struct Exposed<'a> {
    name: &'a str,
    labels: LabelView<'a>,
    /// How many of the first labels, and the name, are those of the series before.
    shared: Option<usize>,
    /// Its line up to where it ends.
    line: &'a str,
}

impl<'a> SeriesSink<'a> {
    /// Starts a scrape at `timestamp` (Unix milliseconds); `endpoint` is the URL for endpoint metering, `debug` asks
    /// for a line per sample sent.
    pub fn begin(
        prepared: &'a Prepared,
        scratch: &'a mut SeriesScratch,
        timestamp: i64,
        endpoint: Option<&str>,
        debug: bool,
    ) -> Self {
        scratch.encoder.begin(endpoint);
        scratch.families.clear();
        scratch.seen.clear();
        scratch.debug_lines.clear();
        scratch.walk.end();
        scratch.learner = None;
        let labels_hash = labels_hash(&mut scratch.encoder, prepared);
        Self {
            prepared,
            scratch,
            labels_hash,
            plain: false,
            timestamp,
            debug,
            tally: Tally::default(),
            breach: None,
            first_fault: None,
        }
    }

    /// Whether samples go from the body into the records: no rules, nothing to print.
    pub fn is_straight(&self) -> bool {
        self.prepared.target.job.metric_relabel.is_empty() && !self.debug
    }

    /// Throws the samples away: what was written so far is not sent. The counts stay.
    pub fn discard(&mut self, endpoint: Option<&str>) {
        self.scratch.encoder.begin(endpoint);
        self.scratch.families.clear();
        self.scratch.debug_lines.clear();
    }

    /// Writes a series about the scrape itself (`up` and its like): no rules, no limits, not counted.
    pub fn report(&mut self, name: &str, value: f64) {
        let mut record = self.scratch.encoder.sample(name);
        record.labels(&self.prepared.encoded);
        if record.end_sample(self.timestamp, value).is_ok() && self.debug {
            let labels = &mut self.scratch.labels;
            labels.clear();
            labels.extend(self.prepared.labels.view());
            self.debug_line(name, value, self.timestamp);
        }
        self.scratch.encoder.roll();
    }

    /// `shared` labels, and the name, are those of the series before.
    fn series(&mut self, exposed: &Exposed<'_>, own_time: Option<i64>, payload: Payload<'_>) -> Flow {
        let name = exposed.name;
        let shared = if std::mem::take(&mut self.plain) { exposed.shared } else { None };
        self.tally.scraped += 1;
        self.catch_up();
        let job = &self.prepared.target.job;
        let own_time = own_time.filter(|_| job.honor_timestamps);
        if job.keep_names.as_ref().is_some_and(|keep| !keep.contains(name)) {
            self.tally.drop_for(DropReason::MetricSelector);
            return Flow::Continue(());
        }
        let fate = if self.is_straight() { self.straight(exposed, shared, own_time, payload) } else { Ok(Fate::Clash) };
        let fate = match fate {
            Ok(Fate::Clash) => self.joined(name, exposed.labels, own_time, payload),
            other => other,
        };
        match fate {
            Ok(Fate::Kept) => {
                self.tally.kept += 1;
                if shared.is_none() {
                    self.scratch.families.sampled(name);
                }
                self.scratch.encoder.roll();
            }
            Ok(Fate::Dropped(reason)) => self.tally.drop_for(reason),
            Ok(Fate::Clash) => {}
            Err(breach) => {
                self.breach = Some(breach);
                return Flow::Break(());
            }
        }
        Flow::Continue(())
    }

    /// The short way: no rules, no clash; labels go from the body into the record.
    fn straight(
        &mut self,
        exposed: &Exposed<'_>,
        shared: Option<usize>,
        own_time: Option<i64>,
        payload: Payload<'_>,
    ) -> Result<Fate, LimitBreach> {
        let prepared = self.prepared;
        let limits = &prepared.target.job.limits;
        let Exposed { name, labels, line, .. } = *exposed;
        let mut record = payload.start_like(&mut self.scratch.encoder, name, shared);
        let mut count = record.label_count();
        for (label, value) in labels.iter().skip(count) {
            if value.is_empty() {
                continue;
            }
            if prepared.clashes(label) {
                return Ok(Fate::Clash);
            }
            check_length(limits, label, value)?;
            record.label(label, value);
            count += 1;
        }
        check_count(limits, name, count + prepared.labels.len())?;
        let own_hash = record.series_hash();
        let (hash, seen) = (own_hash.wrapping_add(self.labels_hash), &mut self.scratch.seen);
        let is_new = || own_time.is_some() || seen.is_new(hash);
        if let Some(reason) = admit(&mut self.tally, limits, payload, is_new)? {
            return Ok(Fate::Dropped(reason));
        }
        record.labels(&prepared.encoded);
        let fate = end(record, name, own_time.unwrap_or(self.timestamp), payload);
        let is_kept = matches!(fate, Ok(Fate::Kept));
        if is_kept && can_be_learned(line, name) {
            self.scratch.note(line, name, own_hash, own_time.is_some());
        }
        // an empty label is in no record, so the counts would part
        self.plain = is_kept && count == labels.len();
        fate
    }

    /// The whole way: labels joined in the scratch, rules applied, written from there.
    fn joined(
        &mut self,
        name: &str,
        labels: LabelView<'_>,
        own_time: Option<i64>,
        payload: Payload<'_>,
    ) -> Result<Fate, LimitBreach> {
        let prepared = self.prepared;
        let job = &prepared.target.job;
        join(&mut self.scratch.labels, &mut self.scratch.exported, name, labels, prepared);
        if let Outcome::DroppedBy(_) = job.metric_relabel.apply(&mut self.scratch.labels, &mut self.scratch.relabel) {
            return Ok(Fate::Dropped(DropReason::Relabelling));
        }
        let joined = &self.scratch.labels;
        let Some(name) = joined.value(NAME).filter(|name| !name.is_empty()) else {
            return Ok(Fate::Dropped(DropReason::Relabelling));
        };
        let mut record = payload.start(&mut self.scratch.encoder, name);
        for (label, value) in without_name(joined.view()) {
            check_length(&job.limits, label, value)?;
            if label != PCODE {
                record.label(label, value);
            }
        }
        check_count(&job.limits, name, joined.len() - 1)?;
        let (hash, seen) = (record.series_hash(), &mut self.scratch.seen);
        let is_new = || own_time.is_some() || seen.is_new(hash);
        if let Some(reason) = admit(&mut self.tally, &job.limits, payload, is_new)? {
            return Ok(Fate::Dropped(reason));
        }
        let timestamp = own_time.unwrap_or(self.timestamp);
        for (label, value) in prepared.external.iter().filter(|(label, _)| joined.value(label).is_none()) {
            record.label(label, value);
        }
        record.label(PCODE, &prepared.pcode);
        let fate = end(record, name, timestamp, payload)?;
        if self.debug
            && let Fate::Kept = fate
        {
            let name = name.to_owned();
            self.scratch.labels.remove(NAME);
            self.debug_line(&name, payload.number(), timestamp);
        }
        Ok(fate)
    }

    /// `name{labels} value ts` of the labels in the scratch.
    fn debug_line(&mut self, name: &str, value: f64, timestamp: i64) {
        use std::fmt::Write as _;
        let labels = self.scratch.labels.view();
        let _ = writeln!(self.scratch.debug_lines, "{name}{labels} {value} {timestamp}");
    }
}

impl Sink for SeriesSink<'_> {
    #[inline]
    fn sample(&mut self, sample: &Sample<'_>) -> Flow {
        let Sample { name, labels, value, timestamp, shared, line } = *sample;
        self.series(&Exposed { name, labels, shared, line }, timestamp, Payload::Value(value))
    }

    #[inline]
    fn known(&mut self, line: &str) -> Option<usize> {
        self.scratch.walk.find(line.as_bytes())
    }

    #[inline]
    fn known_sample(&mut self, value: f64, timestamp: Option<i64>) -> Flow {
        self.plain = false;
        self.tally.scraped += 1;
        match self.known_series(timestamp, value) {
            Ok(None) => {}
            Ok(Some(reason)) => self.tally.drop_for(reason),
            Err(breach) => {
                self.breach = Some(breach);
                return Flow::Break(());
            }
        }
        Flow::Continue(())
    }

    fn histogram(&mut self, histogram: &NativeHistogram<'_>) -> Flow {
        let NativeHistogram { name, labels, timestamp, .. } = *histogram;
        self.series(&Exposed { name, labels, shared: None, line: "" }, timestamp, Payload::Histogram(histogram))
    }

    fn help(&mut self, family: &str, text: &str) {
        self.scratch.families.help(family, text);
    }

    fn kind(&mut self, family: &str, kind: FamilyKind) {
        self.scratch.families.kind(family, kind);
    }

    fn skipped(&mut self, fault: &Fault) {
        self.tally.drop_for(DropReason::Unreadable);
        if self.first_fault.is_none() {
            self.first_fault = Some(fault.clone());
        }
    }
}

/// What the target's labels bring to the hash of a series, as this encoder hashes.
fn labels_hash(encoder: &mut Encoder, prepared: &Prepared) -> u64 {
    let mut record = encoder.sample(""); // never ended, so never there
    for (label, value) in prepared.labels.iter().filter(|(label, _)| *label != PCODE) {
        record.label(label, value);
    }
    record.labels_hash()
}

fn without_name(labels: LabelView<'_>) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().filter(|(label, _)| *label != NAME)
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
