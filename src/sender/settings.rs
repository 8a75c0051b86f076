//! What the sender runs on: filled by the agent from whatap.conf, swapped whole when that changes.

use super::spool::SpoolSettings;
use crate::wire::cypher::Level;
use crate::wire::identity::Identity;
use crate::wire::licence::Licence;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

/// Makes the identity of the agent from the project's number and the local address of the connection.
pub type IdentityOf = Arc<dyn Fn(i64, Ipv4Addr) -> Identity + Send + Sync>;

/// Everything the sender has to be told.
#[derive(Clone)]
pub struct SenderSettings {
    /// The project and its key.
    pub licence: Licence,
    /// Hosts of the collection server, tried in turn; names or addresses.
    pub hosts: Vec<String>,
    /// Their port.
    pub port: u16,
    /// Who the agent is.
    pub identity: IdentityOf,
    /// Key size of the session.
    pub cypher_level: Level,
    /// Whether packs are encrypted (code 0x02) instead of hidden (0x01).
    pub encrypt: bool,
    /// Bound of connecting to one address, and of the key exchange after it.
    pub connect_timeout: Duration,
    /// A session over which nothing came for so long is given up.
    pub read_timeout: Duration,
    /// A session that took no byte for so long is given up.
    pub write_timeout: Duration,
    /// Time between two time syncs while there is data.
    pub time_sync_interval: Duration,
    /// A session of a server known to answer time syncs is given up when one stays unanswered for so long.
    pub time_sync_timeout: Duration,
    /// First and last ceiling of the time between two connections.
    pub backoff: (Duration, Duration),
    /// Longest frame that is sent, in bytes.
    pub net_send_max_bytes: usize,
    /// Most bytes that wait in memory.
    pub queue_bytes: usize,
    /// Most bytes sent and kept until the server has shown that it took them; 0 keeps none.
    pub retry_window_bytes: usize,
    /// Most bytes per second of what waited while the server was away; 0 is no bound.
    pub replay_bytes_per_second: u64,
    /// The spool; `None` keeps nothing on disk.
    pub spool: Option<SpoolSettings>,
    /// How long packs wait in memory alone while the server is away or takes nothing, before they go to the spool too.
    pub spool_after: Duration,
}

impl SenderSettings {
    /// The defaults of the protocol for one server.
    pub fn new(licence: Licence, hosts: Vec<String>, port: u16, identity: IdentityOf) -> Self {
        Self {
            licence,
            hosts,
            port,
            identity,
            cypher_level: Level::Aes128,
            encrypt: false,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(120),
            write_timeout: Duration::from_secs(20),
            time_sync_interval: Duration::from_secs(5),
            time_sync_timeout: Duration::from_secs(30),
            backoff: (Duration::from_secs(1), Duration::from_secs(30)),
            net_send_max_bytes: 5 << 20,
            queue_bytes: 16 << 20,
            retry_window_bytes: 1 << 20,
            replay_bytes_per_second: 8 << 20,
            spool: None,
            spool_after: Duration::from_millis(400),
        }
    }

    /// Whether a session under `other` would be set up in another way than under these, or its packs lie elsewhere.
    pub(super) fn needs_reconnect(&self, other: &Self) -> bool {
        let session = |s: &Self| {
            (s.hosts.clone(), s.port, s.cypher_level, s.encrypt, s.connect_timeout, s.read_timeout, s.write_timeout)
        };
        let dir = |s: &Self| s.spool.as_ref().map(|spool| spool.dir.clone());
        self.licence != other.licence || session(self) != session(other) || dir(self) != dir(other)
    }
}

impl fmt::Debug for SenderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderSettings")
            .field("hosts", &self.hosts)
            .field("port", &self.port)
            .field("cypher_level", &self.cypher_level)
            .field("encrypt", &self.encrypt)
            .field("queue_bytes", &self.queue_bytes)
            .field("retry_window_bytes", &self.retry_window_bytes)
            .field("spool", &self.spool)
            .finish_non_exhaustive()
    }
}
