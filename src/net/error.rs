//! Why a request failed: one enum for scraping and the Kubernetes API, with the classes of SPEC 7.
//!
//! # Invariants
//! A text is one line: what was attempted, on what, what was found, what to do. It never holds a header, a body, a
//! query or the user part of a URL, so no credentials.

use super::trace::{Phase, Trace};
use crate::{duration, size};
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// The time was up.
    Timeout {
        /// What was under way then.
        phase: Phase,
        /// The time it had been given.
        after: Duration,
    },
    /// Nobody listens there.
    Refused {
        /// `host:port`.
        on: String,
    },
    /// The host name could not be looked up.
    Dns {
        /// The name.
        host: String,
        /// What the resolver said.
        what: String,
    },
    /// No connection for another reason: no route, no permission, a proxy that declined.
    Connect {
        /// `host:port`.
        on: String,
        /// What the system said.
        what: String,
    },
    /// No TLS session: settings, certificates or the handshake itself.
    Tls {
        /// `host:port`, or the file or secret that is at fault.
        on: String,
        /// What is wrong and how to mend it.
        what: String,
    },
    /// An answer other than 200.
    Status(u16),
    /// More redirects than are followed.
    TooManyRedirects {
        /// How many were followed.
        limit: u32,
    },
    /// A redirect that leads nowhere.
    Redirect {
        /// What is wrong with it.
        what: String,
    },
    /// The body passed its limit.
    BodyLimit {
        /// Bytes after inflation.
        limit: u64,
    },
    /// The body broke off.
    Truncated {
        /// Bytes that had come, after inflation.
        received: u64,
        /// How it was seen.
        what: &'static str,
    },
    /// The connection was closed before the answer began.
    Closed {
        /// By a reset.
        reset: bool,
    },
    /// The answer is not HTTP, or not as HTTP demands.
    Protocol {
        /// What was found.
        what: String,
    },
    /// The configured credentials could not be had.
    Credentials {
        /// Which, why, and how to mend it; never the credentials.
        what: String,
    },
    /// The target's address or path makes no URL, or its proxy cannot be used.
    Url {
        /// What is wrong.
        what: String,
    },
    /// The agent is stopping, or the target is gone.
    Interrupted,
}

impl FetchError {
    /// errorCode of `openagent_scrape_target`: 1 timeout, 2 refused, 3 DNS, 4 TLS, 5 HTTP 4xx, 6 HTTP 5xx, 99 other.
    pub fn class(&self) -> u8 {
        match self {
            Self::Timeout { .. } => 1,
            Self::Refused { .. } => 2,
            Self::Dns { .. } => 3,
            Self::Tls { .. } => 4,
            Self::Status(400..=499) => 5,
            Self::Status(500..=599) => 6,
            _ => 99,
        }
    }

    /// Whether more time might have helped.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// The error that a [`super::Body`] gave as an `io::Error`.
    pub fn from_io(error: io::Error) -> Self {
        let what = error.to_string();
        match error.into_inner().map(|inner| inner.downcast::<Self>()) {
            Some(Ok(own)) => *own,
            _ => Self::Protocol { what },
        }
    }

    pub(super) fn line_too_long() -> Self {
        Self::protocol("a line of the answer's head or framing is too long")
    }

    pub(super) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol { what: what.into() }
    }

    /// An error of `ureq`, with what is known beside it.
    pub(super) fn from_ureq(error: ureq::Error, trace: &Trace, after: Duration) -> Self {
        use ureq::Error as E;
        if let Err(interrupted) = trace.check() {
            return interrupted;
        }
        match error {
            E::Other(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::protocol(other.to_string()),
            },
            E::Timeout(_) => Self::Timeout { phase: trace.phase(), after },
            E::Io(error) => Self::from_socket(&error),
            E::LargeResponseHeader(_, limit) => {
                Self::protocol(format!("the head of the answer is over {} KiB", limit.div_ceil(1024)))
            }
            E::Protocol(error) => Self::protocol(error.to_string()),
            E::BadUri(what) => Self::Url { what },
            E::ConnectProxyFailed(what) => Self::Connect { on: "the proxy".to_owned(), what },
            other => Self::protocol(other.to_string()),
        }
    }

    fn from_socket(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Closed { reset: false },
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                Self::Closed { reset: true }
            }
            _ => Self::protocol(error.to_string()),
        }
    }
}

impl std::error::Error for FetchError {}

impl From<FetchError> for io::Error {
    fn from(error: FetchError) -> Self {
        Self::other(error)
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout { phase, after } => write!(
                f,
                "timed out after {} while {}; {}",
                duration::format(*after),
                phase.doing(),
                timeout_advice(*phase)
            ),
            Self::Refused { on } => {
                write!(f, "connecting to {on}: refused; is the exporter running and listening on that port?")
            }
            Self::Dns { host, what } => write!(
                f,
                "looking up {host:?}: {what}; possible solutions: correct the name, check that the agent's DNS knows it"
            ),
            Self::Connect { on, what } => {
                write!(f, "connecting to {on}: {what}; check the address, routes and network policies")
            }
            Self::Tls { on, what } => write!(f, "TLS with {on}: {what}"),
            Self::Status(status) => {
                write!(f, "the answer is HTTP status {status}, not 200; {}", status_advice(*status))
            }
            Self::TooManyRedirects { limit } => {
                write!(f, "more than {limit} redirects; set the path and scheme that they lead to")
            }
            Self::Redirect { what } => write!(f, "a redirect that cannot be followed: {what}"),
            Self::BodyLimit { limit } => write!(
                f,
                "body exceeds bodySizeLimit {} after inflation; raise bodySizeLimit or let the exporter expose less",
                size::format(*limit)
            ),
            Self::Truncated { received, what } => {
                write!(f, "the body broke off after {received} bytes: {what}; look at the exporter's log for why")
            }
            Self::Closed { reset } => write!(
                f,
                "the connection was {} before an answer came; does the port speak this scheme (http, https)?",
                if *reset { "reset" } else { "closed" }
            ),
            Self::Protocol { what } => {
                write!(f, "the answer is not valid HTTP: {what}; does the port speak this scheme (http, https)?")
            }
            Self::Credentials { what } => write!(f, "credentials: {what}"),
            Self::Url { what } => write!(f, "the target has no usable URL: {what}"),
            Self::Interrupted => f.write_str("interrupted: the agent is stopping or the target is gone"),
        }
    }
}

fn timeout_advice(phase: Phase) -> &'static str {
    match phase {
        Phase::Dns => "check that the agent's DNS server answers",
        Phase::Connect => "check the address, the route and network policies",
        Phase::Tls | Phase::Head | Phase::Body => "raise the scrape timeout or let the exporter answer faster",
    }
}

fn status_advice(status: u16) -> &'static str {
    match status {
        401 | 403 => "check basicAuth, authorization or bearerTokenFile and what they are allowed",
        404 => "check the metrics path",
        300..=399 => "follow redirects or set the path and scheme that it leads to",
        500..=599 => "look at the exporter's log",
        _ => "check the port, path and params",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<FetchError> {
        let on = || "10.0.0.5:9100".to_owned();
        vec![
            FetchError::Timeout { phase: Phase::Head, after: Duration::from_secs(10) },
            FetchError::Refused { on: on() },
            FetchError::Dns { host: "node.example".into(), what: "no such name".into() },
            FetchError::Connect { on: on(), what: "no route to host".into() },
            FetchError::Tls { on: on(), what: "the certificate expired".into() },
            FetchError::Status(404),
            FetchError::Status(503),
            FetchError::Status(204),
            FetchError::TooManyRedirects { limit: 5 },
            FetchError::Redirect { what: "no Location".into() },
            FetchError::BodyLimit { limit: 64 << 20 },
            FetchError::Truncated { received: 17, what: "the connection was closed" },
            FetchError::Closed { reset: false },
            FetchError::protocol("bad chunk length"),
            FetchError::Credentials { what: "password file /x: no such file".into() },
            FetchError::Url { what: "empty host".into() },
            FetchError::Interrupted,
        ]
    }

    #[test]
    fn each_is_one_line_and_keeps_its_class() {
        let classes: Vec<u8> = all().iter().map(FetchError::class).collect();
        assert_eq!(classes, [1, 2, 3, 99, 4, 5, 6, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99]);
        for error in all() {
            let text = error.to_string();
            assert!(!text.contains('\n') && text.len() > 20, "{text}");
        }
    }

    #[test]
    fn texts() {
        let text: Vec<String> = all().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn comes_back_from_an_io_error() {
        for error in all() {
            assert_eq!(FetchError::from_io(error.clone().into()), error);
        }
        assert!(matches!(FetchError::from_io(ErrorKind::NotFound.into()), FetchError::Protocol { .. }));
    }
}
