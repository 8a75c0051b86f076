//! What is wrong with a record: found as a small code in the hot path, told in words only when somebody asks.

use super::Fault;

/// A fault inside one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad {
    /// Byte in the line, from 0.
    pub at: usize,
    /// What is wrong there.
    pub wrong: Wrong,
}

/// The faults of both text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Start,
    Comment,
    MetaName,
    MetaText,
    Kind,
    Unit,
    NotUtf8,
    LabelName,
    Equal,
    LabelValue,
    OpenQuote,
    CommaOrBrace,
    NameTwice,
    NoName,
    EmptyName,
    LabelTwice,
    Value,
    Number,
    Timestamp,
    TimestampRange,
    LineEnd,
    ExemplarValue,
    AfterEof,
    NoEof,
    Overlong,
}

impl Wrong {
    /// The fault at a place of the line.
    #[inline]
    pub fn at(self, at: usize) -> Bad {
        Bad { at, wrong: self }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Start => "expected a metric name, '{' or '#'",
            Self::Comment => "expected HELP, TYPE, UNIT or EOF after \"# \"",
            Self::MetaName => "expected a metric name",
            Self::MetaText => "expected a blank and a text after the metric name",
            Self::Kind => "unknown metric type",
            Self::Unit => "the unit is not the last part of the metric name",
            Self::NotUtf8 => "the line is not UTF-8",
            Self::LabelName => "expected a label name or '}'",
            Self::Equal => "expected '=' after the label name",
            Self::LabelValue => "expected a label value in double quotes",
            Self::OpenQuote => "the quote is not closed before the line ends",
            Self::CommaOrBrace => "expected ',' or '}' after the label value",
            Self::NameTwice => "a second metric name",
            Self::NoName => "the braces hold no metric name and none stands before them",
            Self::EmptyName => "a name in quotes must not be empty",
            Self::LabelTwice => "the label name stands twice in this sample",
            Self::Value => "expected a value",
            Self::Number => "not a number a 64-bit float can hold",
            Self::Timestamp => "expected a timestamp or the line's end",
            Self::TimestampRange => "not a timestamp",
            Self::LineEnd => "expected the line's end",
            Self::ExemplarValue => "expected a blank and a value after the exemplar's labels",
            Self::AfterEof => "data after \"# EOF\"",
            Self::NoEof => "the body does not end with \"# EOF\"; it may have been cut short",
            Self::Overlong => "the line is longer than max_line_bytes allows",
        }
    }

    fn quotes_what_it_found(self) -> bool {
        !matches!(self, Self::NotUtf8 | Self::NoEof | Self::Overlong | Self::NoName)
    }
}

impl Bad {
    /// The fault in words, with the place and what stands there.
    #[cold]
    pub fn tell(self, line_number: u64, line: &[u8]) -> Fault {
        let mut what = self.wrong.text().to_owned();
        if self.wrong.quotes_what_it_found() {
            let rest = line.get(self.at..).unwrap_or_default();
            what += ", found ";
            what += &excerpt(rest);
        }
        Fault { line: line_number, column: self.at as u64 + 1, what }
    }
}

/// The first piece of what was found, quoted, short enough for one line.
fn excerpt(rest: &[u8]) -> String {
    const LONGEST: usize = 24;
    if rest.is_empty() {
        return "the line's end".to_owned();
    }
    let head = String::from_utf8_lossy(&rest[..rest.len().min(LONGEST)]);
    let dots = if rest.len() > LONGEST { "…" } else { "" };
    format!("{head:?}{dots}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_where_and_what_was_found() {
        let fault = Wrong::LabelValue.at(4).tell(7, b"a{b=1} 1");
        assert_eq!(fault.to_string(), "7:5: expected a label value in double quotes, found \"1} 1\"");
        let fault = Wrong::Value.at(1).tell(1, b"a");
        assert_eq!(fault.to_string(), "1:2: expected a value, found the line's end");
    }

    #[test]
    fn a_long_or_broken_rest_is_cut_and_escaped() {
        let fault = Wrong::Start.at(0).tell(1, &[0xff; 100]);
        assert!(fault.what.chars().count() < 90, "{}", fault.what);
    }
}
