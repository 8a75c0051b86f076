//! TLS for clients: certificates, keys and names become a session's settings; faults name the file or secret.
//!
//! # Invariants
//! - A CA that was given and cannot be used is an error, never a silent fall back to the system's.
//! - `insecureSkipVerify` accepts any certificate and any name; that the peer holds the certificate's key is still
//!   checked.
//! - The system's store is read when a certificate needs it, once, and never before.

mod fault;
mod session;
mod verifier;

pub(super) use fault::describe;
pub(super) use session::handshake;
pub use verifier::SystemRoots;

use super::error::FetchError;
use crate::secret::Secret;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use verifier::{Trust, Verifier};

/// PEM text and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pem {
    /// As an error names it: `caFile /etc/ca.pem`, `secret "tls" key "ca.crt"`.
    pub from: String,
    /// The text; a secret, since keys come this way as well.
    pub text: Secret,
}

/// What a client's TLS is made of, resolved.
#[derive(Debug, Clone, Default)]
pub struct TlsParts {
    /// Accept any certificate and any name.
    pub insecure_skip_verify: bool,
    /// The name the certificate must be for, and the SNI sent; default the URL's host.
    pub server_name: Option<String>,
    /// Certificates of authorities; tried before the system's.
    pub authorities: Vec<Pem>,
    /// Client certificate (with its chain) and its key.
    pub identity: Option<(Pem, Pem)>,
    /// The system's store, for what the authorities did not sign; `None` trusts them alone.
    pub system: Option<Arc<SystemRoots>>,
}

/// A client's TLS settings, ready; cheap to clone, shared by all who have the same settings.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl ClientTls {
    /// Settings from their parts.
    ///
    /// # Errors
    /// [`FetchError::Tls`] naming the part that cannot be used.
    pub fn new(parts: &TlsParts) -> Result<Self, FetchError> {
        let provider = Arc::new(ring::default_provider());
        let server_name = parts.server_name.as_ref().map(|name| server_name(name, "serverName")).transpose()?;
        let trust = trust(parts)?;
        let verifier = Verifier::new(trust, provider.signature_verification_algorithms);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &parts.identity {
            Some((certificate, key)) => with_identity(builder, certificate, key)?,
            None => builder.with_no_client_auth(),
        };
        // connections are kept; tickets of thousands of targets would only take memory
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), server_name })
    }

    /// The name that a host's certificate must be for.
    fn name_for(&self, host: &str) -> Result<ServerName<'static>, FetchError> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => server_name(host.trim_start_matches('[').trim_end_matches(']'), "host"),
        }
    }

    /// Whether anybody but its holder has these settings.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.config) > 1
    }

    /// Whether both are the same settings, not merely equal ones.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
    }
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientTls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

fn server_name(name: &str, what: &str) -> Result<ServerName<'static>, FetchError> {
    ServerName::try_from(name.to_owned()).map_err(|_| FetchError::Tls {
        on: format!("{what} {name:?}"),
        what: "it is neither a DNS name nor an IP address; set tlsConfig.serverName".to_owned(),
    })
}

fn trust(parts: &TlsParts) -> Result<Trust, FetchError> {
    if parts.insecure_skip_verify {
        return Ok(Trust::Anyone);
    }
    let mut certificates = Vec::new();
    let mut roots = RootCertStore::empty();
    for pem in &parts.authorities {
        let found = read_certificates(pem)?;
        let (added, _) = roots.add_parsable_certificates(found.iter().cloned());
        if added == 0 {
            return Err(fault(pem, "none of its certificates can be read; is it an X.509 v3 certificate?"));
        }
        certificates.extend(found);
    }
    Ok(Trust::Signed { certificates, roots, system: parts.system.clone() })
}

fn with_identity(
    builder: rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>,
    certificate: &Pem,
    key: &Pem,
) -> Result<ClientConfig, FetchError> {
    let chain = read_certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_slice(key.text.expose().as_bytes())
        .map_err(|_| fault(key, "it holds no readable private key (PKCS#8, PKCS#1 or SEC1 in PEM, not encrypted)"))?;
    builder.with_client_auth_cert(chain, private).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => fault(key, &format!("it is not the key of {}", certificate.from)),
        other => fault(key, &format!("it cannot be used with {}: {other}", certificate.from)),
    })
}

fn read_certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, FetchError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.text.expose().as_bytes()).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(fault(pem, "it holds no certificate; PEM text begins with -----BEGIN CERTIFICATE-----")),
        Err(_) => Err(fault(pem, "its PEM text is broken; write it anew, whole")),
    }
}

fn fault(pem: &Pem, what: &str) -> FetchError {
    FetchError::Tls { on: pem.from.clone(), what: what.to_owned() }
}
