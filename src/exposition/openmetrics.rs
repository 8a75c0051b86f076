//! OpenMetrics 1.0 text, as strict as Prometheus is in a scrape: one bad line fails the body.
//!
//! ```text
//! body     = { line LF } "# EOF" [ LF ]
//! line     = "# HELP " name " " text | "# TYPE " name " " type | "# UNIT " name " " unit | sample
//! sample   = series " " value [ " " seconds ] [ " # {" labels "} " value [ " " seconds ] ]
//! ```
//!
//! # Invariants
//! - Nothing is skipped: the body is whole and ends with `# EOF`, or it is a fault.
//! - Rules over a whole family (suffixes, order, clashes) are [`super::lint`]'s, not a scrape's.
//! - Exemplars are checked and left out; `_created` series stay plain series.

use super::fault::{Bad, Wrong};
use super::lines::{Line, Lines};
use super::scan::unescape;
use super::series::Series;
use super::{FamilyKind, Flow, Sink, Stop, number};
use memchr::{memchr, memrchr};

/// A parser of OpenMetrics text.
#[derive(Debug, Default)]
pub struct OpenMetrics {
    lines: u64,
    ended: bool,
    series: Series,
    meta: String,
    /// Where the last sample's exemplar has its labels.
    exemplar: Option<usize>,
}

impl OpenMetrics {
    /// A parser at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the last body.
    pub fn reset(&mut self) {
        self.lines = 0;
        self.ended = false;
        self.series.shrink();
        self.meta.clear();
        self.meta.shrink_to(4096);
    }

    /// Lines read so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Bytes the parser's own buffers hold.
    pub fn memory(&self) -> usize {
        self.series.memory() + self.meta.capacity()
    }

    /// Reads the whole lines of `input` (with `last` all of it); answers how many bytes were read.
    ///
    /// # Errors
    /// A bad line, a body without `# EOF` or with more after it, or the sink's wish to stop.
    pub fn parse<S: Sink>(&mut self, input: &[u8], last: bool, sink: &mut S) -> Result<usize, Stop> {
        let whole = if last { input.len() } else { memrchr(b'\n', input).map_or(0, |at| at + 1) };
        let (text, broken) = utf8_part(&input[..whole]);
        self.read_lines(text, sink)?;
        if let Some(at) = broken {
            return Err(self.stop(Wrong::NotUtf8.at(at), &input[text.len()..]));
        }
        if last && !self.ended {
            self.lines += 1;
            return Err(self.stop_here(Wrong::NoEof.at(0), b""));
        }
        Ok(whole)
    }

    /// Gives up the body: its next line is longer than the window may grow.
    ///
    /// # Errors
    /// Always, with the line's place.
    pub fn give_up_line(&mut self) -> Result<(), Stop> {
        Err(self.stop(Wrong::Overlong.at(0), b""))
    }

    /// Reads one line, given with its end, whatever the lines before it were; for those who want every fault.
    pub(super) fn parse_line<S: Sink>(&mut self, line: &[u8], sink: &mut S) -> Result<(), Stop> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        self.exemplar = None;
        match std::str::from_utf8(line) {
            Ok(text) => self.read_line(Line { text, before: "", known: None }, sink),
            Err(error) => Err(self.stop(Wrong::NotUtf8.at(error.valid_up_to()), line)),
        }
    }

    /// What [`OpenMetrics::parse`] demands of the body's end.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        if self.ended { Ok(()) } else { Err(self.stop(Wrong::NoEof.at(0), b"")) }
    }

    /// Whether `# EOF` was read.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Where the labels of the last line's exemplar begin.
    pub(super) fn exemplar(&self) -> Option<usize> {
        self.exemplar
    }

    /// The last line's series.
    pub(super) fn series(&self) -> &Series {
        &self.series
    }

    fn read_lines<S: Sink>(&mut self, text: &str, sink: &mut S) -> Result<(), Stop> {
        let mut lines = Lines::of(text);
        while let Some(line) = if self.ended { lines.unknown() } else { lines.next(&mut self.lines, sink)? } {
            self.read_line(line, sink)?;
        }
        Ok(())
    }

    #[inline]
    fn read_line<S: Sink>(&mut self, line: Line<'_>, sink: &mut S) -> Result<(), Stop> {
        let text = line.text;
        if self.ended {
            return Err(self.stop(Wrong::AfterEof.at(0), text.as_bytes()));
        }
        self.lines += 1;
        if text.starts_with('#') {
            return self.comment(text, sink).map_err(|bad| self.stop_here(bad, text.as_bytes()));
        }
        self.exemplar = None;
        match self.sample(line, sink) {
            Ok(Flow::Continue(())) => Ok(()),
            Ok(Flow::Break(())) => Err(Stop::Sink),
            Err(bad) => Err(self.stop_here(bad, text.as_bytes())),
        }
    }

    /// Reads a sample and gives it to the sink.
    #[inline]
    fn sample<S: Sink>(&mut self, line: Line<'_>, sink: &mut S) -> Result<Flow, Bad> {
        let Line { text, before, known } = line;
        if let Some(end) = known {
            self.series.forget();
            let (value, timestamp) = self.numbers(text, end)?;
            return Ok(sink.known_sample(value, timestamp));
        }
        let end = self.series.read::<false>(text, 0, before)?;
        let (value, timestamp) = self.numbers(text, end)?;
        Ok(sink.sample(&self.series.sample(text, end, value, timestamp)))
    }

    /// The value behind a series that ends at `at`, and the time, when there is one; an exemplar is only checked.
    #[inline]
    fn numbers(&mut self, line: &str, at: usize) -> Result<(f64, Option<i64>), Bad> {
        let bytes = line.as_bytes();
        let (value, at) = value(line, at, Wrong::Value)?;
        if at == bytes.len() {
            return Ok((value, None));
        }
        let (time, at) = if bytes[at..].starts_with(b" # {") { (None, at) } else { seconds(line, at)? };
        match &bytes[at..] {
            [] => {}
            [b' ', b'#', b' ', b'{', ..] => self.read_exemplar(line, at + 4)?,
            _ => return Err(Wrong::LineEnd.at(at)),
        }
        Ok((value, time))
    }

    fn read_exemplar(&mut self, line: &str, at: usize) -> Result<(), Bad> {
        self.exemplar = Some(at);
        let at = self.series.read_exemplar(line, at)?;
        let (_, at) = value(line, at, Wrong::ExemplarValue)?;
        if at == line.len() {
            return Ok(());
        }
        let (_, at) = seconds(line, at)?;
        if at < line.len() { Err(Wrong::LineEnd.at(at)) } else { Ok(()) }
    }

    fn comment<S: Sink>(&mut self, line: &str, sink: &mut S) -> Result<(), Bad> {
        if line == "# EOF" {
            self.ended = true;
            return Ok(());
        }
        if line.starts_with("# EOF") {
            return Err(Wrong::AfterEof.at(5));
        }
        let word = line.get(..7).unwrap_or_default();
        if !matches!(word, "# HELP " | "# TYPE " | "# UNIT ") {
            return Err(Wrong::Comment.at(0));
        }
        let (family, at) = self.series.family(line, 7)?;
        if line.as_bytes().get(at) != Some(&b' ') {
            return Err(Wrong::MetaText.at(at));
        }
        let text = &line[at + 1..];
        let family = family.of(line, self.series.scratch());
        match word {
            "# TYPE " => sink.kind(family, kind(text).ok_or(Wrong::Kind.at(at + 1))?),
            "# UNIT " if is_unit_of(text, family) => sink.unit(family, text),
            "# UNIT " => return Err(Wrong::Unit.at(at + 1)),
            _ if memchr(b'\\', text.as_bytes()).is_none() => sink.help(family, text),
            _ => {
                self.meta.clear();
                unescape(text, true, &mut self.meta);
                sink.help(family, &self.meta);
            }
        }
        Ok(())
    }

    /// The fault of the line after those read.
    #[cold]
    fn stop(&mut self, bad: Bad, line: &[u8]) -> Stop {
        self.lines += 1;
        self.stop_here(bad, line)
    }

    #[cold]
    fn stop_here(&self, bad: Bad, line: &[u8]) -> Stop {
        Stop::Fault(bad.tell(self.lines, line))
    }
}

/// The lines before the first one that is not UTF-8, and where in that line the fault stands.
fn utf8_part(input: &[u8]) -> (&str, Option<usize>) {
    match std::str::from_utf8(input) {
        Ok(text) => (text, None),
        Err(error) => {
            let good = &input[..error.valid_up_to()];
            let lines = memrchr(b'\n', good).map_or(0, |at| at + 1);
            (std::str::from_utf8(&good[..lines]).unwrap_or_default(), Some(good.len() - lines))
        }
    }
}

/// A blank and a value at `at`; the second result is where it ends.
#[inline]
fn value(line: &str, at: usize, missing: Wrong) -> Result<(f64, usize), Bad> {
    let end = token_end(line.as_bytes(), at).ok_or(missing.at(at))?;
    let value = number::float(&line[at + 1..end]).ok_or(Wrong::Number.at(at + 1))?;
    Ok((value, end))
}

/// A blank and a time in seconds at `at`, in milliseconds; the second result is where it ends.
fn seconds(line: &str, at: usize) -> Result<(Option<i64>, usize), Bad> {
    let end = token_end(line.as_bytes(), at).ok_or(Wrong::Timestamp.at(at))?;
    let time = number::float(&line[at + 1..end]).filter(|time| time.is_finite());
    let time = time.ok_or(Wrong::TimestampRange.at(at + 1))?;
    Ok((Some((time * 1000.0) as i64), end))
}

/// Past the token that follows the blank at `at`; `None` where no blank or no token stands.
#[inline]
fn token_end(bytes: &[u8], at: usize) -> Option<usize> {
    let token = bytes.get(at..)?.strip_prefix(b" ")?;
    let length = token.iter().position(|byte| *byte == b' ').unwrap_or(token.len());
    (length > 0).then_some(at + 1 + length)
}

fn is_unit_of(unit: &str, family: &str) -> bool {
    unit.is_empty() || family.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_'))
}

fn kind(word: &str) -> Option<FamilyKind> {
    Some(match word {
        "counter" => FamilyKind::Counter,
        "gauge" => FamilyKind::Gauge,
        "histogram" => FamilyKind::Histogram,
        "gaugehistogram" => FamilyKind::GaugeHistogram,
        "summary" => FamilyKind::Summary,
        "info" => FamilyKind::Info,
        "stateset" => FamilyKind::StateSet,
        "unknown" => FamilyKind::Untyped,
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
            Flow::Continue(())
        }

        fn help(&mut self, family: &str, text: &str) {
            self.0.push(format!("help {family} {text:?}"));
        }

        fn kind(&mut self, family: &str, kind: FamilyKind) {
            self.0.push(format!("type {family} {}", kind.as_str()));
        }

        fn unit(&mut self, family: &str, unit: &str) {
            self.0.push(format!("unit {family} {unit}"));
        }
    }

    const BODY: &str = "# TYPE a_s counter\n# UNIT a_s s\n# HELP a_s q \\\" \\n\na_s_total{x=\"é\"} 1 2.5 # {t=\"u\"} 3 4\n\
                        a_s_created 1.5\n# EOF\n";

    fn fault(body: &[u8]) -> String {
        match OpenMetrics::new().parse(body, true, &mut Log::default()) {
            Err(Stop::Fault(fault)) => fault.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn seconds_become_milliseconds_and_exemplars_are_left_out() {
        let mut log = Log::default();
        assert_eq!(OpenMetrics::new().parse(BODY.as_bytes(), true, &mut log), Ok(BODY.len()));
        assert_eq!(
            log.0,
            [
                "type a_s counter",
                "unit a_s s",
                "help a_s \"q \\\" \\n\"",
                "a_s_total{x=\"é\"} 1 Some(2500)",
                "a_s_created{} 1.5 None",
            ]
        );
    }

    #[test]
    fn every_split_gives_the_same() {
        for cut in 0..=BODY.len() {
            let (mut log, mut text) = (Log::default(), OpenMetrics::new());
            let read = text.parse(&BODY.as_bytes()[..cut], false, &mut log).unwrap();
            text.parse(&BODY.as_bytes()[read..], true, &mut log).unwrap();
            assert_eq!(log.0.len(), 5, "cut at {cut}");
        }
    }

    #[test]
    fn every_cut_body_is_a_fault() {
        for cut in 0..BODY.len() - 1 {
            assert!(!fault(&BODY.as_bytes()[..cut]).starts_with("Ok"), "cut at {cut}");
        }
    }

    #[test]
    fn faults_tell_line_and_column() {
        for (body, text) in [
            ("a 1\n", "2:1: the body does not end with \"# EOF\"; it may have been cut short"),
            ("a 1\n# EOF\nb", "3:1: data after \"# EOF\", found \"b\""),
            ("a 1\n# EOFb", "2:6: data after \"# EOF\", found \"b\""),
            ("a  1\n", "1:2: expected a value, found \"  1\""),
            ("a 1 z\n", "1:5: not a timestamp, found \"z\""),
            ("a 1 2 3\n", "1:6: expected the line's end, found \" 3\""),
            (
                "a 1 # {x=\"y\"}\n",
                "1:14: expected a blank and a value after the exemplar's labels, found the line's end",
            ),
            ("# HELP a\n", "1:9: expected a blank and a text after the metric name, found the line's end"),
            ("# TYPE a untyped\n", "1:10: unknown metric type, found \"untyped\""),
            ("# UNIT a_s m\n", "1:12: the unit is not the last part of the metric name, found \"m\""),
            ("# FOO\n", "1:1: expected HELP, TYPE, UNIT or EOF after \"# \", found \"# FOO\""),
        ] {
            assert_eq!(fault(body.as_bytes()), text, "{body:?}");
        }
        assert_eq!(fault(b"a 1\nb{x=\"\xff\"} 1\n# EOF\n"), "2:6: the line is not UTF-8");
    }
}
