//! Durations as Prometheus writes them: `1h30m`, `15s`, `500ms`; a bare number is seconds.
//!
//! ```text
//! duration = "0" | seconds | 1*( digits unit )        units once each, from large to small
//! unit     = "y" | "w" | "d" | "h" | "m" | "s" | "ms"
//! seconds  = digits [ "." digits ]
//! ```

use std::fmt::Write as _;
use std::time::Duration;

/// The units in the order they must be written, with their milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurationError(String);

impl std::fmt::Display for DurationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} is no duration; write it as 15s, 1m30s, 500ms or as a number of seconds", self.0)
    }
}

impl std::error::Error for DurationError {}

/// Reads a duration, exact to the millisecond.
///
/// # Errors
/// On an unknown unit, a unit twice or out of order, an empty text, or more than `u64` milliseconds.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let fail = || DurationError(text.to_owned());
    let text = text.trim();
    if let Some(millis) = bare_seconds(text) {
        return Ok(Duration::from_millis(millis));
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest.bytes().skip(digits).take_while(u8::is_ascii_alphabetic).count();
        let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
        let (_, size) = units.find(|(name, _)| *name == unit).ok_or_else(fail)?;
        let number: u64 = number.parse().map_err(|_| fail())?;
        millis = number.checked_mul(*size).and_then(|part| millis.checked_add(part)).ok_or_else(fail)?;
        rest = &rest[digits + letters..];
    }
    if text.is_empty() { Err(fail()) } else { Ok(Duration::from_millis(millis)) }
}

/// The milliseconds of a text that is nothing but a number of seconds.
fn bare_seconds(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let seconds: f64 = text.parse().ok()?;
    (seconds <= 1e12).then(|| (seconds * 1_000.0).round() as u64)
}

/// Writes a duration the way [`parse`] reads it: `1m30s`; less than a millisecond is cut off.
pub fn format(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (unit, size) in UNITS {
        // years and weeks only when they come out even, as Prometheus prints them
        let skip = matches!(unit, "y" | "w") && !millis.is_multiple_of(size);
        if millis >= size && !skip {
            let _ = write!(out, "{}{unit}", millis / size);
            millis %= size;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_prometheus_reads() {
        for (text, millis) in [
            ("0", 0),
            ("15s", 15_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("2d", 172_800_000),
            ("1w", 604_800_000),
            ("1y", 31_536_000_000),
            ("30", 30_000),
            ("1.5", 1_500),
            (" 10s ", 10_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_and_names_it() {
        for text in ["", "s", "1x", "1s1m", "1s1s", "-1s", "1.5s", "1 s", "99999999999999999999s", "99999999999y"] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn format_is_read_back_the_same() {
        for millis in [0, 1, 999, 1_000, 90_000, 604_800_000, 604_801_000, 31_536_000_000, 123_456_789] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(&format(duration)), Ok(duration), "{}", format(duration));
        }
    }
}
