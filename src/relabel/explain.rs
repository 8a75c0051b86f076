//! What each rule did to a label set, for people: `relabel --explain`, `targets`, the status page.

use super::{Effect, Outcome, Rules, Scratch};
use crate::labels::LabelBuf;
use std::fmt;

/// What each rule did, in order, down to the one that dropped the label set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// The rules that were applied.
    pub steps: Vec<Step>,
}

/// What one rule did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// Which rule, from 0.
    pub rule: usize,
    /// The rule as it was written.
    pub text: String,
    /// Labels it set, with their values before and after.
    pub set: Vec<Change>,
    /// Labels it removed.
    pub removed: Vec<String>,
    /// Whether it dropped the label set.
    pub dropped: bool,
}

/// A label that was set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The label.
    pub name: String,
    /// Its value before; `None` when it was not there.
    pub before: Option<String>,
    /// Its value after.
    pub after: String,
}

impl Rules {
    /// Applies all rules and tells what each did.
    pub fn explain(&self, labels: &mut LabelBuf, scratch: &mut Scratch) -> (Outcome, Explanation) {
        let mut steps: Vec<Step> = self.configs().enumerate().map(|(rule, config)| Step::new(rule, config)).collect();
        let mut before = labels.clone();
        let outcome = self.apply_watched(labels, scratch, |rule, effect| match effect {
            Effect::Set { name, value } => {
                steps[rule].set.push(Change {
                    name: name.to_owned(),
                    before: before.value(name).map(str::to_owned),
                    after: value.to_owned(),
                });
                before.set(name, value);
            }
            Effect::Removed { name } => {
                steps[rule].removed.push(name.to_owned());
                before.remove(name);
            }
        });
        if let Outcome::DroppedBy(rule) = outcome {
            steps[rule].dropped = true;
            steps.truncate(rule + 1);
        }
        (outcome, Explanation { steps })
    }
}

impl Step {
    /// Whether it changed anything.
    pub fn has_effect(&self) -> bool {
        self.dropped || !self.removed.is_empty() || self.set.iter().any(|set| set.before.as_ref() != Some(&set.after))
    }

    fn new(rule: usize, text: &impl ToString) -> Self {
        Self { rule, text: text.to_string(), set: Vec::new(), removed: Vec::new(), dropped: false }
    }
}

impl fmt::Display for Step {
    /// One line: `rule 1 (keep regex="x"): dropped it`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} ({}): ", self.rule + 1, self.text)?;
        if self.dropped {
            return f.write_str("dropped it");
        }
        let mut separator = "";
        for Change { name, before, after } in &self.set {
            write!(f, "{separator}set {name}={after:?}")?;
            match before {
                Some(before) if before == after => f.write_str(" as it was")?,
                Some(before) => write!(f, " (was {before:?})")?,
                None => {}
            }
            separator = ", ";
        }
        for name in &self.removed {
            write!(f, "{separator}removed {name}")?;
            separator = ", ";
        }
        if separator.is_empty() { f.write_str("no effect") } else { Ok(()) }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}
