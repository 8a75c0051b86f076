//! Whether a server's certificate is to be trusted: by the given authorities first, by the system's when they did not
//! sign it, and always for the right name and time.
//!
//! A self-signed certificate that calls itself a CA is refused by webpki as a server's (`CaUsedAsEndEntity`), while Go
//! accepts it when it is the configured CA; many exporters have such a one. It is accepted here when it is the very
//! certificate that was configured; webpki has checked its validity by then, the name is checked as ever.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::{Arc, OnceLock};

/// The system's certificate store, read when it is first needed.
#[derive(Debug, Default)]
pub struct SystemRoots(OnceLock<RootCertStore>);

impl SystemRoots {
    fn store(&self) -> &RootCertStore {
        self.0.get_or_init(|| {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                log::warn!("reading the system's certificates: {error}; those that could be read are used");
            }
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(found.certs);
            store
        })
    }
}

/// Who is believed.
#[derive(Debug)]
pub(super) enum Trust {
    /// `insecureSkipVerify`.
    Anyone,
    /// Who was signed by one of these.
    Signed {
        /// The authorities as they were given.
        certificates: Vec<CertificateDer<'static>>,
        /// The same as trust anchors.
        roots: RootCertStore,
        /// The system's.
        system: Option<Arc<SystemRoots>>,
    },
}

/// rustls' question, answered by [`Trust`].
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(trust: Trust, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { trust, algorithms }
    }

    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        parsed: &ParsedCertificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let Trust::Signed { certificates, roots, system } = &self.trust else { return Ok(()) };
        let signed_by = |roots: &RootCertStore| {
            verify_server_cert_signed_by_trust_anchor(parsed, roots, intermediates, now, self.algorithms.all)
        };
        match (signed_by(roots), system) {
            (Err(error), _) if is_ca_as_server(&error) && certificates.iter().any(|ca| ca == end_entity) => Ok(()),
            (Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)), Some(system)) => {
                signed_by(system.store())
            }
            (result, _) => result,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !matches!(self.trust, Trust::Anyone) {
            let parsed = ParsedCertificate::try_from(end_entity)?;
            self.verify_chain(end_entity, &parsed, intermediates, now)?;
            verify_server_name(&parsed, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// webpki's own error type is not ours to name; its text is, and a test holds it.
fn is_ca_as_server(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::Other(other)) if other.to_string() == "CaUsedAsEndEntity")
}
