//! Discovery: jobs become targets.

pub mod kubernetes;
pub mod shard;
pub mod target;

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
