//! Relabelling as Prometheus does it: rules that keep, drop and rewrite label sets.

use crate::labels::LabelBuf;

/// One rule as the operator wrote it; what is absent takes Prometheus' default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleConfig {
    /// `source_labels`.
    pub source_labels: Vec<String>,
    /// `separator`, default `;`.
    pub separator: Option<String>,
    /// `regex`, default `(.*)`.
    pub regex: Option<String>,
    /// `modulus`, for hashmod.
    pub modulus: Option<u64>,
    /// `target_label`.
    pub target_label: Option<String>,
    /// `replacement`, default `$1`.
    pub replacement: Option<String>,
    /// `action`, default `replace`, in any case.
    pub action: Option<String>,
}

/// How a rule's regex must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anchoring {
    /// The whole text, as Prometheus: `^(?s:…)$`.
    #[default]
    Full,
    /// Anywhere in the text, as the Go agent (`relabel_regex_anchored=false`).
    None,
}

/// Compiled rules, applied in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rules(Vec<RuleConfig>);

/// What rules did to a label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It stays.
    Kept,
    /// The rule at this index (from 0) dropped it.
    DroppedBy(usize),
}

/// Buffers a worker lends to the rules.
#[derive(Debug, Default)]
pub struct Scratch {}

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

impl Rules {
    /// Checks and compiles rules.
    ///
    /// # Errors
    /// The first rule that Prometheus would refuse.
    pub fn compile(configs: &[RuleConfig], _anchoring: Anchoring) -> Result<Self, RuleError> {
        Ok(Self(configs.to_vec()))
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies all rules in order.
    pub fn apply(&self, _labels: &mut LabelBuf, _scratch: &mut Scratch) -> Outcome {
        Outcome::Kept
    }
}
