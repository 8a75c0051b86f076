//! Packs as JSON lines, one a record: what `openagent collector` and `openagent try` print.
//!
//! ```text
//! {"type":"openmx","name":…,"labels":{…},"ts":…,"value":…}            "endpoint":… with endpoint metering
//! {"type":"help","name":…,"properties":{"help":…,"type":…}}
//! {"type":"histogram","name":…,"labels":{…},"ts":…,"schema":…,"zero_threshold":…,"zero_count":…,"count":…,"sum":…,
//!  "positive_spans":[[offset,length],…],"positive_deltas":[…],"negative_spans":[…],"negative_deltas":[…]}
//! {"type":"endpoint","url":…}
//! {"type":"tagcount","category":…,"ts":…,"tag_hash":…,"tags":{…},"data":{…}}
//! {"type":"text","div":…,"hash":…,"text":…}
//! {"type":"param","id":…,"request":…,"response":…,"values":{…}}
//! {"type":"other","pack_type":…,"bytes":…}
//! ```
//! A double that is no JSON number is the text `NaN`, `+Inf` or `-Inf`; bytes are hexadecimal.

use crate::wire::codec::DecodeError;
use crate::wire::pack::{Body, Pack, Records};
use crate::wire::record;
use crate::wire::value::{Map, Value};
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};
use std::fmt;
use std::io::{self, Write};

/// Most bytes a pack's records may have, inflated.
const MOST_PLAIN: usize = 64 << 20;

/// Why a pack was not written to its end.
#[derive(Debug)]
pub enum LinesError {
    /// The output is closed or full.
    Output(io::Error),
    /// A record can't be read; those before it are written.
    Record(DecodeError),
}

impl fmt::Display for LinesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(error) => write!(f, "the records can't be written: {error}"),
            Self::Record(error) => write!(f, "a pack with faulty records: {error}"),
        }
    }
}

impl std::error::Error for LinesError {}

impl From<DecodeError> for LinesError {
    fn from(error: DecodeError) -> Self {
        Self::Record(error)
    }
}

/// Writes a pack's records as lines; returns how many.
///
/// # Errors
/// When a record is faulty or the output fails.
pub fn write_lines(pack: &Pack, out: &mut impl Write) -> Result<usize, LinesError> {
    let ts = pack.header.time_ms;
    match &pack.body {
        Body::OpenMx(mx) => samples(&mx.records, mx.endpoint.as_deref(), out),
        Body::Help(records) => help(records, out),
        Body::Histogram(records) => histograms(records, out),
        Body::Endpoints(urls) => all(urls, out, |url| Line::Endpoint { url }),
        Body::Text(texts) => all(texts, out, |text| Line::Text { div: text.div, hash: text.hash, text: &text.text }),
        Body::TagCount(count) => {
            let (tags, data) = (Entries(&count.tags), Entries(&count.data));
            one(&Line::Tagcount { category: &count.category, ts, tag_hash: count.tag_hash, tags, data }, out)
        }
        Body::Param(param) => {
            let (request, response, values) = (param.request, param.response, Entries(&param.map));
            one(&Line::Param { id: param.id, request, response, values }, out)
        }
        Body::Other { pack_type, bytes } => one(&Line::Other { pack_type: *pack_type, bytes: bytes.len() }, out),
    }
}

/// A line; its fields in the order they are written.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Openmx {
        name: &'a str,
        labels: Pairs<'a>,
        ts: i64,
        value: Number,
        #[serde(skip_serializing_if = "Option::is_none")]
        endpoint: Option<&'a str>,
    },
    Help {
        name: &'a str,
        properties: Entries<'a>,
    },
    Histogram {
        name: &'a str,
        labels: Pairs<'a>,
        ts: i64,
        schema: i32,
        zero_threshold: Number,
        zero_count: i64,
        count: i64,
        sum: Number,
        positive_spans: &'a [(i32, i32)],
        positive_deltas: &'a [i64],
        negative_spans: &'a [(i32, i32)],
        negative_deltas: &'a [i64],
    },
    Endpoint {
        url: &'a str,
    },
    Tagcount {
        category: &'a str,
        ts: i64,
        tag_hash: i64,
        tags: Entries<'a>,
        data: Entries<'a>,
    },
    Text {
        div: u8,
        hash: i32,
        text: &'a str,
    },
    Param {
        id: i32,
        request: i64,
        response: i64,
        values: Entries<'a>,
    },
    Other {
        pack_type: u16,
        bytes: usize,
    },
}

fn samples(records: &Records, endpoint: Option<&str>, out: &mut impl Write) -> Result<usize, LinesError> {
    let plain = records.plain(MOST_PLAIN)?;
    let mut lines = 0;
    for sample in record::samples(&plain)? {
        let sample = sample?;
        let (name, labels, value) = (sample.metric, Pairs(&sample.labels), Number(sample.value));
        lines += one(&Line::Openmx { name, labels, ts: sample.time_ms, value, endpoint }, out)?;
    }
    Ok(lines)
}

fn help(records: &Records, out: &mut impl Write) -> Result<usize, LinesError> {
    let plain = records.plain(MOST_PLAIN)?;
    let mut lines = 0;
    for help in record::help(&plain)? {
        let help = help?;
        lines += one(&Line::Help { name: help.metric, properties: Entries(&help.properties) }, out)?;
    }
    Ok(lines)
}

fn histograms(records: &Records, out: &mut impl Write) -> Result<usize, LinesError> {
    let plain = records.plain(MOST_PLAIN)?;
    let mut lines = 0;
    for histogram in record::histograms(&plain)? {
        let h = histogram?;
        let line = Line::Histogram {
            name: h.metric,
            labels: Pairs(&h.labels),
            ts: h.time_ms,
            schema: h.schema,
            zero_threshold: Number(h.zero_threshold),
            zero_count: h.zero_count,
            count: h.count,
            sum: Number(h.sum),
            positive_spans: &h.positive_spans,
            positive_deltas: &h.positive_deltas,
            negative_spans: &h.negative_spans,
            negative_deltas: &h.negative_deltas,
        };
        lines += one(&line, out)?;
    }
    Ok(lines)
}

fn all<'a, T>(items: &'a [T], out: &mut impl Write, line: impl Fn(&'a T) -> Line<'a>) -> Result<usize, LinesError> {
    items.iter().try_fold(0, |lines, item| Ok(lines + one(&line(item), out)?))
}

fn one(line: &Line<'_>, out: &mut impl Write) -> Result<usize, LinesError> {
    serde_json::to_writer(&mut *out, line).map_err(|error| LinesError::Output(error.into()))?;
    out.write_all(b"\n").map_err(LinesError::Output)?;
    Ok(1)
}

/// A double that may be no JSON number.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            v if v.is_finite() => serializer.serialize_f64(v),
            v if v.is_nan() => serializer.serialize_str("NaN"),
            v if v > 0.0 => serializer.serialize_str("+Inf"),
            _ => serializer.serialize_str("-Inf"),
        }
    }
}

/// Labels, in order.
struct Pairs<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// A map, in order.
struct Entries<'a>(&'a Map);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, Any(value))))
    }
}

/// A value of any type.
struct Any<'a>(&'a Value);

impl Serialize for Any<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(v) => serializer.serialize_bool(*v),
            Value::Decimal(v) | Value::Long(v) => serializer.serialize_i64(*v),
            Value::Int(v) | Value::TextHash(v) => serializer.serialize_i32(*v),
            Value::Float(v) => Number(f64::from(*v)).serialize(serializer),
            Value::Double(v) => Number(*v).serialize(serializer),
            Value::Text(v) => serializer.serialize_str(v),
            Value::Blob(v) => serializer.serialize_str(&v.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
            Value::Ip4(v) => serializer.collect_str(&std::net::Ipv4Addr::from(*v)),
            Value::List(v) => each(v, serializer, Any),
            Value::Ints(v) => v.serialize(serializer),
            Value::Floats(v) => each(v, serializer, |v| Number(f64::from(*v))),
            Value::Texts(v) => v.serialize(serializer),
            Value::Longs(v) => v.serialize(serializer),
            Value::Doubles(v) => each(v, serializer, |v| Number(*v)),
            Value::Bools(v) => v.serialize(serializer),
            Value::Map(v) => Entries(v).serialize(serializer),
        }
    }
}

fn each<'a, T, V: Serialize, S: Serializer>(
    items: &'a [T],
    serializer: S,
    value: impl Fn(&'a T) -> V,
) -> Result<S::Ok, S::Error> {
    let mut seq = serializer.serialize_seq(Some(items.len()))?;
    for item in items {
        seq.serialize_element(&value(item))?;
    }
    seq.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden;

    fn lines(name: &str) -> Vec<String> {
        let mut out = Vec::new();
        let count = write_lines(&Pack::decode(&golden::pack(name)).unwrap(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), count);
        for line in &lines {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        lines
    }

    #[test]
    fn every_kind_of_pack_has_its_line() {
        let sample = r#"{"type":"openmx","name":"http_requests_total","labels":{"method":"post","code":"200"},"ts":1718668800123,"value":1027.0"#;
        assert_eq!(lines("openmx_3")[0], format!("{sample}}}"));
        let with_url = lines("openmx_3_okind_endpoint");
        assert_eq!(with_url[0], format!(r#"{sample},"endpoint":"http://127.0.0.1:9100/metrics"}}"#));
        assert_eq!(lines("openmx_60").len(), 60);
        assert!(lines("openmx_60")[3].ends_with(r#""ts":0,"value":"+Inf"}"#));
        assert!(lines("openmx_60")[4].ends_with(r#""value":"-Inf"}"#));
        assert!(lines("openmx_60")[5].ends_with(r#""value":"NaN"}"#));
        assert_eq!(
            lines("openmxhelp_1"),
            [r#"{"type":"help","name":"metric_0","properties":{"help":"Total number of things 설명"}}"#]
        );
        assert_eq!(lines("openmxhelp_12").len(), 12);
        assert_eq!(lines("endpoint_3")[0], r#"{"type":"endpoint","url":"http://127.0.0.1:9100/metrics"}"#);
        assert_eq!(lines("text_oname"), [r#"{"type":"text","div":13,"hash":1522875143,"text":"OPEN-AGENT-0-1"}"#]);
        assert_eq!(
            lines("param_set_config_request"),
            [
                r#"{"type":"param","id":14,"request":6,"response":0,"values":{"config":{"debug":"true","log_level":""}}}"#
            ]
        );
        assert_eq!(lines("event_overflow")[0], r#"{"type":"other","pack_type":5120,"bytes":73}"#);
    }

    #[test]
    fn histograms_and_all_value_types_are_told_whole() {
        let histogram: serde_json::Value = serde_json::from_str(&lines("histogram_3")[0]).unwrap();
        assert_eq!(histogram["name"], "http_request_duration_seconds");
        assert_eq!(histogram["labels"]["service"], "checkout0");
        assert_eq!((histogram["schema"].as_i64(), histogram["count"].as_i64()), (Some(3), Some(42)));
        assert_eq!(histogram["positive_spans"], serde_json::json!([[0, 3], [2, 1]]));
        assert_eq!(histogram["positive_deltas"], serde_json::json!([5, -2, 1, 3]));
        assert_eq!(histogram["negative_deltas"], serde_json::json!([1, 4]));

        let count: serde_json::Value = serde_json::from_str(&lines("tagcount_all_types")[0]).unwrap();
        assert_eq!((count["category"].as_str(), count["tags"]["이름"].as_str()), (Some("all_types"), Some("값")));
        let expected = serde_json::json!({
            "int": 42, "i64": -549_755_813_889_i64, "f32": 1.5, "f64": -2.25, "str": "텍스트", "bool": true,
            "ip4": "10.1.2.3", "null": null, "intv": -7, "longv": -8, "texthash": 9, "blob": "010203",
            "list": [1, "x"], "intarr": [1, -1], "textarr": ["a", ""], "map": {"k": "v"},
        });
        assert_eq!(count["data"], expected);
    }

    #[test]
    fn a_faulty_record_is_told_after_those_before_it() {
        let mut pack = Pack::decode(&golden::pack("openmx_3")).unwrap();
        let Body::OpenMx(mx) = &mut pack.body else { panic!("samples") };
        let mut plain = mx.records.plain(1000).unwrap().into_owned();
        plain.truncate(plain.len() - 1);
        mx.records = Records { zipped: false, bytes: plain };
        let mut out = Vec::new();
        let error = write_lines(&pack, &mut out).unwrap_err().to_string();
        assert_eq!(error, "a pack with faulty records: value at byte 145: needs 8 bytes, 7 are left");
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 2);
    }
}
