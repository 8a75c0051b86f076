//! relabelConfigs and metricRelabelConfigs: rules as written become compiled ones.
//!
//! # Invariants
//! Equal rules of a file are compiled once: thousands of targets share what is written alike.

use super::cursor::Cursor;
use super::names;
use crate::relabel::{Options, RuleConfig, RuleError, Rules};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// The keys of a rule.
const KEYS: [&str; 7] = ["sourceLabels", "separator", "regex", "modulus", "targetLabel", "replacement", "action"];

/// Compiled rules by what was written.
pub struct RuleCache {
    options: Options,
    compiled: RefCell<HashMap<String, Arc<Rules>>>,
}

impl RuleCache {
    /// None yet; rules will be compiled as `options` say.
    pub fn new(options: Options) -> Self {
        Self { options, compiled: RefCell::default() }
    }

    /// Reads and compiles a list of rules; `None` after a fault.
    pub fn read(&self, list: &Cursor<'_>) -> Option<Arc<Rules>> {
        let before = list.faults().errors();
        let items = list.items();
        let configs: Vec<RuleConfig> = items.iter().filter_map(read_rule).collect();
        if list.faults().errors() > before {
            return None;
        }
        let written = format!("{configs:?}");
        if let Some(rules) = self.compiled.borrow().get(&written) {
            return Some(rules.clone());
        }
        match Rules::compile_with(&configs, self.options) {
            Ok(rules) => Some(self.compiled.borrow_mut().entry(written).or_insert(Arc::new(rules)).clone()),
            Err(error) => {
                tell(list, items.get(error.index), &error);
                None
            }
        }
    }
}

fn read_rule(item: &Cursor<'_>) -> Option<RuleConfig> {
    let fields = item.fields()?;
    let text = |name| fields.take(name).and_then(|value| value.text().map(str::to_owned));
    let labels = fields.take(KEYS[0]).map(|list| list.items_or_one()).unwrap_or_default();
    let config = RuleConfig {
        source_labels: labels.iter().filter_map(Cursor::text).map(str::to_owned).collect(),
        separator: text(KEYS[1]),
        regex: text(KEYS[2]),
        modulus: fields.take(KEYS[3]).and_then(|value| value.number()),
        target_label: text(KEYS[4]),
        replacement: text(KEYS[5]),
        action: text(KEYS[6]),
    };
    fields.finish();
    Some(config)
}

/// Notes why a rule was refused, at its key where it has one.
fn tell(list: &Cursor<'_>, rule: Option<&Cursor<'_>>, error: &RuleError) {
    let rule = rule.unwrap_or(list);
    let name = KEYS.iter().find(|name| names::same(error.key, name));
    let key = name.and_then(|name| rule.fields().and_then(|fields| fields.take(name)));
    match key {
        Some(key) => key.error(error.what.as_str()),
        None => rule.error(format!(
            "{}: {}",
            name.map_or(error.key.to_owned(), |name| rule.style().write(name)),
            error.what
        )),
    }
}
