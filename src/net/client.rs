//! A client of one target: GET requests over at most one idle connection.
//!
//! # Invariants
//! No redirect is followed here, no proxy taken from the environment, no status is an error: those are the caller's.

use super::body::Body;
use super::connector::{Later, Opener};
use super::error::FetchError;
use super::resolver::Resolver;
use super::tls::ClientTls;
use super::trace::{Phase, Timings, Trace};
use super::window::INPUT_MAX;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::http::header::{CONTENT_ENCODING, HeaderMap};
use ureq::http::{self, Uri};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _};

/// Bytes of an answer's head at most; the number of its lines is bounded to 128 by `ureq`.
const HEAD_MAX: usize = INPUT_MAX - (1 << 10);

/// What does not change from request to request.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Bound of a name's look-up; default 5 s, a resolver's usual time for its first server.
    pub dns_timeout: Duration,
    /// Bound of opening the TCP connection; default 2 s.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle: Duration,
    /// `http://[user:password@]host:port` of a proxy that tunnels (CONNECT); none from the environment.
    pub proxy: Option<String>,
    /// For https; without it https fails.
    pub tls: Option<ClientTls>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            dns_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            idle: Duration::from_secs(120),
            proxy: None,
            tls: None,
        }
    }
}

/// When all of something must be done.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    /// The moment.
    pub at: Instant,
    /// The time that was given, as error texts tell it.
    pub after: Duration,
}

impl Deadline {
    /// This long from now.
    pub fn after(timeout: Duration) -> Self {
        Self { at: Instant::now() + timeout, after: timeout }
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }
}

/// One GET.
#[derive(Debug)]
pub struct Request<'a> {
    /// Absolute URL.
    pub uri: &'a Uri,
    /// Its headers; `Host` is added.
    pub headers: HeaderMap,
    /// When the last byte of the body must have been read.
    pub deadline: Deadline,
    /// Bytes of the body at most, after inflation.
    pub body_limit: u64,
}

/// The head of an answer, and its body to be read.
#[derive(Debug)]
pub struct Response {
    /// Status code; any.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Where the time went so far.
    pub timings: Timings,
    /// Who answered; the proxy where there is one.
    pub peer: Option<SocketAddr>,
    /// Whether an idle connection was used.
    pub reused: bool,
    /// The body.
    pub body: Body,
}

impl Response {
    /// A header's text, when it is there once and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A client of one target.
#[derive(Debug)]
pub struct Client {
    agent: ureq::Agent,
    trace: Arc<Trace>,
}

impl Client {
    /// A client without a connection yet.
    ///
    /// # Errors
    /// On a proxy URL that cannot be used.
    pub fn new(settings: &ClientSettings, resolver: Arc<Resolver>) -> Result<Self, FetchError> {
        let trace = Arc::new(Trace::default());
        let config = ureq::Agent::config_builder()
            .proxy(settings.proxy.as_deref().map(proxy).transpose()?)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(HEAD_MAX)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .max_idle_age(settings.idle)
            .accept("")
            .accept_encoding("")
            .user_agent(concat!("openagent/", env!("CARGO_PKG_VERSION")))
            .build();
        let opener = Opener::new(settings, resolver, Arc::clone(&trace));
        let connector = ().chain(ConnectProxyConnector::default()).chain(opener);
        Ok(Self { agent: ureq::Agent::with_parts(config, connector, Later), trace })
    }

    /// Sends a GET and waits for the head of its answer; one request at a time.
    ///
    /// A connection that the server closed while it was idle is replaced once, within the same deadline.
    ///
    /// # Errors
    /// When no head came; a status is none.
    pub fn get(&self, request: Request<'_>) -> Result<Response, FetchError> {
        let opened = self.trace.opened();
        let mut result = self.attempt(&request);
        let stale = matches!(result, Err(FetchError::Closed { .. })) && self.trace.opened() == opened;
        if stale {
            result = self.attempt(&request);
        }
        let answer = result?;
        let (head, body) = answer.into_parts();
        let gzip = is_gzip(&head.headers)?;
        let body = Body::new(body, gzip, request.body_limit, request.deadline, Arc::clone(&self.trace));
        Ok(Response {
            status: head.status.as_u16(),
            timings: self.trace.timings(),
            peer: self.trace.peer(),
            reused: self.trace.opened() == opened,
            body,
            headers: head.headers,
        })
    }

    /// Breaks off what is under way and makes every further request fail as interrupted.
    pub fn shutdown(&self) {
        self.trace.interrupt();
        self.agent.clone().shutdown();
    }

    fn attempt(&self, request: &Request<'_>) -> Result<http::Response<ureq::Body>, FetchError> {
        let began = Instant::now();
        let left = request.deadline.left().max(Duration::from_millis(1));
        self.trace.begin();
        let mut message = http::Request::new(());
        *message.uri_mut() = request.uri.clone();
        *message.headers_mut() = request.headers.clone();
        let message = self.agent.configure_request(message).timeout_global(Some(left)).build();
        let answer = self.agent.run(message);
        let answer = answer.map_err(|error| FetchError::from_ureq(error, &self.trace, request.deadline.after))?;
        self.trace.enter(Phase::Body);
        self.trace.time(|timings| {
            let before = timings.dns + timings.connect + timings.tls;
            timings.first_byte = began.elapsed().saturating_sub(before);
        });
        Ok(answer)
    }
}

/// Whether the body is gzip; an encoding that was not asked for is no body to read.
fn is_gzip(headers: &HeaderMap) -> Result<bool, FetchError> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else { return Ok(false) };
    match encoding.as_bytes().to_ascii_lowercase().as_slice() {
        b"gzip" | b"x-gzip" => Ok(true),
        b"identity" | b"" => Ok(false),
        _ => Err(FetchError::protocol("its Content-Encoding is neither gzip nor identity")),
    }
}

fn proxy(url: &str) -> Result<ureq::Proxy, FetchError> {
    let fail = || FetchError::Url { what: "proxy_url must be http://[user:password@]host[:port]".to_owned() };
    let proxy = ureq::Proxy::new(url).map_err(|_| fail())?;
    if matches!(proxy.protocol(), ureq::ProxyProtocol::Http) { Ok(proxy) } else { Err(fail()) }
}
