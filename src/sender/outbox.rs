//! Everything that waits to be sent, in the order it goes out: what a broken session left, the queue, the spool.
//!
//! # Invariants
//! - What leaves the outbox is sent, spooled or counted as dropped; what was sent comes back or is counted as delivered.
//! - A pack is counted as delivered or dropped when the disk has let it go.
//! - Outside the queue's own bound it holds what one session had on its way and one message.

use super::batch::{Batch, Origin, Parcel};
use super::drops::DropReason;
use super::queue::Queue;
use super::spool::SpoolSettings;
use super::spooling::Spooling;
use super::state::SenderState;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Sessions that one pack may cost before it is taken for the reason.
const MAX_STRIKES: u8 = 5;

/// What waits.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Packs that were taken out of queue or spool and not yet sent: the next to go.
    pub(super) pending: VecDeque<Parcel>,
    pub(super) queue: Queue,
    pub(super) spooling: Spooling,
    state: Arc<SenderState>,
}

impl Outbox {
    /// Nothing is pending.
    pub(super) fn new(queue: Queue, spooling: Spooling, state: Arc<SenderState>) -> Self {
        Self { pending: VecDeque::new(), queue, spooling, state }
    }

    /// A message taken from the queue is next.
    pub(super) fn put_batch(&mut self, batch: Batch) {
        self.pending.extend(batch.into_parcels(Origin::Queue));
    }

    /// A reply goes before everything else.
    pub(super) fn put_reply(&mut self, batch: Batch) {
        let parcels: Vec<_> = batch.into_parcels(Origin::Reply).collect();
        parcels.into_iter().rev().for_each(|parcel| self.pending.push_front(parcel));
    }

    /// A session broke: what it had on its way goes first over the next one. Replies are dropped, nobody waits; so is
    /// a pack that session after session ended with.
    pub(super) fn take_back(&mut self, sent: impl DoubleEndedIterator<Item = Parcel>) {
        sent.rev().for_each(|parcel| self.pending.push_front(parcel));
        if self.pending.front().is_some_and(|parcel| parcel.strikes >= MAX_STRIKES)
            && let Some(repelled) = self.pending.pop_front()
        {
            self.refuse(&repelled, DropReason::Repelled);
        }
        let drops = &self.state.drops;
        self.pending.retain(|parcel| {
            let late = parcel.origin == Origin::Reply;
            if late {
                drops.parcel(DropReason::ReplyLate, parcel);
            }
            !late
        });
    }

    /// Goes on with another spool; what came out of the old one and is on its way lies in none now.
    pub(super) fn change_spool(&mut self, settings: Option<SpoolSettings>, now: Instant) {
        if !self.spooling.reconfigure(settings, now) {
            let from_spool = |parcel: &&mut Parcel| matches!(parcel.origin, Origin::Spool(_));
            self.pending.iter_mut().filter(from_spool).for_each(|parcel| parcel.origin = Origin::Queue);
        }
    }

    /// Replies that nobody waits for any more.
    pub(super) fn drop_reply(&self, batch: &Batch) {
        self.state.drops.batch(DropReason::ReplyLate, batch);
    }

    /// The server has the pack, as far as one can know.
    pub(super) fn delivered(&mut self, parcel: &Parcel) {
        self.done(parcel);
        self.state.packs_delivered.add(1);
    }

    /// The pack can't be sent, ever.
    pub(super) fn refuse(&mut self, parcel: &Parcel, reason: DropReason) {
        self.done(parcel);
        self.state.drops.parcel(reason, parcel);
    }

    /// The pack may leave the disk.
    fn done(&mut self, parcel: &Parcel) {
        if let Origin::Spool(place) = parcel.origin {
            self.spooling.confirm(place);
        }
    }

    /// Takes up to `bytes` of packs out of the spool; returns how many bytes it took.
    pub(super) fn take_from_spool(&mut self, bytes: usize, now: Instant) -> usize {
        let mut taken = 0;
        while taken < bytes {
            let Some(parcel) = self.spooling.next(now) else { break };
            taken += parcel.weight();
            self.pending.push_back(parcel);
        }
        taken
    }

    /// Moves what waits in memory into the spool, oldest first, until `keep` bytes are queued or the disk refuses.
    pub(super) fn spill(&mut self, keep: usize, now: Instant) {
        if !self.spooling.takes_packs(now) {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let mut taking = self.spill_parcels(pending, now);
        while taking && self.queue.bytes() > keep {
            let Some(batch) = self.queue.pop() else { return };
            taking = self.spill_parcels(batch.into_parcels(Origin::Queue), now);
        }
    }

    /// The end. What the live session has on its way goes to the spool, or is taken for delivered where there is none;
    /// the rest goes to the spool or, counted, away.
    pub(super) fn stow(&mut self, on_its_way: impl Iterator<Item = Parcel>, now: Instant) {
        let waiting = std::mem::take(&mut self.pending);
        if self.spooling.takes_packs(now) {
            self.spill_parcels(on_its_way, now);
            self.pending.clear();
        }
        self.pending.extend(waiting.into_iter().map(|parcel| Parcel { strikes: 0, ..parcel }));
        self.spill(0, now);
        while let Some(batch) = self.queue.pop() {
            self.put_batch(batch);
        }
        for parcel in std::mem::take(&mut self.pending) {
            if !self.is_on_disk(&parcel) {
                self.state.drops.parcel(DropReason::Shutdown, &parcel);
            }
        }
        self.spooling.close();
    }

    /// Writes packs to the disk. Those already there stay pending, and all from the first that the disk refuses
    /// (false).
    fn spill_parcels(&mut self, parcels: impl IntoIterator<Item = Parcel>, now: Instant) -> bool {
        let mut taking = true;
        for parcel in parcels {
            // what may be the reason of broken sessions stays first, so that it is found out
            let stays = self.is_on_disk(&parcel) || parcel.origin == Origin::Reply || parcel.strikes > 0;
            taking = taking && (stays || self.spooling.put(parcel.time_ms, &parcel.pack, now));
            if stays || !taking {
                self.pending.push_back(parcel);
            }
        }
        taking
    }

    fn is_on_disk(&self, parcel: &Parcel) -> bool {
        matches!(parcel.origin, Origin::Spool(place) if self.spooling.holds(place))
    }
}
