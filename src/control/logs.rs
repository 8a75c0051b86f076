//! AGENT_LOG_LIST and AGENT_LOG_READ: the log files, a page at a time.
//!
//! # Invariants
//! Only regular files with a log's own name are listed or read; a page begins and ends between characters, so that
//! pages put together give the file.

use super::{ControlContext, number};
use crate::telemetry::log_file::is_log_name;
use crate::wire::value::Map;
use std::fs::{self, DirEntry, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::SystemTime;

/// Files that are listed; with more the latest.
const MAX_FILES: usize = 100;

/// Bytes of a page.
const MAX_PAGE: u64 = 8_000;

/// `files`: name → size.
pub(super) fn list(context: &ControlContext<'_>) -> Map {
    let entries = fs::read_dir(&context.home.logs).into_iter().flatten().flatten();
    let mut files: Vec<(SystemTime, String, u64)> = entries.filter_map(|entry| listed(&entry)).collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    files.truncate(MAX_FILES);
    files.sort_unstable_by(|(_, a, _), (_, b, _)| a.cmp(b));
    let sizes: Map = files.into_iter().map(|(_, name, size)| (name, i64::try_from(size).unwrap_or(i64::MAX))).collect();
    Map::new().with("files", sizes)
}

fn listed(entry: &DirEntry) -> Option<(SystemTime, String, u64)> {
    let name = entry.file_name().into_string().ok().filter(|name| is_log_name(name))?;
    let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
    Some((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), name, metadata.len()))
}

/// `before`, `next`, `text`: the `length` bytes that end at `pos`, where `-1` is the end.
pub(super) fn read(arguments: &Map, context: &ControlContext<'_>) -> Result<Map, String> {
    let name = arguments.text("file").unwrap_or_default();
    if !is_log_name(name) {
        return Err(format!("{name:?} is not the name of a log file"));
    }
    let length = number(arguments, "length").and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
    if length == 0 {
        return Err("length must be a number from 1".to_owned());
    }
    let file = open(context, name).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let page = Page::read(&file, number(arguments, "pos").unwrap_or(-1), length.min(MAX_PAGE));
    let page = page.map_err(|error| format!("{name} cannot be read: {error}"))?;
    Ok(Map::new().with("before", page.before).with("next", page.next).with("text", page.text))
}

/// Opens a regular file; a link could lead anywhere.
fn open(context: &ControlContext<'_>, name: &str) -> io::Result<File> {
    let path = context.home.logs.join(name);
    if !fs::symlink_metadata(&path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    File::open(path)
}

/// A piece of a file.
struct Page {
    /// Where it begins: the `pos` of the page before it.
    before: i64,
    /// The `pos` of the page behind it; -1 when that one ends with the file.
    next: i64,
    text: String,
}

impl Page {
    fn read(file: &File, pos: i64, length: u64) -> io::Result<Self> {
        let size = file.metadata()?.len();
        let end = u64::try_from(pos).unwrap_or(size);
        if end > size {
            let message = format!("it has {size} bytes, and a page was asked for that ends at {end}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let start = end.saturating_sub(length);
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(0)];
        file.read_exact_at(&mut bytes, start)?;
        let (skipped, text) = whole_characters(&bytes, start > 0);
        let end = start + (skipped + text.len()) as u64;
        let next = Some(end + length).filter(|next| *next <= size).and_then(|next| i64::try_from(next).ok());
        Ok(Self {
            before: i64::try_from(start + skipped as u64).unwrap_or(i64::MAX),
            next: next.unwrap_or(-1),
            text: String::from_utf8_lossy(text).into_owned(),
        })
    }
}

/// The bytes without a character's end at their beginning and without a character's beginning at their end; also how
/// many were left out in front. What was never UTF-8 stays.
fn whole_characters(bytes: &[u8], cut_in_front: bool) -> (usize, &[u8]) {
    let tail = bytes.iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
    let skipped = if cut_in_front && tail < bytes.len() { tail } else { 0 };
    let rest = bytes.get(skipped..).unwrap_or_default();
    let unfinished = match std::str::from_utf8(rest) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        _ => rest.len(),
    };
    (skipped, rest.get(..unfinished).unwrap_or(rest))
}
