//! The sender: takes packs from the scrapers, brings them to the collection server, and loses none that it could keep.
//!
//! A pack's way: [`Queue`] → (spool, while the server is away) → window of what was sent → done, when the server has
//! shown that it read it. One thread writes, one thread per session connects and reads.
//!
//! # Invariants
//! - [`Queue::push`] never waits, whatever the server does.
//! - Memory is bounded by `queue_bytes`, `retry_window_bytes` and one handful of messages; the disk by `spool_max_bytes`.
//! - Every pack that does not reach the server is counted in [`Drops`] with its reason.

mod backoff;
mod batch;
mod connecting;
mod desk;
mod drops;
mod fault;
mod inbox;
mod link;
mod outbox;
mod pace;
mod phase;
mod queue;
mod route;
mod session;
mod settings;
mod spool;
mod spooling;
mod state;
mod thread;
mod unacked;
mod uplink;

pub use batch::Batch;
pub use drops::{DropReason, Drops};
pub use fault::SessionFault;
pub use link::Framer;
pub use queue::Queue;
pub use settings::{IdentityOf, SenderSettings};
pub use spool::{SpoolError, SpoolOrder, SpoolSettings};
pub use state::SenderState;

use crate::wire::pack::Param;
use crossbeam_channel::{Receiver, bounded, unbounded};
use desk::Desk;
use inbox::{Inbox, Message};
use outbox::Outbox;
use session::Outlets;
use spooling::Spooling;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Commands of the server that may wait for an answer.
const COMMANDS: usize = 64;

/// Frames, spool records and file paths need little of it.
const STACK_BYTES: usize = 256 << 10;

/// A running sender.
#[derive(Debug)]
pub struct Sender {
    queue: Queue,
    state: Arc<SenderState>,
    messages: crossbeam_channel::Sender<Message>,
    commands: Receiver<Param>,
    thread: JoinHandle<()>,
}

/// Starts the sender thread; it connects at once and for as long as it runs. `heartbeat` grows at least every
/// 5 seconds while the thread is alive.
///
/// # Errors
/// When the system gives no thread.
pub fn start(settings: SenderSettings, heartbeat: Arc<AtomicU64>) -> io::Result<Sender> {
    let state = Arc::new(SenderState::default());
    let queue = Queue::new(settings.queue_bytes, Arc::clone(&state.drops));
    let (messages, inbox) = unbounded();
    let (command_tx, commands) = bounded(COMMANDS);
    let (event_tx, events) = unbounded();
    let outlets = Outlets { events: event_tx, commands: command_tx, state: Arc::clone(&state) };
    let run = {
        let (queue, state) = (queue.clone(), Arc::clone(&state));
        move || {
            let spooling = Spooling::new(settings.spool.clone(), Arc::clone(&state), Instant::now());
            let outbox = Outbox::new(queue, spooling, Arc::clone(&state));
            let (inbox, pulse) = (Inbox::new(inbox), Pulse(heartbeat));
            let desk = Desk { settings, state, outbox, inbox, pulse, echoes: false };
            thread::Worker::new(desk, events, outlets).run();
        }
    };
    let thread = Builder::new().name("sender".to_owned()).stack_size(STACK_BYTES).spawn(run)?;
    Ok(Sender { queue, state, messages, commands, thread })
}

impl Sender {
    /// A handle to hand packs over with.
    pub fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// What the sender tells of itself.
    pub fn state(&self) -> Arc<SenderState> {
        Arc::clone(&self.state)
    }

    /// Commands of the server; each is answered through [`Queue::reply`].
    pub fn commands(&self) -> Receiver<Param> {
        self.commands.clone()
    }

    /// Goes on under other settings; a change of server, licence or identity makes a new session.
    pub fn reconfigure(&self, settings: SenderSettings) {
        let _ = self.messages.send(Message::Reconfigure(Box::new(settings)));
    }

    /// Whether its thread runs; false before a shutdown means that it panicked.
    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Sends what is queued, or spools it, within that time, and ends.
    pub fn shutdown(self, within: Duration) {
        let _ = self.messages.send(Message::Shutdown(Instant::now() + within));
        if self.thread.join().is_err() {
            log::error!("the sender thread has panicked");
        }
    }
}

/// The heartbeat of the sender thread.
#[derive(Debug)]
struct Pulse(Arc<AtomicU64>);

impl Pulse {
    fn beat(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The agent's clock, Unix milliseconds.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
