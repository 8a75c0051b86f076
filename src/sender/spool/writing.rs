//! Writing the spool: records into segments, segments through to the disk.
//!
//! # Invariants
//! A write that fails leaves no half record behind, and the next one begins a new file.

use super::segment::Segment;
use super::{DropReason, Spool, SpoolError, position, record};
use crate::wire::pack::EncodedPack;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Instant;

impl Spool {
    /// Writes a pack; the oldest are dropped to make room.
    ///
    /// # Errors
    /// When the disk takes it not. The pack is not in the spool then, and what was there still is.
    pub fn append(&mut self, time_ms: i64, pack: &EncodedPack) -> Result<(), SpoolError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        record::write(&mut buffer, time_ms, pack);
        let written = self.append_record(&buffer, pack);
        self.buffer = buffer;
        written
    }

    /// Has brought to the disk what its time has come for, without waiting for it.
    ///
    /// # Errors
    /// When the disk refused an earlier time; the data may still be there.
    pub fn sync_due(&mut self, now: Instant) -> Result<(), SpoolError> {
        if now.saturating_duration_since(self.synced) >= self.settings.fsync {
            self.synced = now;
            self.store_position();
            self.hand_over();
        }
        let fault = self.syncing.fault();
        fault.map_or(Ok(()), |error| Err(SpoolError::Write(self.settings.dir.clone(), error)))
    }

    pub(super) fn store_position(&mut self) {
        if std::mem::take(&mut self.position_moved) {
            let positions = self.segments.iter().map(|segment| (segment.number, segment.confirmed));
            // a position that could not be kept costs repeats after a restart, nothing else
            let _ = position::store(&self.settings.dir, positions.filter(|(_, confirmed)| *confirmed > 0));
        }
    }

    fn hand_over(&mut self) {
        if self.unsynced
            && let Some(file) = self.writer.as_ref().and_then(|writer| writer.try_clone().ok())
        {
            self.unsynced = !self.syncing.hand_over(file);
        }
    }

    fn append_record(&mut self, bytes: &[u8], pack: &EncodedPack) -> Result<(), SpoolError> {
        let size = bytes.len() as u64;
        if size > self.capacity() {
            self.drops.add(DropReason::SpoolFull, 1, u64::from(pack.records));
            return Ok(());
        }
        self.make_room(size);
        if self.writer.is_none()
            || self.segments.back().is_none_or(|last| last.len + size > self.settings.segment_bytes())
        {
            self.begin_segment()?;
        }
        let (Some(writer), Some(last)) = (&mut self.writer, self.segments.back_mut()) else { return Ok(()) };
        if let Err(error) = writer.write_all(bytes) {
            let path = last.path(&self.settings.dir);
            self.give_up_writer();
            return Err(SpoolError::Write(path, error));
        }
        last.len += size;
        self.unsynced = true;
        Ok(())
    }

    fn begin_segment(&mut self) -> Result<(), SpoolError> {
        // the sync that is due later knows only the new one
        self.hand_over();
        self.writer = None;
        let segment = Segment::new(self.next_number, 0);
        let path = segment.path(&self.settings.dir);
        let opened = OpenOptions::new().append(true).create_new(true).open(&path);
        self.writer = Some(opened.map_err(|error| SpoolError::Write(path, error))?);
        self.next_number += 1;
        self.segments.push_back(segment);
        Ok(())
    }

    /// After a failed write: cuts off what may have been written half, and goes on in a new file next time.
    fn give_up_writer(&mut self) {
        let (Some(writer), Some(last)) = (self.writer.take(), self.segments.back()) else { return };
        // a half record that stays is damage to the reader of a later process, no more
        let _ = writer.set_len(last.len);
        if last.is_done() {
            self.remove(self.segments.len() - 1);
        }
    }
}
