//! What the agent tells the sender thread, kept until the thread comes to it.

use super::settings::SenderSettings;
use crossbeam_channel::Receiver;
use std::time::{Duration, Instant};

/// Kept of the time a shutdown has, to write the rest into the spool.
const RESERVE: Duration = Duration::from_secs(1);

/// A message to the sender thread.
#[derive(Debug)]
pub(super) enum Message {
    /// Go on under these settings.
    Reconfigure(Box<SenderSettings>),
    /// Send or spool what is queued and end by then.
    Shutdown(Instant),
}

/// The messages that came and are not yet acted on.
#[derive(Debug)]
pub(super) struct Inbox {
    messages: Receiver<Message>,
    fresh: Option<Box<SenderSettings>>,
    stop_at: Option<Instant>,
}

impl Inbox {
    /// Nothing has come yet.
    pub(super) fn new(messages: Receiver<Message>) -> Self {
        Self { messages, fresh: None, stop_at: None }
    }

    /// The channel, to wait on.
    pub(super) fn messages(&self) -> &Receiver<Message> {
        &self.messages
    }

    /// Keeps a message; `None` is a handle that is gone, which asks for an end at once.
    pub(super) fn take(&mut self, message: Option<Message>) {
        match message {
            Some(Message::Reconfigure(settings)) => self.fresh = Some(settings),
            Some(Message::Shutdown(by)) => {
                let now = Instant::now();
                let reserve = RESERVE.min(by.saturating_duration_since(now) / 4);
                self.stop_at = Some(by.checked_sub(reserve).unwrap_or(now));
            }
            None => self.stop_at = Some(Instant::now()),
        }
    }

    /// Keeps what has come, without waiting.
    pub(super) fn look(&mut self) {
        while let Ok(message) = self.messages.try_recv() {
            self.take(Some(message));
        }
    }

    /// New settings, once.
    pub(super) fn fresh_settings(&mut self) -> Option<Box<SenderSettings>> {
        self.fresh.take()
    }

    /// When sending has to stop, once a shutdown was asked for.
    pub(super) fn stop_at(&self) -> Option<Instant> {
        self.stop_at
    }

    /// Whether sending has to stop now.
    pub(super) fn is_time_up(&self, now: Instant) -> bool {
        self.stop_at.is_some_and(|stop_at| now >= stop_at)
    }
}
