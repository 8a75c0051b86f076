//! Time sync payloads: the agent sends its clock, the server answers with that and its own. Never covered.

use super::codec::{self, DecodeError, Reader};

/// What the agent sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The agent's clock, Unix milliseconds.
    pub agent_ms: i64,
}

/// What the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The agent's clock as the request had it.
    pub agent_ms: i64,
    /// The server's clock, Unix milliseconds.
    pub server_ms: i64,
}

impl Request {
    /// Appends the payload.
    pub fn write(&self, out: &mut Vec<u8>) {
        codec::write_i64(out, self.agent_ms);
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// When it isn't 8 bytes.
    pub fn read(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(payload);
        let request = Self { agent_ms: r.i64("agent time")? };
        r.end("time sync")?;
        Ok(request)
    }
}

impl Reply {
    /// Appends the payload.
    pub fn write(&self, out: &mut Vec<u8>) {
        codec::write_i64(out, self.agent_ms);
        codec::write_i64(out, self.server_ms);
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// When it isn't 16 bytes.
    pub fn read(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(payload);
        let reply = Self { agent_ms: r.i64("agent time")?, server_ms: r.i64("server time")? };
        r.end("time sync")?;
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_else(agent_ms: i64, server_ms: i64) {
            let mut bytes = Vec::new();
            Reply { agent_ms, server_ms }.write(&mut bytes);
            prop_assert_eq!(Reply::read(&bytes)?, Reply { agent_ms, server_ms });
            prop_assert_eq!(Request::read(&bytes[..8])?, Request { agent_ms });
            prop_assert!(Request::read(&bytes).is_err() && Reply::read(&bytes[..15]).is_err());
        }
    }
}
