//! Records: samples, help and native histograms inside a pack's block.
//!
//! ```text
//! block     = byte 0, short n, n × record
//! sample    = byte 0, text metric, byte labels, labels × (text name, text value), long time, double value
//! help      = byte 0, text metric, value map
//! histogram = byte 0, text metric, byte labels, labels × (text name, text value), long time, int schema,
//!             double zero_threshold, long zero_count, long count, double sum, spans, deltas, spans, deltas
//! spans     = short n, n × (int offset, int length)          first those of the positive buckets
//! deltas    = short n, n × long
//! ```

mod buckets;
mod error;
mod read;
mod write;

pub use buckets::Buckets;
pub use error::RecordError;
pub use read::{Help, Histogram, Iter, Record, Sample, help, histograms, samples};
pub use write::{Block, NUMBERS, Seam, Unfinished};

/// Most records of a block: its count is a signed short.
pub const MAX_RECORDS: usize = i16::MAX as usize;
/// Most labels of a record: their count is one byte.
pub const MAX_LABELS: usize = u8::MAX as usize;

#[cfg(test)]
mod tests;
