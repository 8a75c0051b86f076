//! One parser for all formats, so that a scrape does not know which one runs.

use super::openmetrics::OpenMetrics;
use super::protobuf::Protobuf;
use super::text::Text;
use super::{Sink, Stop};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0 text.
    OpenMetrics,
    /// Length-delimited `io.prometheus.client.MetricFamily` messages.
    Protobuf,
}

/// What a parser bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// One bad line of text 0.0.4 fails the body instead of being skipped. The other formats are always strict.
    pub strict_text: bool,
}

/// A parser of one format; one value reads body after body.
#[derive(Debug)]
pub enum Parser {
    /// Text 0.0.4.
    Text(Text),
    /// OpenMetrics 1.0 text.
    OpenMetrics(OpenMetrics),
    /// Length-delimited `io.prometheus.client.MetricFamily` messages.
    Protobuf(Box<Protobuf>),
}

impl Parser {
    /// A parser at the start of a body.
    pub fn new(format: Format, options: Options) -> Self {
        match format {
            Format::Text => Self::Text(Text::new(options.strict_text)),
            Format::OpenMetrics => Self::OpenMetrics(OpenMetrics::new()),
            Format::Protobuf => Self::Protobuf(Box::default()),
        }
    }

    /// Makes ready for the next body; buffers that grew beyond the ordinary are given back.
    pub fn reset(&mut self) {
        match self {
            Self::Text(text) => text.reset(),
            Self::OpenMetrics(text) => text.reset(),
            Self::Protobuf(families) => families.reset(),
        }
    }

    /// Reads the whole records of `input`, with `last` all of it, and answers how many bytes were read: the caller
    /// presents the rest again with more behind it.
    ///
    /// # Errors
    /// The body is not what its format demands, or the sink asked to stop.
    #[inline]
    pub fn parse<S: Sink>(&mut self, input: &[u8], last: bool, sink: &mut S) -> Result<usize, Stop> {
        match self {
            Self::Text(text) => text.parse(input, last, sink),
            Self::OpenMetrics(text) => text.parse(input, last, sink),
            Self::Protobuf(families) => families.parse(input, last, sink),
        }
    }

    /// Gives up the record that the last input began with, because the caller holds no more of it; the rest of it
    /// is skipped. Only lenient text can do without a record.
    ///
    /// # Errors
    /// In every other format, with the record's place.
    pub fn give_up_record<S: Sink>(&mut self, sink: &mut S) -> Result<(), Stop> {
        match self {
            Self::Text(text) => text.give_up_line(sink),
            Self::OpenMetrics(text) => text.give_up_line(),
            Self::Protobuf(families) => families.give_up_record(),
        }
    }

    /// Lines (of a text format) or messages (of protobuf) read so far.
    pub fn records(&self) -> u64 {
        match self {
            Self::Text(text) => text.lines(),
            Self::OpenMetrics(text) => text.lines(),
            Self::Protobuf(families) => families.messages(),
        }
    }

    /// Bytes the parser's own buffers hold.
    pub fn memory(&self) -> usize {
        match self {
            Self::Text(text) => text.memory(),
            Self::OpenMetrics(text) => text.memory(),
            Self::Protobuf(families) => families.memory(),
        }
    }
}
