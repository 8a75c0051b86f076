//! One rule, compiled: what it reads and what it then does.

use super::Options;
use super::action::Action;
use super::check::{self, REPLACEMENT, SEPARATOR};
use super::config::{LabelNames, RuleConfig};
use super::error::Fault;
use super::matcher::{Matcher, Wants};
use super::regex::{Pattern, SyntaxError};
use super::template::Template;

/// The regex of a rule that gives none.
const REGEX: &str = "(.*)";

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Rule {
    /// As it was written.
    pub config: RuleConfig,
    /// What joins the values of its source labels.
    pub separator: Box<str>,
    /// What it does.
    pub deed: Deed,
}

/// What a rule does with the joined values, or with all labels.
#[derive(Debug)]
pub(super) enum Deed {
    Replace(Replace),
    Keep(Matcher),
    Drop(Matcher),
    KeepEqual(Box<str>),
    DropEqual(Box<str>),
    HashMod { modulus: u64, target: Box<str> },
    Lowercase(Box<str>),
    Uppercase(Box<str>),
    LabelMap { matcher: Matcher, replacement: Template },
    LabelDrop(Matcher),
    LabelKeep(Matcher),
}

/// What `replace` needs.
#[derive(Debug)]
pub(super) struct Replace {
    pub matcher: Matcher,
    pub target: Template,
    pub replacement: Template,
    pub names: LabelNames,
}

impl Rule {
    /// Checks and compiles a rule.
    ///
    /// # Errors
    /// What Prometheus refuses, or what the regex engine cannot do.
    pub fn compile(config: &RuleConfig, options: Options) -> Result<Self, Fault> {
        let action = check::action(config)?;
        check::check(config, action, options.names)?;
        let text = config.regex.as_deref().unwrap_or(REGEX);
        let pattern = Pattern::parse(text, options.anchoring).map_err(|error| regex_fault(text, &error))?;
        let deed = deed(config, action, &pattern, options.names).map_err(|error| regex_fault(text, &error))?;
        let separator = config.separator.as_deref().unwrap_or(SEPARATOR).into();
        Ok(Self { config: config.clone(), separator, deed })
    }
}

fn deed(config: &RuleConfig, action: Action, pattern: &Pattern, names: LabelNames) -> Result<Deed, SyntaxError> {
    let verdict = || Matcher::compile(pattern, Wants::Verdict);
    let target = || config.target_label.clone().unwrap_or_default().into_boxed_str();
    Ok(match action {
        Action::Replace => Deed::Replace(replace(config, pattern, names)?),
        Action::Keep => Deed::Keep(verdict()?),
        Action::Drop => Deed::Drop(verdict()?),
        Action::KeepEqual => Deed::KeepEqual(target()),
        Action::DropEqual => Deed::DropEqual(target()),
        Action::HashMod => Deed::HashMod { modulus: config.modulus.unwrap_or(1).max(1), target: target() },
        Action::Lowercase => Deed::Lowercase(target()),
        Action::Uppercase => Deed::Uppercase(target()),
        Action::LabelMap => Deed::LabelMap {
            matcher: Matcher::compile(pattern, Wants::Groups)?,
            replacement: Template::new(replacement(config), &pattern.groups),
        },
        Action::LabelDrop => Deed::LabelDrop(verdict()?),
        Action::LabelKeep => Deed::LabelKeep(verdict()?),
    })
}

fn replace(config: &RuleConfig, pattern: &Pattern, names: LabelNames) -> Result<Replace, SyntaxError> {
    let target = Template::new(config.target_label.as_deref().unwrap_or_default(), &pattern.groups);
    let replacement = Template::new(replacement(config), &pattern.groups);
    let fixed = target.fixed().is_some() && replacement.fixed().is_some();
    let wants = if fixed { Wants::Verdict } else { Wants::Groups };
    Ok(Replace { matcher: Matcher::compile(pattern, wants)?, target, replacement, names })
}

fn replacement(config: &RuleConfig) -> &str {
    config.replacement.as_deref().unwrap_or(REPLACEMENT)
}

fn regex_fault(text: &str, error: &SyntaxError) -> Fault {
    Fault::new("regex", format!("{text:?} at byte {}: {}", error.column, error.what))
}
