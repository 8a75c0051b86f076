//! A session: what the handshake agreed on, and how payloads are covered and uncovered under it.

use super::codec::DecodeError;
use super::cypher::{Cypher, Key, Level, hide};
use super::frame::{Code, FROM_AGENT, Frame, Head};
use super::pack::Pack;
use std::fmt;
use std::net::Ipv4Addr;

/// What the server hands out in the handshake.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKeys {
    /// Stands in every frame.
    pub transfer_key: i32,
    /// Key of the session's cypher.
    pub secure_key: Key,
    /// Key of [`hide`].
    pub hide_key: i32,
    /// The agent's address as the server sees it.
    pub public_ip: Ipv4Addr,
}

/// An agreed session; the same on both sides.
pub struct Session {
    pcode: i64,
    oid: i32,
    keys: SessionKeys,
    cypher: Cypher,
}

impl Session {
    /// A session of that agent under those keys.
    pub fn new(pcode: i64, oid: i32, level: Level, keys: SessionKeys) -> Self {
        let cypher = Cypher::new(level, &keys.secure_key);
        Self { pcode, oid, keys, cypher }
    }

    /// Project.
    pub fn pcode(&self) -> i64 {
        self.pcode
    }

    /// Agent.
    pub fn oid(&self) -> i32 {
        self.oid
    }

    /// What the server handed out.
    pub fn keys(&self) -> &SessionKeys {
        &self.keys
    }

    /// Its cypher level.
    pub fn level(&self) -> Level {
        self.cypher.level()
    }

    /// Appends a frame whose payload `payload` appends, covered as `code` says; returns the frame's length in bytes.
    pub fn seal(&self, code: Code, out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) -> usize {
        let (pcode, oid, transfer_key) = (self.pcode, self.oid, self.keys.transfer_key);
        let head = Head { netsrc: FROM_AGENT, code, pcode, oid, transfer_key };
        head.write(out, |out| {
            let start = out.len();
            payload(out);
            match code {
                Code::SecureHide => self.hide(&mut out[start..]),
                Code::SecureCypher => self.cypher.encrypt(out, start),
                _ => {}
            }
        })
    }

    /// Checks whose a frame is and uncovers its payload in place.
    ///
    /// # Errors
    /// Frames that are to be dropped: those of another agent or session, of an unknown code, or torn.
    pub fn open<'a>(&self, frame: Frame<'a>) -> Result<Opened<'a>, OpenError> {
        let Frame { head, payload } = frame;
        if (head.pcode, head.oid) != (self.pcode, self.oid) {
            return Err(OpenError::OtherAgent { pcode: head.pcode, oid: head.oid });
        }
        let pack = match head.code {
            Code::SecureHide | Code::SecureCypher | Code::OneWay => true,
            Code::TimeSync | Code::KeyReset | Code::KeyExtension => false,
            Code::Other(code) => return Err(OpenError::UnknownCode(code)),
        };
        if pack && head.transfer_key != self.keys.transfer_key {
            return Err(OpenError::OtherSession);
        }
        match head.code {
            Code::SecureHide => self.hide(payload),
            Code::SecureCypher => self.cypher.decrypt(payload).map_err(OpenError::Torn)?,
            _ => {}
        }
        Ok(Opened { code: head.code, payload })
    }

    fn hide(&self, payload: &mut [u8]) {
        if self.level() != Level::Plain {
            hide(payload, self.keys.hide_key);
        }
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKeys").field("public_ip", &self.public_ip).finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pcode, oid, keys, cypher } = self;
        f.debug_struct("Session")
            .field("pcode", pcode)
            .field("oid", oid)
            .field("keys", keys)
            .field("cypher", cypher)
            .finish()
    }
}

/// The payload of a frame, uncovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened<'a> {
    /// How it was covered, or what else it is: [`Code::TimeSync`] is read by [`super::time_sync`].
    pub code: Code,
    /// The bytes; padding of the last block included.
    pub payload: &'a [u8],
}

impl Opened<'_> {
    /// Reads the payload as a pack.
    ///
    /// # Errors
    /// The field that is wrong.
    pub fn pack(&self) -> Result<Pack, DecodeError> {
        match self.code {
            Code::SecureCypher => Pack::decode_padded(self.payload),
            _ => Pack::decode(self.payload),
        }
    }
}

/// Why a frame is to be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// It is addressed to another agent.
    OtherAgent {
        /// Project it names.
        pcode: i64,
        /// Agent it names.
        oid: i32,
    },
    /// It belongs to another session.
    OtherSession,
    /// Its code is none of the protocol's.
    UnknownCode(u8),
    /// Its payload can't be decrypted.
    Torn(DecodeError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherAgent { pcode, oid } => write!(f, "a frame for another agent (pcode {pcode}, oid {oid})"),
            Self::OtherSession => f.write_str("a frame of another session (its transfer key is not ours)"),
            Self::UnknownCode(code) => write!(f, "a frame of the unknown code {code:#04x}"),
            Self::Torn(error) => write!(f, "a frame that can't be decrypted: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

#[cfg(test)]
mod tests;
