//! What a collector tells of: agents that come and go, packs, frames that were dropped.

use super::agents::Agent;
use crate::wire::codec::DecodeError;
use crate::wire::frame::FrameError;
use crate::wire::handshake::HandshakeError;
use crate::wire::pack::Pack;
use crate::wire::session::OpenError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// An agent ended its key exchange.
    Connected(Arc<Agent>),
    /// A pack arrived; replies to commands too.
    Pack(Arc<Agent>, Box<Pack>),
    /// A frame was dropped, the connection goes on.
    Dropped(Arc<Agent>, Refusal),
    /// A connection ended.
    Ended {
        /// The other end.
        peer: SocketAddr,
        /// The agent, when the key exchange had ended.
        agent: Option<Arc<Agent>>,
        /// Why.
        end: End,
    },
}

/// Why a frame was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is of another agent or session, or can't be uncovered.
    Frame(OpenError),
    /// Its payload is no pack or time sync.
    Payload(DecodeError),
    /// Its code has no place after the key exchange.
    Unexpected(u8),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::Payload(error) => write!(f, "a frame with a faulty payload: {error}"),
            Self::Unexpected(code) => write!(f, "a frame of code {code:#04x} after the key exchange"),
        }
    }
}

/// Why a connection ended.
#[derive(Debug)]
pub enum End {
    /// The agent closed it.
    Closed,
    /// The collector stops.
    Stopped,
    /// More agents than are taken.
    Full,
    /// Refused on purpose, before the key exchange.
    Refused,
    /// Closed on purpose.
    Dropped,
    /// Reset on purpose.
    Reset,
    /// No byte came for too long.
    Silent,
    /// The key exchange failed.
    Handshake(HandshakeError),
    /// The agent sent something that is no frame.
    Garbage(FrameError),
    /// The connection broke.
    Broken(io::Error),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by the agent"),
            Self::Stopped => f.write_str("closed, the collector stops"),
            Self::Full => f.write_str("closed, there are too many agents already"),
            Self::Refused => f.write_str("refused on purpose"),
            Self::Dropped => f.write_str("closed on purpose"),
            Self::Reset => f.write_str("reset on purpose"),
            Self::Silent => f.write_str("closed, nothing came for too long"),
            Self::Handshake(error) => error.fmt(f),
            Self::Garbage(error) => error.fmt(f),
            Self::Broken(error) => write!(f, "broken: {error}"),
        }
    }
}
