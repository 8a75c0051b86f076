//! Fetches a target's exposition: headers, credentials, redirects; the answer's body is a reader.
//!
//! # Invariants
//! - `Ok` is status 200 and a body that ends cleanly only when it came whole (see [`Body`]).
//! - One deadline holds over name, connection, TLS, redirects, head and body.
//! - Credentials go to the target's own host only, never along a redirect to another.

mod redirect;

pub use crate::net::{Body, FetchError, Phase, Timings};

use super::auth::{self, ServiceAccount};
use super::tls::TlsStore;
use crate::config::job::TlsSettings;
use crate::discovery::{SecretStore, Target};
use crate::net::{self, Client, ClientSettings, ClientTls, Deadline, Resolver};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use ureq::http::Uri;
use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

/// Redirects followed at most.
pub const MAX_REDIRECTS: u32 = 5;

const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// OpenMetrics before the text format, as Prometheus asks: it says more (units, exemplars, an end).
const ACCEPT_TEXT: &str = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// Protobuf before both: only it has native histograms.
const ACCEPT_PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
     application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// What all scrapes share.
#[derive(Debug, Clone)]
pub struct FetchSettings {
    /// Whether protobuf is asked for first.
    pub protobuf: bool,
    /// Bound of opening a TCP connection, beside the scrape's own; default 2 s.
    pub connect_timeout: Duration,
    /// The agent's service account.
    pub service_account: ServiceAccount,
    /// The cluster's CA file, trusted beside the system's; none outside a cluster.
    pub cluster_ca: Option<PathBuf>,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            protobuf: false,
            connect_timeout: ClientSettings::default().connect_timeout,
            service_account: ServiceAccount::none(),
            cluster_ca: None,
        }
    }
}

/// A successful answer, its body still to be read.
#[derive(Debug)]
pub struct Response {
    /// Always 200.
    pub status: u16,
    /// `Content-Type`, empty when there is none.
    pub content_type: String,
    /// Where the time went; the last hop's when there were redirects.
    pub timings: Timings,
    /// Who answered; the proxy where there is one.
    pub peer: Option<SocketAddr>,
    /// Redirects followed.
    pub redirects: u32,
    /// Whether an idle connection was used.
    pub reused: bool,
    /// The exposition.
    pub body: Body,
}

/// Fetches from all targets; shared by all workers. A target is fetched by one worker at a time.
pub struct Fetcher {
    accept: HeaderValue,
    connect_timeout: Duration,
    account: RwLock<ServiceAccount>,
    secrets: Arc<dyn SecretStore>,
    tls: TlsStore,
    resolver: Arc<Resolver>,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    by_target: HashMap<u64, Arc<Connection>>,
    closed: bool,
}

/// A target's client and what of its requests never changes.
struct Connection {
    client: Client,
    uri: Uri,
    tls: ClientTls,
}

impl Fetcher {
    /// A fetcher without any connection.
    pub fn new(settings: FetchSettings, secrets: Arc<dyn SecretStore>) -> Self {
        Self {
            accept: HeaderValue::from_static(if settings.protobuf { ACCEPT_PROTOBUF } else { ACCEPT_TEXT }),
            connect_timeout: settings.connect_timeout,
            account: RwLock::new(settings.service_account),
            tls: TlsStore::new(settings.cluster_ca, Arc::clone(&secrets)),
            secrets,
            resolver: Arc::default(),
            clients: Mutex::default(),
        }
    }

    /// Asks the target for its exposition; all must be done, the body read as well, within `timeout` from now.
    ///
    /// # Errors
    /// When there is no answer of status 200. What goes wrong with the body later is an error of its reads, to be
    /// taken back with [`FetchError::from_io`].
    pub fn fetch(&self, target: &Target, timeout: Duration) -> Result<Response, FetchError> {
        let deadline = Deadline::after(timeout);
        let connection = self.connection(target)?;
        let mut headers = self.headers(target, timeout)?;
        let mut uri = connection.uri.clone();
        for redirects in 0..=MAX_REDIRECTS {
            let body_limit = target.job.limits.body_bytes;
            let answer =
                connection.client.get(net::Request { uri: &uri, headers: headers.clone(), deadline, body_limit })?;
            if answer.status == 200 {
                return Ok(accept(answer, redirects));
            }
            if !target.job.follow_redirects || !redirect::is_redirect(answer.status) {
                return Err(refuse(answer));
            }
            let next = redirect::follow(&uri, answer.header("location"))?;
            if !auth::stays_with(&uri, &next) {
                headers.remove(AUTHORIZATION);
            }
            answer.body.discard();
            uri = next;
        }
        Err(FetchError::TooManyRedirects { limit: MAX_REDIRECTS })
    }

    /// Closes the target's connection, in use or not: it is gone, or must be seen anew.
    pub fn forget(&self, target: &Target) {
        let gone = self.lock().by_target.remove(&key(target));
        if let Some(connection) = gone {
            connection.client.shutdown();
        }
    }

    /// Breaks off all that is under way; everything asked for from now on fails as interrupted.
    pub fn shutdown(&self) {
        let connections = {
            let mut clients = self.lock();
            clients.closed = true;
            std::mem::take(&mut clients.by_target)
        };
        connections.values().for_each(|connection| connection.client.shutdown());
    }

    /// The service account as it is from now on: its policy was changed, or the API server's addresses became known.
    pub fn set_service_account(&self, account: ServiceAccount) {
        *self.account.write().unwrap_or_else(PoisonError::into_inner) = account;
    }

    fn connection(&self, target: &Target) -> Result<Arc<Connection>, FetchError> {
        let key = key(target);
        let tls = self.tls.current(target.job.tls.as_ref())?;
        let mut clients = self.lock();
        if clients.closed {
            return Err(FetchError::Interrupted);
        }
        if let Some(connection) = clients.by_target.get(&key)
            && connection.tls.is_same(&tls)
        {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(self.open(target, tls)?);
        clients.by_target.insert(key, Arc::clone(&connection));
        Ok(connection)
    }

    fn open(&self, target: &Target, tls: ClientTls) -> Result<Connection, FetchError> {
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

    fn headers(&self, target: &Target, timeout: Duration) -> Result<HeaderMap, FetchError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, self.accept.clone());
        if !is_loopback(&target.address) {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let seconds = HeaderValue::from_str(&timeout.as_secs_f64().to_string());
        headers.insert(SCRAPE_TIMEOUT, seconds.expect("a number is a valid header"));
        let account = self.account.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(credentials) = auth::header(target, &account, &*self.secrets)? {
            headers.insert(AUTHORIZATION, credentials);
        }
        Ok(headers)
    }

    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("connections", &self.lock().by_target.len()).finish_non_exhaustive()
    }
}

fn accept(answer: net::Response, redirects: u32) -> Response {
    Response {
        status: answer.status,
        content_type: answer.header("content-type").unwrap_or_default().to_owned(),
        timings: answer.timings,
        peer: answer.peer,
        redirects,
        reused: answer.reused,
        body: answer.body,
    }
}

fn refuse(answer: net::Response) -> FetchError {
    let status = answer.status;
    answer.body.discard();
    FetchError::Status(status)
}

/// What makes two targets share a connection: nothing less than the same URL of the same job with the same settings.
fn key(target: &Target) -> u64 {
    let mut hasher = DefaultHasher::new();
    let job = &target.job;
    (target.scheme, &target.address, &target.path_and_query, &job.name).hash(&mut hasher);
    (&job.tls as &Option<TlsSettings>, &job.proxy_url).hash(&mut hasher);
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

/// Whether the bytes need not leave the machine, so that packing them is a waste.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    ip.map_or(host.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_by_its_address() {
        for (address, loopback) in [
            ("127.0.0.1:9100", true),
            ("127.8.8.8:1", true),
            ("[::1]:9100", true),
            ("localhost:9100", true),
            ("10.0.0.1:9100", false),
            ("[fe80::1]:9100", false),
            ("localhost.example:9100", false),
        ] {
            assert_eq!(is_loopback(address), loopback, "{address}");
        }
    }
}
