//! What Prometheus demands of a rule before it takes it.

use super::action::Action;
use super::config::{LabelNames, RuleConfig};
use super::error::Fault;

/// The separator of a rule that gives none.
pub(super) const SEPARATOR: &str = ";";
/// The replacement of a rule that gives none.
pub(super) const REPLACEMENT: &str = "$1";

/// The action of a rule.
///
/// # Errors
/// A name that is none of the eleven.
pub(super) fn action(config: &RuleConfig) -> Result<Action, Fault> {
    let Some(name) = &config.action else { return Ok(Action::Replace) };
    Action::from_name(name).ok_or_else(|| {
        let known = Action::ALL.map(Action::name).join(", ");
        Fault::new("action", format!("unknown relabel action {name:?}; the actions are {known}"))
    })
}

/// Checks all of a rule but its regex.
///
/// # Errors
/// The key at fault and what is wrong with it.
pub(super) fn check(config: &RuleConfig, action: Action, names: LabelNames) -> Result<(), Fault> {
    let name = action.name();
    if action == Action::HashMod && config.modulus.unwrap_or(0) == 0 {
        return Err(Fault::new("modulus", "hashmod requires a modulus of 1 or more"));
    }
    check_target(config, action, names)?;
    check_replacement(config, action, names)?;
    match action {
        Action::KeepEqual | Action::DropEqual => refuse_others(
            config,
            &["source_labels", "target_label"],
            format!("{name} takes only 'source_labels' and 'target_label'"),
        ),
        Action::LabelDrop | Action::LabelKeep => {
            refuse_others(config, &["regex"], format!("{name} takes only 'regex'"))
        }
        _ => Ok(()),
    }
}

fn check_target(config: &RuleConfig, action: Action, names: LabelNames) -> Result<(), Fault> {
    use Action::{DropEqual, HashMod, KeepEqual, Lowercase, Replace, Uppercase};
    if !matches!(action, Replace | HashMod | Lowercase | Uppercase | KeepEqual | DropEqual) {
        return Ok(());
    }
    let name = action.name();
    let target = config.target_label.as_deref().unwrap_or_default();
    if target.is_empty() {
        return Err(Fault::new("target_label", format!("{name} requires a 'target_label'")));
    }
    let templated = action == Replace && target.contains('$');
    if templated && names.allow_template(target) || !templated && names.allow(target) {
        return Ok(());
    }
    Err(Fault::new("target_label", format!("{target:?} is not a label name that {name} can write")))
}

fn check_replacement(config: &RuleConfig, action: Action, names: LabelNames) -> Result<(), Fault> {
    let replacement = config.replacement.as_deref().unwrap_or(REPLACEMENT);
    let fault = |what| Err(Fault::new("replacement", what));
    match action {
        Action::Lowercase | Action::Uppercase if replacement != REPLACEMENT => {
            fault(format!("{} takes no 'replacement'; remove it", action.name()))
        }
        Action::LabelMap if !names.allow_template(replacement) => {
            fault(format!("{replacement:?} gives no label name for labelmap"))
        }
        _ => Ok(()),
    }
}

/// Refuses every key that was given a value of its own and is not among the allowed.
fn refuse_others(config: &RuleConfig, allowed: &[&str], what: String) -> Result<(), Fault> {
    let differs = |value: &Option<String>, default: &str| value.as_deref().is_some_and(|value| value != default);
    let given = [
        ("source_labels", !config.source_labels.is_empty()),
        ("separator", differs(&config.separator, SEPARATOR)),
        ("regex", config.regex.is_some()),
        ("modulus", config.modulus.is_some_and(|modulus| modulus != 0)),
        ("target_label", differs(&config.target_label, "")),
        ("replacement", differs(&config.replacement, REPLACEMENT)),
    ];
    match given.into_iter().find(|(key, given)| *given && !allowed.contains(key)) {
        Some((key, _)) => Err(Fault::new(key, format!("{what}; remove '{key}'"))),
        None => Ok(()),
    }
}
