//! The API client: lists page by page, and single objects.
//!
//! # Invariants
//! - One request at a time. The connection is kept; it is made anew when certificates on disk change.
//! - Where there is no cluster yet it is looked for at most every [`RETRY_ACCESS`].
//! - Every answer is counted by its status, every byte of it too.

use super::access::Surroundings;
use super::error::{ApiError, Fault};
use super::http::Answer;
use super::list::{Page, read_list};
use super::objects::Status;
use super::resource::{Call, ListQuery};
use super::session::{Session, Sessions, lock};
use crate::net::{Body, Resolver};
use crate::telemetry::counters::COUNTERS;
use serde::de::DeserializeOwned;
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How often a cluster that was not found is looked for.
pub const RETRY_ACCESS: Duration = Duration::from_secs(30);
/// How long a list may take, to its last byte.
const LIST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one object may take.
const OBJECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A single object's bytes at most; ConfigMaps and secrets are bounded to 1 MiB, base64 makes a third more.
const MAX_OBJECT_BYTES: u64 = 4 << 20;
/// Bytes read of a refusal's body.
const MAX_STATUS_BYTES: u64 = 64 << 10;
/// What a busy server gets when it names no time.
const BUSY: Duration = Duration::from_secs(1);

/// A client of the API server.
pub struct Client {
    sessions: Sessions,
    /// Held during a request.
    busy: Mutex<()>,
    interrupted: Mutex<bool>,
    /// Wakes who pauses when the client is interrupted.
    wake: Condvar,
}

impl Client {
    /// A client that looks for its cluster when it is first used.
    pub fn new(surroundings: Surroundings, resolver: Arc<Resolver>) -> Self {
        Self::with(Sessions::new(surroundings, resolver, RETRY_ACCESS))
    }

    /// The same, but a cluster that was not found is looked for this often.
    pub fn looking_every(self, retry: Duration) -> Self {
        Self { sessions: self.sessions.looking_every(retry), ..self }
    }

    /// A client of the same server with a connection of its own: whoever uses it never waits for a long list here.
    pub fn sibling(&self) -> Self {
        Self::with(self.sessions.sibling())
    }

    fn with(sessions: Sessions) -> Self {
        Self { sessions, busy: Mutex::default(), interrupted: Mutex::default(), wake: Condvar::new() }
    }

    /// The namespace of the agent's own objects.
    pub fn namespace(&self) -> String {
        self.sessions.namespace()
    }

    /// Reads one page of a list.
    ///
    /// # Errors
    /// When the page did not come whole; what `each` was given by then must be thrown away.
    pub fn list<T: DeserializeOwned>(
        &self,
        call: &Call,
        query: &ListQuery,
        each: &mut dyn FnMut(T),
    ) -> Result<Page, ApiError> {
        let path = format!("{}?{}", call.path(), query.text());
        let fail = |fault| ApiError { call: call.clone(), fault };
        let _alone = lock(&self.busy);
        let answer = self.ask(&path, LIST_TIMEOUT, u64::MAX).map_err(fail)?;
        read_list(Counted(answer.body), each).map_err(|what| fail(self.unreadable(what)))
    }

    /// Reads one object.
    ///
    /// # Errors
    /// When it is not there, may not be read, or no answer came.
    pub fn object<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ApiError> {
        let fail = |fault| ApiError { call: call.clone(), fault };
        let _alone = lock(&self.busy);
        let answer = self.ask(&call.path(), OBJECT_TIMEOUT, MAX_OBJECT_BYTES).map_err(fail)?;
        let mut body = Vec::new();
        let read = Counted(answer.body).read_to_end(&mut body);
        read.map_err(|error| fail(self.unreadable(error.to_string())))?;
        // only the place of the fault: its text could show a piece of a secret
        let place = |e: serde_json::Error| format!("the answer is faulty at line {}, column {}", e.line(), e.column());
        serde_json::from_slice(&body).map_err(|error| fail(Fault::Unreadable(place(error))))
    }

    /// Breaks off what is under way; every later call fails as interrupted.
    pub fn interrupt(&self) {
        *lock(&self.interrupted) = true;
        self.wake.notify_all();
        self.sessions.shutdown();
    }

    /// Waits as a busy server asks; `false` when the client is interrupted meanwhile.
    pub fn pause(&self, time: Duration) -> bool {
        let waited = self.wake.wait_timeout_while(lock(&self.interrupted), time, |interrupted| !*interrupted);
        drop(waited);
        !self.is_interrupted()
    }

    /// An answer of status 2xx. A refused token is read, or made, anew once.
    fn ask(&self, path: &str, timeout: Duration, limit: u64) -> Result<Answer, Fault> {
        let session = self.sessions.current().map_err(Fault::NoAccess)?;
        let mut answer = self.ask_once(&session, path, timeout, limit);
        if matches!(answer, Err(Fault::Unauthorized)) && session.credentials().refused() {
            answer = self.ask_once(&session, path, timeout, limit);
        }
        if matches!(answer, Err(Fault::Unauthorized)) {
            self.sessions.forget(); // the kubeconfig may have changed: it is read anew next time
        }
        answer
    }

    fn ask_once(&self, session: &Session, path: &str, timeout: Duration, limit: u64) -> Result<Answer, Fault> {
        let proof = session.credentials().proof().map_err(Fault::NoAccess)?;
        let http = session.http(proof.identity.as_ref()).map_err(Fault::NoAccess)?;
        if self.is_interrupted() {
            return Err(Fault::Interrupted);
        }
        let answer = http.get(&format!("{}{path}", session.server()), &proof, timeout, limit);
        COUNTERS.kubernetes.answers(answer.as_ref().ok().map(|answer| answer.status)).add(1);
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
            Ok(answer) => Err(refusal(answer)),
            Err(_) if self.is_interrupted() => Err(Fault::Interrupted),
            Err(what) => Err(Fault::NoAnswer { server: session.server().to_owned(), what: what.to_string() }),
        }
    }

    fn unreadable(&self, what: String) -> Fault {
        if self.is_interrupted() { Fault::Interrupted } else { Fault::Unreadable(what) }
    }

    fn is_interrupted(&self) -> bool {
        *lock(&self.interrupted)
    }
}

fn refusal(answer: Answer) -> Fault {
    let mut body = Vec::new();
    // without its body a refusal still has its status
    let _ = Counted(answer.body).take(MAX_STATUS_BYTES).read_to_end(&mut body);
    let message = match serde_json::from_slice::<Status>(&body) {
        Ok(status) => status.message,
        Err(_) => String::from_utf8_lossy(&body).trim().chars().take(300).collect(),
    };
    match answer.status {
        401 => Fault::Unauthorized,
        403 => Fault::Forbidden(message),
        404 => Fault::NotFound(message),
        410 => Fault::Expired,
        429 => Fault::Busy(answer.retry_after.unwrap_or(BUSY)),
        status => Fault::Status(status, message),
    }
}

/// Counts the bytes that are read.
struct Counted(Body);

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buf)?;
        COUNTERS.kubernetes.bytes.add(count as u64);
        Ok(count)
    }
}
