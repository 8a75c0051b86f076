//! Samples written down again, so that reading them once more must give the same.

use crate::Kept;
use std::fmt::Write as _;

/// As text 0.0.4, or as OpenMetrics where `seconds` is set; names that need it in quotes.
pub fn text(samples: &[Kept], seconds: bool) -> String {
    let mut out = String::new();
    for sample in samples {
        series(sample, &mut out);
        out.push(' ');
        value(sample.value(), &mut out);
        match sample.timestamp {
            Some(time) if seconds => drop(write!(out, " {:?}", seconds_of(time))),
            Some(time) => drop(write!(out, " {time}")),
            None => {}
        }
        out.push('\n');
    }
    if seconds {
        out.push_str("# EOF\n");
    }
    out
}

/// As protobuf: each sample a family of type untyped.
pub fn protobuf(samples: &[Kept]) -> Vec<u8> {
    let mut out = Vec::new();
    for sample in samples {
        let mut metric = Vec::new();
        for (name, value) in &sample.labels {
            let label = [field(1, name.as_bytes()), field(2, value.as_bytes())].concat();
            metric.extend(field(1, &label));
        }
        metric.extend(field(5, &[&[1 << 3 | 1][..], &sample.bits.to_le_bytes()].concat()));
        if let Some(time) = sample.timestamp {
            metric.push(6 << 3);
            varint(time as u64, &mut metric);
        }
        let family = [field(1, sample.name.as_bytes()), vec![3 << 3, 3], field(4, &metric)].concat();
        varint(family.len() as u64, &mut out);
        out.extend(family);
    }
    out
}

/// Whether OpenMetrics' seconds can say the time to the millisecond.
pub fn is_sayable(time: i64) -> bool {
    (seconds_of(time) * 1000.0) as i64 == time
}

/// Seconds that are read as these milliseconds.
fn seconds_of(time: i64) -> f64 {
    let near = time as f64 / 1000.0;
    [near, near.next_up(), near.next_down()].into_iter().find(|s| (s * 1000.0) as i64 == time).unwrap_or(near)
}

fn series(sample: &Kept, out: &mut String) {
    let plain = is_plain(&sample.name, true);
    if plain {
        out.push_str(&sample.name);
    }
    out.push('{');
    if !plain {
        quoted(&sample.name, out);
    }
    for (i, (name, value)) in sample.labels.iter().enumerate() {
        if i > 0 || !plain {
            out.push(',');
        }
        if is_plain(name, false) {
            out.push_str(name)
        } else {
            quoted(name, out)
        }
        out.push('=');
        quoted(value, out);
    }
    out.push('}');
}

fn is_plain(name: &str, colons: bool) -> bool {
    let may_begin = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || colons && byte == b':';
    name.bytes().next().is_some_and(may_begin) && name.bytes().all(|byte| may_begin(byte) || byte.is_ascii_digit())
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn value(value: f64, out: &mut String) {
    match value {
        value if value.is_nan() => out.push_str("NaN"),
        f64::INFINITY => out.push_str("+Inf"),
        f64::NEG_INFINITY => out.push_str("-Inf"),
        value => drop(write!(out, "{value:?}")),
    }
}

fn field(number: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    varint(body.len() as u64, &mut out);
    out.extend(body);
    out
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
