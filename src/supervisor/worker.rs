//! One running worker: its process, its heartbeat pipe, its stderr.
//!
//! # Invariants
//! The worker is a process group of its own: Ctrl-C in a terminal reaches it once, through the supervisor. Its stderr
//! goes on to ours as it comes, and its last lines are kept.

use super::tail::Tail;
use super::{Event, WorkerProgram};
use crate::os;
use crate::telemetry::heartbeat::FD_VARIABLE;
use crossbeam_channel::{Receiver, Sender};
use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the last lines are waited for after the end; a grandchild may hold stderr open for ever.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A worker that has not been collected yet.
#[derive(Debug)]
pub(super) struct Worker {
    /// The how-manieth it is, from 1.
    pub(super) number: u64,
    /// Its process.
    pub(super) pid: u32,
    /// When it was started.
    pub(super) started: Instant,
    /// Whether it has come up.
    pub(super) has_beaten: bool,
    last_beat: Instant,
    tail: Arc<Mutex<Tail>>,
    stderr_closed: Receiver<()>,
}

impl Worker {
    /// Starts the program with a heartbeat pipe.
    ///
    /// # Errors
    /// When pipe, process or threads cannot be made.
    pub(super) fn start(program: &WorkerProgram, number: u64, events: Sender<Event>) -> io::Result<Self> {
        let (beats, their_beats) = io::pipe()?;
        let (stderr, their_stderr) = io::pipe()?;
        let tail = Arc::<Mutex<Tail>>::default();
        let (closed, stderr_closed) = crossbeam_channel::bounded(1);
        // the readers first: once the child runs nothing may fail any more
        thread("heartbeats", move || read_beats(beats, number, &events))?;
        let kept = Arc::clone(&tail);
        thread("worker-stderr", move || {
            pass_on(stderr, &kept);
            let _ = closed.send(());
        })?;
        let mut command = Command::new(&program.path);
        command.args(&program.args).stdin(Stdio::null()).stderr(their_stderr).process_group(0);
        command.env(FD_VARIABLE, their_beats.as_raw_fd().to_string());
        os::tie_to_child(&mut command, their_beats.as_fd(), signal_hook::consts::SIGTERM);
        // our copies of the writing ends close here: the readers end when the child does
        let pid = command.spawn()?.id();
        let now = Instant::now();
        Ok(Self { number, pid, started: now, has_beaten: false, last_beat: now, tail, stderr_closed })
    }

    /// When it last beat, or was started.
    pub(super) fn last_beat(&self) -> Instant {
        self.last_beat
    }

    /// It has beaten.
    pub(super) fn beat(&mut self, now: Instant) {
        self.has_beaten = true;
        self.last_beat = now;
    }

    /// Counts its silence from now on.
    pub(super) fn wait_on(&mut self, now: Instant) {
        self.last_beat = now;
    }

    /// The last lines of its stderr, once it has ended.
    pub(super) fn last_words(&self) -> Vec<String> {
        let _ = self.stderr_closed.recv_timeout(LAST_WORDS);
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).lines()
    }
}

/// One event for whatever lies in the pipe, until the worker's end is closed.
fn read_beats(mut pipe: PipeReader, number: u64, events: &Sender<Event>) {
    let mut buffer = [0; 64];
    while pipe.read(&mut buffer).is_ok_and(|read| read > 0) {
        if events.send(Event::Beat(number)).is_err() {
            return;
        }
    }
}

/// Copies the worker's stderr to ours; ours being closed is borne.
fn pass_on(mut stderr: PipeReader, tail: &Mutex<Tail>) {
    let mut buffer = [0; 4096];
    loop {
        match stderr.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => {
                let bytes = buffer.get(..read).unwrap_or_default();
                tail.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
                let _ = io::stderr().lock().write_all(bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(128 << 10).spawn(body).map(drop)
}
