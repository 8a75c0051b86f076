//! The conformance data beside the project, through the library's parsers.
//!
//! Where Prometheus and client_python differ, Prometheus counts. A case decided otherwise stands in its file's list
//! with the reason.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::support::shared;
use openagent::exposition::lint::Lint;
use openagent::exposition::{
    BucketSpan, FamilyKind, Fault, Flow, Format, NativeHistogram, Options, Parser, PumpError, Sample, Sink, Window,
    content_type, pump,
};
use serde_json::{Map, Value, json};
use std::path::Path;

/// A sample with its own memory; a NaN is equal to a NaN.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    name: String,
    labels: Vec<(String, String)>,
    bits: u64,
    timestamp: Option<i64>,
}

impl Kept {
    fn new(name: &str, labels: Vec<(String, String)>, value: f64, timestamp: Option<i64>) -> Self {
        let mut labels = labels;
        labels.sort();
        let bits = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
        Self { name: name.to_owned(), labels, bits, timestamp }
    }

    fn expected(sample: &Value) -> Self {
        let labels = sample["labels"].as_object().unwrap();
        let labels = labels.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        let value: f64 = sample["value"].as_str().unwrap().parse().unwrap();
        Self::new(sample["name"].as_str().unwrap(), labels, value, sample["ts"].as_i64())
    }
}

/// Keeps everything.
#[derive(Default)]
struct Keep {
    samples: Vec<Kept>,
    natives: Vec<Value>,
    metadata: Vec<(String, String, String)>,
    skipped: Vec<Fault>,
}

impl Sink for Keep {
    fn sample(&mut self, sample: &Sample<'_>) -> Flow {
        let labels = sample.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.samples.push(Kept::new(sample.name, labels, sample.value, sample.timestamp));
        Flow::Continue(())
    }

    fn histogram(&mut self, histogram: &NativeHistogram<'_>) -> Flow {
        self.natives.push(native(histogram));
        Flow::Continue(())
    }

    fn help(&mut self, family: &str, text: &str) {
        self.metadata.push(("HELP".to_owned(), family.to_owned(), text.to_owned()));
    }

    fn kind(&mut self, family: &str, kind: FamilyKind) {
        let word = if kind == FamilyKind::Untyped { "unknown" } else { kind.as_str() };
        self.metadata.push(("TYPE".to_owned(), family.to_owned(), word.to_owned()));
    }

    fn unit(&mut self, family: &str, unit: &str) {
        self.metadata.push(("UNIT".to_owned(), family.to_owned(), unit.to_owned()));
    }

    fn skipped(&mut self, fault: &Fault) {
        self.skipped.push(fault.clone());
    }
}

/// A native histogram in the shape of the data's, floats as bits.
fn native(histogram: &NativeHistogram<'_>) -> Value {
    let spans = |spans: &[BucketSpan]| spans.iter().map(|span| json!([span.offset, span.length])).collect::<Vec<_>>();
    let labels: Value =
        histogram.labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect::<Map<_, _>>().into();
    json!({
        "name": histogram.name, "labels": labels, "ts": histogram.timestamp,
        "schema": histogram.schema, "zero_threshold": bits(histogram.zero_threshold),
        "zero_count": histogram.zero_count, "count": histogram.count, "sum": bits(histogram.sum),
        "positive_spans": spans(histogram.positive_spans), "positive_deltas": histogram.positive_deltas,
        "negative_spans": spans(histogram.negative_spans), "negative_deltas": histogram.negative_deltas,
    })
}

/// The same of an expected histogram; `None` for one with float counts.
fn expected_native(sample: &Value) -> Option<Value> {
    let histogram = sample.get("histogram").filter(|histogram| histogram["float"] == false)?;
    let list = |key: &str| histogram.get(key).cloned().unwrap_or_else(|| json!([]));
    let float = |key: &str| bits(histogram[key].as_str().unwrap().parse().unwrap());
    let number = |key: &str| histogram[key].as_str().unwrap().parse::<u64>().unwrap();
    Some(json!({
        "name": sample["name"], "labels": sample["labels"], "ts": sample["ts"],
        "schema": histogram["schema"], "zero_threshold": float("zero_threshold"),
        "zero_count": number("zero_count"), "count": number("count"), "sum": float("sum"),
        "positive_spans": list("positive_spans"), "positive_deltas": list("positive_deltas"),
        "negative_spans": list("negative_spans"), "negative_deltas": list("negative_deltas"),
    }))
}

fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

fn read(format: Format, strict_text: bool, body: &[u8]) -> (Keep, Result<(), PumpError>) {
    let mut keep = Keep::default();
    let mut parser = Parser::new(format, Options { strict_text });
    let result = pump(&mut &body[..], &mut Window::default(), &mut parser, &mut keep);
    (keep, result.map(|_| ()))
}

/// A file's cases, or `None` where the data is missing.
fn cases(file: &str, count: usize) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(shared("corpus")?.join(file)).unwrap();
    let cases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(cases.len(), count, "{file}");
    Some(cases)
}

fn body(case: &Value) -> Vec<u8> {
    match case["input"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => base64(case["input_b64"].as_str().unwrap()),
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for digit in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | DIGITS.iter().position(|d| *d == digit).unwrap() as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

/// How a case came out, against what it expects; `None` when it is right.
fn breach(case: &Value, format: Format, strict_text: bool) -> Option<String> {
    let (keep, result) = read(format, strict_text, &body(case));
    let expected: Vec<Kept> = case["samples"].as_array().unwrap().iter().map(Kept::expected).collect();
    match (case["ok"].as_bool().unwrap(), result) {
        (true, Err(error)) => Some(format!("refused: {error}")),
        (false, Ok(())) => Some("accepted".to_owned()),
        (true, Ok(())) if keep.samples != expected => Some(format!("{:?}\n  instead of {expected:?}", keep.samples)),
        _ => None,
    }
}

/// Runs all cases and compares the names of those that come out otherwise with `exceptions`.
fn check(cases: &[Value], exceptions: &[(&str, &str)], format: impl Fn(&str) -> Format) {
    assert!(exceptions.len() <= 8);
    let mut wrong = Vec::new();
    for case in cases {
        let name = case["name"].as_str().unwrap();
        match breach(case, format(name), true) {
            Some(why) if !exceptions.iter().any(|(case, _)| *case == name) => wrong.push(format!("{name}: {why}")),
            None if exceptions.iter().any(|(case, _)| *case == name) => wrong.push(format!("{name}: no exception")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Lenient text must give every line that is good by itself.
fn loses_nothing(case: &Value) {
    let body = body(case);
    let (whole, result) = read(Format::Text, false, &body);
    assert!(result.is_ok(), "{}", case["name"]);
    let alone: Vec<Kept> = body
        .split(|byte| *byte == b'\n')
        .flat_map(|line| match read(Format::Text, true, line) {
            (keep, Ok(())) => keep.samples,
            _ => Vec::new(),
        })
        .collect();
    let mut given = whole.samples.iter();
    for line in &alone {
        assert!(given.any(|sample| sample == line), "{}: {line:?} is lost", case["name"]);
    }
}

#[test]
fn text_cases_come_out_as_in_prometheus() {
    let Some(cases) = cases("text.jsonl", 79) else { return };
    check(&cases, &[], |_| Format::Text);
    cases.iter().for_each(loses_nothing);
}

#[test]
fn hard_cases_come_out_as_in_prometheus() {
    let Some(cases) = cases("hard.jsonl", 183) else { return };
    let format = |name: &str| if name.starts_with("text/") { Format::Text } else { Format::OpenMetrics };
    let exceptions = [
        ("text/nul-first", "Prometheus takes the NUL for the body's end and drops the rest in silence"),
        ("text/utf8-name-invalid-utf8", "Prometheus' parser takes it, its scrape refuses the body"),
        ("openmetrics/utf8-name-invalid-utf8", "Prometheus' parser takes it, its scrape refuses the body"),
        ("openmetrics/ts-ns", "a time beyond 64-bit milliseconds: the data says its value is none to match"),
    ];
    check(&cases, &exceptions, format);
    cases.iter().filter(|case| case["name"].as_str().unwrap().starts_with("text/")).for_each(loses_nothing);
}

#[test]
fn openmetrics_cases_come_out_as_in_prometheus() {
    let Some(cases) = cases("om.jsonl", 337) else { return };
    let exceptions = [
        ("py/test_invalid_input/20", "Prometheus' parser takes the label name twice, its scrape refuses the body"),
        ("py/test_invalid_input/23", "Prometheus' parser takes the label name twice, its scrape refuses the body"),
        ("py/test_timestamps/0", "a time beyond 64-bit milliseconds: the data says its value is none to match"),
    ];
    check(&cases, &exceptions, |_| Format::OpenMetrics);
}

#[test]
fn bodies_that_openmetrics_calls_good_are_taken() {
    let Some(cases) = cases("openmetrics-spec.jsonl", 211) else { return };
    let good: Vec<&Value> = cases.iter().filter(|case| case["shouldParse"].as_bool().unwrap()).collect();
    assert_eq!(good.len(), 44);
    for case in good {
        let (_, result) = read(Format::OpenMetrics, true, &body(case));
        assert!(result.is_ok(), "{}: {result:?}", case["name"]);
    }
}

fn expected_file(path: &Path) -> Vec<Kept> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| Kept::expected(&serde_json::from_str(line).unwrap())).collect()
}

#[test]
fn live_bodies_give_their_samples() {
    let Some(cases) = cases("live.jsonl", 60) else { return };
    let corpus = shared("corpus").unwrap();
    for case in cases {
        let format = match case["format"].as_str().unwrap() {
            "text" => Format::Text,
            "openmetrics" => Format::OpenMetrics,
            _ => Format::Protobuf,
        };
        let (keep, result) = read(format, true, &std::fs::read(corpus.join(case["file"].as_str().unwrap())).unwrap());
        assert!(result.is_ok(), "{}: {result:?}", case["name"]);
        let expected = expected_file(&corpus.join(case["expect"].as_str().unwrap()));
        assert_eq!(keep.samples.len(), expected.len(), "{}", case["name"]);
        for (given, expected) in keep.samples.iter().zip(&expected) {
            assert_eq!(given, expected, "{}", case["name"]);
        }
    }
}

#[test]
fn protobuf_cases_come_out_as_in_prometheus() {
    let Some(cases) = cases("proto.jsonl", 63) else { return };
    for case in &cases {
        let name = &case["name"];
        let (keep, result) = read(Format::Protobuf, true, &base64(case["pb_b64"].as_str().unwrap()));
        assert_eq!(result.is_ok(), case["ok"].as_bool().unwrap(), "{name}: {result:?}");
        if result.is_err() {
            continue;
        }
        let classic: Vec<Kept> = case["classic"].as_array().unwrap().iter().map(Kept::expected).collect();
        assert_eq!(keep.samples, classic, "{name}");
        let natives = case["native"].as_array().map_or(&[][..], Vec::as_slice);
        assert_eq!(keep.natives, natives.iter().filter_map(expected_native).collect::<Vec<_>>(), "{name}");
        let floats = natives.iter().filter(|sample| sample.pointer("/histogram/float") == Some(&json!(true))).count();
        let faulty = usize::from(case["ok_native"] == false);
        assert_eq!(keep.skipped.len(), floats + faulty, "{name}: {:?}", keep.skipped);
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let metadata = case["meta"].as_array().unwrap().iter();
        let metadata = metadata.map(|entry| (text(entry, "kind"), text(entry, "name"), text(entry, "text")));
        // A unit stands behind the metrics, so it is known only then where families are streamed.
        assert_eq!(sorted(keep.metadata), sorted(metadata.collect()), "{name}");
    }
}

fn sorted(mut metadata: Vec<(String, String, String)>) -> Vec<(String, String, String)> {
    metadata.sort();
    metadata
}

#[test]
fn content_types_name_the_parser_of_prometheus_or_fall_back_to_text() {
    let Some(cases) = cases("content_type.jsonl", 36) else { return };
    for case in cases {
        let header = case["content_type"].as_str().unwrap();
        let given = content_type::of(header);
        // The data's body under a protobuf type was text, so its scrape failed; its log shows which parser ran.
        let tried_protobuf = case["log"].as_str().unwrap().contains("clientpb:");
        let (format, fallback) = match case["parser"].as_str() {
            Some("text") => (Format::Text, false),
            Some("openmetrics") => (Format::OpenMetrics, false),
            _ if tried_protobuf => (Format::Protobuf, false),
            _ => (Format::Text, true),
        };
        assert_eq!((given.format, given.fallback), (format, fallback), "{header}");
    }
}

#[test]
fn the_lint_is_right_on_every_case_of_openmetrics() {
    let Some(cases) = cases("openmetrics-spec.jsonl", 211) else { return };
    let mut wrong = Vec::new();
    for case in &cases {
        let mut lint = Lint::new(1 << 20);
        lint.feed(&body(case));
        lint.finish();
        let breaches = lint.take_breaches();
        if breaches.is_empty() != case["shouldParse"].as_bool().unwrap() {
            wrong.push(format!("{}: {breaches:?}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{} of 211\n{}", wrong.len(), wrong.join("\n"));
}
