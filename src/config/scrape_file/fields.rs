//! A mapping that knows which of its keys were asked for, so that the others are told with the nearest known one.

use super::cursor::Cursor;
use super::names;
use crate::nearest;
use crate::yaml::{Entry, Value};
use std::cell::RefCell;

/// A mapping's keys; each is asked for by its camelCase name and found in snake_case too.
pub struct Fields<'a> {
    map: Cursor<'a>,
    entries: &'a [Entry],
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(map: Cursor<'a>, entries: &'a [Entry]) -> Self {
        Self { map, entries, asked: RefCell::default() }
    }

    /// The mapping as a whole, for faults that are of no single key.
    pub fn whole(&self) -> &Cursor<'a> {
        &self.map
    }

    /// The value of a key; `None` when it is absent or null. A key written twice is told.
    pub fn take(&self, name: &'static str) -> Option<Cursor<'a>> {
        self.asked.borrow_mut().push(name);
        let mut found = self.entries.iter().filter(|entry| names::same(&entry.key, name));
        let entry = found.next()?;
        let cursor = self.map.entry(entry);
        for second in found {
            let second = self.map.entry(second);
            second.error(format!("is already in line {}; keep one of them", entry.at.line));
        }
        (entry.value.value != Value::Null).then_some(cursor)
    }

    /// The value of a key that must be there.
    pub fn need(&self, name: &'static str, mend: &str) -> Option<Cursor<'a>> {
        let found = self.take(name);
        if found.is_none() {
            self.map.error(format!("{} is missing; {mend}", self.map.style().write(name)));
        }
        found
    }

    /// Takes keys that are known elsewhere and do nothing here; each is told as a warning.
    pub fn without_effect(&self, names: &[&'static str], why: &str) {
        for cursor in names.iter().filter_map(|name| self.take(name)) {
            cursor.warning(format!("has no effect here{why}"));
        }
    }

    /// Takes keys that belong to somebody else.
    pub fn leave(&self, names: &[&'static str]) {
        self.asked.borrow_mut().extend(names);
    }

    /// Whether a key was written, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| names::same(&entry.key, name))
    }

    /// Tells the keys that nobody asked for as errors.
    pub fn finish(self) {
        for (cursor, hint) in self.unknown() {
            cursor.error(format!("unknown key{hint}"));
        }
    }

    /// The keys that nobody asked for, each with a hint at the one that may have been meant.
    pub fn unknown(self) -> Vec<(Cursor<'a>, String)> {
        let asked = self.asked.into_inner();
        let unknown = self.entries.iter().filter(|entry| !asked.iter().any(|name| names::same(&entry.key, name)));
        let told = unknown.map(|entry| {
            let written: Vec<String> = asked.iter().map(|name| self.map.style().write(name)).collect();
            let hint = nearest::hint(&entry.key, written.iter().map(String::as_str));
            (self.map.entry(entry), hint)
        });
        told.collect()
    }
}
