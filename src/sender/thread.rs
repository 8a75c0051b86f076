//! The sender thread: one loop that waits for one event and acts on it.
//!
//! # Invariants
//! - It waits in [`Worker::next_event`] only, at most [`WAKE`], and in a write that gives it back every tenth of a second.
//! - One session at a time; what a session that was left still says is ignored by its number.

use super::batch::Batch;
use super::drops::Teller;
use super::fault::SessionFault;
use super::now_ms;
use super::route::Route;
use super::session::{Attempt, Connected, Outlets, SessionEvent};
use super::uplink::{Desk, Uplink};
use crossbeam_channel::{Receiver, never, select_biased};
use std::net::Shutdown;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest the loop waits, for its heartbeat and for what it publishes.
const WAKE: Duration = Duration::from_secs(1);

/// How long the echoes of a broken session are waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The sender thread's own state.
pub(super) struct Worker {
    pub(super) desk: Desk,
    pub(super) events: Receiver<(u64, SessionEvent)>,
    pub(super) outlets: Outlets,
    pub(super) route: Route,
    phase: Phase,
    attempts: u64,
    /// Since when there is no session.
    away_since: Instant,
    /// Threads of sessions that were left and may still be ending.
    ending: Vec<JoinHandle<()>>,
    teller: Teller,
}

/// How far the present session is.
enum Phase {
    /// None; the next is tried then.
    Waiting(Instant),
    /// Its thread connects and exchanges keys.
    Connecting(Attempt),
    /// Frames go out.
    Up(Box<Uplink>),
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
        let wait = self.wait(now).min(WAKE);
        let shut = never();
        let queue = match &self.phase {
            Phase::Up(uplink) if uplink.wants_batch(&self.desk, now) => self.desk.outbox.queue.receiver(),
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
            Phase::Waiting(until) => until.saturating_duration_since(now).min(self.desk.settings.spool_after / 2),
            Phase::Connecting(_) => self.desk.settings.spool_after / 2,
        };
        match self.desk.inbox.stop_at() {
            Some(stop_at) => wait.min(stop_at.saturating_duration_since(now)),
            None => wait,
        }
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
            Event::Pressure => self.relieve(now),
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

    fn up(&mut self, connected: Connected, now: Instant) {
        let Phase::Connecting(attempt) = std::mem::replace(&mut self.phase, Phase::Waiting(now)) else { return };
        let server = format!("{} ({})", attempt.server, connected.address);
        log::info!("connected to {server} as {:?}", connected.identity.oname);
        match Uplink::new(attempt, connected, &self.desk, now) {
            Ok(uplink) => {
                self.phase = Phase::Up(Box::new(uplink));
                self.desk.state.up(server, now_ms());
                self.with_uplink(now, |uplink, desk| uplink.send(desk));
            }
            Err(fault) => self.lost(fault, now),
        }
    }

    fn batch(&mut self, batch: Batch, now: Instant) {
        let weight = batch.weight();
        self.desk.outbox.put_batch(batch);
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

    /// More than half of the queue is full: where it can't be sent, the spool takes it.
    fn relieve(&mut self, now: Instant) {
        let sends = matches!(&self.phase, Phase::Up(uplink) if uplink.wants_batch(&self.desk, now));
        if !sends && self.desk.outbox.queue.is_pressed() {
            self.desk.outbox.spill(self.desk.settings.queue_bytes / 4, now);
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
        self.desk.state.set_unacked(unacked);
        for line in self.teller.lines(&self.desk.state.drops, now) {
            log::warn!("{line}");
        }
        self.ending.retain(|thread| !thread.is_finished());
    }

    fn connect(&mut self, now: Instant) {
        let Some(host) = self.route.host() else {
            self.phase = Phase::Waiting(now + self.route.pause());
            return;
        };
        self.attempts += 1;
        match Attempt::start(self.attempts, host, &self.desk.settings, self.outlets.clone()) {
            Ok(attempt) => self.phase = Phase::Connecting(attempt),
            Err(fault) => self.lost(fault, now),
        }
    }

    /// Acts on new settings, if that is what came.
    fn reconfigure(&mut self, now: Instant) {
        let Some(fresh) = self.desk.inbox.fresh_settings() else { return };
        let old = std::mem::replace(&mut self.desk.settings, *fresh);
        let settings = &self.desk.settings;
        self.desk.outbox.queue.rebound(settings.queue_bytes);
        self.desk.outbox.spooling.reconfigure(settings.spool.clone(), now);
        let stays = !settings.needs_reconnect(&old)
            && match &mut self.phase {
                Phase::Up(uplink) => {
                    uplink.reconfigure(settings, now);
                    uplink.is_identity_of(settings)
                }
                _ => false,
            };
        if !stays {
            self.route = Route::new(settings.hosts.clone(), settings.backoff);
            self.desk.echoes = false;
            self.leave(&SessionFault::Ended, now);
            self.desk.state.left(now_ms());
            log::info!("the settings of the server have changed: connecting anew");
        }
    }

    fn lost(&mut self, fault: SessionFault, now: Instant) {
        if matches!(fault, SessionFault::Write(_)) {
            self.hear_out();
        }
        let error = format!("{}: {fault}", self.leave(&fault, now));
        log::warn!("{error}");
        self.desk.state.down(error, now_ms());
        self.phase = Phase::Waiting(now + self.route.pause());
    }

    /// A write failed, so the connection is closed; what the server had echoed before may still be on its way through
    /// the session's thread, and saves repeats.
    fn hear_out(&mut self) {
        let Phase::Up(uplink) = &mut self.phase else { return };
        let until = Instant::now() + LAST_WORDS;
        while let Ok((number, event)) = self.events.recv_deadline(until) {
            let moved = match event {
                SessionEvent::Echo { agent_ms, server_ms, at } if number == uplink.attempt.number => {
                    uplink.echo(&mut self.desk, agent_ms, server_ms, at)
                }
                SessionEvent::Lost(_) if number == uplink.attempt.number => return,
                _ => false,
            };
            if moved {
                self.route.proved_good();
            }
        }
    }

    /// Leaves the session, if there is one: what was on its way goes first over the next. Gives the server's name.
    fn leave(&mut self, fault: &SessionFault, now: Instant) -> String {
        let attempt = match std::mem::replace(&mut self.phase, Phase::Waiting(now)) {
            Phase::Waiting(_) => return "no session".to_owned(),
            Phase::Connecting(attempt) => attempt,
            Phase::Up(uplink) => {
                self.away_since = now;
                let (attempt, sent) = uplink.end(fault);
                self.desk.outbox.take_back(sent);
                attempt
            }
        };
        let server = attempt.server.clone();
        self.ending.push(attempt.abandon());
        server
    }

    /// Lets the session do something; one that fails is left.
    fn with_uplink(&mut self, now: Instant, act: impl FnOnce(&mut Uplink, &mut Desk) -> Result<(), SessionFault>) {
        let Phase::Up(uplink) = &mut self.phase else { return };
        if let Err(fault) = act(uplink, &mut self.desk) {
            self.lost(fault, now);
        }
        // a write that took long may have brought new settings
        self.reconfigure(now);
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
            let (attempt, sent) = uplink.end(&SessionFault::Ended);
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
