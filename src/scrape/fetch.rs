//! Fetches a target's exposition: headers, credentials, redirects; the answer's body is a reader.
//!
//! # Invariants
//! - `Ok` is status 200 (Prometheus takes no other either) and a body that ends cleanly only when it came whole (see [`Body`]).
//! - One deadline holds over name, connection, TLS, redirects, head and body.
//! - Credentials go to the target's own host only, never along a redirect to another.

mod connections;
mod redirect;

pub use crate::net::{Body, FetchError, Phase, Timings};

use super::auth::{self, ServiceAccount};
use crate::discovery::{SecretStore, Target};
use crate::net::{self, ClientSettings, Deadline};
use connections::Connections;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
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
    protobuf: AtomicBool,
    account: RwLock<Arc<ServiceAccount>>,
    secrets: Arc<dyn SecretStore>,
    connections: Connections,
}

impl Fetcher {
    /// A fetcher without any connection.
    pub fn new(settings: FetchSettings, secrets: Arc<dyn SecretStore>) -> Self {
        Self {
            protobuf: AtomicBool::new(settings.protobuf),
            account: RwLock::new(Arc::new(settings.service_account)),
            connections: Connections::new(settings.connect_timeout, settings.cluster_ca, Arc::clone(&secrets)),
            secrets,
        }
    }

    /// A fetcher of the same settings with connections of its own, for a fetch beside the schedule.
    pub fn apart(&self) -> Self {
        Self {
            protobuf: AtomicBool::new(self.protobuf.load(Ordering::Relaxed)),
            account: RwLock::new(self.account.read().unwrap_or_else(PoisonError::into_inner).clone()),
            secrets: Arc::clone(&self.secrets),
            connections: self.connections.apart(),
        }
    }

    /// Asks the target for its exposition; all must be done, the body read as well, within `timeout` from now.
    ///
    /// # Errors
    /// When there is no answer of status 200. What goes wrong with the body later is an error of its reads, to be
    /// taken back with [`FetchError::from_io`].
    pub fn fetch(&self, target: &Target, timeout: Duration) -> Result<Response, FetchError> {
        let deadline = Deadline::after(timeout);
        let connection = self.connections.of(target)?;
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
        self.connections.forget(target);
    }

    /// Breaks off all that is under way; everything asked for from now on fails as interrupted.
    pub fn shutdown(&self) {
        self.connections.close();
    }

    /// The service account as it is from now on: its policy was changed, or the API server's addresses became known.
    pub fn set_service_account(&self, account: ServiceAccount) {
        *self.account.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(account);
    }

    /// Whether protobuf is asked for first from now on.
    pub fn set_protobuf(&self, protobuf: bool) {
        self.protobuf.store(protobuf, Ordering::Relaxed);
    }

    fn headers(&self, target: &Target, timeout: Duration) -> Result<HeaderMap, FetchError> {
        let mut headers = HeaderMap::new();
        let accept = if self.protobuf.load(Ordering::Relaxed) { ACCEPT_PROTOBUF } else { ACCEPT_TEXT };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if !is_loopback(&target.address) {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let seconds = HeaderValue::from_str(&timeout.as_secs_f64().to_string());
        headers.insert(SCRAPE_TIMEOUT, seconds.expect("a number is a valid header"));
        // not held while a secret is looked up
        let account = Arc::clone(&self.account.read().unwrap_or_else(PoisonError::into_inner));
        if let Some(credentials) = auth::header(target, &account, &*self.secrets)? {
            headers.insert(AUTHORIZATION, credentials);
        }
        Ok(headers)
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("connections", &self.connections.len()).finish_non_exhaustive()
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
