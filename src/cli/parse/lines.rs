//! Samples as JSON lines: `{"name":…,"labels":{…},"value":"…","ts":…|null}`.
//!
//! # Invariants
//! - A value is a string, in the shortest form that reads back as the same float, or `NaN`, `+Inf`, `-Inf`.
//! - Once a line could not be written, no more is parsed.

use crate::exposition::{BucketSpan, Fault, Flow, NativeHistogram, Sample, Sink};
use crate::labels::LabelView;
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use std::ops::ControlFlow;

/// Writes what is parsed; faults go to stderr.
pub(super) struct Lines<W: Write> {
    out: W,
    input: String,
    quiet: bool,
    skipped: u64,
    error: Option<io::Error>,
}

#[derive(Serialize)]
struct SampleLine<'a> {
    name: &'a str,
    labels: LabelView<'a>,
    #[serde(serialize_with = "float")]
    value: f64,
    ts: Option<i64>,
}

#[derive(Serialize)]
struct HistogramLine<'a> {
    name: &'a str,
    labels: LabelView<'a>,
    value: &'static str,
    ts: Option<i64>,
    r#type: &'static str,
    schema: i32,
    #[serde(serialize_with = "float")]
    zero_threshold: f64,
    zero_count: u64,
    count: u64,
    #[serde(serialize_with = "float")]
    sum: f64,
    #[serde(serialize_with = "spans")]
    positive_spans: &'a [BucketSpan],
    positive_deltas: &'a [i64],
    #[serde(serialize_with = "spans")]
    negative_spans: &'a [BucketSpan],
    negative_deltas: &'a [i64],
}

impl<W: Write> Lines<W> {
    /// Writes to `out`; with `quiet` skipped records are only counted.
    pub fn new(out: W, input: String, quiet: bool) -> Self {
        Self { out, input, quiet, skipped: 0, error: None }
    }

    /// Records that were skipped.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Writes what is held back.
    ///
    /// # Errors
    /// The first failure to write.
    pub fn finish(mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn write(&mut self, line: &impl Serialize) -> Flow {
        let written = serde_json::to_writer(&mut self.out, line).map_err(io::Error::from);
        match written.and_then(|()| self.out.write_all(b"\n")) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl<W: Write> Sink for Lines<W> {
    fn sample(&mut self, sample: &Sample<'_>) -> Flow {
        let Sample { name, labels, value, timestamp, .. } = *sample;
        self.write(&SampleLine { name, labels, value, ts: timestamp })
    }

    fn histogram(&mut self, histogram: &NativeHistogram<'_>) -> Flow {
        let h = *histogram;
        self.write(&HistogramLine {
            name: h.name,
            labels: h.labels,
            value: "histogram",
            ts: h.timestamp,
            r#type: "native_histogram",
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            zero_count: h.zero_count,
            count: h.count,
            sum: h.sum,
            positive_spans: h.positive_spans,
            positive_deltas: h.positive_deltas,
            negative_spans: h.negative_spans,
            negative_deltas: h.negative_deltas,
        })
    }

    fn skipped(&mut self, fault: &Fault) {
        self.skipped += 1;
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{}:{fault}; skipped", self.input);
        }
    }
}

fn float<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&shortest(*value))
}

/// The shortest spelling that reads back the same.
fn shortest(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else if value == 0.0 || (1e-5..1e21).contains(&value.abs()) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

fn spans<S: Serializer>(spans: &[BucketSpan], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(spans.iter().map(|span| (span.offset, span.length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LabelBuf;

    #[test]
    fn values_are_short_and_read_back() {
        for (value, text) in [
            (1.0, "1"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e20, "100000000000000000000"),
            (1e21, "1e21"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(shortest(value), text);
            assert!(value.is_nan() || text.parse() == Ok(value));
        }
    }

    #[test]
    fn a_sample_and_a_native_histogram_are_a_line_each() {
        let labels = LabelBuf::from_iter([("b", "é\"\n"), ("a", "1")]);
        let mut out = Vec::new();
        let mut lines = Lines::new(&mut out, "-".to_owned(), true);
        let sample =
            Sample { name: "m", labels: labels.view(), value: 0.5, timestamp: Some(-7), shared: None, line: "" };
        assert!(lines.sample(&sample).is_continue());
        let native = NativeHistogram {
            name: "h",
            labels: LabelView::EMPTY,
            timestamp: None,
            schema: 3,
            zero_threshold: 1e-128,
            zero_count: 1,
            count: u64::MAX,
            sum: f64::NAN,
            positive_spans: &[BucketSpan { offset: -2, length: 1 }],
            positive_deltas: &[5],
            negative_spans: &[],
            negative_deltas: &[],
        };
        assert!(lines.histogram(&native).is_continue());
        lines.finish().unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"name\":\"m\",\"labels\":{\"b\":\"é\\\"\\n\",\"a\":\"1\"},\"value\":\"0.5\",\"ts\":-7}\n\
             {\"name\":\"h\",\"labels\":{},\"value\":\"histogram\",\"ts\":null,\"type\":\"native_histogram\",\"schema\":3,\
             \"zero_threshold\":\"1e-128\",\"zero_count\":1,\"count\":18446744073709551615,\"sum\":\"NaN\",\
             \"positive_spans\":[[-2,1]],\"positive_deltas\":[5],\"negative_spans\":[],\"negative_deltas\":[]}\n"
        );
    }
}
