//! One file of the spool: records one after the other.
//!
//! # Invariants
//! - `head` is the first record not yet read out; what lies before it is read, dropped or damaged.
//! - Reading never fails: damage is skipped to the next record that holds, and told as a [`Skipped`].

use super::record::{self, HEAD};
use crate::wire::pack::EncodedPack;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The longest damage that is searched for a next record; a segment is far shorter.
const SEARCHED: u64 = 64 << 20;

/// A segment and how far it is read.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its number; a higher one is younger.
    pub(super) number: u64,
    /// Bytes of the file that hold records.
    pub(super) len: u64,
    /// Where the next record to read begins.
    pub(super) head: u64,
    /// Up to where the server has it all.
    pub(super) confirmed: u64,
    /// Records read and not yet confirmed.
    pub(super) out: usize,
}

/// A piece of a segment that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Skipped {
    /// Where it begins.
    pub(super) at: u64,
    /// How long it is.
    pub(super) bytes: u64,
    /// What was found there.
    pub(super) why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes skipped at byte {}: {}", self.bytes, self.at, self.why)
    }
}

/// What a read gave.
#[derive(Debug)]
pub(super) enum Found {
    /// A record: its time, its pack, and the byte after it.
    Record(i64, EncodedPack, u64),
    /// Damage; the head is behind it now.
    Damage(Skipped),
    /// Nothing is left.
    End,
}

impl Segment {
    /// A segment with nothing read yet.
    pub(super) fn new(number: u64, len: u64) -> Self {
        Self { number, len, head: 0, confirmed: 0, out: 0 }
    }

    /// The file's name in the spool's directory.
    pub(super) fn path(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{:016x}.spool", self.number))
    }

    /// The number in a file's name, when it is a segment's.
    pub(super) fn number_of(name: &str) -> Option<u64> {
        let digits = name.strip_suffix(".spool").filter(|digits| digits.len() == 16)?;
        u64::from_str_radix(digits, 16).ok().filter(|number| *number < u64::MAX)
    }

    /// Bytes not yet read out.
    pub(super) fn live(&self) -> u64 {
        self.len.saturating_sub(self.head)
    }

    /// Whether nobody needs the file any more.
    pub(super) fn is_done(&self) -> bool {
        self.live() == 0 && self.out == 0
    }

    /// Reads the next record and moves the head behind it; without its file all that is left is damage.
    pub(super) fn read(&mut self, file: Option<&File>) -> Found {
        if self.live() == 0 {
            return Found::End;
        }
        let Some(file) = file else {
            let skipped = Skipped { at: self.head, bytes: self.live(), why: "the file is gone".to_owned() };
            self.head = self.len;
            return Found::Damage(skipped);
        };
        match self.record_at_head(file) {
            Ok((time_ms, pack, end)) => {
                self.head = end;
                Found::Record(time_ms, pack, end)
            }
            Err(why) => Found::Damage(self.skip_damage(file, why)),
        }
    }

    /// The next record's time and its end, without its body.
    pub(super) fn peek(&self, file: &File) -> Option<(i64, u64)> {
        let mut bytes = [0; HEAD + 8];
        file.read_exact_at(&mut bytes, self.head).ok()?;
        let (head, time) = bytes.split_first_chunk::<HEAD>()?;
        let end = self.head + (HEAD + record::payload_length(head)?) as u64;
        (end <= self.len).then_some((i64::from_be_bytes(*time.first_chunk()?), end))
    }

    fn record_at_head(&self, file: &File) -> Result<(i64, EncodedPack, u64), String> {
        let left = self.live() as usize;
        let mut head = [0; HEAD];
        if left < HEAD {
            return Err(format!("{left} bytes of a torn record"));
        }
        read_at(file, &mut head, self.head)?;
        let length = record::payload_length(&head).ok_or("no record begins here")?;
        if length > left - HEAD {
            return Err(format!("a record of {length} bytes is torn after {}", left - HEAD));
        }
        let mut payload = vec![0; length];
        read_at(file, &mut payload, self.head + HEAD as u64)?;
        let (time_ms, pack) = record::read(&head, &payload).ok_or("a record's checksum does not hold")?;
        Ok((time_ms, pack, self.head + (HEAD + length) as u64))
    }

    /// Moves the head to the next record that holds, or to the end.
    fn skip_damage(&mut self, file: &File, why: String) -> Skipped {
        let from = self.head;
        let mut rest = vec![0; self.live().min(SEARCHED) as usize];
        let readable = file.read_exact_at(&mut rest, from).is_ok();
        let next = if readable { record::find(rest.get(1..).unwrap_or_default()) } else { None };
        self.head = next.map_or(self.len, |at| from + 1 + at as u64);
        Skipped { at: from, bytes: self.head - from, why }
    }
}

fn read_at(file: &File, into: &mut [u8], at: u64) -> Result<(), String> {
    file.read_exact_at(into, at).map_err(|error: io::Error| format!("it cannot be read: {error}"))
}
