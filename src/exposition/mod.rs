//! Exposition formats: bytes in, borrowed samples out.
//!
//! A [`Parser`] is fed pieces of a body and gives each record to a [`Sink`] as slices of the piece; it keeps no copy
//! of the body. No I/O, no clock: sockets are one floor up, in `scrape`.
//!
//! # Invariants
//! - Any split of a body gives the same records in the same order.
//! - No allocation per sample once the parser's buffers have grown to the widest record.
//! - No input makes a parser panic or take more memory than its longest record.

pub mod content_type;
mod fault;
mod lines;
pub mod lint;
pub mod number;
pub mod openmetrics;
mod parser;
pub mod protobuf;
mod scan;
mod series;
pub mod text;
mod unique;
pub mod window;

pub use parser::{Format, Options, Parser};
pub use window::{PumpError, Totals, Window, pump};

use crate::labels::LabelView;
use std::ops::ControlFlow;

/// One sample, borrowed from the piece of body it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// Metric name, as exposed.
    pub name: &'a str,
    /// Labels as exposed, without the name; an empty value is still there.
    pub labels: LabelView<'a>,
    /// The value; NaN and infinities included.
    pub value: f64,
    /// The sample's own time in Unix milliseconds, when the exposition gave one.
    pub timestamp: Option<i64>,
    /// How many of its first labels are the first ones of the sample given before, which had the same name too; `None`
    /// when that is not known.
    pub shared: Option<usize>,
    /// The line from its beginning to where the series ends, in a text format, and maybe blanks behind it; empty in
    /// protobuf.
    pub line: &'a str,
}

/// A run of populated buckets of a native histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSpan {
    /// Gap to the previous span in buckets; for the first span the index of its first bucket.
    pub offset: i32,
    /// How many consecutive buckets it has.
    pub length: u32,
}

/// One native histogram with integer counts, borrowed from the parser.
#[derive(Debug, Clone, Copy)]
pub struct NativeHistogram<'a> {
    /// Metric name.
    pub name: &'a str,
    /// Labels as exposed.
    pub labels: LabelView<'a>,
    /// Time in Unix milliseconds, when the exposition gave one.
    pub timestamp: Option<i64>,
    /// Resolution: bucket boundaries grow by 2^(2^-schema), −4 to 8.
    pub schema: i32,
    /// Observations of absolute value up to this are in the zero bucket.
    pub zero_threshold: f64,
    /// Count of the zero bucket.
    pub zero_count: u64,
    /// Count of all observations.
    pub count: u64,
    /// Sum of all observations.
    pub sum: f64,
    /// Spans of the positive buckets.
    pub positive_spans: &'a [BucketSpan],
    /// Counts of the positive buckets, each as the difference to the one before.
    pub positive_deltas: &'a [i64],
    /// Spans of the negative buckets.
    pub negative_spans: &'a [BucketSpan],
    /// Counts of the negative buckets, each as the difference to the one before.
    pub negative_deltas: &'a [i64],
}

/// The type a TYPE line (or a protobuf family) gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FamilyKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, sum and count.
    Histogram,
    /// Buckets that may shrink (OpenMetrics).
    GaugeHistogram,
    /// Quantiles, sum and count.
    Summary,
    /// A constant 1 with labels (OpenMetrics).
    Info,
    /// One series per state (OpenMetrics).
    StateSet,
    /// `untyped` in the text format, `unknown` in OpenMetrics.
    Untyped,
}

impl FamilyKind {
    /// The word the help records carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Untyped => "untyped",
        }
    }
}

/// What a sink answers: go on, or take no more of this body (a limit was passed).
pub type Flow = ControlFlow<()>;

/// Where parsed records go.
pub trait Sink {
    /// One sample.
    fn sample(&mut self, sample: &Sample<'_>) -> Flow;

    /// Whether the sink knows the series that a body of a text format goes on with, from a line that the same format gave
    /// it as [`Sample::line`]: where the series ends and a blank follows. The parser reads on from there and gives what
    /// follows to [`Sink::known_sample`], unless that cannot be read.
    #[inline]
    fn known(&mut self, _text: &str) -> Option<usize> {
        None
    }

    /// Value and time, as in [`Sample`], of the series that was found known last.
    #[inline]
    fn known_sample(&mut self, _value: f64, _timestamp: Option<i64>) -> Flow {
        Flow::Continue(())
    }

    /// One native histogram; only protobuf has them.
    fn histogram(&mut self, _histogram: &NativeHistogram<'_>) -> Flow {
        Flow::Continue(())
    }

    /// A HELP line, unescaped.
    fn help(&mut self, _family: &str, _text: &str) {}

    /// A TYPE line.
    fn kind(&mut self, _family: &str, _kind: FamilyKind) {}

    /// A UNIT line.
    fn unit(&mut self, _family: &str, _unit: &str) {}

    /// A record that was skipped, in lenient text or for want of a place on the wire (float native histograms).
    fn skipped(&mut self, _fault: &Fault) {}
}

/// What is wrong with a record, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line of a text format, message of a protobuf body; from 1.
    pub line: u64,
    /// Byte in the line or message; from 1.
    pub column: u64,
    /// What is wrong and what was found there, in one line.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

impl std::error::Error for Fault {}

/// Why a parser took no more of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The body is not what its format demands.
    Fault(Fault),
    /// The sink asked for it.
    Sink,
}
