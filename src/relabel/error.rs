//! Why a rule was refused.

use std::fmt;

/// Why a rule was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// Which rule, from 0.
    pub index: usize,
    /// The key at fault, as in Prometheus (`target_label`).
    pub key: &'static str,
    /// What is wrong with it and how to mend it.
    pub what: String,
}

impl fmt::Display for RuleError {
    /// The rule is counted from 1 here, as people do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}: {}: {}", self.index + 1, self.key, self.what)
    }
}

impl std::error::Error for RuleError {}

/// A fault of one rule whose place in the list is not known yet.
#[derive(Debug)]
pub(super) struct Fault {
    key: &'static str,
    what: String,
}

impl Fault {
    pub fn new(key: &'static str, what: impl Into<String>) -> Self {
        Self { key, what: what.into() }
    }

    pub fn of_rule(self, index: usize) -> RuleError {
        RuleError { index, key: self.key, what: self.what }
    }
}
