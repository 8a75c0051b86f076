//! What the operator says of the spool, and what can go wrong with it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Where and how much to spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSettings {
    /// The directory; made when it is missing, used by one process at a time.
    pub dir: PathBuf,
    /// Bound of all files together in bytes, at least [`SpoolSettings::MIN_BYTES`].
    pub max_bytes: u64,
    /// Time between two `fsync`s while writing.
    pub fsync: Duration,
    /// Which packs go out first.
    pub order: SpoolOrder,
}

/// Which packs of the spool go out first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpoolOrder {
    /// The oldest, taking turns with fresh ones.
    #[default]
    Oldest,
    /// Fresh ones while there are any, then the youngest segment.
    Newest,
}

impl SpoolSettings {
    /// The smallest spool there is; less is taken as this.
    pub const MIN_BYTES: u64 = 1 << 20;

    /// A spool of 256 MiB in `dir`, synced once a second, oldest first.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), max_bytes: 256 << 20, fsync: Duration::from_secs(1), order: SpoolOrder::Oldest }
    }

    /// Bound of all files together.
    pub(super) fn bound(&self) -> u64 {
        self.max_bytes.max(Self::MIN_BYTES)
    }

    /// Where a segment ends and the next begins; what dropping may waste of the bound.
    pub(super) fn segment_bytes(&self) -> u64 {
        (self.bound() / 64).clamp(64 << 10, 4 << 20)
    }
}

/// Why the spool can't be used.
#[derive(Debug)]
pub enum SpoolError {
    /// The directory can't be made, read or locked.
    Open(PathBuf, io::Error),
    /// Another process holds it.
    InUse(PathBuf),
    /// A segment can't be written.
    Write(PathBuf, io::Error),
    /// A segment can't be opened to be read.
    Read(PathBuf, io::Error),
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(dir, error) => write!(
                f,
                "spool_dir {}: {error}; make the directory writable for the agent, or take spool_dir out",
                dir.display()
            ),
            Self::InUse(dir) => {
                write!(f, "spool_dir {}: another process uses it; give each agent its own", dir.display())
            }
            Self::Write(file, error) => {
                write!(f, "spool file {}: {error}; free space on that disk or lower spool_max_bytes", file.display())
            }
            Self::Read(file, error) => {
                write!(f, "spool file {}: {error}; make it readable for the agent", file.display())
            }
        }
    }
}

impl std::error::Error for SpoolError {}
