//! Text format 0.0.4 by Prometheus 3's rules: a line is blank, a comment, HELP, TYPE or a sample.
//!
//! ```text
//! line   = blanks [ "#" … | series blanks value [ blanks digits ] blanks ]
//! HELP   = "#" blanks "HELP" blanks name [ any text ]      the text begins one byte after the name
//! TYPE   = "#" blanks "TYPE" blanks name any type
//! ```
//!
//! # Invariants
//! - Strict refuses a body exactly where Prometheus does, and two things more that it takes in silence: a NUL at a
//!   line's start (which ends the body there) and a quoted name across lines.
//! - Lenient skips a bad line, tells the sink, and loses no other; it also bears CRLF line ends, blanks around a
//!   type and OpenMetrics' types.

use super::fault::{Bad, Wrong};
use super::lines::{Line, Lines};
use super::scan::{blanks, unescape};
use super::series::Series;
use super::{FamilyKind, Fault, Flow, Sink, Stop, number};
use crate::labels::Span;
use memchr::{memchr, memrchr};

/// A parser of text 0.0.4.
#[derive(Debug)]
pub struct Text {
    strict: bool,
    lines: u64,
    discarding: bool,
    series: Series,
    meta: String,
}

impl Text {
    /// A parser at the start of a body. With `strict` one bad line fails the body.
    pub fn new(strict: bool) -> Self {
        Self { strict, lines: 0, discarding: false, series: Series::default(), meta: String::new() }
    }

    /// Forgets the last body.
    pub fn reset(&mut self) {
        self.lines = 0;
        self.discarding = false;
        self.series.shrink();
        self.meta.clear();
        self.meta.shrink_to(4096);
    }

    /// Lines read so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether bad lines are skipped.
    pub fn is_lenient(&self) -> bool {
        !self.strict
    }

    /// Bytes the parser's own buffers hold.
    pub fn memory(&self) -> usize {
        self.series.memory() + self.meta.capacity()
    }

    /// Reads the whole lines of `input` (with `last` all of it); answers how many bytes were read.
    ///
    /// # Errors
    /// A bad line in strict mode, or the sink's wish to stop.
    pub fn parse<S: Sink>(&mut self, input: &[u8], last: bool, sink: &mut S) -> Result<usize, Stop> {
        let skipped = self.discard(input, last);
        let rest = &input[skipped..];
        let whole = if last { rest.len() } else { memrchr(b'\n', rest).map_or(0, |at| at + 1) };
        match std::str::from_utf8(&rest[..whole]) {
            Ok(text) => self.read_lines(text, sink)?,
            Err(_) => self.read_mixed(&rest[..whole], sink)?,
        }
        Ok(skipped + whole)
    }

    /// Gives up the line that `input` begins with: it is longer than the window may grow. Its rest is skipped.
    ///
    /// # Errors
    /// In strict mode, with the line's fault.
    pub fn give_up_line<S: Sink>(&mut self, sink: &mut S) -> Result<(), Stop> {
        self.lines += 1;
        let fault = Wrong::Overlong.at(0).tell(self.lines, b"");
        self.discarding = true;
        self.skip_or_stop(fault, sink)
    }

    /// Skips the rest of a line that was given up.
    fn discard(&mut self, input: &[u8], last: bool) -> usize {
        if !self.discarding {
            return 0;
        }
        let end = memchr(b'\n', input);
        self.discarding = end.is_none() && !last;
        end.map_or(input.len(), |at| at + 1)
    }

    fn read_lines<S: Sink>(&mut self, text: &str, sink: &mut S) -> Result<(), Stop> {
        let mut lines = Lines::of(text);
        while let Some(line) = lines.next(&mut self.lines, sink)? {
            self.read_line(line, sink)?;
        }
        Ok(())
    }

    /// Lines of which at least one is not UTF-8.
    #[cold]
    fn read_mixed<S: Sink>(&mut self, input: &[u8], sink: &mut S) -> Result<(), Stop> {
        for line in input.split_inclusive(|byte| *byte == b'\n') {
            match std::str::from_utf8(line) {
                Ok(text) => self.read_lines(text, sink)?,
                Err(error) => {
                    self.lines += 1;
                    if !is_plain_comment(line) {
                        let fault = Wrong::NotUtf8.at(error.valid_up_to()).tell(self.lines, line);
                        self.skip_or_stop(fault, sink)?;
                    }
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn read_line<S: Sink>(&mut self, line: Line<'_>, sink: &mut S) -> Result<(), Stop> {
        self.lines += 1;
        let text = if self.strict { line.text } else { line.text.strip_suffix('\r').unwrap_or(line.text) };
        let bytes = text.as_bytes();
        let at = blanks(bytes, 0);
        let read = match bytes.get(at) {
            None => return Ok(()),
            Some(b'#') => self.comment(text, at + 1, sink),
            Some(_) => match self.sample(Line { text, ..line }, at, sink) {
                Ok(Flow::Continue(())) => return Ok(()),
                Ok(Flow::Break(())) => return Err(Stop::Sink),
                Err(bad) => Err(bad),
            },
        };
        read.or_else(|bad| {
            self.series.forget();
            self.skip_or_stop(bad.tell(self.lines, bytes), sink)
        })
    }

    /// Reads a sample that begins at `at` and gives it to the sink.
    #[inline]
    fn sample<S: Sink>(&mut self, line: Line<'_>, at: usize, sink: &mut S) -> Result<Flow, Bad> {
        let Line { text, before, known } = line;
        if let Some(end) = known {
            self.series.forget();
            let (value, timestamp) = numbers(text, end)?;
            return Ok(sink.known_sample(value, timestamp));
        }
        let end = self.series.read::<true>(text, at, before)?;
        let (value, timestamp) = numbers(text, end)?;
        Ok(sink.sample(&self.series.sample(text, end, value, timestamp)))
    }

    fn comment<S: Sink>(&mut self, line: &str, at: usize, sink: &mut S) -> Result<(), Bad> {
        let Some((is_help, at)) = keyword(line.as_bytes(), at) else { return Ok(()) };
        let (family, at) = self.series.family(line, at)?;
        let text = line.get(at + 1..).unwrap_or_default();
        if is_help {
            self.help(line, family, text, sink);
            return Ok(());
        }
        let word = if self.strict { text } else { text.trim_matches([' ', '\t']) };
        let kind = kind(word, self.strict).ok_or(Wrong::Kind.at((at + 1).min(line.len())))?;
        sink.kind(family.of(line, self.series.scratch()), kind);
        Ok(())
    }

    fn help<S: Sink>(&mut self, line: &str, family: Span, text: &str, sink: &mut S) {
        let family = family.of(line, self.series.scratch());
        if memchr(b'\\', text.as_bytes()).is_none() {
            return sink.help(family, text);
        }
        self.meta.clear();
        unescape(text, false, &mut self.meta);
        sink.help(family, &self.meta);
    }

    fn skip_or_stop<S: Sink>(&self, fault: Fault, sink: &mut S) -> Result<(), Stop> {
        if self.strict {
            return Err(Stop::Fault(fault));
        }
        sink.skipped(&fault);
        Ok(())
    }
}

/// `HELP` (true) or `TYPE` (false) after the hash, and where the name begins; `None` for any other comment.
#[inline]
fn keyword(bytes: &[u8], at: usize) -> Option<(bool, usize)> {
    let word = blanks(bytes, at);
    let end = word + 4;
    let is_help = match bytes.get(word..end)? {
        b"HELP" => true,
        b"TYPE" => false,
        _ => return None,
    };
    let name = blanks(bytes, end);
    (word > at && name > end).then_some((is_help, name))
}

fn is_plain_comment(line: &[u8]) -> bool {
    let at = blanks(line, 0);
    line.get(at) == Some(&b'#') && keyword(line, at + 1).is_none()
}

/// The value behind a series that ends at `at`, and the time, when there is one.
#[inline]
fn numbers(line: &str, at: usize) -> Result<(f64, Option<i64>), Bad> {
    let bytes = line.as_bytes();
    let at = blanks(bytes, at);
    let end = token_end(bytes, at);
    if end == at {
        return Err(Wrong::Value.at(at));
    }
    let value = number::float(&line[at..end]).ok_or(Wrong::Number.at(at))?;
    let at = blanks(bytes, end);
    if at == bytes.len() {
        return Ok((value, None));
    }
    timestamp(bytes, at).map(|time| (value, Some(time)))
}

/// Past the token that begins at `at`: it ends at a blank or an opening brace.
#[inline]
fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    at + rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'{')).unwrap_or(rest.len())
}

/// The timestamp at `at` with nothing but blanks after it.
fn timestamp(bytes: &[u8], at: usize) -> Result<i64, Bad> {
    let end = at + bytes[at..].iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len() - at);
    if end == at {
        return Err(Wrong::Timestamp.at(at));
    }
    let time = number::digits(&bytes[at..end]).ok_or(Wrong::TimestampRange.at(at))?;
    let rest = blanks(bytes, end);
    if rest < bytes.len() { Err(Wrong::LineEnd.at(rest)) } else { Ok(time) }
}

fn kind(word: &str, strict: bool) -> Option<FamilyKind> {
    Some(match word {
        "counter" => FamilyKind::Counter,
        "gauge" => FamilyKind::Gauge,
        "histogram" => FamilyKind::Histogram,
        "summary" => FamilyKind::Summary,
        "untyped" => FamilyKind::Untyped,
        _ if strict => return None,
        "unknown" => FamilyKind::Untyped,
        "gaugehistogram" => FamilyKind::GaugeHistogram,
        "info" => FamilyKind::Info,
        "stateset" => FamilyKind::StateSet,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::Sample;

    #[derive(Default)]
    struct Log(Vec<String>);

    impl Sink for Log {
        fn sample(&mut self, sample: &Sample<'_>) -> Flow {
            let Sample { name, labels, value, timestamp, .. } = sample;
            self.0.push(format!("{name}{labels} {value} {timestamp:?}"));
            if *name == "stop" { Flow::Break(()) } else { Flow::Continue(()) }
        }

        fn help(&mut self, family: &str, text: &str) {
            self.0.push(format!("help {family} {text:?}"));
        }

        fn kind(&mut self, family: &str, kind: FamilyKind) {
            self.0.push(format!("type {family} {}", kind.as_str()));
        }

        fn skipped(&mut self, fault: &Fault) {
            self.0.push(format!("skipped {fault}"));
        }
    }

    fn lenient(body: &[u8]) -> Vec<String> {
        let mut log = Log::default();
        assert_eq!(Text::new(false).parse(body, true, &mut log), Ok(body.len()));
        log.0
    }

    fn strict_fault(body: &str) -> String {
        match Text::new(true).parse(body.as_bytes(), true, &mut Log::default()) {
            Err(Stop::Fault(fault)) => fault.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_bad_line_is_skipped_with_its_place_and_the_rest_stays() {
        let given = lenient(b"a 1\nb{x=1} 2\nc\xff 3\n# \xff\n# TYPE d what\nd{y=\"\xc3\xa9\"} 4 5 \n");
        assert_eq!(
            given,
            [
                "a{} 1 None",
                "skipped 2:5: expected a label value in double quotes, found \"1} 2\"",
                "skipped 3:2: the line is not UTF-8",
                "skipped 5:10: unknown metric type, found \"what\"",
                "d{y=\"é\"} 4 Some(5)",
            ]
        );
    }

    #[test]
    fn lenient_bears_crlf_blanks_around_a_type_and_openmetrics_types() {
        let given = lenient(b"# TYPE  a   gauge \r\n# HELP a x\\ny \r\na{} 1\r\n# TYPE b stateset\n# EOF\n");
        assert_eq!(given, ["type a gauge", "help a \"x\\ny \"", "a{} 1 None", "type b stateset"]);
    }

    #[test]
    fn strict_tells_the_first_fault() {
        assert_eq!(strict_fault("a 1\nb 1\r\n"), "2:3: not a number a 64-bit float can hold, found \"1\\r\"");
        assert_eq!(strict_fault("\0a 1\n"), "1:1: expected a metric name, '{' or '#', found \"\\0a 1\"");
        assert_eq!(strict_fault("a 1 5 6"), "1:7: expected the line's end, found \"6\"");
        assert_eq!(strict_fault("a 1 -5"), "1:5: expected a timestamp or the line's end, found \"-5\"");
        assert_eq!(strict_fault("a 1 9999999999999999999"), "1:5: not a timestamp, found \"9999999999999999999\"");
        assert_eq!(strict_fault("a 1e999"), "1:3: not a number a 64-bit float can hold, found \"1e999\"");
    }

    #[test]
    fn the_sink_can_stop_the_body() {
        let mut log = Log::default();
        assert_eq!(Text::new(false).parse(b"a 1\nstop 1\nb 1\n", true, &mut log), Err(Stop::Sink));
        assert_eq!(log.0.len(), 2);
    }

    #[test]
    fn every_split_gives_the_same() {
        let body = b"# HELP a b\na{x=\"1\"} 1\nbad\n\xff\n  \n{\"n\\\"\",l=\"2\"} 3";
        let whole = lenient(body);
        for cut in 0..=body.len() {
            let (mut log, mut text) = (Log::default(), Text::new(false));
            let read = text.parse(&body[..cut], false, &mut log).unwrap();
            text.parse(&body[read..], true, &mut log).unwrap();
            assert_eq!(log.0, whole, "cut at {cut}");
        }
    }
}
