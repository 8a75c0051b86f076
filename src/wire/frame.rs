//! Frames: how payloads follow each other on the connection, both ways.
//!
//! ```text
//! frame = byte netsrc, byte code, long pcode, int oid, int transfer_key, int len, len bytes
//! ```
//!
//! # Invariants
//! A length beyond the bound is refused before a byte of its payload is stored; memory grows with what has arrived,
//! not with what was announced.

use super::codec::{self, Reader};
use std::fmt;
use std::io;

/// Bytes before the payload.
pub const HEAD_BYTES: usize = 22;
/// Longest payload that is read, in bytes.
pub const MAX_PAYLOAD: usize = 8 << 20;
/// `netsrc` of what an agent sends.
pub const FROM_AGENT: u8 = 1;
/// Where in the head the length stands.
const LEN_AT: usize = HEAD_BYTES - 4;
/// Bytes asked of the connection at once.
const READ_BYTES: usize = 64 << 10;

/// How the payload is covered, or what else it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 0x01: a pack, hidden.
    SecureHide,
    /// 0x02: a pack, encrypted.
    SecureCypher,
    /// 0x04: a pack, plain.
    OneWay,
    /// 0xfd: the hello of a cypher level other than 128.
    KeyExtension,
    /// 0xfe: clocks.
    TimeSync,
    /// 0xff: the hello of cypher level 128.
    KeyReset,
    /// Any other.
    Other(u8),
}

impl From<u8> for Code {
    fn from(byte: u8) -> Self {
        match byte {
            0x01 => Self::SecureHide,
            0x02 => Self::SecureCypher,
            0x04 => Self::OneWay,
            0xfd => Self::KeyExtension,
            0xfe => Self::TimeSync,
            0xff => Self::KeyReset,
            other => Self::Other(other),
        }
    }
}

impl From<Code> for u8 {
    fn from(code: Code) -> Self {
        match code {
            Code::SecureHide => 0x01,
            Code::SecureCypher => 0x02,
            Code::OneWay => 0x04,
            Code::KeyExtension => 0xfd,
            Code::TimeSync => 0xfe,
            Code::KeyReset => 0xff,
            Code::Other(other) => other,
        }
    }
}

/// What stands before a payload, its length aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Kind of sender; nobody looks at it.
    pub netsrc: u8,
    /// How the payload is covered.
    pub code: Code,
    /// Project.
    pub pcode: i64,
    /// Agent.
    pub oid: i32,
    /// The session's number.
    pub transfer_key: i32,
}

impl Head {
    /// Appends a frame whose payload `payload` appends; returns the frame's length in bytes.
    pub fn write(&self, out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) -> usize {
        let start = out.len();
        out.push(self.netsrc);
        out.push(self.code.into());
        codec::write_i64(out, self.pcode);
        codec::write_i32(out, self.oid);
        codec::write_i32(out, self.transfer_key);
        codec::write_i32(out, 0);
        payload(out);
        let len = out.len() - start - HEAD_BYTES;
        let len = i32::try_from(len).expect("a payload is bounded by net_send_max_bytes, far below 2 GiB");
        out[start + LEN_AT..start + HEAD_BYTES].copy_from_slice(&len.to_be_bytes());
        out.len() - start
    }

    /// Reads a head and its payload's length; `None` while the head is not whole.
    ///
    /// # Errors
    /// When the length is negative or above `most`.
    pub fn read(bytes: &[u8], most: usize) -> Result<Option<(Self, usize)>, FrameError> {
        let mut r = Reader::new(bytes);
        let head = (|| {
            let (netsrc, code) = (r.byte("netsrc")?, r.byte("code")?.into());
            let head =
                Self { netsrc, code, pcode: r.i64("pcode")?, oid: r.i32("oid")?, transfer_key: r.i32("transfer key")? };
            Ok::<_, codec::DecodeError>((head, r.i32("length")?))
        })();
        let Ok((head, len)) = head else {
            return Ok(None);
        };
        match usize::try_from(len) {
            Ok(len) if len <= most => Ok(Some((head, len))),
            _ => Err(FrameError { len, most }),
        }
    }
}

/// A frame announced a payload that no peer in its senses sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameError {
    /// The length it announced.
    pub len: i32,
    /// The longest that is taken.
    pub most: usize,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { len, most } = self;
        write!(
            f,
            "a frame announces a payload of {len} bytes, 0 to {most} are possible: the peer speaks another protocol"
        )
    }
}

impl std::error::Error for FrameError {}

/// A frame, whole; its payload can be uncovered in place.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What stands before the payload.
    pub head: Head,
    /// The payload.
    pub payload: &'a mut [u8],
}

/// Takes the bytes of a connection as they come and gives its frames.
#[derive(Debug)]
pub struct FrameReader {
    buffer: Vec<u8>,
    start: usize,
    most: usize,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self::with_limit(MAX_PAYLOAD)
    }
}

impl FrameReader {
    /// Takes payloads of up to [`MAX_PAYLOAD`] bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes payloads of up to `most` bytes.
    pub fn with_limit(most: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, most }
    }

    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.compact();
        self.buffer.extend_from_slice(bytes);
    }

    /// Adds what one read of `source` gives, up to 64 KiB; 0 is its end.
    ///
    /// # Errors
    /// Those of the source; the reader is as it was.
    pub fn read_from(&mut self, source: &mut impl io::Read) -> io::Result<usize> {
        self.compact();
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ_BYTES, 0);
        let read = source.read(&mut self.buffer[filled..]);
        self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
        read
    }

    /// The next frame; `None` until the rest of it has arrived.
    ///
    /// # Errors
    /// When a length is impossible; nothing that follows can be trusted.
    #[allow(clippy::should_implement_trait, reason = "a frame borrows the reader, which no Iterator can say")]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        let Some((head, len)) = Head::read(&self.buffer[self.start..], self.most)? else {
            return Ok(None);
        };
        let begin = self.start + HEAD_BYTES;
        let Some(payload) = self.buffer.get_mut(begin..begin + len) else {
            return Ok(None);
        };
        self.start = begin + len;
        Ok(Some(Frame { head, payload }))
    }

    /// Bytes held, of frames not yet given.
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.start
    }

    fn compact(&mut self) {
        if self.start == 0 {
            return;
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.is_empty() {
            self.buffer.shrink_to(2 * READ_BYTES); // one large command must not hold its 8 MiB for ever
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(code: u8) -> Head {
        Head { netsrc: 1, code: code.into(), pcode: 4_000_000_001, oid: -5, transfer_key: 7 }
    }

    fn frame(code: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let len = head(code).write(&mut out, |out| out.extend_from_slice(payload));
        assert_eq!(len, out.len());
        out
    }

    #[test]
    fn an_impossible_length_is_refused_before_its_payload_comes() {
        for (len, most) in [(-1, MAX_PAYLOAD), (i32::MIN, 100), (101, 100), (i32::MAX, MAX_PAYLOAD)] {
            let mut reader = FrameReader::with_limit(most);
            let mut bytes = frame(1, &[]);
            bytes[LEN_AT..].copy_from_slice(&len.to_be_bytes());
            reader.push(&bytes);
            assert_eq!(reader.next(), Err(FrameError { len, most }));
        }
        let text = FrameError { len: -1, most: 8 }.to_string();
        assert_eq!(
            text,
            "a frame announces a payload of -1 bytes, 0 to 8 are possible: the peer speaks another protocol"
        );
    }

    #[test]
    fn memory_follows_what_arrived_and_is_given_back() {
        let mut reader = FrameReader::new();
        let large = frame(1, &vec![7; MAX_PAYLOAD]);
        reader.push(&large[..100]);
        assert!(reader.next().unwrap().is_none());
        assert!(reader.buffer.capacity() < 1000);
        reader.push(&large[100..]);
        assert_eq!(reader.next().unwrap().unwrap().payload.len(), MAX_PAYLOAD);
        reader.push(&[]);
        assert!(reader.buffer.capacity() <= 2 * READ_BYTES);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames(
            frames in prop::collection::vec((any::<u8>(), any::<Vec<u8>>()), 1..8),
            piece in 1_usize..60,
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(code, payload)| frame(*code, payload)).collect();
            let mut reader = FrameReader::new();
            let mut seen = Vec::new();
            let mut source = bytes.chunks(piece);
            loop {
                while let Some(frame) = reader.next()? {
                    prop_assert_eq!(frame.head, head(frame.head.code.into()));
                    seen.push((u8::from(frame.head.code), frame.payload.to_vec()));
                }
                let Some(mut piece) = source.next() else { break };
                reader.read_from(&mut piece)?;
            }
            prop_assert_eq!(seen, frames);
            prop_assert_eq!(reader.pending(), 0);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let mut reader = FrameReader::with_limit(50);
            reader.push(&bytes);
            while let Ok(Some(_)) = reader.next() {}
            prop_assert!(reader.pending() <= bytes.len());
        }
    }
}
