//! Keeping the spool's bound: the oldest records go, one by one, and whole files where the disk asks for it.
//!
//! # Invariants
//! What is dropped is counted. A file that still has unconfirmed records goes only when nothing else makes room.

use super::segment::Found;
use super::{DropReason, Spool};

impl Spool {
    /// Drops the oldest records until one of `size` fits.
    pub(super) fn make_room(&mut self, size: u64) {
        while self.bytes() + size > self.capacity() && self.drop_oldest() {}
        while self.segments.iter().map(|segment| segment.len).sum::<u64>() + size > self.settings.bound() {
            self.drop_segment();
        }
    }

    /// Drops the oldest record; false when there is none.
    fn drop_oldest(&mut self) -> bool {
        let Some(index) = self.segments.iter().position(|segment| segment.live() > 0) else { return false };
        match self.read(index) {
            Ok(Found::Record(_, pack, _)) => self.drops.add(DropReason::SpoolFull, 1, u64::from(pack.records)),
            Ok(Found::Damage(_) | Found::End) => {}
            Err(error) => {
                log::warn!("{error}");
                self.segments[index].head = self.segments[index].len;
                self.drops.add(DropReason::SpoolFull, 1, 0);
            }
        }
        let segment = &mut self.segments[index];
        if segment.out == 0 {
            segment.confirmed = segment.head;
            self.position_moved = true;
        }
        self.forget_done();
        true
    }

    /// Drops what is left of the oldest segment and removes it.
    fn drop_segment(&mut self) {
        let Some(number) = self.segments.front().map(|oldest| oldest.number) else { return };
        let is_front = |spool: &Self| spool.segments.front().is_some_and(|oldest| oldest.number == number);
        while is_front(self) && self.segments[0].live() > 0 {
            self.drop_oldest();
        }
        if is_front(self) {
            self.remove(0);
        }
    }
}
