//! The writing half of a session: frames packs into a buffer and the buffer into the connection.
//!
//! # Invariants
//! - A frame over the bound never reaches the connection.
//! - A write that the server doesn't take gives the thread back every [`SLICE`], so that it can do its other work.

use super::batch::Parcel;
use super::fault::SessionFault;
use super::session::{Connected, is_timeout};
use crate::os;
use crate::wire::frame::Code;
use crate::wire::identity::Identity;
use crate::wire::pack::{EncodedPack, Header};
use crate::wire::session::Session;
use crate::wire::time_sync;
use std::io::{ErrorKind, Write as _};
use std::net::{Shutdown, TcpStream};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one write may block.
pub(super) const SLICE: Duration = Duration::from_millis(100);

/// Bytes framed before they are written.
const BUFFER: usize = 64 << 10;

/// A buffer that one large frame made wider than this is given back.
const KEPT: usize = 256 << 10;

/// How packs are framed.
#[derive(Debug)]
pub struct Framer {
    session: Arc<Session>,
    header: Header,
    code: Code,
    max_bytes: usize,
}

impl Framer {
    /// Frames for that session and agent; `encrypt` chooses code 0x02. Frames over `max_bytes` are refused.
    pub fn new(session: Arc<Session>, identity: &Identity, encrypt: bool, max_bytes: usize) -> Self {
        let Identity { pcode, oid, okind, onode, .. } = *identity;
        let header = Header { pcode, oid, okind, onode, time_ms: 0 };
        let code = if encrypt { Code::SecureCypher } else { Code::SecureHide };
        Self { session, header, code, max_bytes }
    }

    /// Appends the frame of a pack of that time and gives its length; appends nothing when it would be over the bound.
    ///
    /// # Errors
    /// The length that it would have.
    pub fn frame(&self, pack: &EncodedPack, time_ms: i64, out: &mut Vec<u8>) -> Result<usize, usize> {
        let (start, header) = (out.len(), Header { time_ms, ..self.header });
        let len = self.session.seal(self.code, out, |out| pack.write(&header, out));
        if len > self.max_bytes {
            out.truncate(start);
            return Err(len);
        }
        Ok(len)
    }
}

/// A session's connection, for writing.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    framer: Framer,
    identity: Identity,
    buffer: Vec<u8>,
    /// Bytes framed since the session began, in the buffer or beyond.
    framed: u64,
    write_timeout: Duration,
}

impl Link {
    /// Takes the connection over.
    ///
    /// # Errors
    /// When its deadline can't be set.
    pub(super) fn new(
        connected: Connected,
        encrypt: bool,
        max_bytes: usize,
        write_timeout: Duration,
    ) -> Result<Self, SessionFault> {
        let Connected { stream, session, identity, .. } = connected;
        let framer = Framer::new(session, &identity, encrypt, max_bytes);
        let link = Self { stream, framer, identity, buffer: Vec::with_capacity(BUFFER), framed: 0, write_timeout };
        link.stream.set_write_timeout(Some(SLICE.min(write_timeout))).map_err(SessionFault::Write)?;
        Ok(link)
    }

    /// Who the agent is in this session.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Frames a pack; gives the byte of the stream after it and the frame's length.
    ///
    /// # Errors
    /// The frame's length when it is over the bound; nothing is framed then.
    pub(super) fn frame(&mut self, parcel: &Parcel, clock_offset_ms: i64) -> Result<(u64, usize), usize> {
        let time_ms = parcel.time_ms.saturating_add(clock_offset_ms);
        let len = self.framer.frame(&parcel.pack, time_ms, &mut self.buffer)?;
        self.framed += len as u64;
        Ok((self.framed, len))
    }

    /// Frames a time sync; gives the byte of the stream before it.
    pub(super) fn time_sync(&mut self, agent_ms: i64) -> u64 {
        let end = self.framed;
        let request = time_sync::Request { agent_ms };
        self.framed += self.framer.session.seal(Code::TimeSync, &mut self.buffer, |out| request.write(out)) as u64;
        end
    }

    /// Whether the buffer is worth a write.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= BUFFER
    }

    /// Writes the buffer out. While the server takes nothing, `meanwhile` is called every [`SLICE`] with the time
    /// since the last byte went.
    ///
    /// # Errors
    /// When the connection breaks, takes nothing for the write deadline, or `meanwhile` wants to stop.
    pub(super) fn flush(
        &mut self,
        mut meanwhile: impl FnMut(Duration) -> ControlFlow<SessionFault>,
    ) -> Result<(), SessionFault> {
        let mut written = 0;
        let mut moved = Instant::now();
        while written < self.buffer.len() {
            match (&self.stream).write(&self.buffer[written..]) {
                Ok(0) => return Err(SessionFault::Closed),
                Ok(n) => {
                    written += n;
                    moved = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {
                    let blocked = moved.elapsed();
                    if blocked >= self.write_timeout {
                        return Err(SessionFault::Blocked(self.write_timeout));
                    }
                    if let ControlFlow::Break(fault) = meanwhile(blocked) {
                        return Err(fault);
                    }
                }
                Err(error) => return Err(SessionFault::Write(error)),
            }
        }
        self.buffer.clear();
        self.buffer.shrink_to(KEPT);
        Ok(())
    }

    /// The byte of the stream up to which TCP has the server's acknowledgement; everything written where the system
    /// doesn't tell.
    pub(super) fn acknowledged(&self) -> u64 {
        let written = self.framed - self.buffer.len() as u64;
        written.saturating_sub(os::unacknowledged(&self.stream).unwrap_or(0))
    }

    /// Whether that is all there is.
    pub(super) fn is_all_acknowledged(&self) -> bool {
        self.acknowledged() == self.framed
    }
}

impl Drop for Link {
    /// Wakes the session's thread out of its read.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
