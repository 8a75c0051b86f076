//! Exit codes of every command, in one place.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Ok,
    /// 1: the command could not do what it was asked: a faulty configuration, input or target. It said why on stderr.
    Failed,
    /// 2: the arguments could not be understood.
    Usage,
    /// 3: a room of the worker died three times in quick succession; the supervisor starts a new worker.
    RoomDied,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
