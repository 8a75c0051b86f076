//! The polling thread: one round every interval, a snapshot whenever something changed.
//!
//! # Invariants
//! - It ends soon after it was told to, whatever the API server does.
//! - A server in trouble is asked less and less often, up to four intervals apart; no two agents in step, by jitter.
//! - A snapshot is sent only when it differs from the last one, and holds every Kubernetes job.

use super::api::Client;
use super::ask::Learned;
use super::collect::JobTargets;
use super::round::{RoundSettings, round};
use crate::config::ScrapeJob;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the cluster is looked at without a setting.
pub const INTERVAL: Duration = Duration::from_secs(15);
/// Doublings of the interval while the API server is in trouble.
const MAX_DOUBLINGS: u32 = 2;

/// How the cluster is polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollSettings {
    /// Time between two rounds (`kubernetes_poll_interval`).
    pub interval: Duration,
    /// What each round takes.
    pub round: RoundSettings,
}

/// The targets of all Kubernetes jobs at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovered {
    /// In the order the jobs were given.
    pub jobs: Vec<JobTargets>,
}

/// What the thread is told.
enum Told {
    Jobs(Vec<Arc<ScrapeJob>>),
    Settings(PollSettings),
}

/// The polling thread, seen from outside.
pub struct Poller {
    client: Arc<Client>,
    inbox: Sender<Told>,
    thread: JoinHandle<()>,
}

impl Poller {
    /// Starts the thread `k8s-poll`; it does nothing until it has jobs. Snapshots go to `out`; when its other end
    /// closes, the thread ends.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(client: Arc<Client>, settings: PollSettings, out: Sender<Arc<Discovered>>) -> io::Result<Self> {
        let (inbox, told) = unbounded();
        let poll = Poll {
            client: client.clone(),
            settings,
            jobs: Vec::new(),
            learned: Learned::default(),
            last: None,
            outages: 0,
            out,
        };
        let thread = std::thread::Builder::new().name("k8s-poll".into()).stack_size(1 << 20);
        let thread = thread.spawn(move || poll.run(&told))?;
        Ok(Self { client, inbox, thread })
    }

    /// Gives the thread the jobs to find targets for, at once; those with static targets are left out.
    pub fn set_jobs(&self, jobs: Vec<Arc<ScrapeJob>>) {
        let _ = self.inbox.send(Told::Jobs(jobs)); // an ended thread needs no jobs
    }

    /// Changes the settings; the next round comes at once.
    pub fn set_settings(&self, settings: PollSettings) {
        let _ = self.inbox.send(Told::Settings(settings));
    }

    /// Breaks off what is under way and waits for the thread's end.
    pub fn stop(self) {
        self.client.interrupt();
        drop(self.inbox);
        let _ = self.thread.join(); // a panic in there has been told by the panic hook
    }
}

struct Poll {
    client: Arc<Client>,
    settings: PollSettings,
    jobs: Vec<Arc<ScrapeJob>>,
    learned: Learned,
    last: Option<Arc<Discovered>>,
    /// Rounds in a row that met an API server in trouble.
    outages: u32,
    out: Sender<Arc<Discovered>>,
}

impl Poll {
    fn run(mut self, told: &Receiver<Told>) {
        let mut next: Option<Instant> = None;
        loop {
            let heard = match next {
                Some(next) => told.recv_deadline(next),
                None => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match heard {
                Ok(first) => {
                    self.take(first);
                    told.try_iter().for_each(|more| self.take(more));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.poll().is_err() {
                return;
            }
            next = (!self.jobs.is_empty()).then(|| Instant::now() + self.delay());
        }
    }

    fn take(&mut self, told: Told) {
        match told {
            Told::Jobs(jobs) => self.jobs = jobs.into_iter().filter(|job| is_kubernetes(job)).collect(),
            Told::Settings(settings) => self.settings = settings,
        }
    }

    /// One round; `Err` when nobody wants its result any more.
    fn poll(&mut self) -> Result<(), ()> {
        let last = self.last.as_ref().map_or([].as_slice(), |last| &last.jobs);
        let result = round(&self.client, &mut self.learned, &self.settings.round, &self.jobs, last);
        if result.interrupted {
            return Err(());
        }
        self.outages = if result.outage { self.outages + 1 } else { 0 };
        let now = Discovered { jobs: result.jobs };
        if self.last.as_deref() == Some(&now) {
            return Ok(());
        }
        let now = Arc::new(now);
        self.last = Some(now.clone());
        self.out.send(now).map_err(|_| ())
    }

    fn delay(&self) -> Duration {
        let base = self.settings.interval * (1 << self.outages.min(MAX_DOUBLINGS));
        // a tenth to either side, so that replicas started together do not ask together
        let chance = f64::from(RandomState::new().build_hasher().finish() as u32) / f64::from(u32::MAX);
        base.mul_f64(0.9 + 0.2 * chance)
    }
}

/// Whether a job's targets come from Kubernetes.
pub fn is_kubernetes(job: &ScrapeJob) -> bool {
    !matches!(job.discover, crate::config::job::Discover::Static(_))
}
