//! What the sender thread works with whatever its session is: settings, outbox, inbox, heartbeat.

use super::Pulse;
use super::fault::SessionFault;
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::settings::SenderSettings;
use super::state::SenderState;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the sender thread lends to a session.
pub(super) struct Desk {
    pub(super) settings: SenderSettings,
    pub(super) state: Arc<SenderState>,
    pub(super) outbox: Outbox,
    pub(super) inbox: Inbox,
    pub(super) pulse: Pulse,
    /// Whether this server was ever seen to echo a time sync.
    pub(super) echoes: bool,
}

impl Desk {
    /// The thread's other work while a write is blocked for that long already.
    pub(super) fn meanwhile(&mut self, blocked: Duration) -> ControlFlow<SessionFault> {
        let now = Instant::now();
        self.pulse.beat();
        self.inbox.look();
        if self.inbox.is_time_up(now) {
            return ControlFlow::Break(SessionFault::Ended);
        }
        if blocked >= self.settings.spool_after {
            self.outbox.spill(0, now);
        } else {
            self.relieve(now);
        }
        self.outbox.spooling.tick(now);
        ControlFlow::Continue(())
    }

    /// Where more than half of the queue is full and can't be sent, the spool takes it.
    pub(super) fn relieve(&mut self, now: Instant) {
        if self.outbox.queue.is_pressed() {
            self.outbox.spill(self.settings.queue_bytes / 4, now);
        }
    }
}
