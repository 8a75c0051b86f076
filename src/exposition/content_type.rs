//! Content-Type → format, read as Prometheus reads it (RFC 2045 by Go's `mime.ParseMediaType`).
//!
//! # Invariants
//! - Where Prometheus would refuse the answer, the format is still given, flagged as a guess: many exporters send no
//!   type or a wrong one.

use super::Format;

/// The format that a header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentType {
    /// How to read the body.
    pub format: Format,
    /// Whether that is a guess, worth counting: the header is missing, unknown or malformed.
    pub fallback: bool,
}

/// Reads a header's value, which is empty where the answer has no such header.
pub fn of(header: &str) -> ContentType {
    let (name, parameters) = header.split_at(header.find(';').unwrap_or(header.len()));
    let known = match name.trim().to_ascii_lowercase().as_str() {
        "text/plain" => Some(Format::Text),
        "application/openmetrics-text" => Some(Format::OpenMetrics),
        "application/vnd.google.protobuf" => Some(Format::Protobuf),
        _ => None,
    };
    let fallback = known.is_none() || !are_parameters(parameters);
    ContentType { format: known.unwrap_or(Format::Text), fallback }
}

/// Whether the rest of a header is well-formed parameters, no name twice.
fn are_parameters(mut rest: &str) -> bool {
    let mut names: Vec<String> = Vec::new();
    loop {
        rest = rest.trim_start();
        if matches!(rest.trim_end(), "" | ";") {
            return true;
        }
        let Some((name, after)) = parameter(rest) else { return false };
        let name = name.to_ascii_lowercase();
        if names.contains(&name) {
            return false;
        }
        names.push(name);
        rest = after;
    }
}

/// `; name = value`; the second result is what follows.
fn parameter(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = token(text.strip_prefix(';')?.trim_start())?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let rest = match value.strip_prefix('"') {
        Some(quoted) => after_quote(quoted)?,
        None => token(value)?.1,
    };
    Some((name, rest))
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(c);
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// What follows the closing quote.
fn after_quote(text: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return Some(&text[at + 1..]),
            '\r' | '\n' => return None,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_name_their_format() {
        for (header, format, fallback) in [
            ("", Format::Text, true),
            ("TEXT/PLAIN; Version=\"0.0.4\" ; a=\"\\\";\";", Format::Text, false),
            ("text/plain; a=\"open", Format::Text, true),
            ("text/plain; a=1; A=2", Format::Text, true),
            ("application/openmetrics-text; version=1.0.0", Format::OpenMetrics, false),
            ("application/openmetrics-text; ;", Format::OpenMetrics, true),
            ("application/vnd.google.protobuf; encoding=delimited", Format::Protobuf, false),
            ("application/json", Format::Text, true),
        ] {
            assert_eq!(of(header), ContentType { format, fallback }, "{header:?}");
        }
    }
}
