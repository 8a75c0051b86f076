//! The spool: packs on disk while the server is away, oldest or newest first out, surviving a restart.
//!
//! Segments (files of records) are written one after the other and removed when the server has what is in them.
//!
//! # Invariants
//! - All files together are never above `max_bytes`; what doesn't fit drops the oldest records, counted.
//! - A record is removed from disk only when it is confirmed, dropped or damaged; each of the latter is counted.
//! - No state of the disk makes it panic: a torn, damaged, unreadable or full file gives a reason.

mod directory;
mod position;
mod record;
mod segment;
mod settings;

pub use settings::{SpoolError, SpoolOrder, SpoolSettings};

use super::batch::{Origin, Parcel, Place};
use super::drops::{DropReason, Drops};
use crate::wire::pack::EncodedPack;
use segment::{Found, Segment};
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Instant;

/// An open spool.
#[derive(Debug)]
pub struct Spool {
    settings: SpoolSettings,
    drops: Arc<Drops>,
    /// By number, oldest first; the last one is written to while `writer` is there.
    segments: VecDeque<Segment>,
    writer: Option<File>,
    /// The file last read from, with its segment's number.
    reader: Option<(u64, File)>,
    /// The segment that packs are taken from until it ends.
    taking: Option<u64>,
    next_number: u64,
    buffer: Vec<u8>,
    unsynced: bool,
    position_moved: bool,
    synced: Instant,
    /// Held for as long as the spool is open.
    _lock: File,
}

impl Spool {
    /// Opens the directory and takes over what an earlier process left there.
    ///
    /// # Errors
    /// When the directory can't be made, read or written, or another process has it.
    pub fn open(settings: SpoolSettings, drops: Arc<Drops>) -> Result<Self, SpoolError> {
        let lock = directory::claim(&settings.dir)?;
        let segments = directory::segments(&settings.dir)?;
        let next_number = segments.back().map_or(1, |last| last.number + 1);
        let mut spool = Self {
            settings,
            drops,
            segments,
            writer: None,
            reader: None,
            taking: None,
            next_number,
            buffer: Vec::new(),
            unsynced: false,
            position_moved: false,
            synced: Instant::now(),
            _lock: lock,
        };
        spool.forget_done();
        Ok(spool)
    }

    /// Bytes not yet read out.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(Segment::live).sum()
    }

    /// Whether nothing is left to read out.
    pub fn is_empty(&self) -> bool {
        self.segments.iter().all(|segment| segment.live() == 0)
    }

    /// Bytes of records it can hold: the bound less the room that a partly dropped segment still takes.
    pub fn capacity(&self) -> u64 {
        self.settings.bound() - self.settings.segment_bytes()
    }

    /// Time of the oldest pack in Unix milliseconds.
    pub fn oldest_ms(&self) -> Option<i64> {
        let oldest = self.segments.iter().find(|segment| segment.live() > 0)?;
        let file = File::open(oldest.path(&self.settings.dir)).ok()?;
        oldest.peek(&file).map(|(time_ms, _)| time_ms)
    }

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

    /// Takes the next pack out to be sent. It stays on disk until it is confirmed.
    ///
    /// # Errors
    /// When a segment is there and can't be opened; it is tried again at the next call.
    pub(super) fn next(&mut self) -> Result<Option<Parcel>, SpoolError> {
        while let Some(index) = self.next_segment() {
            let number = self.segments[index].number;
            self.taking = Some(number);
            if let Found::Record(time_ms, pack, end) = self.read(index)? {
                self.segments[index].out += 1;
                let origin = Origin::Spool(Place { segment: number, end });
                return Ok(Some(Parcel { time_ms, pack, origin, again: false, strikes: 0 }));
            }
            self.forget_done();
        }
        Ok(None)
    }

    /// The server has the pack.
    pub(super) fn confirm(&mut self, place: Place) {
        let Ok(index) = self.segments.binary_search_by_key(&place.segment, |segment| segment.number) else { return };
        let segment = &mut self.segments[index];
        segment.out = segment.out.saturating_sub(1);
        segment.confirmed = segment.confirmed.max(place.end);
        self.position_moved = true;
        if self.segments[index].is_done() {
            self.remove(index);
        }
    }

    /// Whether the record still lies on disk; the bound may have cost its file while it was on its way.
    pub(super) fn holds(&self, place: Place) -> bool {
        self.segments.binary_search_by_key(&place.segment, |segment| segment.number).is_ok()
    }

    /// Brings to the disk what its time has come for.
    ///
    /// # Errors
    /// When the disk refuses; the data may still be there.
    pub fn sync_due(&mut self, now: Instant) -> Result<(), SpoolError> {
        if now.saturating_duration_since(self.synced) < self.settings.fsync {
            return Ok(());
        }
        self.synced = now;
        self.sync()
    }

    /// Brings everything to the disk.
    ///
    /// # Errors
    /// When the disk refuses; the data may still be there.
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        if std::mem::take(&mut self.position_moved) {
            let positions = self.segments.iter().map(|segment| (segment.number, segment.confirmed));
            // a position that could not be kept costs repeats after a restart, nothing else
            let _ = position::store(&self.settings.dir, positions.filter(|(_, confirmed)| *confirmed > 0));
        }
        if std::mem::take(&mut self.unsynced) {
            self.sync_files().map_err(|error| SpoolError::Write(self.settings.dir.clone(), error))?;
        }
        Ok(())
    }

    fn sync_files(&self) -> io::Result<()> {
        self.writer.as_ref().map_or(Ok(()), File::sync_data)?;
        File::open(&self.settings.dir)?.sync_all()
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

    /// Drops the oldest records until one of `size` fits.
    fn make_room(&mut self, size: u64) {
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

    fn begin_segment(&mut self) -> Result<(), SpoolError> {
        // the full segment reaches the disk now, the sync that is due later knows only the new one
        let _ = self.sync();
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

    /// The segment to take from: the one begun, else by the order of the settings.
    fn next_segment(&self) -> Option<usize> {
        let live = |segment: &Segment| segment.live() > 0;
        let begun = self.segments.iter().position(|segment| self.taking == Some(segment.number) && live(segment));
        begun.or_else(|| match self.settings.order {
            SpoolOrder::Oldest => self.segments.iter().position(live),
            SpoolOrder::Newest => self.segments.iter().rposition(live),
        })
    }

    /// Reads the next record of a segment; damage is counted and told.
    fn read(&mut self, index: usize) -> Result<Found, SpoolError> {
        let segment = &mut self.segments[index];
        let path = segment.path(&self.settings.dir);
        if self.reader.as_ref().is_none_or(|(number, _)| *number != segment.number) {
            match File::open(&path) {
                Ok(file) => self.reader = Some((segment.number, file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.reader = None,
                Err(error) => return Err(SpoolError::Read(path, error)),
            }
        }
        let found = segment.read(self.reader.as_ref().map(|(_, file)| file));
        if let Found::Damage(skipped) = &found {
            self.drops.add(DropReason::SpoolCorrupt, 1, 0);
            log::warn!("spool file {}: {skipped}", path.display());
        }
        Ok(found)
    }

    fn forget_done(&mut self) {
        for index in (0..self.segments.len()).rev() {
            if self.segments[index].is_done() {
                self.remove(index);
            }
        }
    }

    fn remove(&mut self, index: usize) {
        let Some(segment) = self.segments.remove(index) else { return };
        if index == self.segments.len() {
            self.writer = None;
        }
        self.reader.take_if(|(number, _)| *number == segment.number);
        let path = segment.path(&self.settings.dir);
        if let Err(error) = fs::remove_file(&path) {
            log::warn!("spool file {}: it is sent but cannot be removed: {error}", path.display());
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = self.sync() {
            log::warn!("{error}");
        }
    }
}

#[cfg(test)]
mod tests;
