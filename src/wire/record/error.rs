//! Why a record cannot be written.

use super::{MAX_LABELS, MAX_RECORDS};
use crate::wire::codec::MAX_SHORT_COUNT;
use std::fmt;

/// Why a record doesn't fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    /// The block has its 32767 records.
    BlockFull,
    /// More than 255 labels.
    TooManyLabels(usize),
    /// More than 32767 spans or buckets.
    TooManyBuckets(usize),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BlockFull => write!(f, "a pack holds {MAX_RECORDS} records at most"),
            Self::TooManyLabels(n) => write!(f, "{n} labels, a record holds {MAX_LABELS} at most"),
            Self::TooManyBuckets(n) => write!(f, "{n} spans or buckets, a record holds {MAX_SHORT_COUNT} at most"),
        }
    }
}

impl std::error::Error for RecordError {}
