//! The two lanes of worker threads, and what a worker does with a job.

use super::adaptive;
use super::failure::{ErrorClass, ScrapeError};
use super::pool::PoolSize;
use super::prepared::Prepared;
use super::run::{Outcome, Scraping, Scratch, unix_ms};
use super::state::{Health, Lane, PastScrape, TargetState};
use super::tally::Tally;
use super::telling::Telling;
use crate::discovery::Target;
use crate::discovery::target::TargetId;
use crate::telemetry::counters::COUNTERS;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes of stack of a worker: a TLS handshake is the deepest it goes.
const STACK: usize = 512 << 10;

/// One scrape to do.
pub(super) struct Job {
    pub prepared: Arc<Prepared>,
    pub state: Arc<TargetState>,
    /// When its slot came.
    pub due: Instant,
}

/// One scrape done.
pub(super) struct Done {
    pub id: TargetId,
    pub state: Arc<TargetState>,
}

/// The worker threads of both lanes.
pub(super) struct Lanes {
    fast: Sender<Job>,
    slow: Sender<Job>,
    workers: Vec<JoinHandle<()>>,
    scraping: Arc<Scraping>,
    stopping: Arc<AtomicBool>,
    under_way: usize,
}

/// Buffers that no scrape is using; the last one put back is the first one taken, so there are only ever as many as
/// scrapes were under way at once.
#[derive(Default)]
struct Scratches(Mutex<Vec<Scratch>>);

struct Worker {
    scraping: Arc<Scraping>,
    scratches: Arc<Scratches>,
    done: Sender<Done>,
    stopping: Arc<AtomicBool>,
}

impl Lanes {
    pub fn start(scraping: &Arc<Scraping>, size: PoolSize, done: &Sender<Done>) -> std::io::Result<Self> {
        let (fast, fast_jobs) = unbounded();
        let (slow, slow_jobs) = unbounded();
        let scratches = Arc::new(Scratches::default());
        let stopping = Arc::new(AtomicBool::new(false));
        let mut workers = Vec::new();
        for (lane, jobs, count) in [(Lane::Fast, fast_jobs, size.fast), (Lane::Slow, slow_jobs, size.slow)] {
            for number in 0..count.max(1) {
                let jobs: Receiver<Job> = jobs.clone();
                let worker = Worker {
                    scraping: Arc::clone(scraping),
                    scratches: Arc::clone(&scratches),
                    done: done.clone(),
                    stopping: Arc::clone(&stopping),
                };
                let name = format!("scrape-{}-{number}", lane.as_str());
                workers
                    .push(std::thread::Builder::new().name(name).stack_size(STACK).spawn(move || worker.run(&jobs))?);
            }
        }
        Ok(Self { fast, slow, workers, scraping: Arc::clone(scraping), stopping, under_way: 0 })
    }

    /// Hands a job to its target's lane; never blocks.
    pub fn submit(&mut self, job: Job) {
        let jobs = if job.state.lane() == Lane::Fast { &self.fast } else { &self.slow };
        if jobs.send(job).is_ok() {
            self.under_way += 1;
        }
    }

    /// One of the jobs handed out has ended.
    pub fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Closes what a target that is gone kept open.
    pub fn forget(&self, target: &Target) {
        self.scraping.fetcher.forget(target);
    }

    /// Takes no more jobs, gives those under way `grace`, then interrupts them, and joins the threads.
    pub fn stop(mut self, grace: Duration, finished: &Receiver<Done>) {
        let deadline = Instant::now() + grace;
        self.stopping.store(true, Ordering::Release);
        drop((self.fast, self.slow));
        while self.under_way > 0 && finished.recv_deadline(deadline).is_ok() {
            self.under_way -= 1;
        }
        self.scraping.fetcher.shutdown();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

impl Scratches {
    fn take(&self) -> Scratch {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn put_back(&self, scratch: Scratch) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
}

impl Worker {
    fn run(&self, jobs: &Receiver<Job>) {
        for job in jobs {
            let id = job.prepared.target.id();
            let state = Arc::clone(&job.state);
            if !state.is_stopped() && !self.stopping.load(Ordering::Acquire) {
                self.scrape(&job);
            }
            let _ = self.done.send(Done { id, state });
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
