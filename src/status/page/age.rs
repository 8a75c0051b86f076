//! Times, durations and sizes as the pages show them: short, of even width, in the reader's language.

use super::words::Words;
use crate::telemetry::log_format::LocalTime;
use std::time::Duration;

/// How long a span is, in its largest unit: `8 s`, `3 min`, `2 h`, `5 d`.
pub(super) fn span(milliseconds: i64, words: &Words) -> String {
    let seconds = milliseconds.max(0) / 1000;
    let (number, unit) = match seconds {
        0..60 => (seconds, words.seconds),
        60..3600 => (seconds / 60, words.minutes),
        3600..172_800 => (seconds / 3600, words.hours),
        _ => (seconds / 86_400, words.days),
    };
    format!("{number}\u{a0}{unit}")
}

/// How long ago a moment was.
pub(super) fn ago(moment_ms: i64, now_ms: i64, words: &Words) -> String {
    if moment_ms <= 0 {
        return words.never.to_owned();
    }
    words.ago.replace("{}", &span(now_ms - moment_ms, words))
}

/// How long until a moment.
pub(super) fn until(moment_ms: i64, now_ms: i64, words: &Words) -> String {
    if moment_ms <= 0 {
        return "–".to_owned();
    }
    if moment_ms < now_ms + 1000 {
        return words.now.to_owned();
    }
    words.until.replace("{}", &span(moment_ms - now_ms, words))
}

/// A moment on the clock, in UTC.
pub(super) fn moment(moment_ms: i64) -> String {
    match u64::try_from(moment_ms) {
        Ok(unix_millis) if unix_millis > 0 => format!("{:.0}", LocalTime { unix_millis, offset: 0 }),
        _ => "–".to_owned(),
    }
}

/// A scrape's time in milliseconds or seconds.
pub(super) fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1e3;
    match milliseconds {
        _ if milliseconds < 9.95 => format!("{milliseconds:.1}\u{a0}ms"),
        _ if milliseconds < 999.5 => format!("{milliseconds:.0}\u{a0}ms"),
        _ => format!("{:.2}\u{a0}s", milliseconds / 1e3),
    }
}

/// A size in the largest unit that leaves a whole number.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 9.95);
    format!("{value:.digits$}\u{a0}{}", UNITS[unit])
}

/// A count with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::words::{ENGLISH, KOREAN};
    use super::*;

    #[test]
    fn spans_take_their_largest_unit() {
        let seconds = |seconds: i64| span(seconds * 1000, &ENGLISH).replace('\u{a0}', " ");
        assert_eq!([seconds(0), seconds(59), seconds(60), seconds(7200)], ["0 s", "59 s", "1 min", "2 h"]);
        assert_eq!(seconds(172_800), "2 d");
        assert_eq!(ago(1000, 4000, &KOREAN).replace('\u{a0}', " "), "3 초 전");
        assert_eq!(ago(0, 4000, &ENGLISH), "never");
        assert_eq!(until(9000, 4000, &ENGLISH).replace('\u{a0}', " "), "in 5 s");
    }

    #[test]
    fn sizes_and_counts_are_short() {
        let size = |bytes| size(bytes).replace('\u{a0}', " ");
        assert_eq!([size(0), size(1023), size(1024), size(15 << 20)], ["0 B", "1023 B", "1.0 KiB", "15 MiB"]);
        assert_eq!([count(7), count(1234), count(1_234_567)], ["7", "1,234", "1,234,567"]);
    }
}
