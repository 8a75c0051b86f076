//! Rules at work on a label set.

use super::Rules;
use super::case;
use super::matcher::Matcher;
use super::rule::{Deed, Replace, Rule};
use super::slots::Slots;
use super::template::Template;
use crate::labels::LabelBuf;
use md5::{Digest as _, Md5};
use std::fmt::Write as _;

/// What rules did to a label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It stays.
    Kept,
    /// The rule at this index (from 0) dropped it.
    DroppedBy(usize),
}

/// What a rule did to one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect<'a> {
    /// It gave the label a value, which may be the one it had.
    Set {
        /// The label.
        name: &'a str,
        /// Its value from now on.
        value: &'a str,
    },
    /// It removed the label.
    Removed {
        /// The label.
        name: &'a str,
    },
}

/// Buffers a worker lends to the rules; one serves all rules of all jobs.
#[derive(Debug, Default)]
pub struct Scratch {
    joined: String,
    name: String,
    value: String,
    slots: Slots,
    /// Which labels a labelmap found, by position.
    found: Vec<usize>,
    mapped: LabelBuf,
}

impl Rules {
    /// Applies all rules in order; after [`Outcome::DroppedBy`] the labels are as that rule found them.
    #[inline]
    pub fn apply(&self, labels: &mut LabelBuf, scratch: &mut Scratch) -> Outcome {
        self.apply_watched(labels, scratch, |_, _| {})
    }

    /// Applies all rules in order and tells, just before it happens, what each (by its index) does to which label.
    #[inline]
    pub fn apply_watched(
        &self,
        labels: &mut LabelBuf,
        scratch: &mut Scratch,
        mut watch: impl FnMut(usize, Effect<'_>),
    ) -> Outcome {
        for (index, rule) in self.rules.iter().enumerate() {
            if !rule.apply(labels, scratch, &mut |effect| watch(index, effect)) {
                return Outcome::DroppedBy(index);
            }
        }
        Outcome::Kept
    }
}

impl Rule {
    /// Applies the rule and answers whether the label set stays.
    fn apply(&self, labels: &mut LabelBuf, scratch: &mut Scratch, watch: &mut impl FnMut(Effect<'_>)) -> bool {
        match &self.deed {
            Deed::LabelMap { matcher, replacement } => label_map(matcher, replacement, labels, scratch, watch),
            Deed::LabelDrop(matcher) => retain(labels, watch, |name| !matcher.is_match(name)),
            Deed::LabelKeep(matcher) => retain(labels, watch, |name| matcher.is_match(name)),
            _ => return self.apply_to_sources(labels, scratch, watch),
        }
        true
    }

    /// The actions that look at the joined values of the source labels.
    fn apply_to_sources(
        &self,
        labels: &mut LabelBuf,
        scratch: &mut Scratch,
        watch: &mut impl FnMut(Effect<'_>),
    ) -> bool {
        let Scratch { joined, name, value, slots, .. } = scratch;
        let text = self.join(labels, joined);
        value.clear();
        let target: &str = match &self.deed {
            Deed::Keep(matcher) => return matcher.is_match(text),
            Deed::Drop(matcher) => return !matcher.is_match(text),
            Deed::KeepEqual(target) => return labels.value(target).unwrap_or_default() == text,
            Deed::DropEqual(target) => return labels.value(target).unwrap_or_default() != text,
            Deed::Replace(replace) => match replace.apply(text, slots, name, value) {
                Some(target) => target,
                None => return true,
            },
            Deed::HashMod { modulus, target } => {
                let _ = write!(value, "{}", hash(text) % modulus);
                target
            }
            Deed::Lowercase(target) => {
                case::lower(text, value);
                target
            }
            Deed::Uppercase(target) => {
                case::upper(text, value);
                target
            }
            Deed::LabelMap { .. } | Deed::LabelDrop(_) | Deed::LabelKeep(_) => return true,
        };
        write_label(labels, target, value, watch);
        true
    }

    /// The values of the source labels with separators between them; absent labels are empty.
    #[inline]
    fn join<'a>(&self, labels: &'a LabelBuf, joined: &'a mut String) -> &'a str {
        let value_of = |name: &String| labels.value(name).unwrap_or_default();
        match &self.config.source_labels[..] {
            [] => "",
            [only] => value_of(only),
            [first, others @ ..] => {
                joined.clear();
                joined.push_str(value_of(first));
                for name in others {
                    joined.push_str(&self.separator);
                    joined.push_str(value_of(name));
                }
                joined
            }
        }
    }
}

impl Replace {
    /// Writes the new value and gives the label it is for; `None` when nothing matched or no label may be so named.
    #[inline]
    fn apply<'a>(&'a self, text: &str, slots: &mut Slots, name: &'a mut String, value: &mut String) -> Option<&'a str> {
        let matched = match (self.target.fixed(), self.replacement.fixed()) {
            (Some(_), Some(_)) => self.matcher.is_match(text),
            _ => self.matcher.captures(text, slots),
        };
        if !matched {
            return None;
        }
        self.replacement.expand(text, slots, value);
        let target = match self.target.fixed() {
            Some(fixed) => fixed,
            None => {
                name.clear();
                self.target.expand(text, slots, name);
                name
            }
        };
        self.names.allow(target).then_some(target)
    }
}

/// The last 8 bytes of the MD5, big endian.
fn hash(text: &str) -> u64 {
    let digest = Md5::digest(text.as_bytes());
    digest[8..].iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// Gives a label its value; an empty value removes it.
fn write_label(labels: &mut LabelBuf, name: &str, value: &str, watch: &mut impl FnMut(Effect<'_>)) {
    if !value.is_empty() {
        watch(Effect::Set { name, value });
    } else if labels.value(name).is_some() {
        watch(Effect::Removed { name });
    }
    labels.set(name, value);
}

fn retain(labels: &mut LabelBuf, watch: &mut impl FnMut(Effect<'_>), keep: impl Fn(&str) -> bool) {
    labels.retain(|name, _| {
        let kept = keep(name);
        if !kept {
            watch(Effect::Removed { name });
        }
        kept
    });
}

/// Copies every label whose name matches. All are read before the first is written, and of several that map to one
/// name the last by name wins, whatever order they stand in.
fn label_map(
    matcher: &Matcher,
    replacement: &Template,
    labels: &mut LabelBuf,
    scratch: &mut Scratch,
    watch: &mut impl FnMut(Effect<'_>),
) {
    let Scratch { name: mapped_name, slots, found, mapped, .. } = scratch;
    found.clear();
    let matching = labels.view().iter().enumerate().filter(|(_, (name, _))| matcher.is_match(name));
    found.extend(matching.map(|(position, _)| position));
    let at = |position: usize| labels.at(position).unwrap_or_default();
    found.sort_unstable_by_key(|position| at(*position).0);
    mapped.clear();
    for position in &*found {
        let (name, value) = at(*position);
        mapped_name.clear();
        matcher.replace_all(name, replacement, slots, mapped_name);
        if !mapped_name.is_empty() {
            mapped.push(mapped_name, value);
        }
    }
    for (name, value) in mapped.view().iter() {
        write_label(labels, name, value, watch);
    }
}
