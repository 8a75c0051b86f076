//! The sender thread: one loop that waits for one event and acts on it.
//!
//! # Invariants
//! - It waits in [`Worker::next_event`] only, at most [`WAKE`], and in a write that gives it back every tenth of a second.
//! - After it emptied the queue it leaves it alone for [`REST`], unless it fills up or the end has come: a hundred scrapes
//!   a second wake it ten times.
//! - One session at a time; what a session that was left still says is ignored by its number.

use super::batch::Batch;
use super::desk::Desk;
use super::drops::Teller;
use super::phase::Phase;
use super::route::Route;
use super::session::{Outlets, SessionEvent};

use crossbeam_channel::{Receiver, never, select_biased};
use std::net::Shutdown;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest the loop waits, for its heartbeat and for what it publishes.
const WAKE: Duration = Duration::from_secs(1);

/// How long messages gather before the next ones are taken.
const REST: Duration = Duration::from_millis(100);

/// Bytes of messages taken at once, beside the first one.
const HANDFUL: usize = 256 << 10;

/// The loop never spins faster than this for its own sake.
const SHORTEST: Duration = Duration::from_millis(20);

/// The sender thread's own state.
pub(super) struct Worker {
    pub(super) desk: Desk,
    pub(super) events: Receiver<(u64, SessionEvent)>,
    pub(super) outlets: Outlets,
    pub(super) route: Route,
    pub(super) phase: Phase,
    pub(super) attempts: u64,
    /// Since when there is no session.
    pub(super) away_since: Instant,
    /// Threads of sessions that were left and may still be ending.
    pub(super) ending: Vec<JoinHandle<()>>,
    /// Until then the queue is left alone.
    rests_until: Instant,
    teller: Teller,
}

/// What the loop waits for.
enum Event {
    Inbox,
    Session(u64, SessionEvent),
    Reply(Batch),
    Batch(Batch),
    Pressure,
    Tick,
}

impl Worker {
    /// A worker that connects at once.
    pub(super) fn new(desk: Desk, events: Receiver<(u64, SessionEvent)>, outlets: Outlets) -> Self {
        let route = Route::new(desk.settings.hosts.clone(), desk.settings.backoff);
        let now = Instant::now();
        Self {
            desk,
            events,
            outlets,
            route,
            phase: Phase::Waiting(now),
            attempts: 0,
            away_since: now,
            ending: Vec::new(),
            rests_until: now,
            teller: Teller::default(),
        }
    }

    /// Runs until a shutdown was asked for and what waits is sent or stowed.
    pub(super) fn run(mut self) {
        while !self.is_finished() {
            let event = self.next_event();
            let now = Instant::now();
            self.handle(event, now);
            self.look_after(now);
        }
        self.finish();
    }

    fn next_event(&mut self) -> Event {
        let now = Instant::now();
        let mut wait = self.wait(now).min(WAKE);
        let shut = never();
        let queue = match &self.phase {
            Phase::Up(uplink) if uplink.wants_batch(&self.desk, now) => {
                let rest = self.rest(now);
                if rest.is_zero() {
                    self.desk.outbox.queue.receiver()
                } else {
                    wait = wait.min(rest);
                    &shut
                }
            }
            _ => &shut,
        };
        select_biased! {
            recv(self.desk.inbox.messages()) -> message => {
                self.desk.inbox.take(message.ok());
                Event::Inbox
            }
            recv(self.events) -> event => match event {
                Ok((number, event)) => Event::Session(number, event),
                Err(_) => Event::Tick,
            },
            recv(self.desk.outbox.queue.replies()) -> batch => batch.map_or(Event::Tick, Event::Reply),
            recv(self.desk.outbox.queue.pressure()) -> _ => Event::Pressure,
            recv(queue) -> batch => match batch {
                Ok(batch) => {
                    self.desk.outbox.queue.taken(&batch);
                    Event::Batch(batch)
                }
                Err(_) => Event::Tick,
            },
            default(wait) => Event::Tick,
        }
    }

    /// How long the loop may wait when nothing comes.
    fn wait(&self, now: Instant) -> Duration {
        let wait = match &self.phase {
            Phase::Up(uplink) => uplink.idle_for(&self.desk, now),
            Phase::Waiting(until) => until.saturating_duration_since(now).min(self.spill_every()),
            Phase::Connecting(_) => self.spill_every(),
        };
        match self.desk.inbox.stop_at() {
            Some(stop_at) => wait.min(stop_at.saturating_duration_since(now)),
            None => wait,
        }
    }

    /// How long the queue is still left alone.
    fn rest(&self, now: Instant) -> Duration {
        let hurries = self.desk.inbox.stop_at().is_some() || self.desk.outbox.queue.is_pressed();
        if hurries { Duration::ZERO } else { self.rests_until.saturating_duration_since(now) }
    }

    /// How often what waits in memory goes to the spool while there is no session.
    fn spill_every(&self) -> Duration {
        let settings = &self.desk.settings;
        if settings.spool.is_some() { (settings.spool_after / 4).max(SHORTEST) } else { WAKE }
    }

    fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Inbox => self.reconfigure(now),
            Event::Session(number, event) if self.is_present(number) => self.session_event(event, now),
            Event::Session(_, SessionEvent::Up(left)) => {
                let _ = left.stream.shutdown(Shutdown::Both);
            }
            Event::Session(..) => {}
            Event::Reply(batch) => self.reply(batch, now),
            Event::Batch(batch) => self.batch(batch, now),
            Event::Pressure => self.pressure(now),
            Event::Tick => self.tick(now),
        }
    }

    fn session_event(&mut self, event: SessionEvent, now: Instant) {
        match event {
            SessionEvent::Up(connected) => self.up(*connected, now),
            SessionEvent::Echo { agent_ms, server_ms, at } => {
                let Phase::Up(uplink) = &mut self.phase else { return };
                if uplink.echo(&mut self.desk, agent_ms, server_ms, at) {
                    self.route.proved_good();
                }
                self.with_uplink(now, |uplink, desk| uplink.send(desk));
            }
            SessionEvent::Lost(fault) => self.lost(fault, now),
        }
    }

    fn batch(&mut self, batch: Batch, now: Instant) {
        let mut weight = batch.weight();
        self.desk.outbox.put_batch(batch);
        while weight < HANDFUL
            && let Some(more) = self.desk.outbox.queue.pop()
        {
            weight += more.weight();
            self.desk.outbox.put_batch(more);
        }
        if self.desk.outbox.queue.bytes() == 0 {
            self.rests_until = now + REST;
        }
        self.with_uplink(now, |uplink, desk| {
            uplink.paced(weight, now);
            uplink.send(desk)?;
            if desk.outbox.spooling.fresh_first() { Ok(()) } else { uplink.replay(desk, now) }
        });
    }

    fn reply(&mut self, batch: Batch, now: Instant) {
        if !matches!(self.phase, Phase::Up(_)) {
            self.desk.outbox.drop_reply(&batch);
            return;
        }
        self.desk.outbox.put_reply(batch);
        self.with_uplink(now, |uplink, desk| uplink.send(desk));
    }

    fn tick(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Up(_) => self.with_uplink(now, |uplink, desk| {
                uplink.tick(desk, now)?;
                uplink.replay(desk, now)
            }),
            Phase::Waiting(until) if now >= *until => self.connect(now),
            Phase::Waiting(_) | Phase::Connecting(_) => {}
        }
    }

    fn pressure(&mut self, now: Instant) {
        let sends = matches!(&self.phase, Phase::Up(uplink) if uplink.wants_batch(&self.desk, now));
        if !sends {
            self.desk.relieve(now);
        }
    }

    /// What has to be done after every event.
    fn look_after(&mut self, now: Instant) {
        self.desk.pulse.beat();
        let away = !matches!(self.phase, Phase::Up(_));
        if away && now.saturating_duration_since(self.away_since) >= self.desk.settings.spool_after {
            self.desk.outbox.spill(0, now);
        }
        self.desk.outbox.spooling.tick(now);
        let unacked = if let Phase::Up(uplink) = &self.phase { uplink.unacked_bytes() } else { 0 };
        self.desk.state.set_waiting(self.desk.outbox.queue.bytes(), unacked);
        for line in self.teller.lines(&self.desk.state.drops, now) {
            log::warn!("{line}");
        }
        self.ending.retain(|thread| !thread.is_finished());
    }

    fn is_present(&self, number: u64) -> bool {
        match &self.phase {
            Phase::Waiting(_) => false,
            Phase::Connecting(attempt) => attempt.number == number,
            Phase::Up(uplink) => uplink.attempt.number == number,
        }
    }

    /// Whether a shutdown was asked for and nothing is left that more time would bring to the server.
    fn is_finished(&mut self) -> bool {
        if self.desk.inbox.stop_at().is_none() {
            return false;
        }
        let now = Instant::now();
        if self.desk.inbox.is_time_up(now) {
            return true;
        }
        let outbox = &mut self.desk.outbox;
        let empty = outbox.pending.is_empty() && outbox.queue.bytes() == 0;
        match &mut self.phase {
            // whoever is away goes to the disk; without one the server gets its chance until the time is up
            Phase::Waiting(_) | Phase::Connecting(_) => empty || outbox.spooling.takes_packs(now),
            Phase::Up(uplink) if empty => match uplink.is_drained(&mut self.desk, now) {
                Ok(drained) => drained,
                Err(fault) => {
                    self.lost(fault, now);
                    false
                }
            },
            Phase::Up(_) => false,
        }
    }

    /// The end: closes the queue, keeps what can be kept, ends the session.
    fn finish(mut self) {
        let now = Instant::now();
        self.desk.outbox.queue.close();
        let phase = std::mem::replace(&mut self.phase, Phase::Waiting(now));
        if let Phase::Up(uplink) = phase {
            let (attempt, sent) = uplink.end(&super::fault::SessionFault::Ended);
            self.desk.outbox.stow(sent, now);
            let _ = attempt.abandon().join();
        } else {
            self.desk.outbox.stow(std::iter::empty(), now);
        }
        for line in self.teller.lines(&self.desk.state.drops, now) {
            log::warn!("{line}");
        }
    }
}
