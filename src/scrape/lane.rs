//! The two lanes of worker threads, and what a worker does with a job.

use super::adaptive;
use super::failure::{ErrorClass, ScrapeError};
use super::jobs::Jobs;
use super::pool::PoolSize;
use super::prepared::Prepared;
use super::run::{Outcome, Scraping, Scratch, unix_ms};
use super::state::{Health, Lane, PastScrape, TargetState};
use super::tally::Tally;
use super::telling::Telling;
use crate::discovery::Target;
use crate::telemetry::counters::COUNTERS;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes of stack of a worker: a TLS handshake is the deepest it goes.
const STACK: usize = 512 << 10;

/// Buffers kept while nobody uses them.
const IDLE_SCRATCHES: usize = 2;

/// One scrape to do.
pub(super) struct Job {
    pub prepared: Arc<Prepared>,
    pub state: Arc<TargetState>,
    /// When its slot came.
    pub due: Instant,
}

/// The worker threads of both lanes.
pub(super) struct Lanes {
    fast: Arc<Jobs<Job>>,
    slow: Arc<Jobs<Job>>,
    workers: Vec<JoinHandle<()>>,
    scraping: Arc<Scraping>,
    stopping: Arc<AtomicBool>,
    /// Nothing is sent here: it closes when the last worker has ended.
    ended: Receiver<Infallible>,
}

/// Buffers that no scrape is using, [`IDLE_SCRATCHES`] at most: what a crowd of scrapes needed is given back after it.
#[derive(Default)]
struct Scratches(Mutex<Vec<Scratch>>);

struct Worker {
    scraping: Arc<Scraping>,
    jobs: Arc<Jobs<Job>>,
    scratches: Arc<Scratches>,
    stopping: Arc<AtomicBool>,
    _alive: Sender<Infallible>,
}

impl Lanes {
    pub fn start(scraping: &Arc<Scraping>, size: PoolSize) -> std::io::Result<Self> {
        let (alive, ended) = bounded(0);
        let mut lanes = Self {
            fast: Arc::default(),
            slow: Arc::default(),
            workers: Vec::new(),
            scraping: Arc::clone(scraping),
            stopping: Arc::default(),
            ended,
        };
        let scratches = Arc::new(Scratches::default());
        for (lane, count) in [(Lane::Fast, size.fast), (Lane::Slow, size.slow)] {
            for number in 0..count.max(1) {
                let worker = Worker {
                    scraping: Arc::clone(scraping),
                    jobs: Arc::clone(lanes.jobs(lane)),
                    scratches: Arc::clone(&scratches),
                    stopping: Arc::clone(&lanes.stopping),
                    _alive: alive.clone(),
                };
                let thread = std::thread::Builder::new().name(format!("scrape-{}-{number}", lane.as_str()));
                lanes.workers.push(thread.stack_size(STACK).spawn(move || worker.run())?);
            }
        }
        Ok(lanes)
    }

    /// Hands a job to its target's lane; never blocks.
    pub fn submit(&self, job: Job) {
        self.jobs(job.state.lane()).push(job);
    }

    fn jobs(&self, lane: Lane) -> &Arc<Jobs<Job>> {
        if lane == Lane::Fast { &self.fast } else { &self.slow }
    }

    /// Closes what a target that is gone kept open.
    pub fn forget(&self, target: &Target) {
        self.scraping.fetcher.forget(target);
    }

    /// Takes no more jobs, gives those under way `grace`, then interrupts them, and joins the threads.
    pub fn stop(mut self, grace: Duration) {
        let deadline = Instant::now() + grace;
        self.stopping.store(true, Ordering::Release);
        self.close();
        let _ = self.ended.recv_deadline(deadline);
        self.scraping.fetcher.shutdown();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

impl Lanes {
    fn close(&self) {
        self.fast.close();
        self.slow.close();
    }
}

impl Drop for Lanes {
    /// Workers must not wait for jobs that nobody can send any more.
    fn drop(&mut self) {
        self.close();
    }
}

impl Scratches {
    fn take(&self) -> Scratch {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn put_back(&self, scratch: Scratch) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_SCRATCHES {
            idle.push(scratch);
        }
    }
}

impl Worker {
    fn run(&self) {
        while let Some(job) = self.jobs.next() {
            if !job.state.is_stopped() && !self.stopping.load(Ordering::Acquire) {
                self.scrape(&job);
            }
            job.state.set_running(false);
        }
    }

    fn scrape(&self, job: &Job) {
        COUNTERS.lateness.observe(job.due.elapsed().as_secs_f64());
        let timeout = job.state.timeout();
        let mut scratch = self.scratches.take();
        let scraped = catch_unwind(AssertUnwindSafe(|| self.scraping.scrape(&job.prepared, timeout, &mut scratch)));
        let outcome = match scraped {
            Ok(outcome) => {
                self.scratches.put_back(scratch);
                outcome
            }
            Err(panic) => panicked(&*panic, job.due.elapsed()),
        };
        if !job.state.is_stopped() {
            record(&job.state, &outcome);
        }
    }
}

/// What is left to say of a scrape that panicked; its scratch is thrown away with whatever state it was in.
fn panicked(panic: &(dyn std::any::Any + Send), duration: Duration) -> Outcome {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
    COUNTERS.scrapes[ErrorClass::Other.index()].add(1);
    Outcome {
        began_ms: unix_ms(),
        duration,
        tally: Tally::default(),
        body_bytes: 0,
        timings: super::fetch::Timings::default(),
        answer: None,
        error: Some(ScrapeError::Panicked(text)),
        first_fault: None,
    }
}

/// Writes down how a scrape went, and tells the log what is new in it.
fn record(state: &TargetState, outcome: &Outcome) {
    let target = &state.target;
    state.update(|report| {
        let timed_out = outcome.error.as_ref().is_some_and(ScrapeError::is_timeout);
        report.timeouts = if timed_out { report.timeouts + 1 } else { 0 };
        report.lane = if timed_out { Lane::Slow } else { Lane::Fast };
        report.timeout =
            adaptive::timeout(target.timeout, target.interval, target.job.adaptive_timeout, report.timeouts);
        report.health = if outcome.error.is_some() { Health::Down } else { Health::Up };
        report.scrapes += 1;
        report.failures += u64::from(outcome.error.is_some());
        report.last_scrape = outcome.began_ms;
        report.duration = outcome.duration;
        report.tally = outcome.tally;
        report.body_bytes = outcome.body_bytes;
        report.first_fault.clone_from(&outcome.first_fault);
        report.error.clone_from(&outcome.error);
        report.remember(PastScrape { duration: outcome.duration, up: outcome.error.is_none() });
    });
    tell(state, outcome);
}

fn tell(state: &TargetState, outcome: &Outcome) {
    let target = &state.target;
    let of = |what: &str| format!("scrape of job {:?} target {}: {what}", target.job.name, target.url());
    state.telling(|telling: &mut Telling| match &outcome.error {
        Some(error) => {
            if let Some(text) = telling.failure(&error.to_string(), Instant::now()) {
                log::warn!("{}", of(&text));
            }
        }
        None => {
            if telling.recovered() {
                log::info!("{}", of("answers again"));
            }
            if let Some(fault) = &outcome.first_fault {
                let skipped = outcome.tally.dropped(super::tally::DropReason::Unreadable);
                log::debug!("{}", of(&format!("{skipped} lines skipped, the first at line {fault}")));
            }
        }
    });
}
