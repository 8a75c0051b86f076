//! Writes records into a block: the hot path of encoding.
//!
//! # Invariants
//! - No allocation but the growth of the block's one buffer, which a cleared block keeps.
//! - A block is whole after every call: a record that was refused or dropped unfinished leaves no byte.
//! - Each text is hashed once, as it is written: for telling series apart and for finding what repeats.

use super::buckets::Buckets;
use super::error::RecordError;
use super::{MAX_LABELS, MAX_RECORDS};
use crate::wire::codec;
use crate::wire::value::Map;
use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState as RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::ops::Range;

/// Version byte and count.
const HEAD: usize = 3;
/// Bytes of a sample's time and value.
pub const NUMBERS: usize = 16;

/// The plain bytes of a pack's records, as they grow.
#[derive(Debug, Clone)]
pub struct Block {
    bytes: Vec<u8>,
    records: usize,
    seams: Vec<Seam>,
    /// The sums of the labels' hashes, up to each label of the record written last that was appended by itself.
    sums: Vec<u64>,
    name_hash: u64,
    /// Bytes of the last record before its count of labels.
    name_len: usize,
    /// First bytes of the record written last that are those of the record before it.
    copied: usize,
    hasher: RandomState,
}

/// One seed for all blocks of this process: what one has hashed another knows again.
fn shared_hasher() -> RandomState {
    RandomState::with_seed(0, SharedSeed::global_random())
}

/// Where a piece of a record begins: its name, a label, labels written before, and last what is no text (time and value,
/// buckets, properties).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seam {
    /// Its first byte in [`Block::bytes`].
    pub at: u32,
    /// Bits of the hash of its text; 0 for labels written before and for what is no text.
    pub hash: u32,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            bytes: vec![0; HEAD],
            records: 0,
            seams: Vec::new(),
            sums: Vec::new(),
            name_hash: 0,
            name_len: 0,
            copied: 0,
            hasher: shared_hasher(),
        }
    }
}

impl Block {
    /// An empty block.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the records and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEAD, 0);
        self.records = 0;
        self.forget();
    }

    /// How many records it holds.
    #[inline]
    pub fn records(&self) -> usize {
        self.records
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// The block's bytes, count and all.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes out the bytes from behind the head up to `until`, which some compressor has had: the records that count on
    /// are the same, [`Block::bytes`] is no whole block any more.
    pub fn take_out(&mut self, until: usize) {
        let cut = until - HEAD;
        self.bytes.copy_within(until.., HEAD);
        self.bytes.truncate(self.bytes.len() - cut);
        for seam in &mut self.seams {
            seam.at -= cut as u32;
        }
    }

    /// Appends a sample whose first bytes were written before, up to behind its own labels, and the labels that follow
    /// them; answers whether it fits. It is no model for the next record.
    #[inline]
    pub fn again(&mut self, record: &[u8], labels: &[u8], time_ms: i64, value: f64) -> bool {
        self.forget();
        if self.records == MAX_RECORDS {
            return false;
        }
        self.bytes.reserve(record.len() + labels.len() + NUMBERS);
        self.bytes.extend_from_slice(record);
        self.bytes.extend_from_slice(labels);
        codec::write_i64(&mut self.bytes, time_ms);
        codec::write_f64(&mut self.bytes, value);
        self.count_one();
        true
    }

    /// The record written last, up to behind the labels that were appended one by one: what [`Block::again`] takes.
    pub fn own_part(&self) -> Option<&[u8]> {
        let (first, labels) = (self.seams.first()?, self.seams.get(1 + self.sums.len())?);
        self.bytes.get(first.at as usize..labels.at as usize)
    }

    /// The pieces of the record written last, in a row and without a gap.
    #[inline]
    pub fn seams(&self) -> &[Seam] {
        &self.seams
    }

    /// First bytes of the record written last that are known to be those of the record before it.
    #[inline]
    pub fn copied(&self) -> usize {
        self.copied
    }

    /// The record written last is no model for the next one.
    #[inline]
    fn forget(&mut self) {
        self.seams.clear();
        self.sums.clear();
        self.copied = 0;
    }

    #[inline]
    fn seam(&mut self, hash: u64) {
        self.seams.push(Seam { at: self.bytes.len() as u32, hash: (hash >> 32) as u32 });
    }

    /// The hash of the bytes from `start` on.
    #[inline]
    fn hash_from(&self, start: usize) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(&self.bytes[start..]);
        hasher.finish()
    }

    /// Writes version and name, which every record begins with.
    #[inline]
    fn start(&mut self, name: &str) {
        self.forget();
        let at = self.bytes.len();
        self.bytes.push(0);
        codec::write_text(&mut self.bytes, name);
        self.name_hash = self.hash_from(at);
        self.name_len = self.bytes.len() - at;
        self.seams.push(Seam { at: at as u32, hash: (self.name_hash >> 32) as u32 });
    }

    /// Begins a sample or histogram; labels come next, then [`Unfinished::sample`] or [`Unfinished::histogram`].
    #[inline]
    pub fn begin(&mut self, metric: &str) -> Unfinished<'_> {
        let start = self.bytes.len();
        self.start(metric);
        let count_at = self.bytes.len();
        self.bytes.push(0);
        Unfinished { block: self, start, count_at, labels: 0, done: false }
    }

    /// Begins a record that has the name and the first `labels` labels of the one written last, and takes them over where
    /// it can: [`Unfinished::labels`] tells how many it took.
    #[inline]
    pub fn begin_like(&mut self, metric: &str, labels: usize) -> Unfinished<'_> {
        let Some(model) = self.model(labels) else { return self.begin(metric) };
        let start = self.bytes.len();
        self.bytes.extend_from_within(model.clone());
        self.seams.truncate(1 + labels);
        for seam in &mut self.seams {
            seam.at += (start - model.start) as u32;
        }
        self.sums.truncate(labels);
        self.copied = model.len();
        let name_len = self.name_len;
        Unfinished { block: self, start, count_at: start + name_len, labels, done: false }
    }

    /// The bytes of the record written last up to behind so many labels, which were appended one by one.
    #[inline]
    fn model(&self, labels: usize) -> Option<Range<usize>> {
        let (first, end) = (self.seams.first()?, self.seams.get(1 + labels)?);
        (labels <= self.sums.len()).then_some(first.at as usize..end.at as usize)
    }

    /// Appends a help record of the family: its HELP text, when it has one, and its type.
    ///
    /// # Errors
    /// [`RecordError::BlockFull`].
    pub fn help(&mut self, family: &str, help: Option<&str>, kind: &str) -> Result<(), RecordError> {
        let mut properties = Map::new();
        if let Some(text) = help {
            properties.put("help", text);
        }
        properties.put("type", kind);
        self.properties(family, &properties)
    }

    /// Appends a help record with any properties.
    ///
    /// # Errors
    /// [`RecordError::BlockFull`].
    pub fn properties(&mut self, family: &str, properties: &Map) -> Result<(), RecordError> {
        if self.records == MAX_RECORDS {
            return Err(RecordError::BlockFull);
        }
        self.start(family);
        self.seam(0);
        properties.write(&mut self.bytes);
        self.count_one();
        Ok(())
    }

    #[inline]
    fn count_one(&mut self) {
        self.records += 1;
        let [high, low] = (self.records as u16).to_be_bytes();
        self.bytes[1] = high;
        self.bytes[2] = low;
    }
}

/// A record whose labels are being written. Dropped unfinished, it was never there.
#[derive(Debug)]
pub struct Unfinished<'b> {
    block: &'b mut Block,
    start: usize,
    count_at: usize,
    labels: usize,
    done: bool,
}

impl Unfinished<'_> {
    /// Appends a label.
    #[inline]
    pub fn label(&mut self, name: &str, value: &str) {
        let start = self.block.bytes.len();
        write_label(&mut self.block.bytes, name, value);
        let hash = self.block.hash_from(start);
        self.block.seams.push(Seam { at: start as u32, hash: (hash >> 32) as u32 });
        self.block.sums.push(self.labels_hash().wrapping_add(hash));
        self.labels += 1;
    }

    /// How many labels it has so far.
    #[inline]
    pub fn labels(&self) -> usize {
        self.labels
    }

    /// How many bytes it has so far.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.block.bytes.len() - self.start
    }

    /// The hash of the name, under the seed of all blocks.
    #[inline]
    pub fn name_hash(&self) -> u64 {
        self.block.name_hash
    }

    /// The sum of the hashes of the labels appended one by one, under the seed of all blocks: the same in any order.
    #[inline]
    pub fn labels_hash(&self) -> u64 {
        self.block.sums.last().copied().unwrap_or(0)
    }

    /// Appends `count` labels written before by [`write_label`](Self::write_label), a target's for example.
    #[inline]
    pub fn written_labels(&mut self, labels: &[u8], count: usize) {
        self.block.seam(0);
        self.block.bytes.extend_from_slice(labels);
        self.labels += count;
    }

    /// Appends a label to a buffer of one's own, for [`Unfinished::written_labels`].
    pub fn write_label(out: &mut Vec<u8>, name: &str, value: &str) {
        out.reserve(name.len() + value.len() + 2 * codec::MAX_BLOB_HEAD);
        write_label(out, name, value);
    }

    /// Ends the record as a sample of that time (Unix ms) and value.
    ///
    /// # Errors
    /// When it doesn't fit; the block is then as if it had not been begun.
    #[inline]
    pub fn sample(mut self, time_ms: i64, value: f64) -> Result<(), RecordError> {
        self.check()?;
        self.block.seam(0);
        codec::write_i64(&mut self.block.bytes, time_ms);
        codec::write_f64(&mut self.block.bytes, value);
        self.finish();
        Ok(())
    }

    /// Ends the record as a native histogram of that time (Unix ms).
    ///
    /// # Errors
    /// When it doesn't fit; the block is then as if it had not been begun.
    pub fn histogram(mut self, time_ms: i64, buckets: &Buckets<'_>) -> Result<(), RecordError> {
        self.check()?;
        buckets.check()?;
        self.block.seam(0);
        codec::write_i64(&mut self.block.bytes, time_ms);
        buckets.write(&mut self.block.bytes);
        self.finish();
        Ok(())
    }

    #[inline]
    fn check(&self) -> Result<(), RecordError> {
        if self.labels > MAX_LABELS {
            return Err(RecordError::TooManyLabels(self.labels));
        }
        if self.block.records == MAX_RECORDS {
            return Err(RecordError::BlockFull);
        }
        Ok(())
    }

    #[inline]
    fn finish(&mut self) {
        let count = self.labels as u8;
        if std::mem::replace(&mut self.block.bytes[self.count_at], count) != count {
            self.block.copied = 0;
        }
        self.block.count_one();
        self.done = true;
    }
}

impl Drop for Unfinished<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.done {
            self.block.bytes.truncate(self.start);
            self.block.forget();
        }
    }
}

#[inline]
fn write_label(out: &mut Vec<u8>, name: &str, value: &str) {
    out.reserve(name.len() + value.len() + 2 * codec::MAX_BLOB_HEAD);
    codec::write_text(out, name);
    codec::write_text(out, value);
}
