//! The body of an answer as a reader: inflated, bounded, and never ended by anything but its end.
//!
//! # Invariants
//! - `read` gives `Ok(0)` only when the body came whole: its length kept, its last chunk there, its gzip trailer right.
//! - The limit counts bytes after inflation; a gzip bomb is stopped where it passes it, with a window's worth of memory.
//! - After an error every further read gives the same error.

use super::client::Deadline;
use super::error::FetchError;
use super::trace::{Phase, Trace};
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufReader, ErrorKind, Read};
use std::sync::Arc;

/// Compressed bytes read ahead of the decoder.
const AHEAD: usize = 8 << 10;

/// A body being read.
pub struct Body {
    source: Source,
    trace: Arc<Trace>,
    limit: u64,
    bytes: u64,
    deadline: Deadline,
    outcome: Option<Result<(), FetchError>>,
}

enum Source {
    Plain(Wire),
    Gzip(Box<MultiGzDecoder<BufReader<Wire>>>),
}

/// The body as it came, counted.
struct Wire {
    reader: ureq::BodyReader<'static>,
    bytes: u64,
    /// Its length, where the answer told it.
    length: Option<u64>,
    trace: Arc<Trace>,
}

impl Wire {
    /// Tells the connection how much it can wait for.
    fn expect(&self) {
        let left = self.length.map_or(0, |length| length.saturating_sub(self.bytes));
        self.trace.expect(usize::try_from(left).unwrap_or(usize::MAX));
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.expect();
        let amount = self.reader.read(buf)?;
        self.bytes += amount as u64;
        Ok(amount)
    }
}

impl Body {
    pub(super) fn new(body: ureq::Body, gzip: bool, limit: u64, deadline: Deadline, trace: Arc<Trace>) -> Self {
        let too_long = !gzip && body.content_length().is_some_and(|length| length > limit);
        let length = body.content_length();
        let reader = body.into_with_config().limit(u64::MAX).reader();
        let wire = Wire { reader, bytes: 0, length, trace: Arc::clone(&trace) };
        let source = if gzip {
            Source::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(AHEAD, wire))))
        } else {
            Source::Plain(wire)
        };
        Self {
            source,
            trace,
            limit,
            bytes: 0,
            deadline,
            outcome: too_long.then_some(Err(FetchError::BodyLimit { limit })),
        }
    }

    /// Bytes given out so far, after inflation.
    pub fn inflated_bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the body that came over the connection so far, before inflation.
    pub fn wire_bytes(&self) -> u64 {
        match &self.source {
            Source::Plain(wire) => wire.bytes,
            Source::Gzip(decoder) => decoder.get_ref().get_ref().bytes,
        }
    }

    /// Whether the body was read to its end and came whole.
    pub fn is_complete(&self) -> bool {
        self.outcome == Some(Ok(()))
    }

    /// Throws away what has come already, at most 16 KiB, and waits for nothing: so that the connection of an answer
    /// whose body nobody wants can be used again.
    pub fn discard(mut self) {
        self.trace.hurry();
        self.limit = self.limit.min(16 << 10);
        let mut sink = [0; 1024];
        while matches!(self.read(&mut sink), Ok(1..)) {}
    }

    fn advance(&mut self, buf: &mut [u8]) -> Result<usize, FetchError> {
        if self.deadline.left().is_zero() {
            return Err(FetchError::Timeout { phase: Phase::Body, after: self.deadline.after });
        }
        let left = self.limit - self.bytes;
        // one byte more than is left tells a body that ends at the limit from one that passes it
        let most = usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX).min(buf.len());
        let amount = self.source.read(&mut buf[..most]).map_err(|error| self.refine(error))?;
        if amount as u64 > left {
            return Err(FetchError::BodyLimit { limit: self.limit });
        }
        if amount == 0 {
            // a shutdown looks like the end of a body without a length
            self.trace.check()?;
        }
        self.bytes += amount as u64;
        Ok(amount)
    }

    fn refine(&self, error: io::Error) -> FetchError {
        let truncated = |what| FetchError::Truncated { received: self.bytes, what };
        let from_wire = error.get_ref().is_some_and(|inner| inner.is::<ureq::Error>());
        if !from_wire && matches!(self.source, Source::Gzip(_)) && error.kind() != ErrorKind::UnexpectedEof {
            return FetchError::protocol(format!("its gzip stream is corrupt ({error})"));
        }
        match FetchError::from_ureq(ureq::Error::from(error), &self.trace, self.deadline.after) {
            FetchError::Closed { reset: true } => truncated("the connection was reset"),
            FetchError::Closed { reset: false } => {
                truncated("the connection was closed or the gzip stream ended early")
            }
            other => other,
        }
    }
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &self.outcome {
            Some(Ok(())) => return Ok(0),
            Some(Err(error)) => return Err(error.clone().into()),
            None if buf.is_empty() => return Ok(0),
            None => {}
        }
        match self.advance(buf) {
            Ok(0) => {
                self.outcome = Some(Ok(()));
                Ok(0)
            }
            Ok(amount) => Ok(amount),
            Err(error) => {
                self.outcome = Some(Err(error.clone()));
                Err(error.into())
            }
        }
    }
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(wire) => wire.read(buf),
            Self::Gzip(decoder) => decoder.read(buf),
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("bytes", &self.bytes).field("outcome", &self.outcome).finish_non_exhaustive()
    }
}
