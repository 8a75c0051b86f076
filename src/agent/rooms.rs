//! The running rooms of a worker: sender, scrape pool, status server; the one way they start and the one way they stop.
//!
//! # Invariants
//! - Whoever starts a thread joins it: [`Rooms::stop`] returns when all have ended.
//! - The order of the end is fixed: no new scrape, those under way, what is queued, then the sockets.

use super::outlet::ToSender;
use crate::config::reload::ReloadState;
use crate::discovery::{SecretStore, Target};
use crate::scrape::auth::ServiceAccount;
use crate::scrape::fetch::{FetchSettings, Fetcher};
use crate::scrape::help_book::HelpBook;
use crate::scrape::known::shelf::Shelf;
use crate::scrape::live::{Live, ScrapeSettings};
use crate::scrape::pool::{Pool, PoolSize};
use crate::scrape::run::{Outlet, Scraping};
use crate::sender::{self, Sender, SenderSettings};
use crate::status::Sources;
use crate::status::dropped::{DroppedTable, DroppedTarget};
use crate::status::samples::Captures;
use crate::status::server::StatusServer;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Scrapes under way at the end get this long, or the greater part of the time there is.
pub const SCRAPE_GRACE: Duration = Duration::from_secs(5);
/// The end of all rooms takes at most this long: a little less than the supervisor's patience of 10 s.
pub const STOP_WITHIN: Duration = Duration::from_millis(9_500);

/// A loop that has not turned for so long is stuck; each turns every five seconds at least, a blocked write to the
/// server included (20 s).
pub const STUCK_AFTER: Duration = Duration::from_secs(45);

/// What the rooms start with.
pub struct RoomSettings {
    /// The sender's.
    pub sender: SenderSettings,
    /// Scraping's.
    pub scrape: ScrapeSettings,
    /// Threads that scrape.
    pub pool: PoolSize,
    /// HTTP.
    pub fetch: FetchSettings,
    /// Where secrets of the configuration are read.
    pub secrets: Arc<dyn SecretStore>,
    /// Where the status pages listen; `None` has none.
    pub status_listen: Option<SocketAddr>,
    /// What the status pages show of the configuration.
    pub pages: Pages,
}

/// What the status pages show of the configuration, and may ask of it; nothing where the configuration is fixed.
#[derive(Default)]
pub struct Pages {
    /// How reading it went.
    pub reload: Option<Arc<ReloadState>>,
    /// Gives it as text, secrets masked.
    pub config: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    /// Asks for it to be read again.
    pub reload_now: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// The rooms, running.
pub struct Rooms {
    sender: Sender,
    scraping: Arc<Scraping>,
    pool: Pool,
    status: Option<StatusServer>,
    captures: Arc<Captures>,
    dropped: DroppedTable,
    pulses: [Pulse; 2],
}

/// How the rooms are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Every loop turns.
    Well,
    /// A loop has not turned for [`STUCK_AFTER`].
    Stuck(&'static str),
    /// A thread has ended without having been asked.
    Dead(&'static str),
}

/// A loop's stamp, and when it was last seen to move.
struct Pulse {
    room: &'static str,
    stamp: Arc<AtomicU64>,
    seen: u64,
    moved: Instant,
}

impl Rooms {
    /// Starts all rooms. A status address that cannot be listened on is told and left out: scraping matters more.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(settings: RoomSettings) -> io::Result<Self> {
        let sender_pulse = Arc::new(AtomicU64::new(0));
        let sender = sender::start(settings.sender, Arc::clone(&sender_pulse))?;
        let scraping = Arc::new(Scraping {
            known: Shelf::default(),
            fetcher: Arc::new(Fetcher::new(settings.fetch, settings.secrets)),
            help: HelpBook::new(),
            settings: Live::new(settings.scrape),
            outlet: Arc::new(ToSender::new(sender.queue(), sender.state())),
        });
        let pool = Pool::start(Arc::clone(&scraping), settings.pool)?;
        let captures = Arc::new(Captures::new(Arc::clone(&scraping)));
        let dropped = DroppedTable::default();
        let sources = Sources {
            samples: Some(Arc::clone(&captures)),
            dropped: dropped.clone(),
            reload: settings.pages.reload,
            config: settings.pages.config,
            reload_now: settings.pages.reload_now,
            ..Sources::new(pool.table().clone(), sender.state(), sender.queue())
        };
        let status = settings.status_listen.and_then(|listen| listen_for_status(listen, sources));
        let pulses = [Pulse::of("sender", sender_pulse), Pulse::of("scrape-schedule", Arc::clone(pool.heartbeat()))];
        Ok(Self { sender, scraping, pool, status, captures, dropped, pulses })
    }

    /// Looks after every loop; to be called about once a second.
    pub fn health(&mut self) -> Health {
        if !self.sender.is_running() {
            return Health::Dead("sender");
        }
        if self.pool.is_dead() {
            return Health::Dead("scrape-schedule");
        }
        let now = Instant::now();
        let stuck = self.pulses.iter_mut().find_map(|pulse| pulse.is_stuck(now).then_some(pulse.room));
        stuck.map_or(Health::Well, Health::Stuck)
    }

    /// The sender, for its commands, its state and its queue.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The scrape pool.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Where the status pages listen.
    pub fn status_address(&self) -> Option<SocketAddr> {
        self.status.as_ref().map(StatusServer::address)
    }

    /// Makes these the targets, and shows what is none.
    pub fn scrape(&self, targets: Vec<Arc<Target>>, dropped: Vec<DroppedTarget>) {
        self.dropped.replace(dropped);
        self.pool.replace(targets);
    }

    /// Puts other settings of scraping in force.
    pub fn apply_scraping(&self, settings: ScrapeSettings) {
        if self.scraping.settings.load().pcode != settings.pcode {
            self.pool.change_pcode(settings.pcode);
        }
        self.scraping.settings.store(settings);
    }

    /// Puts another service account policy in force, and whether protobuf is asked for first.
    pub fn apply_fetch(&self, account: ServiceAccount, protobuf: bool) {
        self.scraping.fetcher.set_service_account(account);
        self.scraping.fetcher.set_protobuf(protobuf);
    }

    /// A joint to the sender for packs of the agent's own.
    pub fn outlet(&self) -> Arc<dyn Outlet> {
        Arc::clone(&self.scraping.outlet)
    }

    /// Ends all rooms in order, by then: no new scrape starts, those under way get 5 s, what is queued is sent or
    /// spooled in the time that is left.
    pub fn stop(self, by: Instant) {
        let left = || by.saturating_duration_since(Instant::now());
        self.pool.stop(SCRAPE_GRACE.min(left() * 3 / 5));
        self.sender.shutdown(left());
        self.captures.stop();
        if let Some(status) = self.status {
            status.stop();
        }
    }
}

impl Pulse {
    fn of(room: &'static str, stamp: Arc<AtomicU64>) -> Self {
        Self { room, stamp, seen: 0, moved: Instant::now() }
    }

    fn is_stuck(&mut self, now: Instant) -> bool {
        let stamp = self.stamp.load(Ordering::Relaxed);
        if stamp != self.seen {
            (self.seen, self.moved) = (stamp, now);
        }
        now.saturating_duration_since(self.moved) > STUCK_AFTER
    }
}

fn listen_for_status(listen: SocketAddr, sources: Sources) -> Option<StatusServer> {
    let answer = Arc::new(move |request: &_, peer| sources.answer(request, peer));
    match StatusServer::start(listen, answer) {
        Ok(server) => {
            log::info!("status pages at http://{}/", server.address());
            Some(server)
        }
        Err(error) => {
            log::warn!("no status pages: {listen} cannot be listened on ({error}); set status_listen in whatap.conf");
            None
        }
    }
}
