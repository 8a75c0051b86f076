//! Why packs were given up: counted by reason, told at once and then once a minute.
//!
//! # Invariants
//! Every pack that was handed over and is neither sent nor kept is counted under exactly one reason.

use super::batch::{Batch, Parcel};
use crate::telemetry::counters::Counter;
use crate::wire::pack::EncodedPack;
use std::time::{Duration, Instant};

/// Why a pack was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// The memory queue was full: the oldest went.
    QueueFull,
    /// One message was larger than the whole queue.
    BatchTooLarge,
    /// The spool was full: the oldest went.
    SpoolFull,
    /// The spool's file was damaged.
    SpoolCorrupt,
    /// The frame would be over `net_send_max_bytes`.
    FrameTooLarge,
    /// The server closed the connection whenever it got this pack.
    Repelled,
    /// A reply outlived the session it was meant for, or too many waited.
    ReplyLate,
    /// The agent ended before it could be sent, and there was no spool to take it.
    Shutdown,
}

impl DropReason {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 8] = [
        Self::QueueFull,
        Self::BatchTooLarge,
        Self::SpoolFull,
        Self::SpoolCorrupt,
        Self::FrameTooLarge,
        Self::Repelled,
        Self::ReplyLate,
        Self::Shutdown,
    ];

    /// The word for it in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::BatchTooLarge => "batch_too_large",
            Self::SpoolFull => "spool_full",
            Self::SpoolCorrupt => "spool_corrupt",
            Self::FrameTooLarge => "frame_too_large",
            Self::Repelled => "repelled",
            Self::ReplyLate => "reply_late",
            Self::Shutdown => "shutdown",
        }
    }

    /// What it means and what to do, for the log.
    pub fn advice(self) -> &'static str {
        match self {
            Self::QueueFull => "the queue is full, the oldest went; raise send_queue_bytes or set spool_dir",
            Self::BatchTooLarge => "one scrape is larger than the whole queue; raise send_queue_bytes",
            Self::SpoolFull => "the spool is full, the oldest went; raise spool_max_bytes",
            Self::SpoolCorrupt => "files of the spool were damaged; check the disk of spool_dir",
            Self::FrameTooLarge => "a pack is larger than net_send_max_bytes; raise it or set labelLimit",
            Self::Repelled => {
                "the server closed five sessions in a row on getting the pack; look into the server's log"
            }
            Self::ReplyLate => "the session that asked had ended",
            Self::Shutdown => "the agent ended before the server took them; set spool_dir to keep them",
        }
    }
}

/// What was given up for one reason.
#[derive(Debug, Default)]
struct Loss {
    packs: Counter,
    records: Counter,
}

/// What was given up since the start, by reason.
#[derive(Debug, Default)]
pub struct Drops([Loss; DropReason::ALL.len()]);

impl Drops {
    /// Packs given up for a reason.
    pub fn packs(&self, reason: DropReason) -> u64 {
        self.0[reason as usize].packs.value()
    }

    /// Records in those packs; a pack that could no longer be read counts as none.
    pub fn records(&self, reason: DropReason) -> u64 {
        self.0[reason as usize].records.value()
    }

    /// Counts packs and their records.
    pub(super) fn add(&self, reason: DropReason, packs: u64, records: u64) {
        let loss = &self.0[reason as usize];
        loss.packs.add(packs);
        loss.records.add(records);
    }

    /// Counts a whole message.
    pub(super) fn batch(&self, reason: DropReason, batch: &Batch) {
        batch.packs.iter().for_each(|pack| self.pack(reason, pack));
    }

    /// Counts one pack on its way.
    pub(super) fn parcel(&self, reason: DropReason, parcel: &Parcel) {
        self.pack(reason, &parcel.pack);
    }

    fn pack(&self, reason: DropReason, pack: &EncodedPack) {
        self.add(reason, 1, u64::from(pack.records));
    }
}

/// Tells the log what was dropped: the first time at once, then once a minute for each reason.
#[derive(Debug, Default)]
pub(super) struct Teller([Told; DropReason::ALL.len()]);

#[derive(Debug, Default)]
struct Told {
    packs: u64,
    at: Option<Instant>,
}

impl Teller {
    const EVERY: Duration = Duration::from_secs(60);

    /// Lines for the reasons that have grown and whose minute is over.
    pub(super) fn lines(&mut self, drops: &Drops, now: Instant) -> Vec<String> {
        DropReason::ALL.into_iter().filter_map(|reason| self.0[reason as usize].line(drops, reason, now)).collect()
    }
}

impl Told {
    fn line(&mut self, drops: &Drops, reason: DropReason, now: Instant) -> Option<String> {
        let (packs, records) = (drops.packs(reason), drops.records(reason));
        let due = self.at.is_none_or(|at| now.saturating_duration_since(at) >= Teller::EVERY);
        if packs == self.packs || !due {
            return None;
        }
        let new = packs - self.packs;
        *self = Self { packs, at: Some(now) };
        Some(format!(
            "dropped {new} packs ({}): {}; {packs} packs with {records} records since the start",
            reason.as_str(),
            reason.advice()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_counts_at_its_own_place() {
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }

    #[test]
    fn the_log_hears_at_once_and_then_once_a_minute() {
        let (drops, mut teller, start) = (Drops::default(), Teller::default(), Instant::now());
        assert_eq!(teller.lines(&drops, start), Vec::<String>::new());
        drops.add(DropReason::QueueFull, 2, 50);
        let first = teller.lines(&drops, start);
        assert_eq!(
            first,
            ["dropped 2 packs (queue_full): the queue is full, the oldest went; raise send_queue_bytes or set \
              spool_dir; 2 packs with 50 records since the start"]
        );
        drops.add(DropReason::QueueFull, 3, 7);
        assert!(teller.lines(&drops, start + Duration::from_secs(59)).is_empty());
        let later = teller.lines(&drops, start + Duration::from_secs(61));
        assert!(later[0].starts_with("dropped 3 packs") && later[0].contains("5 packs with 57 records"), "{later:?}");
        assert!(teller.lines(&drops, start + Duration::from_secs(200)).is_empty());
    }
}
