//! Keys of Kubernetes secrets, for basicAuth, authorization and TLS.
//!
//! # Invariants
//! A secret is read alone, by its name; secrets are never listed. A value serves for [`MAX_AGE`], then it is read
//! again; while the API server cannot be reached the last one goes on serving. A failure is remembered for
//! [`RETRY`], so that a hundred targets with one missing secret are one request.

use super::api::Client;
use super::error::Fault;
use super::objects::SecretObject;
use super::resource::{Call, Resource};
use crate::config::job::SecretKey;
use crate::discovery::SecretStore;
use crate::secret::Secret;
use base64::Engine as _;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a secret serves before it is read again.
pub const MAX_AGE: Duration = Duration::from_secs(60);
/// How long a failure is remembered.
pub const RETRY: Duration = Duration::from_secs(10);
/// Secrets held at most; a configuration names a few.
const MAX_HELD: usize = 1000;

/// Reads secrets through the API client.
pub struct Secrets {
    client: Arc<Client>,
    max_age: Duration,
    held: Mutex<HashMap<(String, String), Held>>,
}

struct Held {
    /// The last good one.
    object: Option<SecretObject>,
    /// Why the last reading failed.
    failure: Option<String>,
    read: Instant,
}

impl Secrets {
    /// A store whose values serve for `max_age`, usually [`MAX_AGE`].
    pub fn new(client: Arc<Client>, max_age: Duration) -> Self {
        Self { client, max_age, held: Mutex::default() }
    }

    fn refresh(&self, namespace: &str, name: &str, held: Option<Held>) -> Held {
        let call = Call::one(Resource::Secrets, namespace, name);
        let last = held.and_then(|held| held.object);
        let (object, failure) = match self.client.object::<SecretObject>(&call) {
            Ok(object) => (Some(object), None),
            // gone or forbidden is an answer, anything else is not knowing
            Err(error) if matches!(error.fault, Fault::NotFound(_) | Fault::Forbidden(_)) => {
                (None, Some(error.to_string()))
            }
            Err(error) => (last, Some(error.to_string())),
        };
        Held { object, failure, read: Instant::now() }
    }
}

impl Held {
    fn is_fresh(&self, max_age: Duration) -> bool {
        self.read.elapsed() < if self.failure.is_some() { RETRY.min(max_age) } else { max_age }
    }

    fn value(&self, key: &SecretKey, what: &str) -> Result<Secret, String> {
        let Some(object) = &self.object else {
            return Err(self.failure.clone().unwrap_or_else(|| format!("{what} could not be read")));
        };
        let Some(encoded) = object.data.value(&key.key) else {
            let keys = object.data.iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
            return Err(format!("{what} has no key {:?}, only: {keys}", key.key));
        };
        let bytes = base64::prelude::BASE64_STANDARD.decode(encoded).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(Secret::new).ok_or_else(|| format!("key {:?} of {what} is no UTF-8 text", key.key))
    }
}

impl SecretStore for Secrets {
    fn secret(&self, key: &SecretKey) -> Result<Secret, String> {
        let own = || self.client.namespace();
        let namespace = key.namespace.clone().filter(|name| !name.is_empty()).unwrap_or_else(own);
        let what = format!("secret {namespace}/{}", key.name);
        let id = (namespace, key.name.clone());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !held.get(&id).is_some_and(|held| held.is_fresh(self.max_age)) {
            if held.len() >= MAX_HELD {
                held.retain(|_, held| held.is_fresh(self.max_age));
            }
            // read under the lock: of many targets that need the same secret one asks, the others wait for its answer
            let last = held.remove(&id);
            let fresh = self.refresh(&id.0, &id.1, last);
            held.insert(id.clone(), fresh);
        }
        held.get(&id).map_or_else(|| Err(format!("{what} could not be read")), |held| held.value(key, &what))
    }
}
