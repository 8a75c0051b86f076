//! The end of a native histogram's record.

use super::error::RecordError;
use crate::wire::codec::{self, MAX_SHORT_COUNT};

/// What a native histogram has beside name, labels and time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Buckets<'a> {
    /// Resolution, −4 to 8.
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Count of the zero bucket.
    pub zero_count: i64,
    /// Count of all observations.
    pub count: i64,
    /// Sum of all observations.
    pub sum: f64,
    /// Offset and length of the spans of positive buckets.
    pub positive_spans: &'a [(i32, i32)],
    /// Counts of the positive buckets, each as the difference to the one before.
    pub positive_deltas: &'a [i64],
    /// Offset and length of the spans of negative buckets.
    pub negative_spans: &'a [(i32, i32)],
    /// Counts of the negative buckets, each as the difference to the one before.
    pub negative_deltas: &'a [i64],
}

impl Buckets<'_> {
    pub(super) fn check(&self) -> Result<(), RecordError> {
        let counts = [
            self.positive_spans.len(),
            self.positive_deltas.len(),
            self.negative_spans.len(),
            self.negative_deltas.len(),
        ];
        match counts.into_iter().find(|count| *count > MAX_SHORT_COUNT) {
            Some(count) => Err(RecordError::TooManyBuckets(count)),
            None => Ok(()),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        codec::write_i32(out, self.schema);
        codec::write_f64(out, self.zero_threshold);
        codec::write_i64(out, self.zero_count);
        codec::write_i64(out, self.count);
        codec::write_f64(out, self.sum);
        for (spans, deltas) in
            [(self.positive_spans, self.positive_deltas), (self.negative_spans, self.negative_deltas)]
        {
            codec::write_array(out, spans, |out, (offset, length)| {
                codec::write_i32(out, *offset);
                codec::write_i32(out, *length);
            });
            codec::write_array(out, deltas, |out, delta| codec::write_i64(out, *delta));
        }
    }
}
