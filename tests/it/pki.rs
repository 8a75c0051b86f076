//! Certificates made for a test, and servers that speak TLS with them.

use crate::hostile::{Manner, Server, Stream};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::{default_provider, sign};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use std::io;
use std::net::TcpStream;
use std::sync::Arc;

/// A certificate with its key.
pub struct Certified {
    /// The certificate.
    pub der: CertificateDer<'static>,
    /// In PEM.
    pub pem: String,
    /// Its key in PEM.
    pub key: String,
}

impl Certified {
    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(KeyPair::from_pem(&self.key).unwrap().serialize_der()).unwrap()
    }
}

/// An authority.
pub struct Authority {
    /// Its own certificate in PEM.
    pub pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one of this name.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// A certificate for these names, signed by it.
    pub fn issue(&self, names: &[&str]) -> Certified {
        self.issue_with(names, |_| {})
    }

    /// The same, changed first.
    pub fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Certified {
        let (params, key) = params(names, change);
        certified(&params.signed_by(&key, &self.issuer).unwrap(), &key)
    }
}

/// A certificate that signed itself.
pub fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Certified {
    let (params, key) = params(names, change);
    certified(&params.self_signed(&key).unwrap(), &key)
}

fn params(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (CertificateParams, KeyPair) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    change(&mut params);
    (params, KeyPair::generate().unwrap())
}

fn certified(certificate: &rcgen::Certificate, key: &KeyPair) -> Certified {
    Certified { der: certificate.der().clone(), pem: certificate.pem(), key: key.serialize_pem() }
}

/// How a TLS server presents itself.
#[derive(Default)]
pub struct Presents<'a> {
    /// Its certificate.
    pub certificate: Option<&'a Certified>,
    /// Signs the handshake with this one's key instead of its own.
    pub wrong_key: Option<&'a Certified>,
    /// Demands a client certificate of this authority.
    pub clients: Option<&'a Authority>,
    /// This protocol version alone.
    pub only: Option<&'static SupportedProtocolVersion>,
}

/// A TLS server that presents this certificate.
pub fn serve(certificate: &Certified, manner: Manner) -> Server {
    serve_as(&Presents { certificate: Some(certificate), ..Presents::default() }, manner)
}

/// A TLS server that presents itself so.
pub fn serve_as(presents: &Presents<'_>, manner: Manner) -> Server {
    let config = Arc::new(server_config(presents));
    Server::start_wrapped(manner, move |stream| accept(stream, Arc::clone(&config)))
}

fn accept(mut stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Box<dyn Stream>> {
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)?;
    }
    Ok(Box::new(StreamOwned::new(tls, stream)))
}

fn server_config(presents: &Presents<'_>) -> ServerConfig {
    let provider = Arc::new(default_provider());
    let certificate = presents.certificate.unwrap();
    let key = presents.wrong_key.unwrap_or(certificate).private_key();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = match presents.only {
        Some(version) => builder.with_protocol_versions(&[version]).unwrap(),
        None => builder.with_safe_default_protocol_versions().unwrap(),
    };
    let builder = match presents.clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = CertifiedKey::new(vec![certificate.der.clone()], sign::any_supported_type(&key).unwrap());
    builder.with_cert_resolver(Arc::new(Always(Arc::new(key))))
}

/// One certificate for every name, its key unchecked.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
