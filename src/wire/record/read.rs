//! Reads the records of a block, one after the other, as slices of it.
//!
//! # Invariants
//! An iterator ends with the last record or the first error; bytes after the last record are an error.

use crate::wire::codec::{DecodeError, Found, Reader};
use crate::wire::value::Map;
use std::marker::PhantomData;

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// Name of the metric.
    pub metric: &'a str,
    /// Name and value of each label, in order.
    pub labels: Vec<(&'a str, &'a str)>,
    /// Unix milliseconds.
    pub time_ms: i64,
    /// The value.
    pub value: f64,
}

/// One help record.
#[derive(Debug, Clone, PartialEq)]
pub struct Help<'a> {
    /// Name of the family.
    pub metric: &'a str,
    /// `help` and `type`.
    pub properties: Map,
}

/// One native histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram<'a> {
    /// Name of the metric.
    pub metric: &'a str,
    /// Name and value of each label, in order.
    pub labels: Vec<(&'a str, &'a str)>,
    /// Unix milliseconds.
    pub time_ms: i64,
    /// Resolution.
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Count of the zero bucket.
    pub zero_count: i64,
    /// Count of all observations.
    pub count: i64,
    /// Sum of all observations.
    pub sum: f64,
    /// Offset and length of the spans of positive buckets.
    pub positive_spans: Vec<(i32, i32)>,
    /// Differences of the positive buckets' counts.
    pub positive_deltas: Vec<i64>,
    /// Offset and length of the spans of negative buckets.
    pub negative_spans: Vec<(i32, i32)>,
    /// Differences of the negative buckets' counts.
    pub negative_deltas: Vec<i64>,
}

/// The samples of a plain block.
///
/// # Errors
/// When the block's head is wrong.
pub fn samples(block: &[u8]) -> Result<Iter<'_, Sample<'_>>, DecodeError> {
    Iter::new(block)
}

/// The help records of a plain block.
///
/// # Errors
/// When the block's head is wrong.
pub fn help(block: &[u8]) -> Result<Iter<'_, Help<'_>>, DecodeError> {
    Iter::new(block)
}

/// The native histograms of a plain block.
///
/// # Errors
/// When the block's head is wrong.
pub fn histograms(block: &[u8]) -> Result<Iter<'_, Histogram<'_>>, DecodeError> {
    Iter::new(block)
}

/// A kind of record that can be read.
pub trait Record<'a>: Sized {
    /// Fewest bytes of such a record.
    const LEAST: usize;

    /// Reads what follows a record's version byte.
    ///
    /// # Errors
    /// The field that is wrong.
    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError>;
}

/// The records of a block.
#[derive(Debug)]
pub struct Iter<'a, R> {
    reader: Reader<'a>,
    left: usize,
    over: bool,
    kind: PhantomData<R>,
}

impl<'a, R: Record<'a>> Iter<'a, R> {
    fn new(block: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(block);
        version(&mut reader, "block")?;
        let left = reader.short_count("records", R::LEAST)?;
        Ok(Self { reader, left, over: false, kind: PhantomData })
    }

    /// How many records are still to come.
    pub fn left(&self) -> usize {
        self.left
    }

    fn step(&mut self) -> Result<Option<R>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else {
            return self.reader.end("block").map(|()| None);
        };
        self.left = left;
        version(&mut self.reader, "record")?;
        R::read(&mut self.reader).map(Some)
    }
}

impl<'a, R: Record<'a>> Iterator for Iter<'a, R> {
    type Item = Result<R, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let step = self.step().transpose();
        self.over = !matches!(step, Some(Ok(_)));
        step
    }
}

impl<'a> Record<'a> for Sample<'a> {
    const LEAST: usize = 1 + 1 + 1 + 8 + 8;

    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { metric: r.text("metric")?, labels: labels(r)?, time_ms: r.i64("time")?, value: r.f64("value")? })
    }
}

impl<'a> Record<'a> for Help<'a> {
    const LEAST: usize = 1 + 1 + 2;

    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { metric: r.text("metric")?, properties: Map::read(r, "properties")? })
    }
}

impl<'a> Record<'a> for Histogram<'a> {
    const LEAST: usize = 1 + 1 + 1 + 8 + 4 + 4 * 8 + 4 * 2;

    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            metric: r.text("metric")?,
            labels: labels(r)?,
            time_ms: r.i64("time")?,
            schema: r.i32("schema")?,
            zero_threshold: r.f64("zero threshold")?,
            zero_count: r.i64("zero count")?,
            count: r.i64("count")?,
            sum: r.f64("sum")?,
            positive_spans: spans(r)?,
            positive_deltas: deltas(r)?,
            negative_spans: spans(r)?,
            negative_deltas: deltas(r)?,
        })
    }
}

fn version(r: &mut Reader<'_>, what: &'static str) -> Result<(), DecodeError> {
    let start = r.clone();
    match r.byte(what)? {
        0 => Ok(()),
        other => Err(start.error(what, Found::Tag(i64::from(other)))),
    }
}

fn labels<'a>(r: &mut Reader<'a>) -> Result<Vec<(&'a str, &'a str)>, DecodeError> {
    let count = r.byte("labels")?;
    r.elements(usize::from(count), |r| Ok((r.text("label name")?, r.text("label value")?)))
}

fn spans(r: &mut Reader<'_>) -> Result<Vec<(i32, i32)>, DecodeError> {
    let count = r.short_count("spans", 8)?;
    r.elements(count, |r| Ok((r.i32("span offset")?, r.i32("span length")?)))
}

fn deltas(r: &mut Reader<'_>) -> Result<Vec<i64>, DecodeError> {
    let count = r.short_count("deltas", 8)?;
    r.elements(count, |r| r.i64("delta"))
}
