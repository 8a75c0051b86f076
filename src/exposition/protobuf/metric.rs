//! One metric message to samples: counters, gauges and untyped as one, summaries and histograms as flat series.
//!
//! # Invariants
//! - Of a metric only the value of its family's type is read; it is zero when it is absent, as protobuf has it.
//! - A fault in a metric fails the body; a native view that cannot be sent is only told.

use super::bounds::{BoundLabel, Bounds};
use super::family::Family;
use super::histogram::{Histogram, Native};
use super::texts::Texts;
use super::wire::{Fields, Wrong};
use crate::exposition::{FamilyKind, Fault, Sample, Sink, Stop};

/// The metric being read, its memory kept from metric to metric.
#[derive(Debug, Default)]
pub(super) struct Metric {
    labels: Texts,
    bounds: Bounds,
    timestamp: Option<i64>,
    value: f64,
    quantiles: Vec<(f64, f64)>,
    summary_count: u64,
    summary_sum: f64,
    histogram: Histogram,
}

impl Metric {
    /// Forgets the last family's bounds.
    pub fn start_family(&mut self) {
        self.bounds.clear();
    }

    /// Gives back memory beyond what an ordinary metric needs.
    pub fn shrink(&mut self) {
        self.clear();
        self.labels.shrink();
        self.quantiles.shrink_to(256);
        self.histogram.shrink();
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.labels.memory() + self.quantiles.capacity() * 16 + self.histogram.memory()
    }

    /// Reads a metric of `family` and gives its samples to the sink. `place` makes a fault at its place.
    pub fn read<S: Sink>(
        &mut self,
        bytes: &[u8],
        family: &Family,
        sink: &mut S,
        place: impl Fn(String) -> Fault,
    ) -> Result<(), Stop> {
        self.clear();
        let kind = family.kind();
        let read = self.fields(bytes, kind).and_then(|()| self.labels.resolve(bytes, reserved(kind)));
        let source = read.map_err(|wrong| Stop::Fault(place(wrong.to_string())))?;
        match kind {
            FamilyKind::Histogram | FamilyKind::GaugeHistogram => {
                self.emit_histogram(source, family, sink)?;
                self.emit_native(source, family, sink, place)
            }
            FamilyKind::Summary => self.emit_summary(source, family, sink),
            _ => self.emit(sink, &family.name, source, self.value),
        }
    }

    fn clear(&mut self) {
        self.labels.clear();
        self.quantiles.clear();
        self.histogram.clear();
        self.timestamp = None;
        (self.value, self.summary_count, self.summary_sum) = (0.0, 0, 0.0);
    }

    fn fields(&mut self, bytes: &[u8], kind: FamilyKind) -> Result<(), Wrong> {
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next()? {
            let value = field.value;
            match (field.number, kind) {
                (1, _) => {
                    let body = value.bytes("label")?;
                    self.labels.add(body, field.end - body.len())?;
                }
                (6, _) => self.timestamp = Some(value.number("timestamp_ms")? as i64).filter(|time| *time != 0),
                (2, FamilyKind::Gauge) => self.plain(value.bytes("gauge")?)?,
                (3, FamilyKind::Counter) => self.plain(value.bytes("counter")?)?,
                (5, FamilyKind::Untyped) => self.plain(value.bytes("untyped")?)?,
                (4, FamilyKind::Summary) => self.summary(value.bytes("summary")?)?,
                (7, FamilyKind::Histogram | FamilyKind::GaugeHistogram) => {
                    self.histogram.read(value.bytes("histogram")?)?;
                }
                (2..=5 | 7, _) => drop(value.bytes("value of another type")?),
                _ => {}
            }
        }
        Ok(())
    }

    /// Counter, gauge and untyped have their value in the same place.
    fn plain(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next()? {
            if field.number == 1 {
                self.value = field.value.double("value")?;
            }
        }
        Ok(())
    }

    fn summary(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.summary_count = field.value.number("sample_count")?,
                2 => self.summary_sum = field.value.double("sample_sum")?,
                3 => self.quantiles.push(quantile(field.value.bytes("quantile")?)?),
                _ => {}
            }
        }
        Ok(())
    }

    #[inline]
    fn emit<S: Sink>(&self, sink: &mut S, name: &str, source: Option<&str>, value: f64) -> Result<(), Stop> {
        let labels = self.labels.view(source, self.bounds.text());
        let sample = Sample { name, labels, value, timestamp: self.timestamp, shared: None, line: "" };
        if sink.sample(&sample).is_break() { Err(Stop::Sink) } else { Ok(()) }
    }

    fn emit_bound<S: Sink>(
        &mut self,
        sink: &mut S,
        (name, source): (&str, Option<&str>),
        (label, index, bound): (BoundLabel, usize, f64),
        value: f64,
    ) -> Result<(), Stop> {
        let label = self.bounds.label(label, index, bound);
        self.labels.push(label);
        let result = self.emit(sink, name, source, value);
        self.labels.pop();
        result
    }

    fn emit_summary<S: Sink>(&mut self, source: Option<&str>, family: &Family, sink: &mut S) -> Result<(), Stop> {
        self.emit(sink, &family.count, source, self.summary_count as f64)?;
        self.emit(sink, &family.sum, source, self.summary_sum)?;
        for index in 0..self.quantiles.len() {
            let (quantile, value) = self.quantiles[index];
            self.emit_bound(sink, (&family.name, source), (BoundLabel::Quantile, index, quantile), value)?;
        }
        Ok(())
    }

    fn emit_histogram<S: Sink>(&mut self, source: Option<&str>, family: &Family, sink: &mut S) -> Result<(), Stop> {
        let count = self.histogram.count();
        self.emit(sink, &family.count, source, count)?;
        self.emit(sink, &family.sum, source, self.histogram.sum)?;
        let buckets = self.histogram.buckets.len();
        let infinite = self.histogram.buckets.iter().position(|bucket| bucket.bound == f64::INFINITY);
        for index in 0..infinite.map_or(buckets, |at| at + 1) {
            let bucket = self.histogram.buckets[index];
            self.emit_bound(sink, (&family.bucket, source), (BoundLabel::Le, index, bucket.bound), bucket.count())?;
        }
        if infinite.is_none() {
            self.emit_bound(sink, (&family.bucket, source), (BoundLabel::Le, buckets, f64::INFINITY), count)?;
        }
        Ok(())
    }

    fn emit_native<S: Sink>(
        &mut self,
        source: Option<&str>,
        family: &Family,
        sink: &mut S,
        place: impl Fn(String) -> Fault,
    ) -> Result<(), Stop> {
        match self.histogram.native(&family.name, self.labels.view(source, ""), self.timestamp) {
            Native::Whole(native) if sink.histogram(&native).is_break() => return Err(Stop::Sink),
            Native::Unfit(why) => sink.skipped(&place(format!("{}: {why}", family.name))),
            Native::Absent | Native::Whole(_) => {}
        }
        Ok(())
    }
}

/// The label that the family's series have besides a metric's own.
fn reserved(kind: FamilyKind) -> &'static str {
    match kind {
        FamilyKind::Histogram | FamilyKind::GaugeHistogram => "le",
        FamilyKind::Summary => "quantile",
        _ => crate::labels::NAME,
    }
}

fn quantile(bytes: &[u8]) -> Result<(f64, f64), Wrong> {
    let (mut quantile, mut value) = (0.0, 0.0);
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => quantile = field.value.double("quantile")?,
            2 => value = field.value.double("value")?,
            _ => {}
        }
    }
    Ok((quantile, value))
}
