//! Discovery: jobs become targets.

pub mod discovered;
pub mod dropped;
mod fingerprint;
pub mod kubernetes;
pub mod packed;
pub mod resolve;
pub mod shard;
pub mod static_;
pub mod target;
mod url;

pub use discovered::Discovered;
pub use dropped::{DropReason, Dropped};
pub use target::Target;

use crate::config::job::SecretKey;
use crate::secret::Secret;

/// Who can read a key of a Kubernetes secret: the API client, or nobody outside a cluster.
pub trait SecretStore: Send + Sync {
    /// The value of the key, as it is now or was within the cache's age.
    ///
    /// # Errors
    /// One line: which secret, what went wrong, how to mend it; never the value.
    fn secret(&self, key: &SecretKey) -> Result<Secret, String>;
}

/// The store of an agent that talks to no Kubernetes API server.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSecrets;

impl SecretStore for NoSecrets {
    fn secret(&self, key: &SecretKey) -> Result<Secret, String> {
        Err(format!(
            "secret {:?} (key {:?}): this agent talks to no Kubernetes API server; use a file or an environment \
             variable instead",
            key.name, key.key
        ))
    }
}

#[cfg(test)]
mod tests;
