//! What a request proves itself with: the Authorization header, and the client certificate.
//!
//! # Invariants
//! A token file is read with each request, so a rotated token is used at once; a plugin runs again only when what it
//! gave has expired or was refused.

use super::access::{Access, Bearer};
use super::exec::ExecCredential;
use crate::secret::Secret;
use base64::Engine as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// A plugin's token is not used in its last seconds: it must still be good when the server looks at it.
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);

/// A client certificate and its key, PEM.
pub(super) type Identity = (Arc<[u8]>, Arc<[u8]>);

/// What one request carries.
#[derive(Default)]
pub(super) struct Proof {
    /// The Authorization header.
    pub(super) authorization: Option<Secret>,
    /// The client certificate.
    pub(super) identity: Option<Identity>,
}

/// The credentials of an [`Access`] over time.
pub(super) struct Credentials {
    access: Arc<Access>,
    /// What the plugin gave last.
    given: Mutex<Option<ExecCredential>>,
}

impl Credentials {
    pub(super) fn new(access: Arc<Access>) -> Self {
        Self { access, given: Mutex::new(None) }
    }

    /// What the next request carries.
    pub(super) fn proof(&self) -> Result<Proof, String> {
        let identity = match &self.access.identity {
            Some((certificate, key)) => Some((certificate.read()?, key.read()?)),
            None => None,
        };
        let authorization = match &self.access.bearer {
            Bearer::None => None,
            Bearer::Token(token) => Some(bearer(token)),
            Bearer::File(path) => Some(bearer(&token_of(path)?)),
            Bearer::Basic { username, password } => {
                let pair = format!("{username}:{}", password.expose());
                Some(Secret::new(format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair))))
            }
            Bearer::Exec(_) => return self.given(identity),
        };
        Ok(Proof { authorization, identity })
    }

    /// Forgets what a plugin gave, since it was refused; tells whether asking again can help.
    pub(super) fn refused(&self) -> bool {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).take();
        matches!(self.access.bearer, Bearer::Exec(_) | Bearer::File(_))
    }

    fn given(&self, identity: Option<Identity>) -> Result<Proof, String> {
        let Bearer::Exec(plugin) = &self.access.bearer else { return Ok(Proof::default()) };
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now();
        let good = |credential: &&ExecCredential| credential.expires.is_none_or(|end| now + EXPIRY_MARGIN < end);
        let credential = match given.as_ref().filter(good) {
            Some(credential) => credential.clone(),
            None => given.insert(plugin.run()?).clone(),
        };
        let of_plugin = credential.identity.map(|(chain, key)| (chain, Arc::from(key.expose().as_bytes())));
        Ok(Proof { authorization: credential.token.as_ref().map(bearer), identity: of_plugin.or(identity) })
    }
}

fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}

fn token_of(path: &std::path::Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    match text.trim() {
        "" => Err(format!("the token file {} is empty", path.display())),
        token => Ok(Secret::new(token)),
    }
}
