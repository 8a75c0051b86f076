//! What waits to be sent: the packs of one scrape, and a single pack on its way.
//!
//! # Invariants
//! A pack is kept without header and frame: identity, keys and clock offset may change before it goes out.

use crate::wire::pack::EncodedPack;

/// Memory of a pack beside its body: its own fields, the queue's slot, the allocator's.
const OVERHEAD: usize = 96;

/// One message to the sender: the packs of one scrape, or a reply. Goes whole into the queue and whole out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Time of the packs in Unix milliseconds by the agent's clock.
    pub time_ms: i64,
    /// The packs in the order they go out: help before the metrics that need it.
    pub packs: Vec<EncodedPack>,
}

impl Batch {
    /// Bytes of memory it holds.
    pub fn weight(&self) -> usize {
        self.packs.iter().map(weight).sum::<usize>() + OVERHEAD
    }

    /// Its packs one by one.
    pub(super) fn into_parcels(self, origin: Origin) -> impl Iterator<Item = Parcel> {
        let time_ms = self.time_ms;
        self.packs.into_iter().map(move |pack| Parcel { time_ms, pack, origin, again: false, strikes: 0 })
    }
}

/// One pack on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parcel {
    /// Time of the pack in Unix milliseconds by the agent's clock.
    pub(super) time_ms: i64,
    /// The pack.
    pub(super) pack: EncodedPack,
    /// Where it came from, which decides where it goes back to when it could not be sent.
    pub(super) origin: Origin,
    /// Whether it was sent before, over a session that broke.
    pub(super) again: bool,
    /// Sessions that worked until this pack was the first they had not shown to have, and that the server then closed.
    pub(super) strikes: u8,
}

impl Parcel {
    /// Bytes of memory it holds.
    pub(super) fn weight(&self) -> usize {
        weight(&self.pack)
    }
}

/// Where a pack came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The memory queue.
    Queue,
    /// A reply to a command of the server: worth nothing to the next session.
    Reply,
    /// The spool, where it still lies until the server has it.
    Spool(Place),
}

/// The end of a record in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the segment.
    pub segment: u64,
    /// Byte after the record.
    pub end: u64,
}

fn weight(pack: &EncodedPack) -> usize {
    pack.body.capacity() + OVERHEAD
}
