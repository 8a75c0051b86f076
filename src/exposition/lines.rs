//! The lines of a text format, one after the other. Those that a sink knows up to their value go to it from here: nobody
//! looks for their end first, nor reads them twice.

use super::{Sink, Stop, number};
use memchr::memchr;

/// Lines that are still to be read.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    rest: &'a str,
    before: &'a str,
}

/// A line to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Itself, without its end.
    pub text: &'a str,
    /// The one read before it, or nothing.
    pub before: &'a str,
    /// Where its series ends, when the sink knows that.
    pub known: Option<usize>,
}

impl<'a> Lines<'a> {
    /// The lines of a text.
    pub fn of(text: &'a str) -> Self {
        Self { rest: text, before: "" }
    }

    /// Gives the sink what it knows and `count`s that; answers the next line that is to be read.
    ///
    /// # Errors
    /// The sink's wish to stop.
    #[inline]
    pub fn next<S: Sink>(&mut self, count: &mut u64, sink: &mut S) -> Result<Option<Line<'a>>, Stop> {
        while self.begins_with_series() {
            let Some(end) = sink.known(self.rest) else { break };
            debug_assert_eq!(self.rest.as_bytes().get(end), Some(&b' '));
            let Some((value, next)) = number::to_line_end(self.rest.as_bytes(), end + 1) else {
                return Ok(self.cut(Some(end)));
            };
            *count += 1;
            (self.rest, self.before) = (&self.rest[next..], "");
            if sink.known_sample(value, None).is_break() {
                return Err(Stop::Sink);
            }
        }
        Ok(self.cut(None))
    }

    /// The next line, whatever the sink knows.
    #[inline]
    pub fn unknown(&mut self) -> Option<Line<'a>> {
        self.cut(None)
    }

    /// Neither a comment nor an empty line nor one that begins with blanks; the sink knows none of those.
    #[inline]
    fn begins_with_series(&self) -> bool {
        self.rest.as_bytes().first().is_some_and(|byte| *byte > b'#')
    }

    #[inline]
    fn cut(&mut self, known: Option<usize>) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr(b'\n', self.rest.as_bytes()).unwrap_or(self.rest.len());
        let line = Line { text: &self.rest[..end], before: self.before, known };
        (self.rest, self.before) = (self.rest.get(end + 1..).unwrap_or_default(), line.text);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Flow, Sample};

    /// Knows `a` and notes what it is told.
    #[derive(Default)]
    struct Knowing(Vec<String>);

    impl Sink for Knowing {
        fn sample(&mut self, _: &Sample<'_>) -> Flow {
            unreachable!("lines are not read here")
        }

        fn known(&mut self, text: &str) -> Option<usize> {
            assert!(!text.starts_with(['#', ' ', '\n', '\r']), "{text:?}");
            text.starts_with("a ").then_some(1)
        }

        fn known_sample(&mut self, value: f64, timestamp: Option<i64>) -> Flow {
            self.0.push(format!("{value} {timestamp:?}"));
            if value == 9.0 { Flow::Break(()) } else { Flow::Continue(()) }
        }
    }

    #[test]
    fn a_known_line_goes_to_the_sink_and_the_others_come_out() {
        let (mut sink, mut count) = (Knowing::default(), 0);
        let mut lines = Lines::of("a 1\nb 1\nb 2\n# a\n\n a 2\na 3 5\na 4\r\na 5\nb 3\na 6\na 7");
        let mut read = Vec::new();
        while let Some(Line { text, before, known }) = lines.next(&mut count, &mut sink).unwrap() {
            read.push((text, before, known));
        }
        let expected = [
            ("b 1", "", None),
            ("b 2", "b 1", None),
            ("# a", "b 2", None),
            ("", "# a", None),
            (" a 2", "", None),
            ("a 3 5", " a 2", Some(1)),
            ("a 4\r", "a 3 5", Some(1)),
            ("b 3", "", None),
            ("a 7", "", Some(1)),
        ];
        assert_eq!((read, count), (expected.to_vec(), 3));
        assert_eq!(sink.0, ["1 None", "5 None", "6 None"]);
    }

    #[test]
    fn a_sink_that_stops_is_told_nothing_more() {
        let (mut sink, mut count) = (Knowing::default(), 0);
        assert!(Lines::of("a 8\na 9\na 1\n").next(&mut count, &mut sink).is_err());
        assert_eq!((sink.0.len(), count), (2, 2));
    }

    #[test]
    fn what_the_sink_knows_comes_out_where_that_is_asked_for() {
        let mut lines = Lines::of("a 1\n\n");
        assert_eq!(std::iter::from_fn(|| lines.unknown()).map(|line| line.text).collect::<Vec<_>>(), ["a 1", ""]);
    }
}
