//! Opens a client's connections: name, TCP (through a proxy's tunnel where one is set), TLS; each step is timed, and
//! fails as itself.

use super::client::ClientSettings;
use super::error::FetchError;
use super::resolver::{ResolveError, Resolver};
use super::tcp::{self, Tcp};
use super::tls::{self, ClientTls};
use super::trace::{Phase, Trace};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout, Transport, time};

/// Answers at once with an address that nobody uses: `ureq` resolves before it looks for an idle connection, the
/// connector resolves only when there is none.
#[derive(Debug)]
pub(super) struct Later;

impl UreqResolver for Later {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(([0, 0, 0, 0], 0).into());
        Ok(addresses)
    }
}

/// Opens connections for one client.
#[derive(Debug)]
pub(super) struct Opener {
    resolver: Arc<Resolver>,
    trace: Arc<Trace>,
    dns_timeout: Duration,
    connect_timeout: Duration,
    tls: Option<ClientTls>,
}

impl Opener {
    pub(super) fn new(settings: &ClientSettings, resolver: Arc<Resolver>, trace: Arc<Trace>) -> Self {
        let (dns_timeout, connect_timeout) = (settings.dns_timeout, settings.connect_timeout);
        Self { resolver, trace, dns_timeout, connect_timeout, tls: settings.tls.clone() }
    }

    fn open(&self, details: &ConnectionDetails<'_>) -> Result<Tcp, FetchError> {
        let began = Instant::now();
        let deadline = deadline(details);
        let (host, port) = host_and_port(details.uri)?;
        self.trace.enter(Phase::Dns);
        let until = earlier(deadline, began + self.dns_timeout);
        let addresses = self.resolver.resolve(host, port, until).map_err(|error| match error {
            ResolveError::Timeout => FetchError::Timeout { phase: Phase::Dns, after: until.duration_since(began) },
            ResolveError::Failed(what) => FetchError::Dns { host: host.to_owned(), what },
        })?;
        self.trace.time(|timings| timings.dns += began.elapsed());

        let began = Instant::now();
        self.trace.enter(Phase::Connect);
        let until = earlier(deadline, began + self.connect_timeout);
        let stream = tcp::connect(&addresses, until).map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused => FetchError::Refused { on: format!("{host}:{port}") },
            ErrorKind::TimedOut => FetchError::Timeout { phase: Phase::Connect, after: until.duration_since(began) },
            _ => FetchError::Connect { on: format!("{host}:{port}"), what: error.to_string() },
        })?;
        self.trace.time(|timings| timings.connect += began.elapsed());
        self.trace.connected(stream.peer_addr().ok());
        self.trace.cover(false);
        Ok(Tcp::new(stream, Arc::clone(&self.trace)))
    }
}

impl Opener {
    fn secure(
        &self,
        details: &ConnectionDetails<'_>,
        below: Box<dyn Transport>,
    ) -> Result<Box<dyn Transport>, ureq::Error> {
        let began = Instant::now();
        self.trace.enter(Phase::Tls);
        self.trace.cover(true);
        let peer = host_and_port(details.uri).map_err(boxed)?;
        let tls = self.tls.as_ref().ok_or_else(|| {
            boxed(FetchError::Tls { on: peer.0.to_owned(), what: "this client has no TLS settings".to_owned() })
        })?;
        let mut timeout = details.timeout;
        if let Some(deadline) = deadline(details) {
            timeout.after = deadline.saturating_duration_since(began).into();
        }
        let session = tls::handshake(tls, peer, below, details, timeout)?;
        self.trace.time(|timings| timings.tls += began.elapsed());
        Ok(session)
    }
}

impl<In: Transport> Connector<In> for Opener {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let transport: Box<dyn Transport> = match chained {
            Some(tunnel) => Box::new(tunnel),
            None => {
                let tcp = self.open(details).map_err(boxed)?;
                (details.register_shutdown)(tcp.shutdown_handle())?;
                Box::new(tcp)
            }
        };
        let transport = if details.needs_tls() { self.secure(details, transport)? } else { transport };
        self.trace.enter(Phase::Head);
        Ok(Some(transport))
    }
}

/// When the request as a whole must be done.
fn deadline(details: &ConnectionDetails<'_>) -> Option<Instant> {
    let began = match details.now {
        time::Instant::Exact(now) => now,
        _ => Instant::now(),
    };
    (!details.timeout.after.is_not_happening()).then(|| began + *details.timeout.after)
}

fn boxed(error: FetchError) -> ureq::Error {
    ureq::Error::Other(Box::new(error))
}

fn earlier(deadline: Option<Instant>, own: Instant) -> Instant {
    deadline.map_or(own, |deadline| deadline.min(own))
}

fn host_and_port(uri: &Uri) -> Result<(&str, u16), FetchError> {
    let fail = |what: &str| FetchError::Url { what: what.to_owned() };
    let authority = uri.authority().ok_or_else(|| fail("it has no host"))?;
    let host = authority.host();
    let text = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = match text.strip_prefix(host).and_then(|rest| rest.strip_prefix(':')).unwrap_or_default() {
        "" if uri.scheme_str() == Some("https") => 443,
        "" => 80,
        port => port.parse().map_err(|_| fail("its port is no number from 1 to 65535"))?,
    };
    if host.is_empty() { Err(fail("it has no host")) } else { Ok((host, port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_what_stands_behind_the_host() {
        for (uri, host, port) in [
            ("http://8:80/", "8", 80),
            ("http://h/", "h", 80),
            ("https://h/", "h", 443),
            ("https://h:/", "h", 443),
            ("http://[::1]:9100/", "[::1]", 9100),
            ("http://[::1]/", "[::1]", 80),
            ("http://u:p@h:1/", "h", 1),
        ] {
            assert_eq!(host_and_port(&uri.parse().unwrap()), Ok((host, port)), "{uri}");
        }
        for uri in ["http://h:99999/", "http://:80/", "/metrics"] {
            assert!(matches!(host_and_port(&uri.parse().unwrap()), Err(FetchError::Url { .. })), "{uri}");
        }
    }
}
