//! Commands to agents, and the replies that are waited for.

use super::agents::Link;
use crate::wire::frame::Code;
use crate::wire::pack::{EncodedPack, Header, Param};
use crate::wire::value::Map;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Why there is no reply.
#[derive(Debug)]
pub enum CommandError {
    /// No agent of that OID is connected.
    NotConnected(i32),
    /// The agent's connection ended before it answered.
    Gone,
    /// The agent didn't answer in time.
    TimedOut(Duration),
    /// The command couldn't be written.
    Broken(io::Error),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(oid) => write!(f, "no agent with OID {oid} is connected"),
            Self::Gone => f.write_str("the agent's connection ended before it answered"),
            Self::TimedOut(time) => write!(f, "the agent didn't answer within {time:?}"),
            Self::Broken(error) => write!(f, "the command couldn't be sent: {error}"),
        }
    }
}

impl std::error::Error for CommandError {}

/// Commands that wait for their replies.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    last: i64,
    replies: HashMap<i64, (u64, Sender<Param>)>,
}

impl Requests {
    /// Sends a command and waits for its reply.
    pub(super) fn ask(&self, link: &Link, id: i32, map: Map, timeout: Duration) -> Result<Param, CommandError> {
        let (sender, reply) = bounded(1);
        let request = {
            let mut waiting = self.lock();
            waiting.last += 1;
            let request = waiting.last;
            waiting.replies.insert(request, (link.id, sender));
            request
        };
        let command = Param { id, request, response: 0, map };
        let answer = send(link, &command).map_err(CommandError::Broken).and_then(|()| {
            reply.recv_timeout(timeout).map_err(|error| match error {
                RecvTimeoutError::Timeout => CommandError::TimedOut(timeout),
                RecvTimeoutError::Disconnected => CommandError::Gone,
            })
        });
        self.lock().replies.remove(&request);
        answer
    }

    /// Hands a reply to whoever waits for it.
    pub(super) fn answered(&self, link: &Link, reply: &Param) {
        let mut waiting = self.lock();
        let asked = waiting.replies.get(&reply.response).is_some_and(|(connection, _)| *connection == link.id);
        if asked && let Some((_, waiter)) = waiting.replies.remove(&reply.response) {
            let _ = waiter.send(reply.clone());
        }
    }

    /// Gives up what an ended connection was asked.
    pub(super) fn ended(&self, connection: u64) {
        self.lock().replies.retain(|_, (asked, _)| *asked != connection);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a Param pack to an agent, hidden as the agent's own packs are.
pub(super) fn send(link: &Link, param: &Param) -> io::Result<()> {
    let session = &link.session;
    let header = Header { pcode: session.pcode(), oid: session.oid(), time_ms: now_ms(), ..Header::default() };
    let mut frame = Vec::new();
    session.seal(Code::SecureHide, &mut frame, |out| EncodedPack::param(param).write(&header, out));
    link.write(&frame)
}

/// The clock in Unix milliseconds.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
