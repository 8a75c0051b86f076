//! The worker's pulse: one byte a beat through a pipe that its supervisor reads.
//!
//! # Invariants
//! A beat never blocks: a pipe that is full has a supervisor that sleeps, and is no reason to stop working. The other
//! end closing means that the supervisor is dead.

use crate::os;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd as _;

/// The environment variable that holds the number of the inherited descriptor.
pub const FD_VARIABLE: &str = "OPENAGENT_HEARTBEAT_FD";

/// How often a worker beats.
pub const INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

/// The worker's end of the pipe.
#[derive(Debug)]
pub struct Heartbeat {
    pipe: File,
}

/// The supervisor is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orphaned;

impl Heartbeat {
    /// The pipe this process was started with, or `None` when nobody supervises it.
    ///
    /// To be called once, early: it takes the descriptor over, so that no child of the worker inherits it.
    pub fn from_env() -> Option<Self> {
        let number = std::env::var(FD_VARIABLE).ok()?;
        let adopted = number.parse().map_err(|_| io::Error::from(ErrorKind::InvalidInput)).and_then(os::adopt_fd);
        match adopted {
            Ok(pipe) => Some(Self { pipe }),
            Err(error) => {
                log::warn!("{FD_VARIABLE}={number:?} is no open pipe ({error}); going on without a supervisor");
                None
            }
        }
    }

    /// Tells the supervisor that the worker is up and moving. The first beat says that it has started well.
    ///
    /// # Errors
    /// When the supervisor is dead.
    pub fn beat(&self) -> Result<(), Orphaned> {
        match (&self.pipe).write(b".") {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Orphaned),
            _ => Ok(()),
        }
    }

    /// Waits, on a thread of its own, for the supervisor's death, and then calls `orphaned`.
    ///
    /// The thread ends with the process; a worker whose other threads hang is still told.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn watch(&self, orphaned: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let pipe = self.pipe.try_clone()?;
        let wait = move || match os::wait_for_hangup(pipe.as_fd()) {
            Ok(()) => orphaned(),
            Err(error) => log::error!("watching the supervisor failed: {error}; its death will not be noticed at once"),
        };
        std::thread::Builder::new().name("orphan-watch".to_owned()).stack_size(128 << 10).spawn(wait)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::fd::OwnedFd;

    fn pipe() -> (io::PipeReader, Heartbeat) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, Heartbeat { pipe: File::from(OwnedFd::from(writer)) })
    }

    #[test]
    fn beats_arrive_until_the_reader_is_gone() {
        let (mut reader, heartbeat) = pipe();
        assert_eq!(heartbeat.beat(), Ok(()));
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b".");
        drop(reader);
        assert_eq!(heartbeat.beat(), Err(Orphaned));
    }

    #[test]
    fn the_readers_death_is_told_at_once() {
        let (reader, heartbeat) = pipe();
        let (tell, told) = std::sync::mpsc::channel();
        heartbeat.watch(move || tell.send(()).unwrap()).unwrap();
        drop(reader);
        told.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
    }
}
