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
mod room;
mod segment;
mod settings;
mod syncing;
mod writing;

pub use settings::{SpoolError, SpoolOrder, SpoolSettings};

use super::batch::{Origin, Parcel, Place};
use super::drops::{DropReason, Drops};
use segment::{Found, Segment};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use syncing::Syncing;

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
    syncing: Syncing,
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
        let syncing = Syncing::start(settings.dir.clone());
        let syncing = syncing.map_err(|error| SpoolError::Open(settings.dir.clone(), error))?;
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
            syncing,
            _lock: lock,
        };
        spool.forget_done();
        Ok(spool)
    }

    /// Takes other bounds, times and orders for the same directory.
    pub(super) fn reconfigure(&mut self, settings: SpoolSettings) {
        self.settings = SpoolSettings { dir: std::mem::take(&mut self.settings.dir), ..settings };
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
    /// Everything is on the disk when it is gone.
    fn drop(&mut self) {
        self.store_position();
        if let Some(writer) = self.writer.take().filter(|_| self.unsynced) {
            self.syncing.hand_over_last(writer);
        }
    }
}

#[cfg(test)]
mod tests;
