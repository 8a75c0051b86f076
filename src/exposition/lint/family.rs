//! Families in a body: their head comes first and once, their samples stand together, their names do not clash.

use super::group::Groups;
use super::{Owned, sample};
use crate::exposition::{FamilyKind, Fault};
use std::collections::HashMap;

/// A line of a family's head, besides TYPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Help,
    Unit,
    /// A UNIT line without a unit.
    NoUnit,
}

/// All families so far.
#[derive(Debug, Default)]
pub(super) struct Families {
    /// Every name that a family has taken, its samples' included, and the line it was taken in.
    names: HashMap<String, u64>,
    current: Option<Family>,
}

/// The family that the lines at hand belong to.
#[derive(Debug)]
struct Family {
    name: String,
    line: u64,
    kind: Option<FamilyKind>,
    has_help: bool,
    has_unit: bool,
    needs_unit_of_a_number: bool,
    groups: Groups,
}

impl Families {
    /// A HELP or UNIT line.
    pub fn head(&mut self, head: Head, name: &str, line: u64, breaches: &mut Vec<Fault>) {
        let family = self.of_head(name, line, breaches);
        let (twice, word) = match head {
            Head::Help => (std::mem::replace(&mut family.has_help, true), "HELP"),
            Head::Unit | Head::NoUnit => (std::mem::replace(&mut family.has_unit, true), "UNIT"),
        };
        family.needs_unit_of_a_number |= head == Head::Unit;
        if twice {
            breaches.push(at(line, format!("a second {word} line for {name:?}")));
        }
    }

    /// A TYPE line.
    pub fn kind(&mut self, kind: FamilyKind, name: &str, line: u64, breaches: &mut Vec<Fault>) {
        let family = self.of_head(name, line, breaches);
        if family.kind.is_some() {
            breaches.push(at(line, format!("a second TYPE line for {name:?}")));
        } else if family.groups.is_empty() {
            family.kind = Some(kind);
        }
    }

    /// A sample.
    pub fn sample(&mut self, sample: &Owned, line: u64, breaches: &mut Vec<Fault>) {
        let belongs = self.current.as_ref().is_some_and(|family| family.has(&sample.name));
        if !belongs {
            self.start(&sample.name, line, breaches);
        }
        if let Some(family) = &mut self.current {
            let suffix = &sample.name[family.name.len()..];
            let kind = family.kind.unwrap_or(FamilyKind::Untyped);
            sample::judge(kind, &family.name, suffix, sample, line, breaches);
            family.groups.add(kind, &family.name, suffix, sample, line, breaches);
        }
    }

    /// The body has ended.
    pub fn finish(&mut self, breaches: &mut Vec<Fault>) {
        if let Some(family) = self.current.take() {
            self.close(family, breaches);
        }
    }

    /// The family of a head line: the current one, or a new one.
    fn of_head(&mut self, name: &str, line: u64, breaches: &mut Vec<Fault>) -> &mut Family {
        let current = self.current.take_if(|family| family.name == name);
        let family = current.unwrap_or_else(|| {
            self.finish(breaches);
            Family::new(name, line)
        });
        if !family.groups.is_empty() {
            breaches.push(at(line, format!("the head of {name:?} must stand before its samples")));
        }
        self.current.insert(family)
    }

    fn start(&mut self, name: &str, line: u64, breaches: &mut Vec<Fault>) {
        self.finish(breaches);
        self.current = Some(Family::new(name, line));
    }

    fn close(&mut self, mut family: Family, breaches: &mut Vec<Fault>) {
        let kind = family.kind.unwrap_or(FamilyKind::Untyped);
        family.groups.finish(kind, breaches);
        if family.needs_unit_of_a_number && matches!(kind, FamilyKind::Info | FamilyKind::StateSet) {
            breaches.push(at(
                family.line,
                format!("{:?} has a unit; a family of type {} has none", family.name, kind.as_str()),
            ));
        }
        let names: Vec<String> = family.names().collect();
        if let Some((name, first)) = names.iter().find_map(|name| Some((name, self.names.get(name)?))) {
            let what = format!(
                "the name {name:?} was taken by the family in line {first}; families stand together and do not share names"
            );
            breaches.push(at(family.line, what));
        }
        for name in names {
            self.names.entry(name).or_insert(family.line);
        }
    }
}

impl Family {
    fn new(name: &str, line: u64) -> Self {
        Self {
            name: name.to_owned(),
            line,
            kind: None,
            has_help: false,
            has_unit: false,
            needs_unit_of_a_number: false,
            groups: Groups::default(),
        }
    }

    /// Whether a sample of that name is of this family.
    fn has(&self, sample: &str) -> bool {
        sample.strip_prefix(self.name.as_str()).is_some_and(|suffix| suffixes(self.kind).contains(&suffix))
    }

    /// The names it takes: its own and its samples'.
    fn names(&self) -> impl Iterator<Item = String> {
        let suffixes = suffixes(self.kind).iter().filter(|suffix| !suffix.is_empty());
        std::iter::once(self.name.clone()).chain(suffixes.map(|suffix| format!("{}{suffix}", self.name)))
    }
}

/// What the names of a type's samples end with.
fn suffixes(kind: Option<FamilyKind>) -> &'static [&'static str] {
    match kind {
        Some(FamilyKind::Counter) => &["_total", "_created"],
        Some(FamilyKind::Summary) => &["", "_count", "_sum", "_created"],
        Some(FamilyKind::Histogram) => &["_bucket", "_count", "_sum", "_created"],
        Some(FamilyKind::GaugeHistogram) => &["_bucket", "_gcount", "_gsum"],
        Some(FamilyKind::Info) => &["_info"],
        _ => &[""],
    }
}

/// A breach at a line's start.
pub(super) fn at(line: u64, what: String) -> Fault {
    Fault { line, column: 1, what }
}
