//! What can go wrong with a call to the API server.
//!
//! # Invariants
//! The text names the call, what came of it and what to do; never a token.

use super::resource::Call;
use std::fmt;
use std::time::Duration;

/// A call that gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// What was asked for.
    pub call: Call,
    /// Why nothing came.
    pub fault: Fault,
}

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// There is no cluster, or no credentials for it; looked for again every 30 s.
    NoAccess(String),
    /// No answer: name, connection, TLS, time.
    NoAnswer {
        /// The server.
        server: String,
        /// What went wrong.
        what: String,
    },
    /// 401: it does not know us.
    Unauthorized,
    /// 403: the right is missing.
    Forbidden(String),
    /// 404: the object, or the whole resource, is not there.
    NotFound(String),
    /// 410: the continue token is too old.
    Expired,
    /// 429: come back later.
    Busy(Duration),
    /// Any other status.
    Status(u16, String),
    /// 200, but no answer that can be used.
    Unreadable(String),
    /// The agent is ending.
    Interrupted,
}

impl ApiError {
    /// Whether the server itself is at fault or out of reach, so that asking less often helps.
    pub fn is_outage(&self) -> bool {
        match &self.fault {
            Fault::NoAnswer { .. } | Fault::Busy(_) | Fault::Unreadable(_) => true,
            Fault::Status(status, _) => *status >= 500,
            _ => false,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = &self.call;
        match &self.fault {
            Fault::NoAccess(what) => write!(f, "{call}: {what}"),
            Fault::NoAnswer { server, what } => write!(f, "{call}: {server} did not answer: {what}"),
            Fault::Unauthorized => {
                write!(
                    f,
                    "{call}: 401, the API server does not accept the token; check the service account or kubeconfig"
                )
            }
            Fault::Forbidden(message) => {
                write!(f, "{message}: the agent needs {}; grant it in its ClusterRole or in a Role", call.right())
            }
            Fault::NotFound(message) => write!(f, "{call}: 404, {message}"),
            Fault::Expired => write!(f, "{call}: 410, the list changed faster than its pages could be read"),
            Fault::Busy(after) => {
                write!(f, "{call}: 429, the API server is busy and asks to wait {} s", after.as_secs())
            }
            Fault::Status(status, message) => write!(f, "{call}: {status}, {message}"),
            Fault::Unreadable(what) => write!(f, "{call}: {what}"),
            Fault::Interrupted => write!(f, "{call}: broken off, the agent is ending"),
        }
    }
}

impl std::error::Error for ApiError {}
