//! The thread that waits for the disk: `fsync` may take seconds, and the sender thread has better things to do.
//!
//! # Invariants
//! The sender thread never waits here, save at the end, when everything has to be on the disk.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::thread::{Builder, JoinHandle};

/// Files that may wait for the disk: the one being written and those just filled.
const WAITING: usize = 4;

/// It makes two system calls.
const STACK_BYTES: usize = 64 << 10;

/// Brings files through to the disk, one after the other.
#[derive(Debug)]
pub(super) struct Syncing {
    files: Option<Sender<File>>,
    faults: Receiver<io::Error>,
    thread: Option<JoinHandle<()>>,
}

impl Syncing {
    /// Starts the thread for the files of that directory.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(dir: PathBuf) -> io::Result<Self> {
        let (files, inbox) = bounded::<File>(WAITING);
        let (outbox, faults) = bounded(1);
        let run = move || {
            for file in inbox {
                // the directory too: a new file is lost without its name
                let synced = file.sync_data().and_then(|()| File::open(&dir)?.sync_all());
                if let Err(error) = synced {
                    // one that waits already says the same
                    let _ = outbox.try_send(error);
                }
            }
        };
        let thread = Builder::new().name("spool-sync".to_owned()).stack_size(STACK_BYTES).spawn(run)?;
        Ok(Self { files: Some(files), faults, thread: Some(thread) })
    }

    /// Hands a file over; false when too many wait, to be tried again.
    pub(super) fn hand_over(&self, file: File) -> bool {
        self.files.as_ref().is_some_and(|files| files.try_send(file).is_ok())
    }

    /// Hands the last file over, however long that takes.
    pub(super) fn hand_over_last(&self, file: File) {
        if let Some(files) = &self.files {
            let _ = files.send(file);
        }
    }

    /// A fault since the last call.
    pub(super) fn fault(&self) -> Option<io::Error> {
        self.faults.try_recv().ok()
    }
}

impl Drop for Syncing {
    /// Waits until everything is on the disk.
    fn drop(&mut self) {
        self.files = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
