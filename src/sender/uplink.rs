//! A session that is up: what goes out over it, when, and what the server has shown to have.
//!
//! # Invariants
//! - A pack is either in the outbox, in the window or done; a session that breaks loses none of them.
//! - A time sync goes before data whenever its interval has passed, behind each eighth of the window, behind the last
//!   data of a burst, and when the session was idle for [`IDLE_SYNC`].

use super::batch::{Origin, Parcel};
use super::desk::Desk;
use super::drops::DropReason;
use super::fault::SessionFault;
use super::link::Link;
use super::now_ms;
use super::pace::Pace;
use super::session::Attempt;
use super::settings::SenderSettings;
use super::state::SenderState;
use super::unacked::Unacked;
use std::time::{Duration, Instant};

/// An idle session proves that it lives this often.
const IDLE_SYNC: Duration = Duration::from_secs(30);

/// How long a server is given for its first echo before TCP's word is taken for it.
const ECHO_GRACE: Duration = Duration::from_secs(5);

/// How often TCP is asked while the window is full.
const ASK_TCP: Duration = Duration::from_millis(20);

/// Clocks are compared by echoes faster than this only.
const MAX_ROUND_TRIP: Duration = Duration::from_millis(500);

/// Bytes taken out of the spool in one go.
const REPLAY_BYTES: usize = 64 << 10;

/// A session that is up.
pub(super) struct Uplink {
    pub(super) attempt: Attempt,
    link: Link,
    unacked: Unacked,
    pace: Pace,
    /// Bytes of the queue that were there before the session: they are paced.
    backlog: usize,
    began: Instant,
    synced: Option<Instant>,
    /// When the last echo came.
    heard: Option<Instant>,
}

impl Uplink {
    /// A session over that connection.
    pub(super) fn new(attempt: Attempt, link: Link, desk: &Desk, now: Instant) -> Self {
        Self {
            attempt,
            link,
            unacked: Unacked::new(desk.settings.retry_window_bytes),
            pace: Pace::new(desk.settings.replay_bytes_per_second, now),
            backlog: desk.outbox.queue.bytes(),
            began: now,
            synced: None,
            heard: None,
        }
    }

    /// Takes new settings that need no new session.
    pub(super) fn reconfigure(&mut self, settings: &SenderSettings, now: Instant) {
        self.unacked.rebound(settings.retry_window_bytes);
        self.pace = Pace::new(settings.replay_bytes_per_second, now);
    }

    /// Whether the identity of this session is the one that these settings make.
    pub(super) fn is_identity_of(&self, settings: &SenderSettings) -> bool {
        let ours = self.link.identity();
        (settings.identity)(settings.licence.pcode, ours.ip) == *ours
    }

    /// Whether a message may be taken from the queue now.
    pub(super) fn wants_batch(&self, desk: &Desk, now: Instant) -> bool {
        let room = desk.outbox.pending.is_empty() && self.unacked.has_room();
        room && (self.backlog == 0 || desk.inbox.stop_at().is_some() || self.pace.wait(now).is_zero())
    }

    /// Counts a message against the backlog that was there when the session began.
    pub(super) fn paced(&mut self, weight: usize, now: Instant) {
        if self.backlog > 0 {
            self.pace.spend(weight, now);
            self.backlog = self.backlog.saturating_sub(weight);
        }
    }

    /// How long nothing has to be done here, if nothing comes.
    pub(super) fn idle_for(&self, desk: &Desk, now: Instant) -> Duration {
        if !desk.outbox.pending.is_empty() || !self.unacked.has_room() {
            return ASK_TCP;
        }
        let is_paced = self.backlog > 0 || self.may_replay(desk, now);
        let replay = if is_paced { self.pace.wait(now) } else { Duration::MAX };
        replay.min(self.sync_due_in(desk, now))
    }

    /// Sends what is pending, as far as the window has room.
    ///
    /// # Errors
    /// Why the session is over.
    pub(super) fn send(&mut self, desk: &mut Desk) -> Result<(), SessionFault> {
        let offset_ms = desk.state.clock_offset_ms();
        while self.unacked.has_room() {
            let Some(parcel) = desk.outbox.pending.pop_front() else { break };
            if self.synced.is_none_or(|at| at.elapsed() >= desk.settings.time_sync_interval) {
                self.time_sync();
            }
            match self.link.frame(&parcel, offset_ms) {
                Ok((end, len)) => {
                    count(&desk.state, &parcel, len);
                    if let Some(parcel) = self.unacked.push(end, parcel) {
                        desk.outbox.delivered(&parcel);
                    }
                }
                Err(len) => {
                    log::debug!("a pack of type {:#06x} would make a frame of {len} bytes", parcel.pack.pack_type);
                    desk.outbox.refuse(&parcel, DropReason::FrameTooLarge);
                }
            }
            if self.unacked.wants_mark() {
                self.time_sync();
            }
            if self.link.is_full() {
                self.flush(desk)?;
            }
        }
        self.flush(desk)
    }

    /// Sends from the spool, as far as the pace allows.
    ///
    /// # Errors
    /// Why the session is over.
    pub(super) fn replay(&mut self, desk: &mut Desk, now: Instant) -> Result<(), SessionFault> {
        if self.may_replay(desk, now) && self.pace.wait(now).is_zero() {
            let taken = desk.outbox.take_from_spool(REPLAY_BYTES, now);
            self.pace.spend(taken, now);
            self.send(desk)?;
        }
        Ok(())
    }

    /// What time alone brings: a full window, a due time sync, a server that has fallen silent.
    ///
    /// # Errors
    /// Why the session is over.
    pub(super) fn tick(&mut self, desk: &mut Desk, now: Instant) -> Result<(), SessionFault> {
        let silent_since = self.unacked.unanswered_since().map(|at| self.heard.map_or(at, |heard| at.max(heard)));
        let timeout = desk.settings.time_sync_timeout;
        if desk.echoes && silent_since.is_some_and(|at| now.saturating_duration_since(at) >= timeout) {
            return Err(SessionFault::Unanswered(timeout));
        }
        if !self.unacked.has_room() && self.trusts_tcp(desk, now) {
            self.unacked.acknowledged(self.link.acknowledged(), |parcel| desk.outbox.delivered(&parcel));
        }
        if self.sync_due_in(desk, now).is_zero() {
            self.time_sync();
        }
        if desk.outbox.queue.bytes() == 0 {
            self.backlog = 0;
        }
        self.send(desk)
    }

    /// The server echoed a time sync. Returns whether it showed that packs have arrived.
    pub(super) fn echo(&mut self, desk: &mut Desk, agent_ms: i64, server_ms: i64, at: Instant) -> bool {
        let mut arrived = false;
        let sent = self.unacked.echoed(agent_ms, |parcel| {
            arrived = true;
            desk.outbox.delivered(&parcel);
        });
        let Some(sent) = sent else { return false };
        self.heard = Some(at);
        desk.echoes = true;
        let round_trip = at.saturating_duration_since(sent);
        if round_trip < MAX_ROUND_TRIP {
            let half = round_trip.as_millis() as i64 / 2;
            let since = at.elapsed().as_millis() as i64;
            desk.state.set_clock_offset(server_ms.saturating_add(half + since).saturating_sub(now_ms()));
        }
        arrived
    }

    /// Whether the server has everything that was sent, as far as one can know.
    ///
    /// # Errors
    /// Why the session is over.
    pub(super) fn is_drained(&mut self, desk: &mut Desk, now: Instant) -> Result<bool, SessionFault> {
        if self.unacked.has_unmarked() {
            self.time_sync();
            self.flush(desk)?;
        }
        let taken = self.trusts_tcp(desk, now) && self.link.is_all_acknowledged();
        Ok(self.unacked.is_empty() || taken)
    }

    /// Ends the session: its thread, and what was on its way. A server that worked and then closed the connection may
    /// have done so because of the pack that it had to read next.
    pub(super) fn end(mut self, fault: &SessionFault) -> (Attempt, impl DoubleEndedIterator<Item = Parcel> + use<>) {
        if fault.is_by_server() && self.heard.is_some() {
            self.unacked.strike();
        }
        let sent = self.unacked.take_back();
        (self.attempt, sent)
    }

    /// Bytes that may still be lost.
    pub(super) fn unacked_bytes(&self) -> usize {
        self.unacked.bytes()
    }

    fn may_replay(&self, desk: &Desk, now: Instant) -> bool {
        let room = desk.outbox.pending.is_empty() && self.unacked.has_room();
        room && desk.inbox.stop_at().is_none() && desk.outbox.spooling.has_packs(now)
    }

    /// A server that was given time and never echoed anything is one that doesn't.
    fn trusts_tcp(&self, desk: &Desk, now: Instant) -> bool {
        !desk.echoes && now.saturating_duration_since(self.began) >= ECHO_GRACE
    }

    fn sync_due_in(&self, desk: &Desk, now: Instant) -> Duration {
        let every = if self.unacked.has_unmarked() { desk.settings.time_sync_interval } else { IDLE_SYNC };
        self.synced.map_or(Duration::ZERO, |at| (at + every).saturating_duration_since(now))
    }

    fn time_sync(&mut self) {
        let (now, agent_ms) = (Instant::now(), now_ms());
        let end = self.link.time_sync(agent_ms);
        self.unacked.mark(agent_ms, end, now);
        self.synced = Some(now);
    }

    /// Writes out; while the server takes nothing, the rest of the thread's work goes on.
    fn flush(&mut self, desk: &mut Desk) -> Result<(), SessionFault> {
        self.link.flush(|blocked| desk.meanwhile(blocked))
    }
}

fn count(state: &SenderState, parcel: &Parcel, len: usize) {
    state.frames_sent.add(1);
    state.bytes_sent.add(len as u64);
    state.records_sent.add(u64::from(parcel.pack.records));
    if parcel.again {
        state.frames_resent.add(1);
    } else if matches!(parcel.origin, Origin::Spool(_)) {
        state.frames_replayed.add(1);
    }
}
