//! How far each segment has reached the server, kept beside the segments so that a restart repeats little.
//!
//! # Invariants
//! Only saves repeats: when it is missing, stale or damaged the spool sends more than it had to, never less.

use std::fs;
use std::io;
use std::path::Path;

const NAME: &str = "position";

/// Segment numbers and the byte up to which the server has each; empty when there is nothing readable.
pub(super) fn load(dir: &Path) -> Vec<(u64, u64)> {
    let text = fs::read_to_string(dir.join(NAME)).unwrap_or_default();
    text.lines().filter_map(parse_line).collect()
}

/// Replaces the file as a whole.
///
/// # Errors
/// Those of the file system; the old file then stands.
pub(super) fn store(dir: &Path, positions: impl Iterator<Item = (u64, u64)>) -> io::Result<()> {
    let text: String = positions.map(|(number, confirmed)| format!("{number:016x} {confirmed}\n")).collect();
    let fresh = dir.join("position.new");
    fs::write(&fresh, text)?;
    fs::rename(fresh, dir.join(NAME))
}

fn parse_line(line: &str) -> Option<(u64, u64)> {
    let (number, confirmed) = line.split_once(' ')?;
    Some((u64::from_str_radix(number, 16).ok()?, confirmed.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_back_and_damage_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()), []);
        store(dir.path(), [(1, 20), (0xabc, 7)].into_iter()).unwrap();
        assert_eq!(load(dir.path()), [(1, 20), (0xabc, 7)]);
        fs::write(dir.path().join(NAME), "nonsense\n0000000000000002 5\n3 x\n\u{0}").unwrap();
        assert_eq!(load(dir.path()), [(2, 5)]);
    }
}
