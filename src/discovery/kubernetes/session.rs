//! The session with the API server: how it is reached, what proves who we are, the connection.
//!
//! # Invariants
//! Where there is no cluster it is looked for again only after a while. A connection is made anew when the
//! certificates it was made with are no longer those on disk.

use super::access::{Access, Pem, Surroundings};
use super::credentials::{Credentials, Identity};
use super::http::Http;
use crate::net::Resolver;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Finds the API server, and keeps what it found.
pub(super) struct Sessions {
    surroundings: Surroundings,
    resolver: Arc<Resolver>,
    /// How long a search in vain is believed.
    retry: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    /// When a cluster was looked for in vain, and why.
    failed: Option<(Instant, String)>,
}

/// One way to the API server.
pub(super) struct Session {
    access: Arc<Access>,
    credentials: Credentials,
    resolver: Arc<Resolver>,
    /// The connection, and a hash of the certificates it was made with.
    http: Mutex<Option<(u64, Arc<Http>)>>,
}

impl Sessions {
    pub(super) fn new(surroundings: Surroundings, resolver: Arc<Resolver>, retry: Duration) -> Self {
        Self { surroundings, resolver, retry, state: Mutex::default() }
    }

    pub(super) fn looking_every(self, retry: Duration) -> Self {
        Self { retry, ..self }
    }

    /// The same surroundings, nothing found yet.
    pub(super) fn sibling(&self) -> Self {
        Self::new(self.surroundings.clone(), Arc::clone(&self.resolver), self.retry)
    }

    pub(super) fn namespace(&self) -> String {
        let session = lock(&self.state).session.clone();
        self.surroundings.namespace(session.as_ref().map(|session| &*session.access))
    }

    /// The session, found now where there is none.
    pub(super) fn current(&self) -> Result<Arc<Session>, String> {
        let mut state = lock(&self.state);
        if let Some(session) = &state.session {
            return Ok(session.clone());
        }
        if let Some((_, why)) = state.failed.as_ref().filter(|(when, _)| when.elapsed() < self.retry) {
            return Err(why.clone());
        }
        match self.surroundings.access() {
            Ok(access) => {
                let session = Arc::new(Session::new(access, Arc::clone(&self.resolver)));
                *state = State { session: Some(session.clone()), failed: None };
                Ok(session)
            }
            Err(why) => {
                state.failed = Some((Instant::now(), why.clone()));
                Err(why)
            }
        }
    }

    /// Lets the next call look for the server anew.
    pub(super) fn forget(&self) {
        lock(&self.state).session = None;
    }

    /// Breaks off what is under way.
    pub(super) fn shutdown(&self) {
        let session = lock(&self.state).session.clone();
        if let Some((_, http)) = session.and_then(|session| lock(&session.http).clone()) {
            http.shutdown();
        }
    }
}

impl Session {
    fn new(access: Access, resolver: Arc<Resolver>) -> Self {
        let access = Arc::new(access);
        Self { credentials: Credentials::new(access.clone()), access, resolver, http: Mutex::default() }
    }

    pub(super) fn server(&self) -> &str {
        &self.access.server
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The connection for a client certificate.
    pub(super) fn http(&self, identity: Option<&Identity>) -> Result<Arc<Http>, String> {
        let ca = self.access.ca.as_ref().map(Pem::read).transpose()?;
        let mut hasher = DefaultHasher::new();
        (&ca, identity).hash(&mut hasher);
        let print = hasher.finish();
        let mut current = lock(&self.http);
        match &*current {
            Some((known, http)) if *known == print => Ok(http.clone()),
            _ => {
                let http = Arc::new(Http::new(&self.access, ca.as_deref(), identity, Arc::clone(&self.resolver))?);
                *current = Some((print, http.clone()));
                Ok(http)
            }
        }
    }
}

/// What another thread left behind is whole: every change is a single assignment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
