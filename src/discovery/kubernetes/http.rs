//! One GET to the API server: the seam between the API client and HTTP.
//!
//! # Invariants
//! Credentials leave only over TLS; redirects are not followed; proxies of the environment are not used. A CA that
//! was given is trusted alone, as kubectl does; without one the system's are.

use super::access::Access;
use super::credentials::{Identity, Proof};
use crate::net::tls::{ClientTls, Pem, SystemRoots, TlsParts};
use crate::net::{Body, Client, ClientSettings, Deadline, FetchError, Request, Resolver};
use crate::secret::Secret;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use ureq::http::uri::Uri;

/// How long opening a connection may take: an API server may be far, and is one for all targets.
const CONNECT: Duration = Duration::from_secs(5);

/// A connection to the API server, opened when it is needed.
pub(super) struct Http {
    client: Client,
    encrypted: bool,
}

/// The head of an answer, and its body to be read.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Body,
}

impl Http {
    pub(super) fn new(
        access: &Access,
        ca: Option<&[u8]>,
        identity: Option<&Identity>,
        resolver: Arc<Resolver>,
    ) -> Result<Self, String> {
        let encrypted = access.server.starts_with("https://");
        let tls = encrypted.then(|| ClientTls::new(&parts(access, ca, identity))).transpose();
        let tls = tls.map_err(|error| error.to_string())?;
        let proxy = access.proxy.clone();
        let settings = ClientSettings { connect_timeout: CONNECT, proxy, tls, ..ClientSettings::default() };
        let client = Client::new(&settings, resolver).map_err(|error| error.to_string())?;
        Ok(Self { client, encrypted })
    }

    pub(super) fn get(&self, url: &str, proof: &Proof, timeout: Duration, limit: u64) -> Result<Answer, FetchError> {
        let uri: Uri = url.parse().map_err(|_| FetchError::Url { what: format!("{url:?} is no URL") })?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if let Some(authorization) = proof.authorization.as_ref().filter(|_| self.encrypted) {
            headers.insert(AUTHORIZATION, sensitive(authorization)?);
        }
        let deadline = Deadline::after(timeout);
        let answer = self.client.get(Request { uri: &uri, headers, deadline, body_limit: limit })?;
        let retry_after = answer.header(RETRY_AFTER.as_str()).and_then(|value| value.trim().parse().ok());
        Ok(Answer { status: answer.status, retry_after: retry_after.map(Duration::from_secs), body: answer.body })
    }

    /// Breaks off what is under way.
    pub(super) fn shutdown(&self) {
        self.client.shutdown();
    }
}

fn sensitive(authorization: &Secret) -> Result<HeaderValue, FetchError> {
    let value = HeaderValue::from_str(authorization.expose());
    let mut value = value.map_err(|_| FetchError::Credentials {
        what: "the token has characters that no header can hold; is it the right file?".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn parts(access: &Access, ca: Option<&[u8]>, identity: Option<&Identity>) -> TlsParts {
    let authorities: Vec<Pem> = ca.map(|bytes| pem("certificate-authority", bytes)).into_iter().collect();
    TlsParts {
        insecure_skip_verify: access.insecure,
        server_name: access.server_name.clone(),
        system: authorities.is_empty().then(|| Arc::new(SystemRoots::default())),
        authorities,
        identity: identity.map(|(chain, key)| (pem("client-certificate", chain), pem("client-key", key))),
    }
}

/// PEM is ASCII; what is not is told by who reads it.
fn pem(from: &str, bytes: &[u8]) -> Pem {
    Pem { from: from.to_owned(), text: Secret::new(String::from_utf8_lossy(bytes)) }
}
