//! How a session begins: the host's addresses, a connection, the exchange of keys.
//!
//! # Invariants
//! Each step has its deadline, and between two of them it is looked whether the session is still wanted.

use super::fault::SessionFault;
use super::session::{Run, is_timeout};
use crate::wire::handshake::Client;
use crate::wire::identity::{Identity, naming_address};
use crate::wire::session::Session;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

/// The most bytes of a key exchange's answer taken at once.
const REPLY_BYTES: usize = 2 << 10;

impl Run {
    /// Looks the host up and connects to the first of its addresses that answers.
    pub(super) fn connect(&self) -> Result<TcpStream, SessionFault> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let addresses = (host, self.settings.port).to_socket_addrs().map_err(SessionFault::Resolve)?;
        let mut last = io::Error::new(ErrorKind::NotFound, "no address was found");
        for address in addresses {
            self.check_wanted()?;
            match TcpStream::connect_timeout(&address, self.settings.connect_timeout) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(SessionFault::Connect(last))
    }

    /// Sends the hello and reads the answer: who we are, the session, and the bytes that came behind the answer.
    pub(super) fn exchange_keys(&self, mut stream: &TcpStream) -> Result<(Identity, Session, Vec<u8>), SessionFault> {
        let deadline = Instant::now() + self.settings.connect_timeout;
        let local = stream.local_addr().map_err(SessionFault::KeyExchange)?;
        let identity = (self.settings.identity)(self.settings.licence.pcode, naming_address(local.ip()));
        let client = Client::new(&self.settings.licence, identity.oid, self.settings.cypher_level);
        stream
            .set_nodelay(true)
            .and_then(|()| stream.set_write_timeout(Some(self.settings.connect_timeout)))
            .and_then(|()| stream.write_all(&client.hello(&identity.oname, identity.ip)))
            .map_err(key_exchange_fault)?;
        let mut answer = Vec::new();
        loop {
            self.read_answer(stream, &mut answer, deadline)?;
            if let Some((session, len)) = client.read_reply(&answer).map_err(SessionFault::Handshake)? {
                return Ok((identity, session, answer.split_off(len)));
            }
        }
    }

    fn read_answer(&self, mut stream: &TcpStream, answer: &mut Vec<u8>, deadline: Instant) -> Result<(), SessionFault> {
        self.check_wanted()?;
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let mut bytes = [0; REPLY_BYTES];
        let read = stream.set_read_timeout(Some(left)).and_then(|()| stream.read(&mut bytes));
        match read.map_err(key_exchange_fault)? {
            0 => Err(SessionFault::KeyExchangeClosed),
            read => {
                answer.extend_from_slice(&bytes[..read]);
                Ok(())
            }
        }
    }
}

/// A reset during the key exchange is how a server shows that it doesn't know the licence, as closing is.
fn key_exchange_fault(error: io::Error) -> SessionFault {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            SessionFault::KeyExchangeClosed
        }
        _ if is_timeout(&error) => {
            SessionFault::KeyExchange(io::Error::new(ErrorKind::TimedOut, "the server did not answer in time"))
        }
        _ => SessionFault::KeyExchange(error),
    }
}
