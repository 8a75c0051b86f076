//! The agent's packs about itself: its names, its boot information, that it lives, how its targets are.
//!
//! # Invariants
//! Nothing is sent before the agent has a name, which the first session with the server gives it; a new name sends
//! names and boot information again. Switches and targets are read anew for each slot.
//!
//! # Rule
//! PROTOCOL 8 and SPEC 7, only with `tag_counter_enabled` (the URLs with `endpoint_metering_enabled`).

pub mod packs;
pub mod schedule;
pub mod summary;

use crate::scrape::run::{Outlet, ScrapedBatch};
use crate::scrape::state::TargetTable;
use crate::wire::identity::Identity;
use crate::wire::pack::EncodedPack;
use crossbeam_channel::{Receiver, Sender, bounded};
use packs::Process;
use schedule::{Schedule, Switches};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Where metering looks things up, anew each time.
pub trait Sources: Send {
    /// Who the agent is; `None` before the first session.
    fn identity(&self) -> Option<Arc<Identity>>;

    /// What is switched on.
    fn switches(&self) -> Switches;

    /// What the packs say of the process.
    fn process(&self) -> Process;

    /// Milliseconds by which the server's clock is ahead: packs bear its time, so the slots are its slots.
    fn clock_offset_ms(&self) -> i64;
}

/// The metering of one worker: what is due, made into packs.
pub struct Metering<S> {
    sources: S,
    targets: TargetTable,
    schedule: Schedule,
    known: Option<Arc<Identity>>,
    endpoints_since: i64,
}

impl<S: Sources> Metering<S> {
    /// Nothing sent yet.
    pub fn new(sources: S, targets: TargetTable) -> Self {
        Self { sources, targets, schedule: Schedule::default(), known: None, endpoints_since: 0 }
    }

    /// The packs that are due now (Unix milliseconds by the agent's clock).
    pub fn packs(&mut self, now: i64) -> Vec<EncodedPack> {
        let Some(identity) = self.sources.identity() else { return Vec::new() };
        if self.known.as_ref() != Some(&identity) {
            self.schedule.begin_again();
            self.known = Some(Arc::clone(&identity));
        }
        let due = self.schedule.due(self.by_server(now), self.sources.switches());
        let mut out = Vec::new();
        if due.texts {
            out.extend(packs::texts(&identity));
        }
        if due.boot {
            out.push(packs::boot(&identity, &self.sources.process()));
        }
        if due.counters {
            out.push(packs::agent_info(&identity, &self.sources.process()));
            out.push(packs::integrations_counter());
        }
        if due.targets {
            out.extend(summary::summaries(&self.targets.snapshot()).iter().map(packs::scrape_target));
        }
        if due.endpoints {
            out.extend(packs::endpoints(&summary::urls_since(&self.targets.snapshot(), self.endpoints_since)));
            self.endpoints_since = now;
        }
        out
    }

    fn by_server(&self, now: i64) -> i64 {
        now.saturating_add(self.sources.clock_offset_ms())
    }

    /// Starts the thread that delivers what is due, slot after slot.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(self, outlet: Arc<dyn Outlet>, clock: fn() -> i64) -> io::Result<MeteringThread>
    where
        S: 'static,
    {
        let (stop, stopped) = bounded(0);
        let body = move || self.run(&*outlet, clock, &stopped);
        let thread = std::thread::Builder::new().name("metering".to_owned()).stack_size(256 << 10).spawn(body)?;
        Ok(MeteringThread { stop, thread })
    }

    fn run(mut self, outlet: &dyn Outlet, clock: fn() -> i64, stopped: &Receiver<()>) {
        loop {
            let now = clock();
            let packs = self.packs(now);
            if !packs.is_empty() {
                outlet.deliver(ScrapedBatch { time_ms: now, packs });
            }
            // until the agent has a name it is looked for each second: boot information is not to wait for a slot
            let wait = if self.known.is_none() { 1_000 } else { Schedule::wait(self.by_server(clock())) };
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(1_000));
            if stopped.recv_timeout(wait) != Err(crossbeam_channel::RecvTimeoutError::Timeout) {
                return;
            }
        }
    }
}

/// The running thread.
#[derive(Debug)]
pub struct MeteringThread {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl MeteringThread {
    /// Whether the thread has ended by itself: a panic in it.
    pub fn is_dead(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends the thread and waits for it; what is due later is not sent.
    pub fn stop(self) {
        drop(self.stop);
        // its panic was logged when it happened
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests;
