//! One log line: its time, and its form as text or JSON.
//!
//! # Invariants
//! A record is one line whatever its message holds: control characters are escaped, so that a target's error text
//! cannot forge a line.

use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

/// How lines are written (`log_format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// `2026-07-01T09:00:00.123+09:00 INFO  scrape::pool: message`.
    #[default]
    Text,
    /// One JSON object a line: `ts`, `level`, `target`, `thread`, `msg`.
    Json,
}

/// A moment on the local calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// Milliseconds since 1970, UTC; never negative.
    pub unix_millis: u64,
    /// Seconds local time is ahead of UTC.
    pub offset: i32,
}

impl LocalTime {
    /// The moment in the zone of this process.
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Self { unix_millis, offset: crate::os::local_offset(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)) }
    }

    /// Days since 1970-01-01 on the local calendar.
    pub fn day(self) -> i64 {
        self.local_seconds().div_euclid(86_400)
    }

    /// `20260701`.
    pub fn date_digits(self) -> String {
        let (year, month, day) = civil(self.day());
        format!("{year:04}{month:02}{day:02}")
    }

    fn local_seconds(self) -> i64 {
        i64::try_from(self.unix_millis / 1000).unwrap_or(i64::MAX / 2) + i64::from(self.offset)
    }
}

impl fmt::Display for LocalTime {
    /// RFC 3339 with milliseconds; `{:.0}` leaves them out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.day());
        let second = self.local_seconds().rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if f.precision() != Some(0) {
            write!(f, ".{:03}", self.unix_millis % 1000)?;
        }
        if self.offset == 0 {
            return f.write_char('Z');
        }
        let minutes = self.offset.abs() / 60;
        write!(f, "{}{:02}:{:02}", if self.offset < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
    }
}

/// The day's number of days since 1970-01-01, or `None` when the digits are no date.
pub fn day_of_digits(digits: &str) -> Option<i64> {
    if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    let days = days_of(year, month, day);
    (civil(days) == (year, month, day)).then_some(days)
}

/// Year, month, day of a day number, by whole 400-year eras of 146 097 days that begin on 1 March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The other way round; a month or day out of range gives some other day, which [`day_of_digits`] notices.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Writes one record as one line, the line's end included.
///
/// # Errors
/// Those of `out`.
pub fn write_line(out: &mut dyn fmt::Write, format: LogFormat, at: LocalTime, line: &Line<'_>) -> fmt::Result {
    match format {
        LogFormat::Text => {
            write!(out, "{at} {:<5} {}: ", line.level.as_str(), line.room())?;
            write!(Escaped(out), "{}", line.message)?;
        }
        LogFormat::Json => {
            let level = line.level.as_str().to_ascii_lowercase();
            write!(out, r#"{{"ts":"{at}","level":"{level}","target":""#)?;
            write!(JsonText(out), "{}", line.room())?;
            out.write_str(r#"","thread":""#)?;
            write!(JsonText(out), "{}", line.thread)?;
            out.write_str(r#"","msg":""#)?;
            write!(JsonText(out), "{}", line.message)?;
            out.write_str("\"}")?;
        }
    }
    out.write_char('\n')
}

/// What a line says.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// How grave it is.
    pub level: log::Level,
    /// The module that says it.
    pub target: &'a str,
    /// The thread that says it.
    pub thread: &'a str,
    /// What it says.
    pub message: fmt::Arguments<'a>,
}

impl<'a> Line<'a> {
    /// The module without the crate's name: every line would begin with it.
    fn room(&self) -> &'a str {
        self.target.strip_prefix("openagent::").unwrap_or(self.target)
    }
}

/// Text with control characters escaped.
struct Escaped<'a>(&'a mut dyn fmt::Write);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(char::is_control) {
            match piece.chars().next_back().filter(|c| c.is_control()) {
                None => self.0.write_str(piece)?,
                Some(control) => {
                    self.0.write_str(&piece[..piece.len() - control.len_utf8()])?;
                    write!(self.0, "{}", control.escape_default())?;
                }
            }
        }
        Ok(())
    }
}

/// Text inside a JSON string's quotes.
struct JsonText<'a>(&'a mut dyn fmt::Write);

impl fmt::Write for JsonText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '"' => self.0.write_str("\\\""),
            '\\' => self.0.write_str("\\\\"),
            '\n' => self.0.write_str("\\n"),
            '\t' => self.0.write_str("\\t"),
            c if c.is_control() => write!(self.0, "\\u{:04x}", u32::from(c)),
            c => self.0.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KOREA: i32 = 9 * 3600;

    fn line(format: LogFormat, message: &str) -> String {
        let at = LocalTime { unix_millis: 1_718_668_800_123, offset: KOREA };
        let mut out = String::new();
        let message = format_args!("{message}");
        let line = Line { level: log::Level::Warn, target: "openagent::scrape::pool", thread: "scrape-1", message };
        write_line(&mut out, format, at, &line).unwrap();
        out
    }

    #[test]
    fn a_text_line_bears_local_time_level_room_and_message() {
        assert_eq!(
            line(LogFormat::Text, "target gone"),
            "2024-06-18T09:00:00.123+09:00 WARN  scrape::pool: target gone\n"
        );
    }

    #[test]
    fn a_message_cannot_forge_a_second_line() {
        assert_eq!(
            line(LogFormat::Text, "a\r\n2024 ERROR x\u{1b}[2J\u{85}한글"),
            "2024-06-18T09:00:00.123+09:00 WARN  scrape::pool: a\\r\\n2024 ERROR x\\u{1b}[2J\\u{85}한글\n"
        );
    }

    #[test]
    fn a_json_line_is_json_whatever_the_message_holds() {
        let message = "a\"b\\c\nd\te\u{1}\u{85}한글";
        let parsed: serde_json::Value = serde_json::from_str(&line(LogFormat::Json, message)).unwrap();
        assert_eq!(parsed["msg"], message);
        assert_eq!(parsed["level"], "warn");
        assert_eq!(parsed["target"], "scrape::pool");
        assert_eq!(parsed["thread"], "scrape-1");
        assert_eq!(parsed["ts"], "2024-06-18T09:00:00.123+09:00");
    }

    #[test]
    fn the_calendar_is_right_around_its_corners() {
        for (millis, offset, digits, text) in [
            (0, 0, "19700101", "1970-01-01T00:00:00.000Z"),
            (0, -3600, "19691231", "1969-12-31T23:00:00.000-01:00"),
            (951_782_400_000, 0, "20000229", "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_000, 0, "20240229", "2024-02-29T00:00:00.000Z"),
            (1_735_689_599_999, 0, "20241231", "2024-12-31T23:59:59.999Z"),
            (1_735_689_599_999, KOREA, "20250101", "2025-01-01T08:59:59.999+09:00"),
            (4_107_542_400_000, 0, "21000301", "2100-03-01T00:00:00.000Z"),
        ] {
            let time = LocalTime { unix_millis: millis, offset };
            assert_eq!(time.date_digits(), digits);
            assert_eq!(time.to_string(), text);
            assert_eq!(day_of_digits(digits), Some(time.day()));
        }
    }

    #[test]
    fn digits_that_are_no_date_are_none() {
        for digits in ["", "2024", "20240230", "20241301", "20240001", "2024060x", "202406181"] {
            assert_eq!(day_of_digits(digits), None, "{digits}");
        }
    }
}
