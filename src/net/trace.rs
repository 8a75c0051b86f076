//! What a request has come to so far: written by connector and transport deep inside `ureq`, read by the client that
//! waits for them, so that an error can tell its phase and a response its timings.

use super::error::FetchError;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// How far a request had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Looking the host name up.
    #[default]
    Dns,
    /// Opening the TCP connection.
    Connect,
    /// Shaking hands in TLS.
    Tls,
    /// Sending the request and waiting for the head of the answer.
    Head,
    /// Reading the body.
    Body,
}

impl Phase {
    /// What was under way, as an error text says it.
    pub fn doing(self) -> &'static str {
        match self {
            Self::Dns => "looking up its name",
            Self::Connect => "connecting",
            Self::Tls => "in the TLS handshake",
            Self::Head => "waiting for the head of the answer",
            Self::Body => "reading the body",
        }
    }
}

/// Where the time of a request went. All zero but `first_byte` where a connection was used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// Looking the host name up.
    pub dns: Duration,
    /// Opening the TCP connection.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the request going out until the head of the answer was there.
    pub first_byte: Duration,
}

/// The state of one client's request; a client runs one request at a time.
#[derive(Debug, Default)]
pub(super) struct Trace {
    state: Mutex<State>,
    /// Connections opened so far.
    opened: AtomicU64,
    /// Set once [`super::Client::shutdown`] was called: what ends now ended by our own will.
    interrupted: AtomicBool,
    /// Only take what has come already; wait for nothing more.
    hurry: AtomicBool,
    /// Bytes of the body that have not been read yet, where its length is known; else 0.
    to_come: AtomicUsize,
    /// TLS lies between the connection and HTTP.
    covered: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    timings: Timings,
    peer: Option<SocketAddr>,
}

impl Trace {
    /// A new request begins; until a connector says otherwise it runs on the idle connection.
    pub(super) fn begin(&self) {
        self.hurry.store(false, Ordering::Relaxed);
        self.expect(0);
        self.with(|state| {
            state.phase = Phase::Head;
            state.timings = Timings::default();
        });
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.with(|state| state.phase = phase);
    }

    pub(super) fn phase(&self) -> Phase {
        self.with(|state| state.phase)
    }

    pub(super) fn timings(&self) -> Timings {
        self.with(|state| state.timings)
    }

    pub(super) fn time(&self, record: impl FnOnce(&mut Timings)) {
        self.with(|state| record(&mut state.timings));
    }

    pub(super) fn connected(&self, peer: Option<SocketAddr>) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.with(|state| state.peer = peer);
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.with(|state| state.peer)
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    pub(super) fn hurry(&self) {
        self.hurry.store(true, Ordering::Relaxed);
    }

    pub(super) fn hurries(&self) -> bool {
        self.hurry.load(Ordering::Relaxed)
    }

    /// So many bytes of the body have not been read yet.
    pub(super) fn expect(&self, bytes: usize) {
        self.to_come.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that will surely come over the connection, as far as the length of the body tells.
    pub(super) fn to_come(&self) -> usize {
        if self.covered.load(Ordering::Relaxed) { 0 } else { self.to_come.load(Ordering::Relaxed) }
    }

    /// Whether TLS takes the connection over: then the body's length says little of what comes.
    pub(super) fn cover(&self, covered: bool) {
        self.covered.store(covered, Ordering::Relaxed);
    }

    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
    }

    /// An error once the client was shut down.
    pub(super) fn check(&self) -> Result<(), FetchError> {
        if self.interrupted.load(Ordering::SeqCst) { Err(FetchError::Interrupted) } else { Ok(()) }
    }

    fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        action(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
