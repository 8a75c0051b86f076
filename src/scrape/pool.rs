//! The pool: a scheduler thread turns the timer wheel and hands due targets to a fixed number of worker threads, in two
//! lanes so that dead targets cannot starve live ones.
//!
//! # Invariants
//! - One scrape per target at a time; a slot that comes while the last scrape still runs is missed and counted.
//! - The schedule is monotonic: after a suspended machine or a clock jump there is no burst.
//! - A target that timed out is scraped by the slow lane's own threads until it answers in time.
//! - A panic in a scrape is that target's failure; the thread lives on.

use super::lane::{Job, Lanes};
use super::prepared::Prepared;
use super::run::{Scraping, unix_ms};
use super::state::{TargetState, TargetTable};
use crate::discovery::Target;
use crate::discovery::target::TargetId;
use crate::telemetry::counters::COUNTERS;
use crate::wheel::{self, Wheel};
use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The scheduler wakes at least this often, so that its heartbeat shows it alive.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Bytes of stack of the scheduler.
const STACK: usize = 256 << 10;

/// How many threads scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Threads of the fast lane.
    pub fast: usize,
    /// Threads of the slow lane.
    pub slow: usize,
}

impl Default for PoolSize {
    /// Four threads a CPU and 8 at least, for scraping is waiting; a quarter of that for the slow lane.
    fn default() -> Self {
        let cpus = std::thread::available_parallelism().map_or(2, usize::from);
        let fast = (4 * cpus).max(8);
        Self { fast, slow: (fast / 4).max(2) }
    }
}

/// The running pool.
#[derive(Debug)]
pub struct Pool {
    inbox: Sender<Command>,
    scheduler: JoinHandle<()>,
    table: TargetTable,
    heartbeat: Arc<AtomicU64>,
}

/// What the scheduler is told.
#[derive(Debug)]
enum Command {
    /// These are the targets now.
    Replace(Vec<Arc<Target>>),
    /// Labels of all targets change (another licence): prepare them anew.
    Pcode(i64),
    /// No new scrape starts; those under way may take this long.
    Stop(Duration),
}

impl Pool {
    /// Starts the scheduler and its workers.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(scraping: Arc<Scraping>, size: PoolSize) -> std::io::Result<Self> {
        let (inbox, commands) = unbounded();
        let lanes = Lanes::start(&scraping, size)?;
        let table = TargetTable::new();
        let heartbeat = Arc::new(AtomicU64::new(0));
        let scheduler = Scheduler {
            wheel: Wheel::new(0),
            entries: HashMap::new(),
            order: Vec::new(),
            clock: Clock::start(),
            lanes,
            pcode: scraping.settings.load().pcode,
            table: table.clone(),
            heartbeat: Arc::clone(&heartbeat),
        };
        let scheduler = std::thread::Builder::new()
            .name("scrape-schedule".to_owned())
            .stack_size(STACK)
            .spawn(move || scheduler.run(&commands))?;
        Ok(Self { inbox, scheduler, table, heartbeat })
    }

    /// Makes these the targets: those no longer among them stop, before new ones start; the others keep their
    /// schedule, their connection and what is known of them.
    pub fn replace(&self, targets: Vec<Arc<Target>>) {
        self.tell(Command::Replace(targets));
    }

    /// Changes the project code on every sample.
    pub fn change_pcode(&self, pcode: i64) {
        self.tell(Command::Pcode(pcode));
    }

    /// The targets and what is known of them.
    pub fn table(&self) -> &TargetTable {
        &self.table
    }

    /// Grows while the scheduler lives.
    pub fn heartbeat(&self) -> &Arc<AtomicU64> {
        &self.heartbeat
    }

    /// Whether the scheduler has ended without having been asked.
    pub fn is_dead(&self) -> bool {
        self.scheduler.is_finished()
    }

    /// Starts no new scrape, gives those under way `grace`, and joins the threads.
    pub fn stop(self, grace: Duration) {
        self.tell(Command::Stop(grace));
        let _ = self.scheduler.join();
    }

    fn tell(&self, command: Command) {
        let _ = self.inbox.send(command);
        self.scheduler.thread().unpark();
    }
}

/// Milliseconds since the epoch that never jump: the wall clock at the start, a monotonic clock from then on.
#[derive(Debug, Clone, Copy)]
struct Clock {
    start: Instant,
    start_ms: u64,
}

impl Clock {
    fn start() -> Self {
        Self { start: Instant::now(), start_ms: u64::try_from(unix_ms()).unwrap_or(0) }
    }

    fn now(&self) -> u64 {
        self.start_ms + u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX >> 1)
    }

    fn instant(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms.saturating_sub(self.start_ms))
    }
}

/// A target on the wheel.
struct Entry {
    prepared: Arc<Prepared>,
    state: Arc<TargetState>,
    /// The slot it waits for; a wheel key with another moment is of an earlier life.
    due: u64,
}

struct Scheduler {
    wheel: Wheel<TargetId>,
    entries: HashMap<TargetId, Entry>,
    /// The targets in the order of the configuration.
    order: Vec<TargetId>,
    clock: Clock,
    lanes: Lanes,
    pcode: i64,
    table: TargetTable,
    heartbeat: Arc<AtomicU64>,
}

enum Event {
    Command(Command),
    Tick,
    /// The pool's owner is gone.
    Orphaned,
}

impl Scheduler {
    fn run(mut self, commands: &Receiver<Command>) {
        loop {
            self.heartbeat.fetch_add(1, Ordering::Relaxed);
            match self.next_event(commands) {
                Event::Command(Command::Replace(targets)) => self.replace(targets),
                Event::Command(Command::Pcode(pcode)) => self.prepare_anew(pcode),
                Event::Command(Command::Stop(grace)) => return self.lanes.stop(grace),
                Event::Orphaned => return self.lanes.stop(Duration::ZERO),
                Event::Tick => {}
            }
            self.fire_due();
        }
    }

    fn next_event(&self, commands: &Receiver<Command>) -> Event {
        let wait = self
            .wheel
            .next_due()
            .map_or(HEARTBEAT, |due| self.clock.instant(due).saturating_duration_since(Instant::now()).min(HEARTBEAT));
        // parked and not in `recv_timeout`, which spins before it sleeps: this thread sleeps a hundred times a second
        let command = commands.try_recv().or_else(|error| match error {
            TryRecvError::Empty => {
                std::thread::park_timeout(wait);
                commands.try_recv()
            }
            TryRecvError::Disconnected => Err(error),
        });
        match command {
            Ok(command) => Event::Command(command),
            Err(TryRecvError::Empty) => Event::Tick,
            Err(TryRecvError::Disconnected) => Event::Orphaned,
        }
    }

    fn replace(&mut self, targets: Vec<Arc<Target>>) {
        let wanted: HashMap<TargetId, &Arc<Target>> = targets.iter().map(|target| (target.id(), target)).collect();
        let gone: Vec<TargetId> = self.entries.keys().filter(|id| !wanted.contains_key(id)).copied().collect();
        for id in &gone {
            if let Some(entry) = self.entries.remove(id) {
                entry.state.stop();
                self.lanes.forget(&entry.prepared.target);
            }
        }
        self.order = targets.iter().map(|target| target.id()).collect();
        let mut started = 0;
        for target in targets {
            if !self.entries.contains_key(&target.id()) {
                self.start(target);
                started += 1;
            }
        }
        log::info!(
            "targets: {} in all, {started} started, {} stopped, {} unchanged",
            self.entries.len(),
            gone.len(),
            self.entries.len() - started
        );
        self.publish();
    }

    fn start(&mut self, target: Arc<Target>) {
        let id = target.id();
        let interval = interval_ms(&target);
        let due = wheel::first_due(id.0, interval, self.clock.now());
        let state = Arc::new(TargetState::new(Arc::clone(&target)));
        state.update(|report| report.next_due = due as i64);
        self.wheel.insert(due, id);
        let prepared = Arc::new(Prepared::new(target, self.pcode));
        self.entries.insert(id, Entry { prepared, state, due });
    }

    fn prepare_anew(&mut self, pcode: i64) {
        self.pcode = pcode;
        for entry in self.entries.values_mut() {
            entry.prepared = Arc::new(Prepared::new(Arc::clone(&entry.prepared.target), pcode));
        }
    }

    fn publish(&self) {
        let states = self.order.iter().filter_map(|id| self.entries.get(id)).map(|entry| Arc::clone(&entry.state));
        self.table.replace(states.collect());
    }

    /// Hands out every target whose slot has come and puts it on the wheel for its next one.
    fn fire_due(&mut self) {
        let now = self.clock.now();
        let Self { wheel, entries, lanes, clock, .. } = self;
        let mut again = Vec::new();
        wheel.advance(now, |due, id| {
            let Some(entry) = entries.get_mut(&id).filter(|entry| entry.due == due) else { return };
            let (next, slept) = wheel::next_slot(due, interval_ms(&entry.prepared.target), now);
            entry.due = next;
            again.push((next, id));
            let running = entry.state.is_running();
            let missed = slept + u64::from(running);
            COUNTERS.slots_missed.add(missed);
            entry.state.update(|report| {
                report.next_due = next as i64;
                report.missed_slots += missed;
            });
            if running {
                log::warn!(
                    "job {:?} target {}: slot missed, the last scrape still runs; lengthen its interval or shorten \
                     its timeout",
                    entry.prepared.target.job.name,
                    entry.prepared.target.url()
                );
                return;
            }
            entry.state.set_running(true);
            // Time slept through is no lateness of this pool's.
            let due = if slept == 0 { clock.instant(due) } else { Instant::now() };
            lanes.submit(Job { prepared: Arc::clone(&entry.prepared), state: Arc::clone(&entry.state), due });
        });
        for (due, id) in again {
            wheel.insert(due, id);
        }
    }
}

fn interval_ms(target: &Target) -> u64 {
    u64::try_from(target.interval.as_millis()).unwrap_or(u64::MAX).max(1)
}
