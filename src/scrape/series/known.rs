//! The way of a sample whose series is known from an exposition before: its record is copied, its number added. And what
//! the others teach the expositions to come.

use super::super::known::learner::{Learner, Written};
use super::super::known::shelf::{Learned, Plan};
use super::super::payload::{Payload, admit};
use super::super::tally::{DropReason, LimitBreach};
use super::{SeriesScratch, SeriesSink};

impl SeriesScratch {
    /// How many samples were known, until [`SeriesScratch::learned`] is asked.
    pub fn known_samples(&self) -> u64 {
        self.walk.hits()
    }

    /// Notes a series that was written and that might have been known: for the next scrapes, and against what is known.
    #[inline]
    pub(super) fn note(&mut self, line: &str, name: &str, hash: u64, timed: bool) {
        self.walk.miss();
        if let Some(learner) = &mut self.learner
            && let Some((record, place)) = self.encoder.own_part()
        {
            learner.take(&Written { text: line, name, record, place, hash, timed });
        }
    }

    /// What came of the plan of a scrape, which was read whole or not; to be asked when the packs are finished.
    pub fn learned(&mut self, whole: bool) -> Option<Learned> {
        if let Some(learner) = self.learner.take() {
            let matches = self.encoder.take_matches();
            return Some(if whole { Learned::Lesson(learner.finish(&matches)) } else { Learned::Interrupted });
        }
        let fits = self.walk.end().filter(|_| whole)?;
        Some(if fits { Learned::Fit } else { Learned::Unfit })
    }
}

impl SeriesSink<'_> {
    /// Takes the body's samples by this plan. To be called before the first sample, when [`SeriesSink::is_straight`].
    pub fn follow(&mut self, plan: Plan) {
        match plan {
            Plan::Walk(known) => self.scratch.walk.begin(known),
            Plan::Learn => {
                self.scratch.learner = Some(Learner::default());
                self.scratch.encoder.log_matches();
            }
            Plan::Plain => {}
        }
    }

    /// What it follows.
    #[cfg(test)]
    pub(in super::super) fn plan(&self) -> &'static str {
        match (&self.scratch.learner, self.scratch.walk.is_over()) {
            (Some(_), _) => "learn",
            (None, false) => "walk",
            (None, true) => "plain",
        }
    }

    /// The shortest way: the series is known, and found.
    pub(super) fn known_series(
        &mut self,
        own_time: Option<i64>,
        value: f64,
    ) -> Result<Option<DropReason>, LimitBreach> {
        let job = &self.prepared.target.job;
        let own_time = own_time.filter(|_| job.honor_timestamps);
        if own_time.is_some() {
            self.catch_up();
        }
        let SeriesScratch { walk, encoder, seen, families, .. } = &mut *self.scratch;
        let Some(found) = walk.found() else { return Ok(None) };
        let hash = found.hash.wrapping_add(self.labels_hash);
        let is_new = || walk.is_distinct() || own_time.is_some() || seen.is_new(hash);
        if let Some(reason) = admit(&mut self.tally, &job.limits, Payload::Value(value), is_new)? {
            return Ok(Some(reason));
        }
        let timestamp = own_time.unwrap_or(self.timestamp);
        let Some(place) = encoder.again(found.record, &self.prepared.encoded, timestamp, value, found.matches()) else {
            self.catch_up();
            self.scratch.seen.is_new(hash);
            return Ok(Some(DropReason::TooLarge));
        };
        if !found.same_name {
            families.sampled(found.name());
        }
        walk.written(place);
        encoder.roll();
        self.tally.kept += 1;
        Ok(None)
    }

    /// Makes up for not having looked at hashes while all series were known.
    #[inline]
    pub(super) fn catch_up(&mut self) {
        let SeriesScratch { walk, seen, .. } = &mut *self.scratch;
        let labels_hash = self.labels_hash;
        walk.catch_up(|hash| {
            seen.is_new(hash.wrapping_add(labels_hash));
        });
    }
}
