//! Samples become pack bodies: record bytes, 1000 records a pack, gzipped.
//!
//! Records are written straight into a reused block; only finished (compressed) bodies are kept until the scrape has
//! ended well. The record layout is section 7 of the protocol, in [`crate::wire::record`]; the sender adds header and
//! frame.
//!
//! # Invariants
//! - A pack never holds more than [`MAX_RECORDS`] records and is closed once its plain bytes pass [`CLOSE_AT_BYTES`],
//!   so its frame stays far below `net_send_max_bytes`.
//! - A record is written whole or not at all.
//! - Once the buffers have grown, a record costs no allocation (but while matches are logged); a pack costs one, its body.

use crate::exposition::NativeHistogram;
use crate::labels::LabelView;
use crate::wire::deflate::{Deflater, Match};
use crate::wire::gzip::{Packed, ZIP_ABOVE};
use crate::wire::pack::EncodedPack;
use crate::wire::record::{self, Block, Buckets, Unfinished};
use std::borrow::Cow;

/// Records of a pack at most, as the Go agent sends.
pub const MAX_RECORDS: usize = 1_000;
/// Plain bytes after which a pack is closed early.
pub const CLOSE_AT_BYTES: usize = 1 << 20;
/// Bytes of one record's name and labels at most; a larger one could not be sent in a frame.
pub const MAX_RECORD_BYTES: usize = 4 << 20;

/// Why a record could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// More labels than the record's one-byte count can tell.
    TooManyLabels,
    /// More than [`MAX_RECORD_BYTES`], or more buckets than a native histogram's record can tell.
    TooLarge,
}

/// Labels in record form, encoded once and copied into every record that carries them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedLabels {
    bytes: Box<[u8]>,
    count: usize,
}

impl EncodedLabels {
    /// Encodes labels in their order.
    pub fn new(labels: LabelView<'_>) -> Self {
        let mut bytes = Vec::new();
        for (name, value) in labels.iter() {
            Unfinished::write_label(&mut bytes, name, value);
        }
        Self { bytes: bytes.into(), count: labels.len() }
    }
}

/// Turns the records of one scrape into pack bodies.
#[derive(Debug, Default)]
pub struct Encoder {
    samples: Growing,
    histograms: Growing,
    help: Growing,
    /// Finished packs; help apart, for it goes first.
    help_packs: Vec<EncodedPack>,
    packs: Vec<EncodedPack>,
    /// The target's URL, with endpoint metering on.
    endpoint: Option<String>,
    spans: Spans,
}

/// A block and its compressed form, which grow together.
#[derive(Debug, Default)]
struct Growing {
    block: Block,
    deflater: Deflater,
    /// Records that the compressor has taken.
    taken: usize,
}

impl Growing {
    /// Gives the compressor the record that was ended last, when it has not had it.
    #[inline]
    fn take(&mut self) {
        if self.block.records() > self.taken {
            self.deflater.record(&self.block);
            self.deflater.slide(&mut self.block);
            self.taken = self.block.records();
        }
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.block.records() >= MAX_RECORDS || self.deflater.plain_bytes(&self.block) >= CLOSE_AT_BYTES
    }

    fn clear(&mut self) {
        self.block.clear();
        self.deflater.abandon();
        self.taken = 0;
    }

    fn restart(&mut self) {
        self.clear();
        self.deflater.restart();
    }

    /// Makes a pack of the records and forgets them; none where there are none.
    fn close(&mut self, pack: impl FnOnce(&Packed<'_>, u32) -> EncodedPack) -> Option<EncodedPack> {
        if self.block.is_empty() {
            return None;
        }
        self.take();
        let plain = self.deflater.plain_bytes(&self.block);
        let zipped = plain > ZIP_ABOVE;
        let bytes = if zipped { self.deflater.finish(&self.block) } else { self.block.bytes() };
        let pack = pack(&Packed { zipped, bytes: Cow::Borrowed(bytes) }, self.block.records() as u32);
        self.deflater.next_block(plain);
        self.clear();
        Some(pack)
    }
}

/// Bucket spans of a native histogram in the wire's form, reused.
#[derive(Debug, Default)]
struct Spans {
    positive: Vec<(i32, i32)>,
    negative: Vec<(i32, i32)>,
}

impl Encoder {
    /// An encoder without any record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Throws away what was written and starts a scrape; `endpoint` is the URL that endpoint metering puts into every
    /// sample pack.
    pub fn begin(&mut self, endpoint: Option<&str>) {
        for growing in [&mut self.samples, &mut self.histograms, &mut self.help] {
            growing.restart();
        }
        self.packs.clear();
        self.help_packs.clear();
        self.endpoint = endpoint.map(str::to_owned);
    }

    /// Starts a sample record; [`Record`] takes its labels and ends it.
    #[inline]
    pub fn sample(&mut self, name: &str) -> Record<'_> {
        self.samples.take();
        Record { unfinished: self.samples.block.begin(name), labels: 0, spans: &mut self.spans }
    }

    /// Starts a sample record that has the name and the first `labels` labels of the sample record written last, and takes
    /// over as many as are at hand: [`Record::label_count`] tells how many.
    #[inline]
    pub fn sample_like(&mut self, name: &str, labels: usize) -> Record<'_> {
        self.samples.take();
        let unfinished = self.samples.block.begin_like(name, labels);
        let labels = unfinished.labels();
        Record { unfinished, labels, spans: &mut self.spans }
    }

    /// Writes a sample record that was written in an earlier scrape: `own` is what [`Encoder::own_part`] gave then, `labels`
    /// have the same names as those that followed it. `matches` are those it had: where in the record they begin, and
    /// the place of what each repeats. Answers the record's own place; `None` when the record does not fit.
    #[inline]
    pub fn again(
        &mut self,
        own: &[u8],
        labels: &EncodedLabels,
        timestamp: i64,
        value: f64,
        matches: impl Iterator<Item = (usize, u32)>,
    ) -> Option<u32> {
        self.samples.take();
        let Growing { block, deflater, taken } = &mut self.samples;
        let start = block.bytes().len();
        if own.len() + labels.bytes.len() > MAX_RECORD_BYTES || !block.again(own, &labels.bytes, timestamp, value) {
            return None;
        }
        let place = deflater.place(start);
        deflater.record_again(block, start, matches);
        deflater.slide(block);
        *taken = block.records();
        Some(place)
    }

    /// The sample record written last, when it has labels that were encoded before: its bytes up to those, and its place.
    pub fn own_part(&self) -> Option<(&[u8], u32)> {
        let Growing { block, deflater, .. } = &self.samples;
        Some((block.own_part()?, deflater.place(block.seams().first()?.at as usize)))
    }

    /// Remembers where samples repeat each other, until [`Encoder::take_matches`].
    pub fn log_matches(&mut self) {
        self.samples.deflater.log();
    }

    /// Where the samples of this scrape repeat each other; to be taken when it is finished.
    pub fn take_matches(&mut self) -> Vec<Match> {
        self.samples.deflater.take_log()
    }

    /// Starts a native histogram record.
    pub fn histogram(&mut self, name: &str) -> Record<'_> {
        self.histograms.take();
        Record { unfinished: self.histograms.block.begin(name), labels: 0, spans: &mut self.spans }
    }

    /// Writes a help record: `help` only where the exposition had one. A text larger than a record can be is left out.
    pub fn help(&mut self, family: &str, help: Option<&str>, kind: &str) {
        let help = help.filter(|text| text.len() <= MAX_RECORD_BYTES);
        // A block this small always has room: it is closed at a thousand records.
        let _ = self.help.block.help(family, help, kind);
        self.help.take();
        if self.help.is_full() {
            self.close_help();
        }
    }

    /// Compresses a pack that is full; called between records so that the blocks stay small.
    #[inline]
    pub fn roll(&mut self) {
        if self.samples.is_full() {
            self.close_samples();
        }
        if self.histograms.is_full() {
            self.close_histograms();
        }
    }

    /// Ends the scrape: all its packs, help before the samples that need it.
    pub fn finish(&mut self) -> Vec<EncodedPack> {
        self.close_help();
        self.close_samples();
        self.close_histograms();
        let mut packs = std::mem::take(&mut self.help_packs);
        packs.append(&mut self.packs);
        packs
    }

    fn close_samples(&mut self) {
        let endpoint = self.endpoint.as_deref();
        let pack = |packed: &Packed<'_>, records| EncodedPack::open_mx(packed, endpoint, records);
        self.packs.extend(self.samples.close(pack));
    }

    fn close_histograms(&mut self) {
        self.packs.extend(self.histograms.close(EncodedPack::histogram));
    }

    fn close_help(&mut self) {
        self.help_packs.extend(self.help.close(EncodedPack::open_mx_help));
    }
}

/// A record under way. Dropped without its end it leaves nothing behind.
#[derive(Debug)]
pub struct Record<'a> {
    unfinished: Unfinished<'a>,
    labels: usize,
    spans: &'a mut Spans,
}

impl Record<'_> {
    /// Adds a label.
    #[inline]
    pub fn label(&mut self, name: &str, value: &str) {
        self.unfinished.label(name, value);
        self.labels += 1;
    }

    /// Adds labels encoded before.
    #[inline]
    pub fn labels(&mut self, labels: &EncodedLabels) {
        self.unfinished.written_labels(&labels.bytes, labels.count);
        self.labels += labels.count;
    }

    /// The hash of the name and of the labels added one by one; the same in any order, comparable within one process.
    #[inline]
    pub fn series_hash(&self) -> u64 {
        self.unfinished.name_hash().wrapping_add(self.unfinished.labels_hash())
    }

    /// What the labels added one by one bring to [`Record::series_hash`].
    #[inline]
    pub fn labels_hash(&self) -> u64 {
        self.unfinished.labels_hash()
    }

    /// How many labels it has so far.
    #[inline]
    pub fn label_count(&self) -> usize {
        self.labels
    }

    /// Ends a sample record.
    ///
    /// # Errors
    /// When the record does not fit the protocol; nothing of it is left.
    #[inline]
    pub fn end_sample(self, timestamp: i64, value: f64) -> Result<(), RecordError> {
        self.check_size()?;
        self.unfinished.sample(timestamp, value).map_err(RecordError::from)
    }

    /// Ends a native histogram record.
    ///
    /// # Errors
    /// When the record does not fit the protocol; nothing of it is left.
    pub fn end_histogram(self, timestamp: i64, histogram: &NativeHistogram<'_>) -> Result<(), RecordError> {
        self.check_size()?;
        let Spans { positive, negative } = self.spans;
        for (own, spans) in [(&mut *positive, histogram.positive_spans), (&mut *negative, histogram.negative_spans)] {
            own.clear();
            own.extend(spans.iter().map(|span| (span.offset, span.length.cast_signed())));
        }
        let buckets = Buckets {
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            zero_count: histogram.zero_count.cast_signed(),
            count: histogram.count.cast_signed(),
            sum: histogram.sum,
            positive_spans: positive,
            positive_deltas: histogram.positive_deltas,
            negative_spans: negative,
            negative_deltas: histogram.negative_deltas,
        };
        self.unfinished.histogram(timestamp, &buckets).map_err(RecordError::from)
    }

    #[inline]
    fn check_size(&self) -> Result<(), RecordError> {
        if self.unfinished.bytes() > MAX_RECORD_BYTES { Err(RecordError::TooLarge) } else { Ok(()) }
    }
}

impl From<record::RecordError> for RecordError {
    fn from(error: record::RecordError) -> Self {
        match error {
            record::RecordError::TooManyLabels(_) => Self::TooManyLabels,
            record::RecordError::BlockFull | record::RecordError::TooManyBuckets(_) => Self::TooLarge,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pack::{Body, Header, Pack};

    /// Decodes packs the way the server does.
    fn decode(packs: &[EncodedPack]) -> Vec<Body> {
        let header = Header { pcode: 1, oid: 2, okind: 0, onode: 0, time_ms: 3 };
        let whole = |pack: &EncodedPack| {
            let mut bytes = Vec::new();
            pack.write(&header, &mut bytes);
            Pack::decode(&bytes).expect("our own pack").body
        };
        packs.iter().map(whole).collect()
    }

    fn write(encoder: &mut Encoder, name: &str, value: &str) -> Result<(), RecordError> {
        let mut record = encoder.sample(name);
        record.label("l", value);
        let ended = record.end_sample(7, 1.5);
        encoder.roll();
        ended
    }

    #[test]
    fn packs_hold_a_thousand_records_and_help_goes_first() {
        let mut encoder = Encoder::new();
        encoder.begin(None);
        for n in 0..2_500 {
            write(&mut encoder, "metric_of_some_length", &n.to_string()).unwrap();
        }
        encoder.help("metric_of_some_length", Some("what it is"), "gauge");
        let packs = encoder.finish();
        assert_eq!(packs.iter().map(|pack| pack.records).collect::<Vec<_>>(), [1, 1_000, 1_000, 500]);
        let bodies = decode(&packs);
        assert!(matches!(bodies[0], Body::Help(_)));
        let Body::OpenMx(last) = &bodies[3] else { panic!("{:?}", bodies[3]) };
        let plain = last.records.plain(1 << 20).unwrap();
        let samples: Vec<_> = record::samples(&plain).unwrap().map(Result::unwrap).collect();
        assert_eq!(samples.len(), 500);
        assert_eq!((samples[499].metric, samples[499].value), ("metric_of_some_length", 1.5));
    }

    #[test]
    fn large_records_close_a_pack_early_and_too_large_ones_leave_nothing() {
        let mut encoder = Encoder::new();
        encoder.begin(None);
        let large = "x".repeat(CLOSE_AT_BYTES);
        write(&mut encoder, "a", &large).unwrap();
        write(&mut encoder, "a", &large).unwrap();
        assert_eq!(write(&mut encoder, "a", &"x".repeat(MAX_RECORD_BYTES + 1)), Err(RecordError::TooLarge));
        let packs = encoder.finish();
        assert_eq!(packs.iter().map(|pack| pack.records).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn more_labels_than_a_record_tells_are_refused() {
        let mut encoder = Encoder::new();
        encoder.begin(Some("http://h/metrics"));
        let mut record = encoder.sample("a");
        (0..256).for_each(|n| record.label(&format!("l{n}"), "v"));
        assert_eq!(record.end_sample(0, 0.0), Err(RecordError::TooManyLabels));
        write(&mut encoder, "b", "v").unwrap();
        let bodies = decode(&encoder.finish());
        let Body::OpenMx(pack) = &bodies[0] else { panic!("{bodies:?}") };
        assert_eq!(pack.endpoint.as_deref(), Some("http://h/metrics"));
    }

    #[test]
    fn an_abandoned_scrape_sends_nothing() {
        let mut encoder = Encoder::new();
        encoder.begin(None);
        write(&mut encoder, "a", "v").unwrap();
        encoder.begin(None);
        assert!(encoder.finish().is_empty());
    }
}
