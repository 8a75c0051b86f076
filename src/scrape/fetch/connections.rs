//! One client per target, kept from scrape to scrape.
//!
//! # Invariants
//! - A target's client is replaced when its TLS settings are: a rotated certificate makes a new connection.
//! - After [`Connections::close`] there is none, and none is made.

use super::super::tls::TlsStore;
use crate::discovery::{SecretStore, Target};
use crate::net::{Client, ClientSettings, ClientTls, FetchError, Resolver};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use ureq::http::Uri;

/// The clients of all targets.
pub(super) struct Connections {
    connect_timeout: Duration,
    tls: Arc<TlsStore>,
    resolver: Arc<Resolver>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    by_target: HashMap<u64, Arc<Connection>>,
    closed: bool,
}

/// A target's client and what of its requests never changes.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) uri: Uri,
    tls: ClientTls,
}

impl Connections {
    /// None yet.
    pub(super) fn new(connect_timeout: Duration, cluster_ca: Option<PathBuf>, secrets: Arc<dyn SecretStore>) -> Self {
        let tls = Arc::new(TlsStore::new(cluster_ca, secrets));
        Self { connect_timeout, tls, resolver: Arc::default(), open: Mutex::default() }
    }

    /// None yet, with the certificates and addresses that are known to these.
    pub(super) fn apart(&self) -> Self {
        Self {
            connect_timeout: self.connect_timeout,
            tls: Arc::clone(&self.tls),
            resolver: Arc::clone(&self.resolver),
            open: Mutex::default(),
        }
    }

    /// The target's, made when there is none or its TLS settings changed.
    ///
    /// # Errors
    /// When the target has no usable URL, proxy or TLS settings, or all was closed.
    pub(super) fn of(&self, target: &Target) -> Result<Arc<Connection>, FetchError> {
        let key = key(target);
        let tls = self.tls.current(target.job.tls.as_ref())?;
        let mut open = self.lock();
        if open.closed {
            return Err(FetchError::Interrupted);
        }
        if let Some(connection) = open.by_target.get(&key)
            && connection.tls.is_same(&tls)
        {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(self.make(target, tls)?);
        open.by_target.insert(key, Arc::clone(&connection));
        Ok(connection)
    }

    /// Breaks off the target's, in use or not.
    pub(super) fn forget(&self, target: &Target) {
        let gone = self.lock().by_target.remove(&key(target));
        if let Some(connection) = gone {
            connection.client.shutdown();
        }
    }

    /// Breaks off all.
    pub(super) fn close(&self) {
        let connections = {
            let mut open = self.lock();
            open.closed = true;
            std::mem::take(&mut open.by_target)
        };
        connections.values().for_each(|connection| connection.client.shutdown());
    }

    /// How many targets have one.
    pub(super) fn len(&self) -> usize {
        self.lock().by_target.len()
    }

    fn make(&self, target: &Target, tls: ClientTls) -> Result<Connection, FetchError> {
        let settings = ClientSettings {
            connect_timeout: self.connect_timeout,
            idle: target.interval * 2,
            proxy: target.job.proxy_url.clone(),
            tls: Some(tls.clone()),
            ..ClientSettings::default()
        };
        let client = Client::new(&settings, Arc::clone(&self.resolver))?;
        Ok(Connection { client, uri: uri(target)?, tls })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What makes two targets share a connection: nothing less than the same URL of the same job with the same settings.
fn key(target: &Target) -> u64 {
    let mut hasher = DefaultHasher::new();
    let job = &target.job;
    (target.scheme, &target.address, &target.path_and_query, &job.name).hash(&mut hasher);
    (&job.tls, &job.proxy_url).hash(&mut hasher);
    hasher.finish()
}

fn uri(target: &Target) -> Result<Uri, FetchError> {
    // a user part would be a password in every log line
    if target.address.contains(['@', '/', '?', '#']) {
        let what = "its address must be host:port alone; put credentials under basicAuth".to_owned();
        return Err(FetchError::Url { what });
    }
    let fail = |error: ureq::http::Error| FetchError::Url { what: format!("{error}; check address, path and params") };
    Uri::builder()
        .scheme(target.scheme.as_str())
        .authority(target.address.as_str())
        .path_and_query(target.path_and_query.as_str())
        .build()
        .map_err(fail)
}
