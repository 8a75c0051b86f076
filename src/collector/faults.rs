//! Faults on purpose: what an agent must bear, made at will while the collector runs.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What goes wrong; nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Closes each connection after this many packs. What the agent's TCP had delivered until it closes its end is
    /// still read, so an agent that repeats what was not acknowledged loses nothing.
    pub drop_after: Option<u64>,
    /// Connections end by RST: after `drop_after` packs, without it right after the key exchange. What arrived in the
    /// moment before is lost, as when a machine dies.
    pub reset: bool,
    /// Reads nothing after the key exchange.
    pub stall: bool,
    /// Closes each connection before the key exchange.
    pub refuse: bool,
    /// Reads at most this many bytes a second.
    pub slow_read: Option<u32>,
    /// Answers the key exchange under another key.
    pub bad_key: bool,
}

/// The collector was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

/// The faults of the moment, and the stop; waits on it end when either changes.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    stopped: bool,
}

impl Gate {
    pub(super) fn new(faults: Faults) -> Self {
        Self { state: Mutex::new(State { faults, stopped: false }), changed: Condvar::new() }
    }

    pub(super) fn set(&self, faults: Faults) {
        self.lock().faults = faults;
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    pub(super) fn faults(&self) -> Faults {
        self.lock().faults
    }

    /// Waits while the connections are to stall.
    pub(super) fn wait_while_stalled(&self) -> Result<(), Stopped> {
        let state = self.lock();
        let waited = self.changed.wait_while(state, |state| state.faults.stall && !state.stopped);
        if waited.unwrap_or_else(PoisonError::into_inner).stopped { Err(Stopped) } else { Ok(()) }
    }

    /// Waits for that long.
    pub(super) fn pause(&self, time: Duration) -> Result<(), Stopped> {
        let deadline = Instant::now() + time;
        let mut state = self.lock();
        while !state.stopped {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return Ok(());
            };
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Err(Stopped)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
