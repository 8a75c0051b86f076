//! scrape_config.yaml in both formats becomes jobs and faults.
//!
//! # Invariants
//! - A fault inside a target refuses that target alone; the others' jobs are made.
//! - A fault of what they share, or of the YAML itself, refuses the file: then nothing of it is in force.
//! - Whatever the text, reading it ends within its size's time and memory (see [`crate::yaml`]).

mod basic;
mod cr;
mod credentials;
mod cursor;
mod faults;
mod fields;
mod limits;
mod names;
mod options;
mod path;
mod rules;
mod selectors;
mod values;

use super::fault::{Fault, Severity};
use super::job::{Limits, ScrapeJob};
use super::settings::Settings;
use crate::relabel::{Anchoring, Options, Rules};
use crate::yaml::{self, Node, Value};
use cursor::Cursor;
use faults::Faults;
use fields::Fields;
use names::Style;
use options::Defaults;
use rules::RuleCache;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Keys of Prometheus' own file that concern what this agent does not do.
const TOP_WITHOUT_EFFECT: [&str; 9] = [
    "alerting",
    "ruleFiles",
    "remoteWrite",
    "remoteRead",
    "storage",
    "tracing",
    "otlp",
    "runtime",
    "scrapeConfigFiles",
];

/// What a scrape configuration is read with, from whatap.conf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context {
    /// Limits of jobs that set none themselves.
    pub limits: Limits,
    /// How relabelling regexes match.
    pub anchoring: Anchoring,
}

impl From<&Settings> for Context {
    fn from(settings: &Settings) -> Self {
        Self { limits: settings.limits(), anchoring: settings.relabel_anchoring }
    }
}

/// A scrape configuration that was read.
#[derive(Debug, Clone, Default)]
pub struct ScrapeFile {
    /// The jobs of every sound target, in the order of the file.
    pub jobs: Vec<Arc<ScrapeJob>>,
    /// Everything to mend, in the order of lines; errors refused a target or a key, warnings refused nothing.
    pub faults: Vec<Fault>,
    /// Names of the targets that were refused.
    pub refused: BTreeSet<String>,
}

/// Why a file is refused whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// Everything to mend in it; at least one error.
    pub faults: Vec<Fault>,
}

impl std::fmt::Display for FileFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let errors: Vec<String> = self.faults.iter().filter(|fault| fault.is_error()).map(Fault::to_string).collect();
        f.write_str(&errors.join("\n"))
    }
}

impl std::error::Error for FileFault {}

impl ScrapeFile {
    /// Reads the text of a scrape configuration; `file` is its name in the faults.
    ///
    /// # Errors
    /// When nothing of it can be used: no YAML, a limit passed, a fault outside the targets.
    pub fn parse(text: &str, file: &str, context: &Context) -> Result<Self, FileFault> {
        let faults = Faults::of(file);
        let root = yaml::parse(text).map_err(|error| {
            let fault = Fault {
                severity: Severity::Error,
                file: file.into(),
                line: error.at.line,
                column: error.at.column,
                path: String::new(),
                what: error.what,
            };
            FileFault { faults: vec![fault] }
        })?;
        let reading = Reading::new(&faults, context.anchoring);
        let found = reading.root(&Cursor::root(&root, &faults), context);
        let inside = reading.inside.get();
        if faults.errors() > inside {
            return Err(FileFault { faults: faults.into_list() });
        }
        let refused = found.iter().filter(|one| one.refused).filter_map(|one| one.name.clone()).collect();
        let jobs = found.into_iter().flat_map(|one| one.jobs).collect();
        Ok(Self { jobs, faults: faults.into_list(), refused })
    }
}

/// Whether a text would be taken without an error: what is asked before it is written to the file.
///
/// # Errors
/// The errors, one a line.
pub fn validate(text: &str, file: &str, context: &Context) -> Result<(), String> {
    let read = ScrapeFile::parse(text, file, context).map_err(|fault| fault.to_string())?;
    let errors: Vec<String> = read.faults.iter().filter(|fault| fault.is_error()).map(Fault::to_string).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

/// Which rules [`parse_rules`] reads, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RulesWanted {
    /// Of a mapping that has both, those for samples rather than those for targets.
    pub of_samples: bool,
    /// How they are to be compiled.
    pub options: Options,
}

/// Reads rules alone: a list of them, or a mapping with relabel_configs, metric_relabel_configs or both.
///
/// # Errors
/// Every fault of the text.
pub fn parse_rules(text: &str, file: &str, wanted: RulesWanted) -> Result<Arc<Rules>, FileFault> {
    let faults = Faults::of(file);
    let root = yaml::parse(text).unwrap_or_else(|error| {
        faults.error(error.at, String::new(), error.what);
        Node { at: error.at, value: Value::List(Vec::new()) }
    });
    let cursor = Cursor::root(&root, &faults);
    let list =
        if cursor.is_map() { cursor.fields().and_then(|fields| rules_of(&fields, wanted)) } else { Some(cursor) };
    let rules = list.and_then(|list| RuleCache::new(wanted.options).read(&list));
    match rules {
        Some(rules) if faults.errors() == 0 => Ok(rules),
        _ => Err(FileFault { faults: faults.into_list() }),
    }
}

fn rules_of<'a>(fields: &Fields<'a>, wanted: RulesWanted) -> Option<Cursor<'a>> {
    let (targets, samples) = (fields.take("relabelConfigs"), fields.take("metricRelabelConfigs"));
    let list = if wanted.of_samples { samples.or(targets) } else { targets.or(samples) };
    if list.is_none() {
        fields.whole().error("has neither relabel_configs nor metric_relabel_configs");
    }
    list
}

/// What one target or `scrape_configs` entry gives.
#[derive(Default)]
struct Found {
    name: Option<String>,
    jobs: Vec<Arc<ScrapeJob>>,
    /// Whether it is switched off.
    off: bool,
    /// Whether a fault refuses it.
    refused: bool,
}

/// What all targets of a file are read with.
struct Reading<'a> {
    rules: RuleCache,
    faults: &'a Faults,
    /// Errors that refuse a target or a key, not the file.
    inside: Cell<usize>,
    /// Names so far, with their lines.
    names: RefCell<HashMap<String, u32>>,
}

impl<'a> Reading<'a> {
    fn new(faults: &'a Faults, anchoring: Anchoring) -> Self {
        let options = Options { anchoring, ..Options::default() };
        Self { rules: RuleCache::new(options), faults, inside: Cell::new(0), names: RefCell::default() }
    }

    fn root(&self, root: &Cursor<'_>, context: &Context) -> Vec<Found> {
        let defaults = Defaults::new(context);
        if root.is_null() {
            root.error("the file is empty; write scrape_configs or features.openAgent.targets");
            return Vec::new();
        }
        let Some(fields) = root.fields() else { return Vec::new() };
        if let Some(kind) = fields.take("kind").or_else(|| fields.take("apiVersion")) {
            kind.error("this is a Kubernetes manifest; give the text that stands in it under data or spec");
            return Vec::new();
        }
        let (global, jobs) = (fields.take("global"), fields.take("scrapeConfigs"));
        let features = fields.take("features").map(|cursor| cursor.styled(Style::Camel));
        if !fields.has("scrapeConfigs") && !fields.has("features") {
            root.error("has neither scrape_configs nor features.openAgent; there is nothing to scrape");
        }
        fields.without_effect(&TOP_WITHOUT_EFFECT, "");
        self.finish(fields);
        let defaults = global.map_or(defaults.clone(), |global| basic::read_global(&global, defaults, self));
        let mut found = jobs.map(|list| basic::read_jobs(&list, &defaults, self)).unwrap_or_default();
        found.extend(features.map(|map| cr::read_features(&map, &defaults, self)).unwrap_or_default());
        found
    }

    /// Reads one target; its errors refuse it alone.
    fn item(&self, item: &Cursor<'_>, read: impl FnOnce(&Cursor<'_>) -> Found) -> Found {
        let before = self.faults.errors();
        let mut found = read(item);
        let errors = self.faults.errors() - before;
        self.inside.set(self.inside.get() + errors);
        found.refused = errors > 0 && !found.off;
        if errors > 0 || found.off {
            found.jobs.clear();
        }
        if let Some(name) = &found.name
            && let Some(line) = self.names.borrow_mut().insert(name.clone(), item.line())
        {
            item.warning(format!("{name:?} is already the name of the target in line {line}; give each its own"));
        }
        found
    }

    /// Tells unknown keys that refuse nothing: they stand outside the targets and are passed over.
    fn finish(&self, fields: Fields<'_>) {
        for (cursor, hint) in fields.unknown() {
            cursor.error(format!("unknown key, it has no effect{hint}"));
            self.inside.set(self.inside.get() + 1);
        }
    }
}
