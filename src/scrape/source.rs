//! Reads the files that hold credentials, certificates and keys: regular files of a bounded size, nothing that could
//! block or never end.

use crate::secret::Secret;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How new a file's time of change may be to be believed: within it a second write may leave no trace.
const SETTLED: Duration = Duration::from_secs(2);

/// The text of a file of at most `most` bytes.
///
/// # Errors
/// When it cannot be read, is no regular file, is larger, or no UTF-8.
pub(super) fn read_file(path: &Path, most: u64) -> io::Result<Secret> {
    // looked at before it is opened: opening a FIFO waits for a writer
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::other(format!("it is larger than {}", crate::size::format(most))));
    }
    Ok(Secret::new(text))
}

/// What tells that a file was written or replaced since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    file: (u64, u64),
    bytes: u64,
    modified: Option<SystemTime>,
    settled: bool,
}

impl Stamp {
    /// The file as it is now; `None` when there is none.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        let modified = about.modified().ok();
        let age = modified.and_then(|at| at.elapsed().ok());
        Some(Self {
            file: identity(&about),
            bytes: about.len(),
            modified,
            settled: age.is_some_and(|age| age > SETTLED),
        })
    }

    /// Whether the file is surely what it was when this stamp was taken.
    pub(super) fn holds(&self, path: &Path) -> bool {
        self.settled && Self::of(path).as_ref() == Some(self)
    }
}

#[cfg(unix)]
fn identity(about: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (about.dev(), about.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn reads_what_is_small_and_regular() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "abc\n").unwrap();
        assert_eq!(read_file(&path, 4).unwrap().expose(), "abc\n");
        for (path, most, found) in [
            (path.as_path(), 3, "larger than 3"),
            (folder.path(), 99, "regular"),
            (Path::new("/dev/null"), 99, "regular"),
            (Path::new("/nowhere"), 99, "No such file"),
        ] {
            let error = read_file(path, most).unwrap_err().to_string();
            assert!(error.contains(found), "{error}");
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(read_file(&path, 99).is_err());
    }

    #[test]
    fn a_stamp_holds_until_the_file_changes_and_never_for_a_fresh_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        fs::write(&path, "one").unwrap();
        assert!(!Stamp::of(&path).unwrap().holds(&path), "just written: a second write might look the same");
        let old = |path: &Path, text: &str| {
            fs::write(path, text).unwrap();
            let past = SystemTime::now() - Duration::from_secs(3600);
            File::options().write(true).open(path).unwrap().set_modified(past).unwrap();
        };
        old(&path, "one");
        let stamp = Stamp::of(&path).unwrap();
        assert!(stamp.holds(&path));
        let other = folder.path().join("new");
        old(&other, "two");
        fs::rename(&other, &path).unwrap();
        assert!(!stamp.holds(&path));
        fs::remove_file(&path).unwrap();
        assert!(!stamp.holds(&path));
    }
}
