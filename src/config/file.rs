//! Reading a configuration file: bounded, and only when it may have changed.

use std::fs::File;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Modification times within this of a reading may hide a later write: clocks of file systems tick slowly.
const COARSE: Duration = Duration::from_secs(2);

/// A file that is looked at again and again.
#[derive(Debug)]
pub struct WatchedFile {
    path: PathBuf,
    most: u64,
    seen: Option<Seen>,
}

/// What was there at the last look.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    stamp: Option<Stamp>,
    content: Content,
    /// Whether the stamp alone cannot tell that nothing was written since.
    fresh: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// Enough of a content to know whether another is the same.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    Text(u64),
    Unreadable(io::ErrorKind),
}

impl WatchedFile {
    /// A file of at most `most` bytes, not looked at yet.
    pub fn new(path: &Path, most: u64) -> Self {
        Self { path: path.to_owned(), most, seen: None }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text or why there is none, if that is not what the last look found.
    pub fn look(&mut self) -> Option<io::Result<String>> {
        let stamp = std::fs::metadata(&self.path).ok().map(|metadata| Stamp::of(&metadata));
        if stamp.is_some() && self.seen.as_ref().is_some_and(|seen| !seen.fresh && seen.stamp == stamp) {
            return None;
        }
        let text = self.read();
        let content = match &text {
            Ok(text) => Content::Text(BuildHasherDefault::<DefaultHasher>::default().hash_one(text)),
            Err(error) => Content::Unreadable(error.kind()),
        };
        let news = self.seen.as_ref().is_none_or(|seen| seen.content != content);
        let fresh = stamp.as_ref().is_some_and(Stamp::is_fresh);
        self.seen = Some(Seen { stamp, content, fresh });
        news.then_some(text)
    }

    /// Its text as it is now, whatever the last look found.
    pub fn read(&self) -> io::Result<String> {
        let mut text = Vec::new();
        File::open(&self.path)?.take(self.most + 1).read_to_end(&mut text)?;
        if text.len() as u64 > self.most {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it has more than the {} that are read", crate::size::format(self.most)),
            ));
        }
        String::from_utf8(text).map_err(|error| {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
            io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is not UTF-8; save it as UTF-8"))
        })
    }
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        Self { modified: metadata.modified().ok(), length: metadata.len() }
    }

    fn is_fresh(&self) -> bool {
        let age = self.modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        age.is_none_or(|age| age < COARSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_look_tells_only_news() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let mut file = WatchedFile::new(&path, 10);
        let mut look = || file.look().map(|text| text.map_err(|error| error.kind()));
        assert_eq!(look(), Some(Err(io::ErrorKind::NotFound)));
        assert_eq!(look(), None);
        for (text, expected) in [("a", Some("a")), ("a", None), ("b", Some("b")), ("b", None)] {
            fs::write(&path, text).unwrap();
            assert_eq!(look(), expected.map(|text| Ok(text.to_owned())));
        }
        fs::write(&path, "b".repeat(11)).unwrap();
        assert_eq!(look(), Some(Err(io::ErrorKind::FileTooLarge)));
        fs::write(&path, [b'x', b'\n', 0xff]).unwrap();
        assert_eq!(look(), Some(Err(io::ErrorKind::InvalidData)));
        fs::remove_file(&path).unwrap();
        assert_eq!(look(), Some(Err(io::ErrorKind::NotFound)));
    }

    #[test]
    fn an_old_stamp_is_trusted_and_a_changed_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        let write = |text: &str, modified| {
            fs::write(&path, text).unwrap();
            File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
        };
        let mut file = WatchedFile::new(&path, 10);
        write("a", hour_ago);
        assert!(file.look().is_some());
        assert!(file.look().is_none());
        write("b", hour_ago - Duration::from_secs(1));
        assert_eq!(file.look().unwrap().unwrap(), "b");
    }
}
