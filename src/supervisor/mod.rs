//! The parent process: keeps one worker running, passes signals on, collects what has ended.
//!
//! # Invariants
//! - One worker at a time; the next one starts after the last one has been collected, with growing pauses.
//! - A worker that stops beating is killed and replaced. A supervisor that was itself stopped gives it another chance.
//! - The worker dies with the supervisor: the kernel sends it SIGTERM, and its heartbeat pipe breaks.
//! - [`Supervisor::run`] belongs on the main thread: the kernel ties the worker's life to the thread that started it.
//!
//! # Rule
//! SPEC 1: pauses from 1 s to 60 s, back to 1 s after 60 s of health; 60 s without a beat is the bound.

mod backoff;
mod tail;
mod worker;

use backoff::Backoff;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use worker::Worker;

use crate::os;
use crate::telemetry::log::Logging;

/// What is kept running.
#[derive(Debug, Clone)]
pub struct WorkerProgram {
    /// The file that is executed.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Time between two beats, and from the start to the first one.
    pub heartbeat: Duration,
    /// Time from the signal that stops the worker to its end.
    pub stop: Duration,
    /// Health after which a failure counts as the first one again.
    pub healthy: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(60), stop: Duration::from_secs(10), healthy: Duration::from_secs(60) }
    }
}

/// How the supervision ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A signal asked for it, and the worker ended well.
    Stopped,
    /// A signal asked for it, and the worker failed or had to be killed.
    StoppedBadly,
    /// The very first worker ended with this code (1 or 2) before its first beat: what it was started with is wrong,
    /// it said so on stderr, and another try would only say it again.
    NeverStarted(i32),
}

/// What wakes the supervisor.
#[derive(Debug)]
enum Event {
    Signal(i32),
    /// A beat of the worker with this number; one that is gone may still have beats under way.
    Beat(u64),
}

/// After a stop signal: until when the worker may take.
#[derive(Debug, Clone, Copy)]
struct Stopping {
    kill_at: Instant,
    killed: bool,
}

/// The parent process's one loop.
#[derive(Debug)]
pub struct Supervisor {
    program: WorkerProgram,
    bounds: Bounds,
    logging: Logging,
    events: Sender<Event>,
    inbox: Receiver<Event>,
    backoff: Backoff,
    worker: Option<Worker>,
    start_at: Option<Instant>,
    started: u64,
    stopping: Option<Stopping>,
}

impl Supervisor {
    /// A supervisor that has started nothing yet.
    pub fn new(program: WorkerProgram, bounds: Bounds, logging: Logging) -> Self {
        let (events, inbox) = crossbeam_channel::bounded(64);
        let backoff = Backoff::new(bounds.healthy);
        let start_at = Some(Instant::now());
        let (worker, started, stopping) = (None, 0, None);
        Self { program, bounds, logging, events, inbox, backoff, worker, start_at, started, stopping }
    }

    /// Keeps the worker running until a signal ends it.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub fn run(mut self) -> io::Result<Outcome> {
        listen(self.events.clone())?;
        loop {
            let deadline = self.next_deadline();
            let event = match deadline {
                Some(at) => self.inbox.recv_deadline(at),
                None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let now = Instant::now();
            let outcome = match event {
                Ok(Event::Signal(SIGCHLD)) => self.collect(now),
                Ok(Event::Signal(signal)) => self.signalled(signal, now),
                Ok(Event::Beat(number)) => self.beat(number, now),
                Err(_) => self.due(deadline.unwrap_or(now), now),
            };
            self.logging.tick();
            if let Some(outcome) = outcome {
                self.logging.finish();
                return Ok(outcome);
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let silence = self.worker.as_ref().map(|worker| worker.last_beat() + self.bounds.heartbeat);
        let stop = self.stopping.filter(|stop| !stop.killed).map(|stop| stop.kill_at);
        [self.start_at, silence, stop].into_iter().flatten().min()
    }

    fn beat(&mut self, number: u64, now: Instant) -> Option<Outcome> {
        if let Some(worker) = self.worker.as_mut().filter(|worker| worker.number == number) {
            worker.beat(now);
        }
        None
    }

    /// Does what the deadline was for.
    fn due(&mut self, deadline: Instant, now: Instant) -> Option<Outcome> {
        if self.start_at.is_some_and(|at| at <= now) {
            self.start(now);
        }
        if let Some(stop) = self.stopping.as_mut().filter(|stop| !stop.killed && stop.kill_at <= now) {
            stop.killed = true;
            log::error!("the worker did not end within {:?} of the signal; killing it", self.bounds.stop);
            self.send(SIGKILL);
        }
        let woke_late = now.duration_since(deadline) > Duration::from_secs(1);
        if let Some(worker) = self.worker.as_mut().filter(|worker| now >= worker.last_beat() + self.bounds.heartbeat) {
            if woke_late {
                // this process was stopped, or the machine starved it: beats may lie in the pipe unread
                worker.wait_on(now);
                return None;
            }
            log::error!(
                "worker {} has not beaten for {:?}: it hangs; killing it and starting another",
                worker.pid,
                self.bounds.heartbeat
            );
            worker.wait_on(now);
            self.send(SIGKILL);
        }
        None
    }

    fn start(&mut self, now: Instant) {
        self.start_at = None;
        self.started += 1;
        match Worker::start(&self.program, self.started, self.events.clone()) {
            Ok(worker) => {
                log::info!("worker {} started: {}", worker.pid, self.program.path.display());
                self.worker = Some(worker);
            }
            Err(error) => {
                let pause = self.backoff.after(Duration::ZERO);
                log::error!(
                    "{} cannot be started: {error}; trying again in {} s. Is the file there, and executable for this \
                     user?",
                    self.program.path.display(),
                    pause.as_secs()
                );
                self.start_at = Some(now + pause);
            }
        }
    }

    fn signalled(&mut self, signal: i32, now: Instant) -> Option<Outcome> {
        self.send(signal);
        if signal == SIGHUP {
            return None;
        }
        let patience = if self.stopping.is_some() { Duration::from_secs(1) } else { self.bounds.stop };
        let kill_at = self.stopping.map_or(now + patience, |stop| stop.kill_at.min(now + patience));
        let killed = self.stopping.is_some_and(|stop| stop.killed);
        self.stopping = Some(Stopping { kill_at, killed });
        self.start_at = None;
        log::info!("signal {signal}: stopping");
        self.worker.is_none().then_some(Outcome::Stopped)
    }

    /// Collects every child that has ended; as process 1 of a container, strangers' as well.
    fn collect(&mut self, now: Instant) -> Option<Outcome> {
        let mut outcome = None;
        loop {
            match os::reap() {
                Ok(Some((pid, status))) => match self.worker.take_if(|worker| worker.pid == pid) {
                    Some(worker) => outcome = self.ended(worker, status, now),
                    None => log::debug!("collected process {pid}, which was not the worker"),
                },
                Ok(None) => return outcome,
                Err(error) => {
                    log::error!("collecting children failed: {error}");
                    return outcome;
                }
            }
        }
    }

    fn ended(&mut self, worker: Worker, status: ExitStatus, now: Instant) -> Option<Outcome> {
        let lived = now.duration_since(worker.started);
        let last_words = worker.last_words();
        if let Some(stop) = self.stopping {
            log::info!("worker {} ended: {status}", worker.pid);
            let well = !stop.killed && (status.success() || was_stopped_by_signal(status));
            return Some(if well { Outcome::Stopped } else { Outcome::StoppedBadly });
        }
        if let (1, false, Some(code @ 1..=2)) = (worker.number, worker.has_beaten, status.code()) {
            log::error!("the worker could not start: {status}; it said why on stderr");
            return Some(Outcome::NeverStarted(code));
        }
        let pause = self.backoff.after(lived);
        let (lived, wait) = (lived.as_secs_f64(), pause.as_secs());
        log::warn!("worker {} ended after {lived:.1} s: {status}; starting another in {wait} s", worker.pid);
        if self.backoff.is_crash_loop() {
            tell_crash_loop(self.backoff.failures_in_a_row(), self.bounds.healthy, &last_words);
        }
        self.start_at = Some(now + pause);
        None
    }

    /// Sends the worker a signal; that it has just ended is no fault.
    fn send(&self, signal: i32) {
        let Some(worker) = &self.worker else { return };
        if let Err(error) = os::kill(worker.pid, signal) {
            log::warn!("signal {signal} could not be sent to worker {}: {error}", worker.pid);
        }
    }
}

/// A worker without handlers of its own ends by the very signal that was passed on.
fn was_stopped_by_signal(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal().is_some_and(|signal| signal == SIGTERM || signal == SIGINT)
}

fn tell_crash_loop(times: u32, healthy: Duration, last_words: &[String]) {
    let healthy = healthy.as_secs();
    if last_words.is_empty() {
        log::error!("the worker ended {times} times in a row within {healthy} s and left nothing on stderr");
        return;
    }
    log::error!("the worker ended {times} times in a row within {healthy} s of its start; its last lines on stderr:");
    for line in last_words {
        log::error!("| {line}");
    }
}

/// Starts the thread that turns signals into events; it lives as long as the process.
fn listen(events: Sender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGCHLD])?;
    let forward = move || signals.forever().try_for_each(|signal| events.send(Event::Signal(signal)));
    std::thread::Builder::new().name("signals".to_owned()).stack_size(128 << 10).spawn(forward)?;
    Ok(())
}
