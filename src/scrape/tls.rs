//! From `tlsConfig` to a client's TLS settings: files and secrets are read, and read again when they change.
//!
//! # Invariants
//! - Targets with equal settings share one set; it is replaced when a file's or secret's content changes, so that who
//!   compares by identity sees a rotation.
//! - What cannot be read or used fails the scrape, each time, until it is mended; there is no fall back.

use super::source::{Stamp, read_file};
use crate::config::job::{PemSource, TlsSettings};
use crate::discovery::SecretStore;
use crate::net::FetchError;
use crate::net::tls::{ClientTls, Pem, SystemRoots, TlsParts};
use crate::secret::Secret;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a PEM file at most; the system's bundle of all authorities has 250 KB.
const PEM_MAX: u64 = 4 << 20;

/// The TLS settings of all targets.
pub(super) struct TlsStore {
    system: Arc<SystemRoots>,
    cluster_ca: Option<PathBuf>,
    secrets: Arc<dyn SecretStore>,
    made: Mutex<HashMap<TlsSettings, Made>>,
}

/// Settings that were made, and what of.
struct Made {
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    secrets: Vec<Secret>,
    parts: TlsParts,
    tls: ClientTls,
}

/// Where a piece of PEM is configured.
struct Place<'a> {
    key: &'static str,
    source: &'a PemSource,
}

impl TlsStore {
    /// Settings that trust the system's authorities, the cluster's (where its file is) and those configured.
    pub(super) fn new(cluster_ca: Option<PathBuf>, secrets: Arc<dyn SecretStore>) -> Self {
        Self { system: Arc::default(), cluster_ca, secrets, made: Mutex::default() }
    }

    /// The settings as files and secrets are now.
    ///
    /// # Errors
    /// [`FetchError::Tls`] naming the file or secret that cannot be read or used.
    pub(super) fn current(&self, settings: Option<&TlsSettings>) -> Result<ClientTls, FetchError> {
        let settings = settings.cloned().unwrap_or_default();
        let secrets = self.secret_texts(&settings)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(&settings)
            && known.secrets == secrets
            && known.stamps.iter().all(|(path, stamp)| holds(path, stamp.as_ref()))
        {
            return Ok(known.tls.clone());
        }
        let stamps = self.files(&settings).map(|path| (path.to_owned(), Stamp::of(path))).collect();
        let parts = self.parts(&settings, &secrets)?;
        let tls = match made.get(&settings) {
            // written anew with the same content: connections stay
            Some(known) if same(&known.parts, &parts) => known.tls.clone(),
            _ => ClientTls::new(&parts)?,
        };
        // those of jobs that are gone: no target's connection has them any more
        made.retain(|_, made| made.tls.is_shared());
        made.insert(settings, Made { stamps, secrets, parts, tls: tls.clone() });
        Ok(tls)
    }

    fn files<'a>(&'a self, settings: &'a TlsSettings) -> impl Iterator<Item = &'a Path> {
        let configured = places(settings).into_iter().filter_map(|place| match place.source {
            PemSource::File(path) => Some(path.as_path()),
            PemSource::Secret(_) => None,
        });
        self.cluster_ca.as_deref().into_iter().chain(configured)
    }

    /// The texts of all secrets, in the order of [`places`].
    fn secret_texts(&self, settings: &TlsSettings) -> Result<Vec<Secret>, FetchError> {
        let mut texts = Vec::new();
        for place in places(settings) {
            if let PemSource::Secret(key) = place.source {
                let text = self.secrets.secret(key).map_err(|error| place.fault(&error.replace('\n', " ")))?;
                texts.push(text);
            }
        }
        Ok(texts)
    }

    fn parts(&self, settings: &TlsSettings, secrets: &[Secret]) -> Result<TlsParts, FetchError> {
        let mut secrets = secrets.iter().cloned();
        let mut pems = Vec::new();
        for place in places(settings) {
            let text = match place.source {
                PemSource::File(path) => read_file(path, PEM_MAX)
                    .map_err(|error| place.fault(&format!("{error}; check the path and its permissions")))?,
                PemSource::Secret(_) => secrets.next().expect("a text was read for each secret"),
            };
            pems.push(Pem { from: place.name(), text });
        }
        let mut pems = pems.into_iter();
        let mut authorities: Vec<Pem> = settings.ca.iter().filter_map(|_| pems.next()).collect();
        authorities.extend(self.cluster_authority()?);
        Ok(TlsParts {
            insecure_skip_verify: settings.insecure_skip_verify,
            server_name: settings.server_name.clone(),
            authorities,
            identity: pems.next().zip(pems.next()),
            system: Some(Arc::clone(&self.system)),
        })
    }

    fn cluster_authority(&self) -> Result<Option<Pem>, FetchError> {
        let Some(path) = &self.cluster_ca else { return Ok(None) };
        let from = format!("the cluster's CA {}", path.display());
        match read_file(path, PEM_MAX) {
            Ok(text) => Ok(Some(Pem { from, text })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FetchError::Tls { on: from, what: error.to_string() }),
        }
    }
}

/// All PEM of the settings: CA, certificate, key.
fn places(settings: &TlsSettings) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    places.extend(settings.ca.as_ref().map(|source| Place { key: "ca", source }));
    if let Some((certificate, key)) = &settings.identity {
        places.push(Place { key: "cert", source: certificate });
        places.push(Place { key: "key", source: key });
    }
    places
}

impl Place<'_> {
    /// As the configuration names it.
    fn name(&self) -> String {
        match self.source {
            PemSource::File(path) => format!("{}File {}", self.key, path.display()),
            PemSource::Secret(secret) => {
                let namespace = secret.namespace.as_deref().unwrap_or("the agent's namespace");
                format!("{}Secret {} key {} in {namespace}", self.key, secret.name, secret.key)
            }
        }
    }

    fn fault(&self, what: &str) -> FetchError {
        FetchError::Tls { on: self.name(), what: what.to_owned() }
    }
}

fn holds(path: &Path, stamp: Option<&Stamp>) -> bool {
    match stamp {
        Some(stamp) => stamp.holds(path),
        None => Stamp::of(path).is_none(),
    }
}

fn same(old: &TlsParts, new: &TlsParts) -> bool {
    old.authorities == new.authorities && old.identity == new.identity
}
