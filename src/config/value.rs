//! Values of whatap.conf once they are read, and the types of [`Settings`](super::settings::Settings) made from them.
//!
//! # Invariants
//! A key's kind and its field's type belong together: a test resolves every row, so a mismatch cannot ship.

use crate::relabel::Anchoring;
use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// A value of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of a switch.
    Bool(bool),
    /// Of a number or size.
    Number(u64),
    /// Of a time.
    Time(Duration),
    /// Of a text, a choice, a level, a secret.
    Text(String),
    /// Of hosts.
    List(Vec<String>),
}

/// A field's type.
pub trait FromValue: Sized {
    /// Takes a value of the kind that belongs to the type.
    ///
    /// # Panics
    /// When the table pairs a kind and a type that do not belong together.
    fn from_value(value: Value) -> Self;
}

/// When scraping and sending lose to a full disk: which packs go out first after a time without a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpoolOrder {
    /// What has waited longest.
    Oldest,
    /// What is fresh.
    Newest,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// To whom the service account token is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPolicy {
    /// To nobody but the API server.
    Never,
    /// To Kubernetes targets over https whose certificate verified.
    Verified,
    /// To every Kubernetes target over https.
    Always,
}

/// Which records a log file takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLevel(pub log::LevelFilter);

impl FromValue for bool {
    fn from_value(value: Value) -> Self {
        let Value::Bool(on) = value else { mismatch(&value, "bool") };
        on
    }
}

impl FromValue for u64 {
    fn from_value(value: Value) -> Self {
        let Value::Number(number) = value else { mismatch(&value, "number") };
        number
    }
}

impl FromValue for usize {
    fn from_value(value: Value) -> Self {
        Self::try_from(u64::from_value(value)).unwrap_or(Self::MAX)
    }
}

impl FromValue for u16 {
    fn from_value(value: Value) -> Self {
        match value {
            Value::Text(word) => word.parse().expect("the choices of a u16 are numbers"),
            number => Self::try_from(u64::from_value(number)).expect("the bounds of a u16 row lie within u16"),
        }
    }
}

impl FromValue for Duration {
    fn from_value(value: Value) -> Self {
        let Value::Time(time) = value else { mismatch(&value, "time") };
        time
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Self {
        let Value::Text(text) = value else { mismatch(&value, "text") };
        text
    }
}

impl FromValue for Option<String> {
    fn from_value(value: Value) -> Self {
        Some(String::from_value(value)).filter(|text| !text.is_empty())
    }
}

impl FromValue for Option<PathBuf> {
    fn from_value(value: Value) -> Self {
        Option::<String>::from_value(value).map(PathBuf::from)
    }
}

impl FromValue for Option<u64> {
    fn from_value(value: Value) -> Self {
        match value {
            Value::Number(number) => Some(number),
            _ => None, // the empty text of a row without a default
        }
    }
}

impl FromValue for Secret {
    fn from_value(value: Value) -> Self {
        Self::new(String::from_value(value))
    }
}

impl FromValue for Vec<String> {
    fn from_value(value: Value) -> Self {
        let Value::List(list) = value else { mismatch(&value, "list") };
        list
    }
}

impl FromValue for LogLevel {
    fn from_value(value: Value) -> Self {
        Self(String::from_value(value).parse().expect("a level's text is a level"))
    }
}

impl FromValue for LogFormat {
    fn from_value(value: Value) -> Self {
        if String::from_value(value) == "json" { Self::Json } else { Self::Text }
    }
}

impl FromValue for SpoolOrder {
    fn from_value(value: Value) -> Self {
        if String::from_value(value) == "newest" { Self::Newest } else { Self::Oldest }
    }
}

impl FromValue for TokenPolicy {
    fn from_value(value: Value) -> Self {
        match String::from_value(value).as_str() {
            "never" => Self::Never,
            "always" => Self::Always,
            _ => Self::Verified,
        }
    }
}

impl FromValue for Anchoring {
    fn from_value(value: Value) -> Self {
        if bool::from_value(value) { Self::Full } else { Self::None }
    }
}

fn mismatch(value: &Value, wanted: &str) -> ! {
    unreachable!("the table of keys pairs {value:?} with a field of kind {wanted}")
}
