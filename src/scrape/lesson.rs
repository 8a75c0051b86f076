//! The two ends of a scrape that goes along a known exposition or teaches one.

use super::known::shelf::{Kind, Learned, Shelf};
use super::prepared::Prepared;
use super::series::{SeriesScratch, SeriesSink};
use crate::exposition::Format;
use std::time::Instant;

/// Before the first sample: finds out what the body is expected to be like and has the sink follow what is known of that.
pub fn begin(shelf: &Shelf, prepared: &Prepared, format: Format, sink: &mut SeriesSink<'_>) -> Option<Kind> {
    // protobuf has no lines to know again
    let may_know = sink.is_straight() && format != Format::Protobuf;
    let kind = if may_know { prepared.kind(format) } else { None };
    if let Some(kind) = kind {
        sink.follow(shelf.plan(kind, Instant::now()));
    }
    kind
}

/// When the packs are finished: remembers what the body was like, which was read whole or not, for the next ones. Answers
/// how many of the samples sent were known.
pub fn end(shelf: &Shelf, prepared: &Prepared, kind: Option<Kind>, series: &mut SeriesScratch, whole: bool) -> u64 {
    let known = if whole { series.known_samples() } else { 0 };
    if let Some((kind, learned)) = kind.zip(series.learned(whole)) {
        if let Learned::Unfit = learned {
            prepared.part_from(kind);
        }
        shelf.settle(kind, learned, Instant::now());
    }
    if whole {
        prepared.set_shape(series.families.shape());
    }
    known
}
