//! The server's side of the handshake.

use super::{GREETING, HandshakeError, MAX_HELLO};
use crate::wire::codec::{self, DecodeError, Reader};
use crate::wire::cypher::{Cypher, Level};
use crate::wire::frame::{Code, HEAD_BYTES, Head};
use crate::wire::licence::Licence;
use crate::wire::session::{Session, SessionKeys};
use std::net::Ipv4Addr;

/// `netsrc` of the reply, as the server sends it.
const FROM_SERVER: u8 = 4;

/// What an agent said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Project.
    pub pcode: i64,
    /// Agent.
    pub oid: i32,
    /// Its name.
    pub oname: String,
    /// Its local address.
    pub ip: Ipv4Addr,
    /// How it wants its session covered.
    pub level: Level,
}

impl Hello {
    /// Reads a hello from what has arrived: it and how many bytes it took; `None` until the rest has arrived.
    ///
    /// # Errors
    /// Why this agent gets no session under that licence.
    pub fn read(licence: &Licence, bytes: &[u8]) -> Result<Option<(Self, usize)>, HandshakeError> {
        if let Some(code) = bytes.get(1) {
            check_code(*code)?;
        }
        let Some((head, len)) = Head::read(bytes, MAX_HELLO).map_err(HandshakeError::TooLong)? else {
            return Ok(None);
        };
        if head.pcode != licence.pcode {
            return Err(HandshakeError::OtherProject { ours: licence.pcode, theirs: head.pcode });
        }
        let level = level(&head)?;
        let end = HEAD_BYTES + len;
        let Some(message) = bytes.get(HEAD_BYTES..end) else {
            return Ok(None);
        };
        let message = Message::read(&Cypher::new(level, &licence.secure_key), message.to_vec())
            .map_err(HandshakeError::WrongKey)?;
        if message.greeting != GREETING {
            return Err(HandshakeError::NoGreeting);
        }
        let Message { oname, ip, .. } = message;
        Ok(Some((Self { pcode: head.pcode, oid: head.oid, oname, ip, level }, end)))
    }

    /// The bytes to answer with, and the session that begins with them.
    pub fn reply(&self, licence: &Licence, keys: SessionKeys) -> (Vec<u8>, Session) {
        let cypher = Cypher::new(self.level, &licence.secure_key);
        let head =
            Head { netsrc: FROM_SERVER, code: Code::KeyReset, pcode: self.pcode, oid: self.oid, transfer_key: 0 };
        let mut out = Vec::new();
        head.write(&mut out, |out| {
            let start = out.len();
            codec::write_i32(out, keys.transfer_key);
            codec::write_blob(out, keys.secure_key.expose());
            codec::write_i32(out, keys.hide_key);
            out.extend_from_slice(&keys.public_ip.octets());
            cypher.encrypt(out, start);
        });
        (out, Session::new(self.pcode, self.oid, self.level, keys))
    }
}

/// What a hello's payload says, decrypted.
struct Message {
    greeting: String,
    oname: String,
    ip: Ipv4Addr,
}

impl Message {
    fn read(cypher: &Cypher, mut bytes: Vec<u8>) -> Result<Self, DecodeError> {
        cypher.decrypt(&mut bytes)?;
        let mut r = Reader::new(&bytes);
        Ok(Self {
            greeting: r.text("greeting")?.to_owned(),
            oname: r.text("oname")?.to_owned(),
            ip: Ipv4Addr::from(r.array::<4>("address")?),
        })
    }
}

fn check_code(code: u8) -> Result<(), HandshakeError> {
    match Code::from(code) {
        Code::KeyReset | Code::KeyExtension => Ok(()),
        _ => Err(HandshakeError::NoHello(code)),
    }
}

fn level(head: &Head) -> Result<Level, HandshakeError> {
    if head.code == Code::KeyReset {
        return Ok(Level::Aes128);
    }
    let [_, bytes, _, _] = head.transfer_key.to_be_bytes();
    Level::from_bits(u32::from(bytes) * 8).ok_or(HandshakeError::UnknownLevel(bytes))
}
