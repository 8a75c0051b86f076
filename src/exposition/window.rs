//! The window a body is read through: whole records of it go to the parser, the cut one at its end stays.
//!
//! # Invariants
//! - Memory is 64 KiB, or the longest record where one is longer, and never more than `max_line_bytes` and one byte.
//! - Whether a record is too long depends on the body alone, not on how the reader cuts it.
//! - What it grew to for one body is given back when that body ends.

use super::{Fault, Parser, Sink, Stop};
use std::io::{ErrorKind, Read};

/// The window's ordinary size in bytes.
const ORDINARY: usize = 64 * 1024;

/// A record's bound where the settings give none, in bytes.
pub const DEFAULT_MAX_LINE_BYTES: usize = 1024 * 1024;

/// A buffer for one body at a time, used again for the next.
#[derive(Debug)]
pub struct Window {
    bytes: Vec<u8>,
    filled: usize,
    most: usize,
}

impl Window {
    /// A window that takes records of up to `max_line_bytes`, the line's end not counted. Memory is taken with the
    /// first body.
    pub fn new(max_line_bytes: usize) -> Self {
        Self { bytes: Vec::new(), filled: 0, most: max_line_bytes.saturating_add(1) }
    }

    /// Bytes held at the moment.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    fn start(&mut self) {
        self.filled = 0;
        let ordinary = ORDINARY.min(self.most);
        self.bytes.resize(ordinary, 0);
        self.bytes.shrink_to(ordinary);
    }

    /// Reads until the window is full or the body ends; true when it ended.
    fn fill(&mut self, reader: &mut impl Read) -> std::io::Result<bool> {
        while self.filled < self.bytes.len() {
            match reader.read(&mut self.bytes[self.filled..]) {
                Ok(0) => return Ok(true),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn drop_front(&mut self, count: usize) {
        self.bytes.copy_within(count..self.filled, 0);
        self.filled -= count;
    }

    /// Doubles the window; false when it may not grow.
    fn grow(&mut self) -> bool {
        let size = self.bytes.len();
        if size >= self.most {
            return false;
        }
        let wanted = size.saturating_mul(2).min(self.most);
        self.bytes.reserve_exact(wanted - size);
        self.bytes.resize(wanted, 0);
        true
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_LINE_BYTES)
    }
}

/// What went through a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Bytes of the body.
    pub bytes: u64,
    /// Lines (of a text format) or messages (of protobuf).
    pub records: u64,
}

/// Why a body was not read to its end.
#[derive(Debug)]
pub enum PumpError {
    /// The reader failed: the connection, its time, the body's size, its compression.
    Read(std::io::Error),
    /// The body is not what its format demands.
    Fault(Fault),
    /// A record is longer than the window may grow; the fault says which, the number is the bound in bytes.
    Overlong(Fault, usize),
    /// The sink asked to stop.
    Sink,
}

impl std::fmt::Display for PumpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(error) => write!(f, "the body broke off: {error}"),
            Self::Fault(fault) => fault.fmt(f),
            Self::Overlong(fault, bound) => write!(f, "{fault} ({bound} bytes); raise max_line_bytes"),
            Self::Sink => write!(f, "stopped by a limit"),
        }
    }
}

impl std::error::Error for PumpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Fault(fault) | Self::Overlong(fault, _) => Some(fault),
            Self::Sink => None,
        }
    }
}

impl From<Stop> for PumpError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Fault(fault) => Self::Fault(fault),
            Stop::Sink => Self::Sink,
        }
    }
}

/// Reads one body to its end: reader → window → parser → sink. The parser is reset first.
///
/// # Errors
/// Samples that went to the sink before the error are part of a body that did not end well: a scrape is atomic and
/// throws them away.
pub fn pump<R: Read, S: Sink>(
    reader: &mut R,
    window: &mut Window,
    parser: &mut Parser,
    sink: &mut S,
) -> Result<Totals, PumpError> {
    window.start();
    parser.reset();
    let result = run(reader, window, parser, sink);
    window.start();
    result.map(|bytes| Totals { bytes, records: parser.records() })
}

fn run<R: Read, S: Sink>(
    reader: &mut R,
    window: &mut Window,
    parser: &mut Parser,
    sink: &mut S,
) -> Result<u64, PumpError> {
    let mut total = 0;
    loop {
        let last = window.fill(reader).map_err(PumpError::Read)?;
        let read = parser.parse(&window.bytes[..window.filled], last, sink)?;
        total += read as u64;
        window.drop_front(read);
        if last {
            return Ok(total);
        }
        if read == 0 && !window.grow() {
            give_up(window, parser, sink)?;
            total += window.filled as u64;
            window.filled = 0;
        }
    }
}

fn give_up<S: Sink>(window: &Window, parser: &mut Parser, sink: &mut S) -> Result<(), PumpError> {
    parser.give_up_record(sink).map_err(|stop| match stop {
        Stop::Fault(fault) => PumpError::Overlong(fault, window.most - 1),
        Stop::Sink => PumpError::Sink,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Flow, Format, Options, Sample};

    /// Counts and adds.
    #[derive(Default)]
    struct Sum {
        samples: usize,
        label_bytes: usize,
        skipped: Vec<String>,
    }

    impl Sink for Sum {
        fn sample(&mut self, sample: &Sample<'_>) -> Flow {
            self.samples += 1;
            self.label_bytes += sample.labels.iter().map(|(_, value)| value.len()).sum::<usize>();
            if self.samples == 1_000_001 { Flow::Break(()) } else { Flow::Continue(()) }
        }

        fn skipped(&mut self, fault: &Fault) {
            self.skipped.push(fault.to_string());
        }
    }

    /// Gives `count` times `line`, never held as a whole, a few bytes at a time.
    struct Repeat {
        line: Vec<u8>,
        left: usize,
        at: usize,
        piece: usize,
    }

    impl Read for Repeat {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if self.left == 0 {
                return Ok(0);
            }
            let rest = &self.line[self.at..];
            let count = rest.len().min(out.len()).min(self.piece);
            out[..count].copy_from_slice(&rest[..count]);
            self.at += count;
            if self.at == self.line.len() {
                (self.at, self.left) = (0, self.left - 1);
            }
            Ok(count)
        }
    }

    fn text(strict_text: bool) -> Parser {
        Parser::new(Format::Text, Options { strict_text })
    }

    fn line_of(length: usize) -> Vec<u8> {
        let mut line = b"a{x=\"".to_vec();
        line.resize(length - 4, b'v');
        line.extend(b"\"} 1\n");
        line
    }

    #[test]
    fn a_million_lines_take_one_window() {
        let mut reader = Repeat { line: line_of(29), left: 1_000_000, at: 0, piece: 1500 };
        let (mut window, mut parser, mut sum) = (Window::default(), text(true), Sum::default());
        let totals = pump(&mut reader, &mut window, &mut parser, &mut sum).unwrap();
        assert_eq!((totals.records, totals.bytes, sum.samples), (1_000_000, 30_000_000, 1_000_000));
        assert_eq!(window.memory(), ORDINARY);
        assert!(parser.memory() < 16 * 1024);
    }

    #[test]
    fn a_label_of_ten_megabytes_is_held_once_and_given_back() {
        let mut reader = Repeat { line: line_of(10 << 20), left: 3, at: 0, piece: 64 * 1024 };
        let mut window = Window::new(16_777_216);
        let mut sum = Sum::default();
        pump(&mut reader, &mut window, &mut text(true), &mut sum).unwrap();
        assert_eq!((sum.samples, sum.label_bytes), (3, 3 * ((10 << 20) - 9)));
        assert_eq!(window.memory(), ORDINARY);
    }

    #[test]
    fn an_overlong_line_is_skipped_where_lines_may_be() {
        let mut body = b"a 1\n".to_vec();
        body.extend(line_of(DEFAULT_MAX_LINE_BYTES + 1));
        body.extend(line_of(DEFAULT_MAX_LINE_BYTES));
        body.extend(b"b 1\nbad");
        let mut sum = Sum::default();
        let mut window = Window::default();
        let totals = pump(&mut &body[..], &mut window, &mut text(false), &mut sum).unwrap();
        assert_eq!(sum.samples, 3);
        assert_eq!(totals, Totals { bytes: body.len() as u64, records: 5 });
        assert!(sum.skipped[0].starts_with("2:1: the line is longer than max_line_bytes"), "{:?}", sum.skipped);
        assert!(sum.skipped[1].starts_with("5:4: "), "{:?}", sum.skipped);

        let error = pump(&mut &body[..], &mut window, &mut text(true), &mut Sum::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "2:1: the line is longer than max_line_bytes allows (1048576 bytes); raise max_line_bytes"
        );
    }

    #[test]
    fn what_is_too_long_does_not_depend_on_the_reader() {
        for (length, samples) in [(100, 2), (101, 0)] {
            for piece in [1, 7, 99, 100, 101, 1000] {
                let mut reader = Repeat { line: line_of(length), left: 2, at: 0, piece };
                let mut sum = Sum::default();
                pump(&mut reader, &mut Window::new(100), &mut text(false), &mut sum).unwrap();
                assert_eq!(sum.samples, samples, "{length} bytes in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_reader_that_fails_and_a_sink_that_stops_end_the_body() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(ErrorKind::ConnectionReset.into())
            }
        }
        let mut window = Window::default();
        let broken = pump(&mut (&b"a 1\n"[..]).chain(Broken), &mut window, &mut text(false), &mut Sum::default());
        assert!(matches!(broken, Err(PumpError::Read(_))));

        let mut full = Sum { samples: 1_000_000, ..Sum::default() };
        let stopped = pump(&mut &b"a 1\nb 1\n"[..], &mut window, &mut text(false), &mut full);
        assert!(matches!(stopped, Err(PumpError::Sink)));
    }
}
