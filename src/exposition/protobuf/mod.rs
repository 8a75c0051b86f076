//! Protobuf: a row of `io.prometheus.client.MetricFamily` messages, each behind its length as a varint.
//!
//! A family is read field by field, so a metric, not a family, is the longest record: where name and type come before
//! the metrics, as every client library writes them, a family may be of any size. In any other order a family must
//! fit the window.
//!
//! # Invariants
//! - Nothing is skipped but native histograms that the wire has no place for; any other fault fails the body.
//! - Classic histograms and summaries become flat series as in the text format; `le="+Inf"` is made where it is absent.
//! - The flat series of a histogram stay when its native view is sent as well.

mod bounds;
mod family;
mod histogram;
mod metric;
mod side;
mod texts;
mod wire;

use super::{Fault, Sink, Stop};
use family::Family;
use metric::Metric;
use wire::{Field, Lack, Value, Wrong, field, varint};

/// A parser of length-delimited metric families.
#[derive(Debug, Default)]
pub struct Protobuf {
    messages: u64,
    /// Length of the message and how much of it was read; `None` between messages.
    open: Option<(u64, u64)>,
    family: Family,
    metric: Metric,
}

impl Protobuf {
    /// A parser at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the last body.
    pub fn reset(&mut self) {
        self.messages = 0;
        self.open = None;
        self.family.shrink();
        self.metric.shrink();
    }

    /// Messages begun so far.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Bytes the parser's own buffers hold.
    pub fn memory(&self) -> usize {
        self.family.memory() + self.metric.memory()
    }

    /// Reads the whole fields of `input` (with `last` all of it); answers how many bytes were read.
    ///
    /// # Errors
    /// A message that is none, or the sink's wish to stop.
    pub fn parse<S: Sink>(&mut self, input: &[u8], last: bool, sink: &mut S) -> Result<usize, Stop> {
        let mut at = 0;
        while at < input.len() || self.is_at_end() {
            let step = match self.open {
                None => self.start(input, at),
                Some(_) => self.step(input, at, sink)?,
            };
            match step {
                Ok(end) => at = end,
                Err(Lack::More) if !last => return Ok(at),
                Err(Lack::More) => return Err(self.stop(Wrong::Cut)),
                Err(Lack::Broken(wrong)) => return Err(self.stop(wrong)),
            }
        }
        if last && self.open.is_some() { Err(self.stop(Wrong::Cut)) } else { Ok(at) }
    }

    /// Gives up the body: a record is longer than the window may grow.
    ///
    /// # Errors
    /// Always, with the record's place.
    pub fn give_up_record(&self) -> Result<(), Stop> {
        Err(self.stop(Wrong::Overlong))
    }

    fn is_at_end(&self) -> bool {
        self.open.is_some_and(|(length, read)| length == read)
    }

    fn start(&mut self, input: &[u8], at: usize) -> Result<usize, Lack> {
        let (length, end) = varint(input, at)?;
        self.messages += 1;
        self.open = Some((length, 0));
        self.family.clear();
        self.metric.start_family();
        Ok(end)
    }

    /// Reads one field of the open message, or closes it.
    fn step<S: Sink>(&mut self, input: &[u8], at: usize, sink: &mut S) -> Result<Result<usize, Lack>, Stop> {
        if self.is_at_end() {
            self.open = None;
            return Ok(Ok(at));
        }
        let rest = self.rest_of_message(&input[at..]);
        let field = match field(rest, 0) {
            Ok(field) => field,
            Err(lack) => return Ok(Err(self.within_message(lack, rest))),
        };
        if field.number == 4 && !self.family.is_known() {
            self.family.guess(field.value);
        }
        if field.number == 4 && !self.family.is_known() {
            match self.look_ahead(rest, sink) {
                Ok(()) => {}
                Err(lack) => return Ok(Err(self.within_message(lack, rest))),
            }
        }
        self.take(field, sink)?;
        if let Some((_, read)) = &mut self.open {
            *read += field.end as u64;
        }
        Ok(Ok(at + field.end))
    }

    /// What of `input` belongs to the open message.
    fn rest_of_message<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        let left = self.open.map_or(0, |(length, read)| length - read);
        &input[..usize::try_from(left).unwrap_or(usize::MAX).min(input.len())]
    }

    /// A field that runs over its message's end cannot be mended by more bytes.
    fn within_message(&self, lack: Lack, rest: &[u8]) -> Lack {
        let whole = self.open.is_some_and(|(length, read)| rest.len() as u64 == length - read);
        if lack == Lack::More && whole { Lack::Broken(Wrong::Cut) } else { lack }
    }

    /// Finds name and type behind the first metric: the rest of the message must be there.
    #[cold]
    fn look_ahead<S: Sink>(&mut self, rest: &[u8], sink: &mut S) -> Result<(), Lack> {
        let (length, read) = self.open.unwrap_or_default();
        if (rest.len() as u64) < length - read {
            return Err(Lack::More);
        }
        let mut at = 0;
        while at < rest.len() {
            let Field { number, value, end } = field(rest, at)?;
            self.family.field(number, value, sink).map_err(Lack::Broken)?;
            at = end;
        }
        self.family.set_whole();
        Ok(())
    }

    fn take<S: Sink>(&mut self, field: Field<'_>, sink: &mut S) -> Result<(), Stop> {
        if field.number != 4 {
            return self.family.field(field.number, field.value, sink).map_err(|wrong| self.stop(wrong));
        }
        let Value::Bytes(bytes) = field.value else { return Err(self.stop(Wrong::WireType("metric"))) };
        if !self.family.has_begun() {
            self.family.begin(sink).map_err(|wrong| self.stop(wrong))?;
        }
        let (line, column) = self.place();
        self.metric.read(bytes, &self.family, sink, |what| Fault { line, column, what })
    }

    /// The message's number and the byte in it where the next field begins, both from 1.
    fn place(&self) -> (u64, u64) {
        (self.messages.max(1), self.open.map_or(0, |(_, read)| read) + 1)
    }

    #[cold]
    fn stop(&self, wrong: Wrong) -> Stop {
        let (line, column) = self.place();
        Stop::Fault(Fault { line, column, what: wrong.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{BucketSpan, FamilyKind, Flow, NativeHistogram, Sample};

    #[derive(Debug, Default, PartialEq)]
    struct Log(Vec<String>);

    impl Sink for Log {
        fn sample(&mut self, sample: &Sample<'_>) -> Flow {
            let Sample { name, labels, value, timestamp, .. } = sample;
            self.0.push(format!("{name}{labels} {value} {timestamp:?}"));
            Flow::Continue(())
        }

        fn histogram(&mut self, native: &NativeHistogram<'_>) -> Flow {
            let spans: Vec<&BucketSpan> = native.positive_spans.iter().collect();
            self.0.push(format!("native {}{} {spans:?} {:?}", native.name, native.labels, native.positive_deltas));
            Flow::Continue(())
        }

        fn help(&mut self, family: &str, text: &str) {
            self.0.push(format!("help {family} {text}"));
        }

        fn kind(&mut self, family: &str, kind: FamilyKind) {
            self.0.push(format!("type {family} {}", kind.as_str()));
        }

        fn skipped(&mut self, fault: &Fault) {
            self.0.push(format!("skipped {fault}"));
        }
    }

    /// A field that holds bytes.
    fn bytes(number: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
        let body = body.as_ref();
        let mut out = vec![number << 3 | 2];
        put_length(body.len(), &mut out);
        out.extend(body);
        out
    }

    fn put_length(mut length: usize, out: &mut Vec<u8>) {
        while length >= 0x80 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
    }

    fn double(number: u8, value: f64) -> Vec<u8> {
        [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
    }

    fn label(name: &str, value: &str) -> Vec<u8> {
        bytes(1, [bytes(1, name), bytes(2, value)].concat())
    }

    fn gauge(labels: &[(&str, &str)], value: f64) -> Vec<u8> {
        let labels: Vec<u8> = labels.iter().flat_map(|(name, value)| label(name, value)).collect();
        bytes(4, [labels, bytes(2, double(1, value))].concat())
    }

    fn message(fields: &[Vec<u8>]) -> Vec<u8> {
        let body = fields.concat();
        let mut out = Vec::new();
        put_length(body.len(), &mut out);
        out.extend(body);
        out
    }

    const GAUGE: [u8; 2] = [3 << 3, 1];

    fn parse(body: &[u8]) -> (Vec<String>, Result<usize, Stop>) {
        let mut log = Log::default();
        let result = Protobuf::new().parse(body, true, &mut log);
        (log.0, result)
    }

    fn body() -> Vec<u8> {
        let long = "é".repeat(100);
        let histogram = [
            vec![1 << 3, 7, 5 << 3, 0],
            double(2, 1.5),
            bytes(3, [vec![1 << 3, 3], double(2, 0.5)].concat()),
            bytes(12, [1 << 3, 0, 2 << 3, 2]),
            bytes(13, [2, 0]),
        ];
        [
            message(&[bytes(1, "g"), bytes(2, "text"), GAUGE.to_vec(), gauge(&[("a", "1"), ("b", &long)], 1.0)]),
            message(&[gauge(&[("late", "")], 2.0), GAUGE.to_vec(), bytes(1, "behind")]),
            message(&[bytes(1, "h"), vec![3 << 3, 4], bytes(4, bytes(7, histogram.concat()))]),
            message(&[bytes(1, "c"), bytes(4, bytes(3, double(1, 5.0)))]),
            message(&[bytes(1, "none")]),
        ]
        .concat()
    }

    #[test]
    fn families_become_samples() {
        let (given, result) = parse(&body());
        assert_eq!(result, Ok(body().len()));
        let long = "é".repeat(100);
        assert_eq!(
            given,
            [
                "help g text",
                "type g gauge",
                &format!("g{{a=\"1\",b=\"{long}\"}} 1 None"),
                "type behind gauge",
                "behind{late=\"\"} 2 None",
                "type h histogram",
                "h_count{} 7 None",
                "h_sum{} 1.5 None",
                "h_bucket{le=\"0.5\"} 3 None",
                "h_bucket{le=\"+Inf\"} 7 None",
                "native h{} [BucketSpan { offset: 0, length: 2 }] [1, 0]",
                "type c counter",
                "c{} 5 None",
            ]
        );
    }

    #[test]
    fn every_split_gives_the_same() {
        let (body, whole) = (body(), parse(&body()));
        for cut in 0..=body.len() {
            let (mut log, mut families) = (Log::default(), Protobuf::new());
            let read = families.parse(&body[..cut], false, &mut log).unwrap();
            families.parse(&body[read..], true, &mut log).unwrap();
            assert_eq!(log.0, whole.0, "cut at {cut}");
        }
    }

    #[test]
    fn every_cut_body_is_a_fault() {
        let body = body();
        let (mut ends, mut at) = (vec![0], 0);
        while at < body.len() {
            let (length, start) = varint(&body, at).unwrap();
            at = start + length as usize;
            ends.push(at);
        }
        for cut in (0..body.len()).filter(|cut| !ends.contains(cut)) {
            assert!(matches!(parse(&body[..cut]).1, Err(Stop::Fault(_))), "cut at {cut}");
        }
    }

    #[test]
    fn a_family_may_be_larger_than_the_window() {
        use crate::exposition::{Format, Options, Parser, Window, pump};
        let metric = gauge(&[("name", "some value")], 1.0);
        let large = message(&[&[bytes(1, "g"), GAUGE.to_vec()][..], &vec![metric; 10_000]].concat());
        let (mut window, mut log) = (Window::new(4096), Log::default());
        let mut parser = Parser::new(Format::Protobuf, Options::default());
        pump(&mut &large[..], &mut window, &mut parser, &mut log).unwrap();
        assert_eq!(log.0.len(), 10_001);
        assert!(window.memory() <= 4097 && parser.memory() < 32 * 1024);

        let behind = message(&[gauge(&[("x", &"v".repeat(5000))], 1.0), bytes(1, "g")]);
        let error = pump(&mut &behind[..], &mut window, &mut parser, &mut log).unwrap_err();
        assert!(error.to_string().starts_with("1:1: one metric is longer than max_line_bytes"), "{error}");
    }

    #[test]
    fn a_tag_does_not_complete_a_broken_character() {
        let unknown = [0x80, 0x01, 0x00]; // field 16, whose tag continues the character that 0xcd begins
        let broken = bytes(1, [bytes(1, "a"), bytes(2, [0xcd]), unknown.to_vec()].concat());
        let metric = bytes(4, [broken, label("b", "c"), bytes(2, double(1, 1.0))].concat());
        let (given, result) = parse(&message(&[bytes(1, "g"), GAUGE.to_vec(), metric]));
        assert_eq!(given, ["type g gauge"]);
        assert!(fault_text(result).ends_with("a label value is not UTF-8"));
    }

    fn fault_text(result: Result<usize, Stop>) -> String {
        match result {
            Err(Stop::Fault(fault)) => fault.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn faults_tell_message_and_byte() {
        let after_a_good_one = |fields: &[Vec<u8>]| {
            let body = [message(&[bytes(1, "g")]), message(fields)].concat();
            fault_text(parse(&body).1)
        };
        let name = || bytes(1, "g");
        for (fields, text) in [
            (vec![name(), GAUGE.to_vec(), gauge(&[("", "x")], 1.0)], "2:6: a label name is empty or not UTF-8"),
            (
                vec![name(), GAUGE.to_vec(), gauge(&[("a", "1"), ("a", "2")], 1.0)],
                "2:6: a label name stands twice in one metric",
            ),
            (vec![GAUGE.to_vec(), gauge(&[], 1.0)], "2:3: the metric family has no name in UTF-8"),
            (vec![name(), vec![3 << 3, 9]], "2:4: unknown metric type 9"),
            (
                vec![name(), GAUGE.to_vec(), gauge(&[], 1.0), bytes(1, "h")],
                "2:19: the name or type of the metric family changes after its first metric",
            ),
            (vec![vec![1 << 3, 5]], "2:1: the field name is written as another type"),
            (vec![bytes(2, [0xff])], "2:1: the help text is not UTF-8"),
            (vec![vec![0]], "2:1: a field's tag is none; this may not be protobuf"),
            (
                vec![name(), GAUGE.to_vec(), gauge(&[], 1.0), bytes(5, "seconds")],
                "2:19: the unit is not the last part of the metric name",
            ),
        ] {
            assert_eq!(after_a_good_one(&fields), text);
        }
    }
}
