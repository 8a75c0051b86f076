//! What the fuzz targets share: a sink that keeps everything, and ways to write it down again.

pub mod render;

use openagent::exposition::{FamilyKind, Fault, Flow, Format, NativeHistogram, Options, Parser, Sample, Sink, Stop};

/// A sample with its own memory, its value as bits; one NaN stands for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Metric name.
    pub name: String,
    /// Labels in their order.
    pub labels: Vec<(String, String)>,
    /// The value's bits.
    pub bits: u64,
    /// Time in milliseconds.
    pub timestamp: Option<i64>,
}

impl Kept {
    /// The value.
    pub fn value(&self) -> f64 {
        f64::from_bits(self.bits)
    }
}

/// Everything that came out of a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recorder {
    /// The samples.
    pub samples: Vec<Kept>,
    /// Heads, native histograms and skipped records, as text.
    pub others: Vec<String>,
}

impl Sink for Recorder {
    fn sample(&mut self, sample: &Sample<'_>) -> Flow {
        let bits = if sample.value.is_nan() { f64::NAN.to_bits() } else { sample.value.to_bits() };
        let labels = sample.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.samples.push(Kept { name: sample.name.to_owned(), labels, bits, timestamp: sample.timestamp });
        Flow::Continue(())
    }

    fn histogram(&mut self, histogram: &NativeHistogram<'_>) -> Flow {
        let buckets: u64 = histogram.positive_spans.iter().map(|span| u64::from(span.length)).sum();
        assert_eq!(buckets, histogram.positive_deltas.len() as u64);
        self.others.push(format!("{histogram:?}"));
        Flow::Continue(())
    }

    fn help(&mut self, family: &str, text: &str) {
        self.others.push(format!("help {family:?} {text:?}"));
    }

    fn kind(&mut self, family: &str, kind: FamilyKind) {
        self.others.push(format!("type {family:?} {kind:?}"));
    }

    fn unit(&mut self, family: &str, unit: &str) {
        self.others.push(format!("unit {family:?} {unit:?}"));
    }

    fn skipped(&mut self, fault: &Fault) {
        self.others.push(format!("skipped {fault}"));
    }
}

/// A parser of a format.
pub fn parser(format: Format, strict_text: bool) -> Parser {
    Parser::new(format, Options { strict_text })
}

/// Reads a whole body at once.
pub fn parse(format: Format, strict_text: bool, body: &[u8]) -> (Recorder, Result<usize, Stop>) {
    let (mut recorder, mut parser) = (Recorder::default(), parser(format, strict_text));
    let result = parser.parse(body, true, &mut recorder);
    assert_bounded(&parser, body.len());
    (recorder, result)
}

/// A parser's own memory is bounded by the record it reads: labels, buckets and deltas are kept as spans and numbers,
/// which take a fixed multiple of the bytes they were written in, doubled by the growth of vectors.
pub fn assert_bounded(parser: &Parser, record: usize) {
    assert!(parser.memory() <= 16 * 1024 + 64 * record, "{} bytes for {record}", parser.memory());
}
