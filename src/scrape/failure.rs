//! Why a scrape failed, in one line an operator can act on.

use super::fetch::FetchError;
use super::tally::LimitBreach;
use crate::exposition::Fault;
use crate::telemetry::counters::SCRAPE_CLASSES;
use std::fmt;

/// Why a scrape failed.
#[derive(Debug, Clone, PartialEq)]
pub enum ScrapeError {
    /// The body did not come, or not whole.
    Fetch(FetchError),
    /// The body is not what its format demands.
    Parse(Fault),
    /// A line or message is longer than `max_line_bytes`.
    Overlong {
        /// Which.
        fault: Fault,
        /// The bound in bytes.
        limit: usize,
    },
    /// The body passed a limit.
    Limit(LimitBreach),
    /// The scrape panicked; a fault of this program.
    Panicked(String),
}

/// The classes of `errorCode` in the `openagent_scrape_target` pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// 0: no error.
    None = 0,
    /// 1: the deadline passed.
    Timeout = 1,
    /// 2: connection refused.
    Refused = 2,
    /// 3: the name did not resolve.
    Dns = 3,
    /// 4: TLS failed.
    Tls = 4,
    /// 5: an HTTP status of 400 to 499.
    ClientError = 5,
    /// 6: an HTTP status of 500 to 599.
    ServerError = 6,
    /// 7: the body could not be read as its format.
    Parse = 7,
    /// 99: anything else.
    Other = 99,
}

impl ErrorClass {
    /// All classes, in the order of their counters.
    pub const ALL: [Self; SCRAPE_CLASSES] = [
        Self::None,
        Self::Timeout,
        Self::Refused,
        Self::Dns,
        Self::Tls,
        Self::ClientError,
        Self::ServerError,
        Self::Parse,
        Self::Other,
    ];

    /// The class of a number; what is none of ours is [`ErrorClass::Other`].
    pub fn of_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|class| *class as u8 == code).unwrap_or(Self::Other)
    }

    /// Its place among [`ErrorClass::ALL`].
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|class| *class == self).unwrap_or(Self::ALL.len() - 1)
    }

    /// The word under which it is counted.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "ok",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::ClientError => "http_4xx",
            Self::ServerError => "http_5xx",
            Self::Parse => "parse",
            Self::Other => "other",
        }
    }
}

impl ScrapeError {
    /// Its class.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Fetch(error) => ErrorClass::of_code(error.class()),
            Self::Parse(_) | Self::Overlong { .. } => ErrorClass::Parse,
            Self::Limit(_) | Self::Panicked(_) => ErrorClass::Other,
        }
    }

    /// Whether the target did not keep its time.
    pub fn is_timeout(&self) -> bool {
        self.class() == ErrorClass::Timeout
    }
}

impl fmt::Display for ScrapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch(error) => error.fmt(f),
            Self::Parse(fault) => write!(f, "the body cannot be read at line {fault}"),
            Self::Overlong { fault, limit } => {
                write!(f, "the body cannot be read at line {fault} ({limit} bytes); raise max_line_bytes")
            }
            Self::Limit(breach) => breach.fmt(f),
            Self::Panicked(what) => {
                write!(f, "the scrape panicked ({what}); this is a fault of openagent, please report it")
            }
        }
    }
}

impl std::error::Error for ScrapeError {}
