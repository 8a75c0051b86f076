//! A histogram message: classic buckets, and the native view of it where it has one.

use super::side::Side;
use super::wire::{Fields, Wrong, zigzag};
use crate::exposition::NativeHistogram;
use crate::labels::LabelView;

/// One classic bucket.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bucket {
    pub bound: f64,
    count: u64,
    count_float: f64,
}

impl Bucket {
    /// The cumulative count, whichever way it was written.
    pub fn count(self) -> f64 {
        if self.count_float > 0.0 { self.count_float } else { self.count as f64 }
    }

    fn read(bytes: &[u8]) -> Result<Self, Wrong> {
        let mut bucket = Self::default();
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => bucket.count = field.value.number("cumulative_count")?,
                2 => bucket.bound = field.value.double("upper_bound")?,
                4 => bucket.count_float = field.value.double("cumulative_count_float")?,
                _ => {}
            }
        }
        Ok(bucket)
    }
}

/// What was read of one metric's histogram.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    count: u64,
    count_float: f64,
    pub sum: f64,
    pub buckets: Vec<Bucket>,
    schema: i32,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    float_counts: bool,
    positive: Side,
    negative: Side,
}

/// What the native view of a histogram is good for.
pub(super) enum Native<'a> {
    /// It has none.
    Absent,
    /// It can be sent.
    Whole(NativeHistogram<'a>),
    /// It cannot, for this reason.
    Unfit(&'static str),
}

impl Histogram {
    /// Forgets the last metric and keeps the memory.
    pub fn clear(&mut self) {
        let mut old = std::mem::take(self);
        old.buckets.clear();
        old.positive.clear();
        old.negative.clear();
        *self = Self { buckets: old.buckets, positive: old.positive, negative: old.negative, ..Self::default() };
    }

    /// Gives back memory beyond what an ordinary metric needs.
    pub fn shrink(&mut self) {
        self.clear();
        self.buckets.shrink_to(256);
        self.positive.shrink();
        self.negative.shrink();
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>() + self.positive.memory() + self.negative.memory()
    }

    /// Adds the fields of a message.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next()? {
            let value = field.value;
            match field.number {
                1 => self.count = value.number("sample_count")?,
                2 => self.sum = value.double("sample_sum")?,
                3 => self.buckets.push(Bucket::read(value.bytes("bucket")?)?),
                4 => self.count_float = value.double("sample_count_float")?,
                5 => self.schema = zigzag(value.number("schema")?) as i32,
                6 => self.zero_threshold = value.double("zero_threshold")?,
                7 => self.zero_count = value.number("zero_count")?,
                8 => self.zero_count_float = value.double("zero_count_float")?,
                9 => self.negative.add_span(value)?,
                10 => self.negative.add_deltas(value)?,
                12 => self.positive.add_span(value)?,
                13 => self.positive.add_deltas(value)?,
                11 | 14 => self.float_counts = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// The count of all observations, whichever way it was written.
    pub fn count(&self) -> f64 {
        if self.count_float > 0.0 { self.count_float } else { self.count as f64 }
    }

    /// The native view, as Prometheus tells one: spans, or a zero bucket.
    pub fn native<'a>(&'a mut self, name: &'a str, labels: LabelView<'a>, timestamp: Option<i64>) -> Native<'a> {
        let absent = !self.positive.has_spans()
            && !self.negative.has_spans()
            && (self.zero_threshold <= 0.0 || self.zero_threshold.is_nan())
            && self.zero_count == 0;
        if absent {
            return Native::Absent;
        }
        match self.unfit() {
            Some(why) => Native::Unfit(why),
            None => Native::Whole(NativeHistogram {
                name,
                labels,
                timestamp,
                schema: self.schema,
                zero_threshold: self.zero_threshold,
                zero_count: self.zero_count,
                count: self.count,
                sum: self.sum,
                positive_spans: self.positive.spans(),
                positive_deltas: self.positive.deltas(),
                negative_spans: self.negative.spans(),
                negative_deltas: self.negative.deltas(),
            }),
        }
    }

    fn unfit(&mut self) -> Option<&'static str> {
        if self.count_float > 0.0 || self.zero_count_float > 0.0 || self.float_counts {
            return Some(
                "native histogram with float counts: the wire has no place for it; its sum and count are kept",
            );
        }
        if !(-4..=8).contains(&self.schema) {
            return Some("native histogram whose schema is not between -4 and 8");
        }
        self.positive.compact().and_then(|()| self.negative.compact()).err()
    }
}
