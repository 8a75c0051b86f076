//! Relabelling as Prometheus does it: rules that keep, drop and rewrite label sets.
//!
//! The same rules work on targets (`relabelConfigs`) and on samples (`metricRelabelConfigs`, where the metric name is
//! the label [`crate::labels::NAME`]). The actions, their defaults and what is refused follow Prometheus 3.
//!
//! # Invariants
//! - Rules are compiled once; applying them never fails and never panics.
//! - A label set that no rule changes costs no allocation, and no other one does either once the [`Scratch`] and the
//!   label buffer have grown to the widest sample.
//! - A label set without empty values stays so.

mod action;
mod apply;
mod case;
mod check;
mod config;
mod engine;
mod error;
mod explain;
mod literals;
mod matcher;
mod outline;
mod regex;
mod rule;
mod shape;
mod slots;
mod template;

pub use action::Action;
pub use apply::{Effect, Outcome, Scratch};
pub use config::{Anchoring, LabelNames, Options, RuleConfig};
pub use error::RuleError;
pub use explain::{Explanation, Step};

use rule::Rule;

/// Compiled rules, applied in order.
///
/// Rules compare equal when they were written the same and compiled with the same options.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Box<[Rule]>,
    options: Options,
}

impl Rules {
    /// Checks and compiles rules, with the label names Prometheus 3 allows.
    ///
    /// # Errors
    /// The first rule that Prometheus would refuse, or whose regex this program cannot do.
    pub fn compile(configs: &[RuleConfig], anchoring: Anchoring) -> Result<Self, RuleError> {
        Self::compile_with(configs, Options { anchoring, ..Options::default() })
    }

    /// Checks and compiles rules.
    ///
    /// # Errors
    /// As [`Rules::compile`].
    pub fn compile_with(configs: &[RuleConfig], options: Options) -> Result<Self, RuleError> {
        let compile = |(index, config)| Rule::compile(config, options).map_err(|fault| fault.of_rule(index));
        Ok(Self { rules: configs.iter().enumerate().map(compile).collect::<Result<_, _>>()?, options })
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// How they were read.
    pub fn options(&self) -> Options {
        self.options
    }

    /// The rules as they were written, in order; an index of [`Outcome::DroppedBy`] counts these.
    pub fn configs(&self) -> impl ExactSizeIterator<Item = &RuleConfig> {
        self.rules.iter().map(|rule| &rule.config)
    }
}

impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.options == other.options && self.configs().eq(other.configs())
    }
}

impl Clone for Rules {
    /// Compiles again; share rules with an `Arc` instead where it matters.
    fn clone(&self) -> Self {
        let configs: Vec<RuleConfig> = self.configs().cloned().collect();
        Self::compile_with(&configs, self.options).expect("rules that compiled once compile again")
    }
}

#[cfg(test)]
mod tests;
