//! A TLS session over another transport: the handshake, then plain bytes in and out.

use super::super::error::FetchError;
use super::super::window::Window;
use super::{ClientTls, describe};
use rustls::{ClientConnection, Stream};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, NextTimeout, Transport, TransportAdapter};

/// An established session.
struct Session {
    tls: ClientConnection,
    below: TransportAdapter,
    window: Window,
    /// `host:port`, for errors.
    on: String,
}

const CLOSED: &str = "the server closed the connection in the handshake; is the port plain http, or not this server's?";

/// Makes a session with `host` over `below`, within `timeout`.
///
/// # Errors
/// [`FetchError::Tls`] when the server is not the right one or refuses, else the transport's own.
pub(in crate::net) fn handshake(
    tls: &ClientTls,
    (host, port): (&str, u16),
    below: Box<dyn Transport>,
    details: &ConnectionDetails<'_>,
    timeout: NextTimeout,
) -> Result<Box<dyn Transport>, ureq::Error> {
    let on = format!("{host}:{port}");
    let name = tls.name_for(host).map_err(other)?;
    let mut session = ClientConnection::new(Arc::clone(&tls.config), name)
        .map_err(|error| other(FetchError::Tls { on: on.clone(), what: describe(&error) }))?;
    let mut below = TransportAdapter::new(below, Arc::clone(&details.current_time));
    below.set_timeout(timeout);
    if let Err(error) = session.complete_io(&mut below) {
        return Err(match error.kind() {
            ErrorKind::UnexpectedEof => other(FetchError::Tls { on, what: CLOSED.to_owned() }),
            _ => explain(error, &mut session, &mut below, &on),
        });
    }
    Ok(Box::new(Session { tls: session, below, window: Window::default(), on }))
}

impl Transport for Session {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.window
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.below.set_timeout(timeout);
        let output = &self.window.output()[..amount];
        let mut stream = Stream::new(&mut self.tls, &mut self.below);
        let result = stream.write_all(output).and_then(|()| stream.flush());
        self.window.sent();
        result.map_err(|error| explain(error, &mut self.tls, &mut self.below, &self.on))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.below.set_timeout(timeout);
        let room = self.window.input_append_buf();
        if room.is_empty() {
            return Err(other(FetchError::line_too_long()));
        }
        let amount = Stream::new(&mut self.tls, &mut self.below).read(room).map_err(|error| refine(error, &self.on))?;
        self.window.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.window.release();
        // rustls gives its record buffer back, all but 4 KiB, when it looks for input and finds none
        let _ = self.tls.read_tls(&mut Nothing);
        let silent = self.tls.process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() == 0);
        silent && self.below.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("on", &self.on).finish_non_exhaustive()
    }
}

/// A source that has nothing now.
struct Nothing;

impl io::Read for Nothing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

/// After a failed write: a server that refuses a session says why before it closes, and its words may still wait here.
fn explain(error: io::Error, tls: &mut ClientConnection, below: &mut TransportAdapter, on: &str) -> ureq::Error {
    let is_reset = error.get_ref().and_then(|inner| inner.downcast_ref()).is_some_and(is_reset);
    while is_reset && tls.read_tls(below).is_ok_and(|amount| amount > 0) {
        if let Err(reason) = tls.process_new_packets() {
            return other(FetchError::Tls { on: on.to_owned(), what: describe(&reason) });
        }
    }
    refine(error, on)
}

fn is_reset(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Other(inner) if matches!(inner.downcast_ref(), Some(FetchError::Closed { .. })))
}

/// A session that ends without saying so may have been cut short by anybody: no clean end of a body.
fn refine(error: io::Error, on: &str) -> ureq::Error {
    if let Some(fault) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return other(FetchError::Tls { on: on.to_owned(), what: describe(fault) });
    }
    match error.kind() {
        ErrorKind::UnexpectedEof => other(FetchError::Closed { reset: false }),
        _ => ureq::Error::from(error),
    }
}

fn other(error: FetchError) -> ureq::Error {
    ureq::Error::Other(Box::new(error))
}
