//! What a series carries, a number or a native histogram: how its record begins, whether it is sent, how its record ends.

use super::limits::check_samples;
use super::tally::{DropReason, LimitBreach, Tally};
use crate::config::job::Limits;
use crate::encode::{Encoder, Record, RecordError};
use crate::exposition::NativeHistogram;

/// What a series carries.
#[derive(Clone, Copy)]
pub(super) enum Payload<'a> {
    /// A number.
    Value(f64),
    /// A native histogram.
    Histogram(&'a NativeHistogram<'a>),
}

/// What became of one series.
pub(super) enum Fate {
    /// Its record is written.
    Kept,
    /// It is not sent.
    Dropped(DropReason),
    /// A label clashes: the sample has to be joined in the scratch.
    Clash,
}

impl<'a> Payload<'a> {
    /// A record to take labels.
    pub fn start<'e>(self, encoder: &'e mut Encoder, name: &str) -> Record<'e> {
        match self {
            Self::Value(_) => encoder.sample(name),
            Self::Histogram(_) => encoder.histogram(name),
        }
    }

    /// The record with as many labels as can be taken over from the one before.
    #[inline]
    pub fn start_like<'e>(self, encoder: &'e mut Encoder, name: &str, shared: Option<usize>) -> Record<'e> {
        match (self, shared) {
            (Self::Value(_), Some(labels)) => encoder.sample_like(name, labels),
            _ => self.start(encoder, name),
        }
    }

    /// The value that is shown, and that must be finite: a histogram's is its sum.
    pub fn number(self) -> f64 {
        match self {
            Self::Value(value) => value,
            Self::Histogram(histogram) => histogram.sum,
        }
    }

    #[inline]
    fn refused(self) -> Option<DropReason> {
        let number = self.number();
        if number.is_finite() {
            None
        } else if number.is_nan() {
            Some(DropReason::NotANumber)
        } else {
            Some(DropReason::Infinite)
        }
    }
}

/// Counts a series that relabelling has left, and says why it is not sent: a value that the server does not take, or a
/// repetition. A series with a timestamp of its own may come again with another.
#[inline]
pub(super) fn admit(
    tally: &mut Tally,
    limits: &Limits,
    payload: Payload<'_>,
    is_new: impl FnOnce() -> bool,
) -> Result<Option<DropReason>, LimitBreach> {
    tally.post_relabel += 1;
    check_samples(limits, tally.post_relabel)?;
    Ok(payload.refused().or_else(|| (!is_new()).then_some(DropReason::Duplicate)))
}

/// Ends a record; what the protocol cannot hold is a breach (labels) or a drop (size).
pub(super) fn end(record: Record<'_>, name: &str, timestamp: i64, payload: Payload<'_>) -> Result<Fate, LimitBreach> {
    let found = record.label_count();
    let ended = match payload {
        Payload::Value(value) => record.end_sample(timestamp, value),
        Payload::Histogram(histogram) => record.end_histogram(timestamp, histogram),
    };
    match ended {
        Ok(()) => Ok(Fate::Kept),
        Err(RecordError::TooLarge) => Ok(Fate::Dropped(DropReason::TooLarge)),
        Err(RecordError::TooManyLabels) => {
            let limit = Limits::MAX_LABELS;
            Err(LimitBreach::Labels { limit, found, metric: name.to_owned() })
        }
    }
}
