//! The agent's side of the handshake.

use super::{GREETING, HandshakeError, MAX_REPLY};
use crate::wire::codec::{self, DecodeError, Reader};
use crate::wire::cypher::{Cypher, Key, Level};
use crate::wire::frame::{Code, FROM_AGENT, HEAD_BYTES, Head};
use crate::wire::licence::Licence;
use crate::wire::session::{Session, SessionKeys};
use std::net::Ipv4Addr;

/// One handshake of an agent.
#[derive(Debug)]
pub struct Client {
    pcode: i64,
    oid: i32,
    cypher: Cypher,
}

impl Client {
    /// A handshake of the agent `oid` under that licence.
    pub fn new(licence: &Licence, oid: i32, level: Level) -> Self {
        Self { pcode: licence.pcode, oid, cypher: Cypher::new(level, &licence.secure_key) }
    }

    /// The bytes to send first: name and local address of the agent.
    pub fn hello(&self, oname: &str, ip: Ipv4Addr) -> Vec<u8> {
        let level = self.cypher.level();
        let (code, transfer_key) = match level {
            Level::Aes128 => (Code::KeyReset, 0),
            Level::Plain => (Code::KeyExtension, 0),
            _ => (Code::KeyExtension, i32::from_be_bytes([1, level.key_bytes() as u8, 0, 0])),
        };
        let head = Head { netsrc: FROM_AGENT, code, pcode: self.pcode, oid: self.oid, transfer_key };
        let mut out = Vec::new();
        head.write(&mut out, |out| {
            let start = out.len();
            codec::write_text(out, GREETING);
            codec::write_text(out, oname);
            out.extend_from_slice(&ip.octets());
            self.cypher.encrypt(out, start);
        });
        out
    }

    /// Reads the server's answer from what has arrived: the session and how many bytes the answer took, the rest are
    /// frames; `None` until the rest of it has arrived.
    ///
    /// # Errors
    /// Why there will be no session.
    pub fn read_reply(&self, bytes: &[u8]) -> Result<Option<(Session, usize)>, HandshakeError> {
        let Some((head, len)) = Head::read(bytes, MAX_REPLY).map_err(HandshakeError::TooLong)? else {
            return Ok(None);
        };
        if head.pcode != self.pcode {
            return Err(HandshakeError::OtherProject { ours: self.pcode, theirs: head.pcode });
        }
        if head.oid != self.oid {
            return Err(HandshakeError::OtherAgent { ours: self.oid, theirs: head.oid });
        }
        let end = HEAD_BYTES + len;
        let Some(data) = bytes.get(HEAD_BYTES..end) else {
            return Ok(None);
        };
        let keys = self.keys(data.to_vec()).map_err(HandshakeError::WrongKey)?;
        Ok(Some((Session::new(self.pcode, self.oid, self.cypher.level(), keys), end)))
    }

    fn keys(&self, mut data: Vec<u8>) -> Result<SessionKeys, DecodeError> {
        self.cypher.decrypt(&mut data)?;
        let mut r = Reader::new(&data);
        Ok(SessionKeys {
            transfer_key: r.i32("transfer key")?,
            secure_key: Key::new(r.blob("session key")?),
            hide_key: r.i32("hide key")?,
            public_ip: Ipv4Addr::from(r.array::<4>("public address")?),
        })
    }
}
