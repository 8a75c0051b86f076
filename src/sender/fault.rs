//! Why there is no session, or no longer one.

use crate::wire::codec::DecodeError;
use crate::wire::frame::FrameError;
use crate::wire::handshake::HandshakeError;
use crate::wire::session::OpenError;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a session could not be set up, or ended. Which server it was is told beside it.
#[derive(Debug)]
pub enum SessionFault {
    /// The host's name has no address.
    Resolve(io::Error),
    /// The connection was not accepted.
    Connect(io::Error),
    /// The connection failed during the key exchange.
    KeyExchange(io::Error),
    /// The server closed the connection during the key exchange.
    KeyExchangeClosed,
    /// What the server answered in the key exchange is wrong.
    Handshake(HandshakeError),
    /// No thread could be started for the session.
    Thread(io::Error),
    /// The server closed the connection.
    Closed,
    /// Reading failed.
    Read(io::Error),
    /// Nothing came for the whole read deadline.
    Silent(Duration),
    /// Writing failed.
    Write(io::Error),
    /// The server took no byte for the whole write deadline.
    Blocked(Duration),
    /// A time sync stayed unanswered.
    Unanswered(Duration),
    /// What the server sent is no frame.
    Frame(FrameError),
    /// A frame of the server can't be decrypted.
    Torn(OpenError),
    /// A frame of the server holds no pack.
    Pack(DecodeError),
    /// The session's thread panicked.
    Panicked,
    /// The session is not wanted any more: the agent ends, or its settings have changed.
    Ended,
}

impl SessionFault {
    /// Whether the other side ended the connection.
    pub(super) fn is_by_server(&self) -> bool {
        matches!(self, Self::Closed | Self::Read(_) | Self::Write(_))
    }
}

impl fmt::Display for SessionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(error) => write!(f, "its name has no address: {error}; check WHATAP_HOST and the DNS"),
            Self::Connect(error) if error.kind() == io::ErrorKind::TimedOut => {
                f.write_str("no answer to the connection within tcp_connection_timeout; is a firewall in between?")
            }
            Self::Connect(error) => write!(f, "cannot connect: {error}; check WHATAP_HOST and WHATAP_PORT"),
            Self::KeyExchange(error) => write!(f, "the key exchange failed: {error}"),
            Self::KeyExchangeClosed => f.write_str(
                "the server closed the connection during the key exchange: is the licence right for this server?",
            ),
            Self::Handshake(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "no thread could be started for the session: {error}"),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Read(error) => write!(f, "reading failed: {error}"),
            Self::Silent(time) => write!(f, "the server sent nothing for {time:?} (tcp_so_timeout)"),
            Self::Write(error) => write!(f, "writing failed: {error}"),
            Self::Blocked(time) => write!(f, "the server took no byte for {time:?} (tcp_so_send_timeout)"),
            Self::Unanswered(time) => write!(f, "the server left a time sync unanswered for {time:?}"),
            Self::Frame(error) => write!(f, "the server sent garbage: {error}"),
            Self::Torn(error) => write!(f, "the server sent garbage: {error}"),
            Self::Pack(error) => write!(f, "the server sent garbage: a frame without a pack in it: {error}"),
            Self::Panicked => f.write_str("the session's thread has panicked, which is a fault of this program"),
            Self::Ended => f.write_str("the agent ended it"),
        }
    }
}

impl std::error::Error for SessionFault {}
