//! The API client: lists page by page, and single objects.
//!
//! # Invariants
//! - One request at a time. The connection is kept; it is made anew when certificates on disk change.
//! - Where there is no cluster yet it is looked for at most every [`RETRY_ACCESS`].
//! - Every answer is counted by its status, every byte of it too.

use super::access::{Access, Surroundings};
use super::credentials::{Credentials, Identity};
use super::error::{ApiError, Fault};
use super::http::{Answer, Http};
use super::list::{Page, read_list};
use super::objects::Status;
use super::resource::{Call, escape};
use crate::net::{Body, Resolver};
use crate::telemetry::counters::COUNTERS;
use serde::de::DeserializeOwned;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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

/// What narrows a list down.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// `labelSelector`, empty for none.
    pub label_selector: String,
    /// `fieldSelector`, empty for none.
    pub field_selector: String,
    /// Items of a page at most, where the server pages.
    pub limit: u32,
    /// The page to go on with; without one the list comes from the server's cache (`resourceVersion=0`).
    pub next: Option<String>,
}

/// A client of the API server.
pub struct Client {
    surroundings: Surroundings,
    state: Mutex<State>,
    /// Held during a request.
    busy: Mutex<()>,
    interrupted: AtomicBool,
    /// Wakes who pauses when the client is interrupted.
    wake: Condvar,
    resolver: Arc<Resolver>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    /// When a cluster was looked for in vain, and why.
    failed: Option<(Instant, String)>,
}

struct Session {
    access: Arc<Access>,
    credentials: Credentials,
    /// The connection, and a hash of the certificates it was made with.
    http: Mutex<Option<(u64, Arc<Http>)>>,
}

impl Client {
    /// A client that looks for its cluster when it is first used.
    pub fn new(surroundings: Surroundings, resolver: Arc<Resolver>) -> Self {
        let interrupted = AtomicBool::new(false);
        Self {
            surroundings,
            state: Mutex::default(),
            busy: Mutex::default(),
            interrupted,
            wake: Condvar::new(),
            resolver,
        }
    }

    /// The namespace of the agent's own objects.
    pub fn namespace(&self) -> String {
        let session = lock(&self.state).session.clone();
        self.surroundings.namespace(session.as_ref().map(|session| &*session.access))
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
        self.interrupted.store(true, Ordering::SeqCst);
        let session = lock(&self.state).session.clone();
        self.wake.notify_all();
        if let Some((_, http)) = session.and_then(|session| lock(&session.http).clone()) {
            http.shutdown();
        }
    }

    /// Waits as a busy server asks; `false` when the client is interrupted meanwhile.
    pub fn pause(&self, time: Duration) -> bool {
        let go_on = |_: &mut State| !self.interrupted.load(Ordering::SeqCst);
        let waited = self.wake.wait_timeout_while(lock(&self.state), time, go_on);
        drop(waited);
        !self.interrupted.load(Ordering::SeqCst)
    }

    /// An answer of status 2xx. A refused token is read, or made, anew once.
    fn ask(&self, path: &str, timeout: Duration, limit: u64) -> Result<Answer, Fault> {
        let session = self.session()?;
        match self.ask_once(&session, path, timeout, limit) {
            Err(Fault::Unauthorized) if session.credentials.refused() => {
                let again = self.ask_once(&session, path, timeout, limit);
                if matches!(again, Err(Fault::Unauthorized)) {
                    lock(&self.state).session = None; // the kubeconfig may have changed: read it anew next time
                }
                again
            }
            Err(Fault::Unauthorized) => {
                lock(&self.state).session = None;
                Err(Fault::Unauthorized)
            }
            other => other,
        }
    }

    fn ask_once(&self, session: &Session, path: &str, timeout: Duration, limit: u64) -> Result<Answer, Fault> {
        let proof = session.credentials.proof().map_err(Fault::NoAccess)?;
        let http = session.http(proof.identity.as_ref(), &self.resolver).map_err(Fault::NoAccess)?;
        if self.interrupted.load(Ordering::SeqCst) {
            return Err(Fault::Interrupted);
        }
        let answer = http.get(&format!("{}{path}", session.access.server), &proof, timeout, limit);
        COUNTERS.kubernetes.answers(answer.as_ref().ok().map(|answer| answer.status)).add(1);
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
            Ok(answer) => Err(refusal(answer)),
            Err(_) if self.interrupted.load(Ordering::SeqCst) => Err(Fault::Interrupted),
            Err(what) => Err(Fault::NoAnswer { server: session.access.server.clone(), what: what.to_string() }),
        }
    }

    fn session(&self) -> Result<Arc<Session>, Fault> {
        let mut state = lock(&self.state);
        if let Some(session) = &state.session {
            return Ok(session.clone());
        }
        if let Some((_, why)) = state.failed.as_ref().filter(|(when, _)| when.elapsed() < RETRY_ACCESS) {
            return Err(Fault::NoAccess(why.clone()));
        }
        match self.surroundings.access() {
            Ok(access) => {
                let access = Arc::new(access);
                let credentials = Credentials::new(access.clone());
                let session = Arc::new(Session { access, credentials, http: Mutex::default() });
                *state = State { session: Some(session.clone()), failed: None };
                Ok(session)
            }
            Err(why) => {
                state.failed = Some((Instant::now(), why.clone()));
                Err(Fault::NoAccess(why))
            }
        }
    }

    fn unreadable(&self, what: String) -> Fault {
        if self.interrupted.load(Ordering::SeqCst) { Fault::Interrupted } else { Fault::Unreadable(what) }
    }
}

impl Session {
    /// The connection, made anew when the certificates are no longer those it was made with.
    fn http(&self, identity: Option<&Identity>, resolver: &Arc<Resolver>) -> Result<Arc<Http>, String> {
        let ca = self.access.ca.as_ref().map(super::access::Pem::read).transpose()?;
        let mut hasher = DefaultHasher::new();
        (&ca, identity).hash(&mut hasher);
        let print = hasher.finish();
        let mut current = lock(&self.http);
        match &*current {
            Some((known, http)) if *known == print => Ok(http.clone()),
            _ => {
                let http = Arc::new(Http::new(&self.access, ca.as_deref(), identity, resolver.clone())?);
                *current = Some((print, http.clone()));
                Ok(http)
            }
        }
    }
}

impl ListQuery {
    fn text(&self) -> String {
        let mut text = format!("limit={}", self.limit);
        match &self.next {
            Some(next) => push(&mut text, "continue", next),
            None => text.push_str("&resourceVersion=0"),
        }
        push(&mut text, "labelSelector", &self.label_selector);
        push(&mut text, "fieldSelector", &self.field_selector);
        text
    }
}

fn push(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        text.push('&');
        text.push_str(name);
        text.push('=');
        escape(value, text);
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

/// What another thread left behind is whole: every change is a single assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
