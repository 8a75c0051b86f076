//! The life of sessions: trying, up, lost, tried again.
//!
//! # Invariants
//! There is one session at most. Whatever ends one, what it had on its way is back in the outbox before the next.

use super::desk::Desk;
use super::fault::SessionFault;
use super::link::Link;
use super::now_ms;
use super::route::Route;
use super::session::{Attempt, Connected, SessionEvent};
use super::thread::Worker;
use super::uplink::Uplink;
use std::time::{Duration, Instant};

/// How long the echoes of a broken session are waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How far the present session is.
pub(super) enum Phase {
    /// None; the next is tried then.
    Waiting(Instant),
    /// Its thread connects and exchanges keys.
    Connecting(Attempt),
    /// Frames go out.
    Up(Box<Uplink>),
}

impl Worker {
    /// Tries the next host.
    pub(super) fn connect(&mut self, now: Instant) {
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
    pub(super) fn reconfigure(&mut self, now: Instant) {
        let Some(fresh) = self.desk.inbox.fresh_settings() else { return };
        let old = std::mem::replace(&mut self.desk.settings, *fresh);
        let settings = &self.desk.settings;
        self.desk.outbox.queue.rebound(settings.queue_bytes);
        let stays = !settings.needs_reconnect(&old)
            && match &mut self.phase {
                Phase::Up(uplink) => {
                    uplink.reconfigure(settings, now);
                    uplink.is_identity_of(settings)
                }
                _ => false,
            };
        let spool = settings.spool.clone();
        if !stays {
            self.route = Route::new(settings.hosts.clone(), settings.backoff);
            self.desk.echoes = false;
            self.leave(&SessionFault::Ended, now);
            self.desk.state.left(now_ms());
            log::info!("the settings of the server have changed: connecting anew");
        }
        self.desk.outbox.change_spool(spool, now);
    }

    /// The session failed or broke: the next is tried after a pause.
    pub(super) fn lost(&mut self, fault: SessionFault, now: Instant) {
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
    pub(super) fn with_uplink(
        &mut self,
        now: Instant,
        act: impl FnOnce(&mut Uplink, &mut Desk) -> Result<(), SessionFault>,
    ) {
        let Phase::Up(uplink) = &mut self.phase else { return };
        if let Err(fault) = act(uplink, &mut self.desk) {
            self.lost(fault, now);
        }
        // a write that took long may have brought new settings
        self.reconfigure(now);
    }

    /// Keys are exchanged: frames may go out.
    pub(super) fn up(&mut self, connected: Connected, now: Instant) {
        let (address, settings) = (connected.address, &self.desk.settings);
        let link = Link::new(connected, settings.encrypt, settings.net_send_max_bytes, settings.write_timeout);
        let link = match link {
            Ok(link) => link,
            Err(fault) => return self.lost(fault, now),
        };
        let Phase::Connecting(attempt) = std::mem::replace(&mut self.phase, Phase::Waiting(now)) else { return };
        let server = format!("{} ({address})", attempt.server);
        log::info!("connected to {server} as {:?}", link.identity().oname);
        self.desk.state.up(server, now_ms());
        self.phase = Phase::Up(Box::new(Uplink::new(attempt, link, &self.desk, now)));
        self.with_uplink(now, |uplink, desk| uplink.send(desk));
    }
}
