//! The spool's directory: one process at a time, and what an earlier one left there.

use super::position;
use super::segment::Segment;
use super::settings::SpoolError;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes the directory and takes its lock, which lasts as long as the file given back.
///
/// # Errors
/// When it can't be made or written, or another process holds the lock.
pub(super) fn claim(dir: &Path) -> Result<File, SpoolError> {
    let fail = |error| SpoolError::Open(dir.to_owned(), error);
    fs::create_dir_all(dir).map_err(fail)?;
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(dir.join("lock")).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(SpoolError::InUse(dir.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(fail(error)),
    }
}

/// The segments of an earlier process, oldest first, each read up to where that process knew the server had it.
///
/// # Errors
/// When the directory can't be read.
pub(super) fn segments(dir: &Path) -> Result<VecDeque<Segment>, SpoolError> {
    let mut segments = list(dir).map_err(|error| SpoolError::Open(dir.to_owned(), error))?;
    segments.sort_by_key(|segment| segment.number);
    for (number, confirmed) in position::load(dir) {
        let found = segments.binary_search_by_key(&number, |segment| segment.number);
        if let Some(segment) = found.ok().and_then(|index| segments.get_mut(index))
            && confirmed <= segment.len
        {
            (segment.head, segment.confirmed) = (confirmed, confirmed);
        }
    }
    Ok(segments.into())
}

fn list(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Some(number) = entry.file_name().to_str().and_then(Segment::number_of) {
            segments.push(Segment::new(number, entry.metadata()?.len()));
        }
    }
    Ok(segments)
}
