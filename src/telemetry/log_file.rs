//! The log's files: one a day, cut into pieces by size, the old ones deleted.
//!
//! # Invariants
//! - `PREFIX-YYYYMMDD.log` is the day's file, `PREFIX-YYYYMMDD.N.log` its earlier pieces, `PREFIX.log` the only file
//!   when rotation is off. Names and days are the Go agent's, so that the server's log commands find them.
//! - Only files of exactly these names are ever renamed or deleted.
//! - The disk holds at most `keep_days` + 1 days of five pieces of `max_bytes` each.
//! - The clock comes in as an argument.

use super::log_format::{LocalTime, day_of_digits};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Pieces a day may have; with more the oldest are deleted.
const MAX_PIECES: u32 = 5;

/// How often the open file is compared with what stands under its name, in milliseconds: somebody may have moved it.
const LOOK_AGAIN_MILLIS: u64 = 10_000;

/// Names of the worker's files begin so.
pub const WORKER_PREFIX: &str = "OPEN-AGENT-open";

/// Names of the supervisor's files begin so.
pub const SUPERVISOR_PREFIX: &str = "whatap-boot";

/// When files change and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// One file a day and by size (`log_rotation_enabled`); otherwise one file that only grows.
    pub enabled: bool,
    /// Days a file is kept after its own (`log_keep_days`); 0 keeps all.
    pub keep_days: u32,
    /// Bytes of one piece (`log_max_bytes`); 0 has no bound.
    pub max_bytes: u64,
}

/// The file lines are appended to.
#[derive(Debug)]
pub struct LogFile {
    dir: PathBuf,
    prefix: &'static str,
    rotation: Rotation,
    open: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    path: PathBuf,
    day: i64,
    len: u64,
    looked_at: u64,
}

impl LogFile {
    /// A log in `dir`; nothing is created before the first line.
    pub fn new(dir: PathBuf, prefix: &'static str, rotation: Rotation) -> Self {
        Self { dir, prefix, rotation, open: None }
    }

    /// Where the files are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Changes the rules from the next line on.
    pub fn set_rotation(&mut self, rotation: Rotation) {
        if rotation != self.rotation {
            self.rotation = rotation;
            self.open = None;
        }
    }

    /// Appends one line, after changing files where day, size or somebody else asks for it.
    ///
    /// # Errors
    /// When the directory or the file cannot be made or written; the next line tries again.
    pub fn write(&mut self, line: &[u8], now: LocalTime) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) if self.goes_on(&open, now) => open,
            _ => self.open_file(now)?,
        };
        if self.rotation.enabled && self.too_long(open.len, line) {
            self.set_aside(&open, now)?;
            open = self.open_file(now)?;
        }
        if now.unix_millis.abs_diff(open.looked_at) >= LOOK_AGAIN_MILLIS {
            open = self.look_again(open, now)?;
        }
        open.file.write_all(line)?;
        open.len += line.len() as u64;
        self.open = Some(open);
        Ok(())
    }

    fn goes_on(&self, open: &OpenFile, now: LocalTime) -> bool {
        !self.rotation.enabled || open.day == now.day()
    }

    fn too_long(&self, len: u64, line: &[u8]) -> bool {
        self.rotation.max_bytes > 0 && len > 0 && len.saturating_add(line.len() as u64) > self.rotation.max_bytes
    }

    fn open_file(&self, now: LocalTime) -> io::Result<OpenFile> {
        fs::create_dir_all(&self.dir)?;
        let name = match self.rotation.enabled {
            true => format!("{}-{}.log", self.prefix, now.date_digits()),
            false => format!("{}.log", self.prefix),
        };
        let path = self.dir.join(name);
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        let len = file.metadata()?.len();
        self.delete_old(now);
        Ok(OpenFile { file, path, day: now.day(), len, looked_at: now.unix_millis })
    }

    /// Gives the day's file the next number.
    fn set_aside(&self, open: &OpenFile, now: LocalTime) -> io::Result<()> {
        let pieces = self.own_files().filter(|(name, _)| name.day == now.day()).filter_map(|(name, _)| name.piece);
        let next = pieces.max().unwrap_or(0).saturating_add(1);
        let name = format!("{}-{}.{next}.log", self.prefix, now.date_digits());
        fs::rename(&open.path, self.dir.join(name))
    }

    /// The same file, or a new one where the name now belongs to another file or to none.
    fn look_again(&self, mut open: OpenFile, now: LocalTime) -> io::Result<OpenFile> {
        let held = open.file.metadata()?;
        match fs::metadata(&open.path) {
            Ok(named) if (named.dev(), named.ino()) == (held.dev(), held.ino()) => {
                open.len = held.len();
                open.looked_at = now.unix_millis;
                Ok(open)
            }
            _ => self.open_file(now),
        }
    }

    /// Deletes what is too old, and the oldest pieces of a day that has too many. What cannot be deleted stays.
    fn delete_old(&self, now: LocalTime) {
        if !self.rotation.enabled {
            return;
        }
        let mut files: Vec<(DatedName, PathBuf)> = self.own_files().collect();
        files.sort_by_key(|(name, _)| *name);
        let keep_days = i64::from(self.rotation.keep_days);
        for (name, path) in &files {
            let too_old = keep_days > 0 && now.day() - name.day > keep_days;
            let newer = files.iter().filter(|(other, _)| other.day == name.day && other.piece > name.piece).count();
            // the day's own file, without a number, is a piece too
            let too_many = name.piece.is_some() && newer + 1 >= MAX_PIECES as usize;
            if too_old || too_many {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn own_files(&self) -> impl Iterator<Item = (DatedName, PathBuf)> {
        let prefix = self.prefix;
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries.filter_map(move |entry| Some((DatedName::parse(entry.file_name().to_str()?, prefix)?, entry.path())))
    }
}

/// Whether a file name is one a log of this program can have, the supervisor's included.
pub fn is_log_name(name: &str) -> bool {
    [WORKER_PREFIX, SUPERVISOR_PREFIX].into_iter().any(|prefix| {
        DatedName::parse(name, prefix).is_some() || name.strip_prefix(prefix).is_some_and(|rest| rest == ".log")
    })
}

/// What a dated file's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct DatedName {
    day: i64,
    piece: Option<u32>,
}

impl DatedName {
    fn parse(name: &str, prefix: &str) -> Option<Self> {
        let rest = name.strip_prefix(prefix)?.strip_prefix('-')?.strip_suffix(".log")?;
        let (digits, piece) = match rest.split_once('.') {
            Some((digits, piece)) => (digits, Some(piece.parse().ok().filter(|_| piece.len() <= 9)?)),
            None => (rest, None),
        };
        Some(Self { day: day_of_digits(digits)?, piece })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;
    const NOON: u64 = 1_718_668_800_000 + DAY / 2; // 2024-06-18T12:00Z
    const ROTATION: Rotation = Rotation { enabled: true, keep_days: 7, max_bytes: 100 };

    fn at(unix_millis: u64) -> LocalTime {
        LocalTime { unix_millis, offset: 0 }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn log(dir: &Path, rotation: Rotation) -> LogFile {
        LogFile::new(dir.join("logs"), WORKER_PREFIX, rotation)
    }

    #[test]
    fn a_change_of_date_changes_the_file_at_local_midnight() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(home.path(), ROTATION);
        let korea = |unix_millis| LocalTime { unix_millis, offset: 9 * 3600 };
        log.write(b"before\n", korea(1_718_722_799_999)).unwrap(); // 23:59:59.999 of the 18th in Korea
        log.write(b"after\n", korea(1_718_722_800_000)).unwrap();
        let dir = home.path().join("logs");
        assert_eq!(names(&dir), ["OPEN-AGENT-open-20240618.log", "OPEN-AGENT-open-20240619.log"]);
        assert_eq!(fs::read(dir.join("OPEN-AGENT-open-20240618.log")).unwrap(), b"before\n");
        assert_eq!(fs::read(dir.join("OPEN-AGENT-open-20240619.log")).unwrap(), b"after\n");
    }

    #[test]
    fn files_older_than_the_keep_days_go_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("logs");
        fs::create_dir(&dir).unwrap();
        let others = ["whatap-boot-20200101.log", "OPEN-AGENT-open-notes.log", "OPEN-AGENT-open-20200101.log.gz", "x"];
        for name in others {
            fs::write(dir.join(name), "kept").unwrap();
        }
        let mut log = log(home.path(), ROTATION);
        for day in 0..12 {
            log.write(b"a line\n", at(NOON + day * DAY)).unwrap();
        }
        let left: Vec<String> = names(&dir).into_iter().filter(|name| !others.contains(&name.as_str())).collect();
        assert_eq!(left.first().unwrap(), "OPEN-AGENT-open-20240622.log", "7 days before the 29th");
        assert_eq!(left.len(), 8);
        assert!(others.iter().all(|name| dir.join(name).exists()));
    }

    #[test]
    fn a_full_piece_is_set_aside_and_a_day_has_a_bounded_number() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(home.path(), ROTATION);
        for i in 0..40 {
            log.write(format!("{i:059}\n").as_bytes(), at(NOON + i)).unwrap();
        }
        let dir = home.path().join("logs");
        let pieces = names(&dir);
        assert_eq!(pieces.len(), MAX_PIECES as usize, "{pieces:?}");
        assert!(pieces.contains(&"OPEN-AGENT-open-20240618.39.log".to_owned()), "{pieces:?}");
        let current = fs::read_to_string(dir.join("OPEN-AGENT-open-20240618.log")).unwrap();
        assert_eq!(current, format!("{:059}\n", 39));
        for name in pieces {
            assert!(fs::metadata(dir.join(name)).unwrap().len() <= ROTATION.max_bytes);
        }
    }

    #[test]
    fn without_rotation_one_file_grows() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(home.path(), Rotation { enabled: false, ..ROTATION });
        for day in 0..20 {
            log.write(&[b'x'; 60], at(NOON + day * DAY)).unwrap();
        }
        let dir = home.path().join("logs");
        assert_eq!(names(&dir), ["OPEN-AGENT-open.log"]);
        assert_eq!(fs::metadata(dir.join("OPEN-AGENT-open.log")).unwrap().len(), 1200);
    }

    #[test]
    fn rules_change_while_it_is_open() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(home.path(), ROTATION);
        log.write(b"a\n", at(NOON)).unwrap();
        log.set_rotation(Rotation { enabled: false, ..ROTATION });
        log.write(b"b\n", at(NOON)).unwrap();
        assert_eq!(names(&home.path().join("logs")), ["OPEN-AGENT-open-20240618.log", "OPEN-AGENT-open.log"]);
    }

    #[test]
    fn a_file_moved_or_deleted_by_somebody_is_made_again() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(home.path(), ROTATION);
        log.write(b"a\n", at(NOON)).unwrap();
        let path = home.path().join("logs/OPEN-AGENT-open-20240618.log");
        fs::remove_file(&path).unwrap();
        log.write(b"b\n", at(NOON + LOOK_AGAIN_MILLIS)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"b\n");
    }

    #[test]
    fn a_restart_appends_to_the_days_file_and_counts_its_bytes() {
        let home = tempfile::tempdir().unwrap();
        log(home.path(), ROTATION).write(&[b'x'; 90], at(NOON)).unwrap();
        log(home.path(), ROTATION).write(&[b'y'; 20], at(NOON)).unwrap();
        let names = names(&home.path().join("logs"));
        assert_eq!(names, ["OPEN-AGENT-open-20240618.1.log", "OPEN-AGENT-open-20240618.log"]);
    }

    #[test]
    fn names_of_logs_are_known_and_others_are_not() {
        for name in [
            "OPEN-AGENT-open-20240618.log",
            "OPEN-AGENT-open-20240618.3.log",
            "OPEN-AGENT-open.log",
            "whatap-boot-20240618.log",
        ] {
            assert!(is_log_name(name), "{name}");
        }
        for name in ["", "x.log", "OPEN-AGENT-open-.log", "OPEN-AGENT-open-20240618.log.gz", "whatap-boot-2024.log"] {
            assert!(!is_log_name(name), "{name}");
        }
    }
}
