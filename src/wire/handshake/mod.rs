//! The handshake, both sides, without a socket: bytes in, bytes or a [`Session`](super::session::Session) out.
//!
//! ```text
//! hello = frame head (code 0xff at level 128, else 0xfd; transfer_key 0, or bytes 1 level/8 0 0 for a level above 128),
//!         int-bytes AES_licence(text "hello", text oname, int ip)
//! reply = byte, byte, long pcode, int oid, int,
//!         int-bytes AES_licence(int transfer_key, blob secure_key, int hide_key, int public_ip)
//! ```

mod client;
mod server;

pub use client::Client;
pub use server::Hello;

use super::codec::DecodeError;
use super::frame::FrameError;
use std::fmt;

/// First text of a hello: it proves that both sides have the same key.
const GREETING: &str = "hello";
/// Longest payload of a reply, in bytes.
const MAX_REPLY: usize = 1024;
/// Longest payload of a hello, in bytes; an ONAME is far shorter.
const MAX_HELLO: usize = 16 << 10;

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandshakeError {
    /// The peer announced more than a handshake holds.
    TooLong(FrameError),
    /// The peer's frame is of another project.
    OtherProject {
        /// The licence's project.
        ours: i64,
        /// The one named.
        theirs: i64,
    },
    /// The reply is for another agent.
    OtherAgent {
        /// The agent's OID.
        ours: i32,
        /// The one named.
        theirs: i32,
    },
    /// What came can't be read with the licence's key.
    WrongKey(DecodeError),
    /// The hello doesn't greet: it was written under another key.
    NoGreeting,
    /// The first frame is none of a handshake.
    NoHello(u8),
    /// A hello of a cypher level that doesn't exist, in bytes of the key.
    UnknownLevel(u8),
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(error) => write!(f, "key exchange: {error}"),
            Self::OtherProject { ours, theirs } => write!(
                f,
                "key exchange: the peer names project {theirs}, the licence is of project {ours}; \
                 is the licence right for this server?"
            ),
            Self::OtherAgent { ours, theirs } => {
                write!(f, "key exchange: the reply is for agent {theirs}, this is agent {ours}")
            }
            Self::WrongKey(error) => write!(
                f,
                "key exchange: what the peer sent can't be read with the licence's key ({error}); \
                 do licence and cypher_level fit this server?"
            ),
            Self::NoGreeting => f.write_str(
                "key exchange: the hello was not written with the licence's key; do both sides have the same?",
            ),
            Self::NoHello(code) => write!(f, "key exchange: the first frame has code {code:#04x} and is no hello"),
            Self::UnknownLevel(bytes) => {
                write!(f, "key exchange: a key of {bytes} bytes; cypher_level is 0, 128, 192 or 256")
            }
        }
    }
}

impl std::error::Error for HandshakeError {}

#[cfg(test)]
mod tests;
