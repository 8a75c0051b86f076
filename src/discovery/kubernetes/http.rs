//! One GET to the API server: the seam between the API client and HTTP.
//!
//! # Invariants
//! Credentials leave only over TLS; redirects are not followed; proxies of the environment are not used.

use super::access::Access;
use super::credentials::{Identity, Proof};
use std::io::Read;
use std::time::Duration;
use ureq::http::header::RETRY_AFTER;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// How long opening a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// An idle connection is kept over some polls.
const IDLE: Duration = Duration::from_secs(90);

/// A connection to the API server, opened when it is needed.
pub(super) struct Http {
    agent: ureq::Agent,
    encrypted: bool,
}

/// The head of an answer, and its body to be read.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Box<dyn Read>,
}

impl Http {
    pub(super) fn new(access: &Access, ca: Option<&[u8]>, identity: Option<&Identity>) -> Result<Self, String> {
        let proxy = access.proxy.as_deref().map(ureq::Proxy::new).transpose();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy.map_err(|error| format!("proxy-url: {error}"))?)
            .timeout_connect(Some(CONNECT))
            .max_idle_age(IDLE)
            .tls_config(tls(access, ca, identity)?)
            .user_agent(concat!("openagent/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), encrypted: access.server.starts_with("https://") })
    }

    pub(super) fn get(&self, url: &str, proof: &Proof, timeout: Duration) -> Result<Answer, String> {
        let mut request = self.agent.get(url).header("Accept", "application/json");
        if let Some(authorization) = proof.authorization.as_ref().filter(|_| self.encrypted) {
            request = request.header("Authorization", authorization.expose());
        }
        let answer = request.config().timeout_global(Some(timeout)).build().call().map_err(|e| e.to_string())?;
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(Answer {
            status: answer.status().as_u16(),
            retry_after: retry_after.map(Duration::from_secs),
            body: Box::new(answer.into_body().into_reader()),
        })
    }

    /// Breaks off what is under way.
    pub(super) fn shutdown(&self) {
        self.agent.clone().shutdown();
    }
}

fn tls(access: &Access, ca: Option<&[u8]>, identity: Option<&Identity>) -> Result<TlsConfig, String> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut config =
        TlsConfig::builder().unversioned_rustls_crypto_provider(provider).disable_verification(access.insecure);
    let pem = |what: &str, error: String| format!("{what} is no PEM: {error}");
    if let Some(ca) = ca {
        let certificates: Result<Vec<_>, _> = ureq::tls::parse_pem(ca)
            .filter_map(|item| match item {
                Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                Ok(_) => None,
                Err(error) => Some(Err(pem("certificate-authority", error.to_string()))),
            })
            .collect();
        config = config.root_certs(RootCerts::from(certificates?));
    }
    if let Some((chain, key)) = identity {
        let certificate = Certificate::from_pem(chain).map_err(|e| pem("client-certificate", e.to_string()))?;
        let key = PrivateKey::from_pem(key).map_err(|e| pem("client-key", e.to_string()))?;
        config = config.client_cert(Some(ClientCert::new_with_certs(&[certificate], key)));
    }
    Ok(config.build())
}
