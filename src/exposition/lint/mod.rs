//! Every breach of OpenMetrics 1.0 in a body, not only the first: syntax by the scrape's own parser, then the rules
//! that need a whole family. For people who write exporters; a scrape bears more.
//!
//! # Invariants
//! - Each breach is told once, at the line it stands in; what a whole family lacks, at the family's first line.
//! - A breach hides no other: reading goes on with the next line.

mod family;
mod group;
mod sample;

use super::openmetrics::OpenMetrics;
use super::series::Series;
use super::{FamilyKind, Fault, Flow, Sample, Sink, Stop};
use family::{Families, Head};
use memchr::memchr;

/// Runes that an exemplar's label names and values may have together.
const EXEMPLAR_RUNES: usize = 128;

/// Reads a body in pieces and collects its breaches.
#[derive(Debug)]
pub struct Lint {
    parser: OpenMetrics,
    exemplar: Series,
    families: Families,
    breaches: Vec<Fault>,
    line: Vec<u8>,
    lines: u64,
    most: usize,
    told_the_end: bool,
}

/// What a line says.
enum Said {
    Nothing,
    Head(Head, String),
    Kind(FamilyKind, String),
    Sample(Owned),
}

/// A sample with its own memory.
#[derive(Debug, Clone)]
struct Owned {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
    timestamp: Option<i64>,
    has_exemplar: bool,
}

impl Lint {
    /// A reader of one body, with lines of up to `max_line_bytes`.
    pub fn new(max_line_bytes: usize) -> Self {
        Self {
            parser: OpenMetrics::new(),
            exemplar: Series::default(),
            families: Families::default(),
            breaches: Vec::new(),
            line: Vec::new(),
            lines: 0,
            most: max_line_bytes,
            told_the_end: false,
        }
    }

    /// Reads the next piece of the body.
    pub fn feed(&mut self, mut piece: &[u8]) {
        while let Some(end) = memchr(b'\n', piece) {
            let (line, rest) = piece.split_at(end + 1);
            piece = rest;
            if self.line.is_empty() {
                self.read(line);
            } else {
                let mut held = std::mem::take(&mut self.line);
                held.extend_from_slice(line);
                self.read(&held);
                held.clear();
                self.line = held;
            }
        }
        // One byte more than allowed is enough to see that a line is too long.
        let room = (self.most + 2).saturating_sub(self.line.len());
        self.line.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// The body has ended.
    pub fn finish(&mut self) {
        let rest = std::mem::take(&mut self.line);
        if !rest.is_empty() {
            self.read(&rest);
        }
        if let Err(Stop::Fault(fault)) = self.parser.finish() {
            self.breaches.push(Fault { line: self.lines + 1, ..fault });
        }
        self.families.finish(&mut self.breaches);
    }

    /// The breaches found since the last call, in the order they were found.
    pub fn take_breaches(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.breaches)
    }

    fn read(&mut self, line: &[u8]) {
        self.lines += 1;
        if line.strip_suffix(b"\n").unwrap_or(line).len() > self.most {
            return self.breach(1, "the line is longer than max_line_bytes allows".to_owned());
        }
        let after_the_end = self.parser.has_ended();
        let mut said = Said::Nothing;
        match self.parser.parse_line(line, &mut said) {
            Ok(()) => self.judge(line, said),
            Err(_) if after_the_end && std::mem::replace(&mut self.told_the_end, true) => {}
            Err(Stop::Fault(fault)) => self.breach(fault.column, fault.what),
            Err(Stop::Sink) => {}
        }
    }

    fn judge(&mut self, line: &[u8], said: Said) {
        if line.starts_with(b"# ") && line.get(7) == Some(&b'"') {
            self.tell_writing(8, false, true);
        }
        match said {
            Said::Nothing => {}
            Said::Head(head, family) => self.families.head(head, &family, self.lines, &mut self.breaches),
            Said::Kind(kind, family) => self.families.kind(kind, &family, self.lines, &mut self.breaches),
            Said::Sample(mut sample) => {
                self.judge_writing(line);
                sample.has_exemplar = self.parser.exemplar().is_some();
                self.families.sample(&sample, self.lines, &mut self.breaches);
            }
        }
    }

    /// What Prometheus bears in the writing of a sample and OpenMetrics does not.
    fn judge_writing(&mut self, line: &[u8]) {
        let series = self.parser.series();
        self.tell_writing(1, series.has_trailing_comma(), series.has_quoted_name());
        let (Some(at), Ok(text)) = (self.parser.exemplar(), std::str::from_utf8(line)) else { return };
        if self.exemplar.read_labels(text, at).is_err() {
            return; // the parser has told it
        }
        let labels = self.exemplar.labels(text);
        let runes: usize = labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
        let column = at as u64 + 1;
        self.tell_writing(column, self.exemplar.has_trailing_comma(), self.exemplar.has_quoted_name());
        if runes > EXEMPLAR_RUNES {
            self.breach(column, format!("the exemplar's labels have {runes} runes, more than {EXEMPLAR_RUNES}"));
        }
    }

    fn tell_writing(&mut self, column: u64, trailing_comma: bool, quoted_name: bool) {
        if trailing_comma {
            self.breach(column, "a comma before the closing brace".to_owned());
        }
        if quoted_name {
            self.breach(column, "a name in quotes: OpenMetrics 1.0 has none".to_owned());
        }
    }

    fn breach(&mut self, column: u64, what: String) {
        self.breaches.push(Fault { line: self.lines, column, what });
    }
}

impl Sink for Said {
    fn sample(&mut self, sample: &Sample<'_>) -> Flow {
        let labels = sample.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        *self = Self::Sample(Owned {
            name: sample.name.to_owned(),
            labels,
            value: sample.value,
            timestamp: sample.timestamp,
            has_exemplar: false,
        });
        Flow::Continue(())
    }

    fn help(&mut self, family: &str, _text: &str) {
        *self = Self::Head(Head::Help, family.to_owned());
    }

    fn kind(&mut self, family: &str, kind: FamilyKind) {
        *self = Self::Kind(kind, family.to_owned());
    }

    fn unit(&mut self, family: &str, unit: &str) {
        let head = if unit.is_empty() { Head::NoUnit } else { Head::Unit };
        *self = Self::Head(head, family.to_owned());
    }
}

#[cfg(test)]
mod tests;
