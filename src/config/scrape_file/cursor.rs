//! Reading a YAML tree node by node: a [`Cursor`] is a node with its path, that reads itself as what is wanted of it.
//!
//! # Invariants
//! Nothing stops at a fault: it is noted, the reader gets `None` and goes on, so one reading finds all faults.

use super::faults::Faults;
use super::fields::Fields;
use super::names::Style;
use super::path::{Path, Step};
use crate::yaml::{Entry, Node, Position, Value};
use crate::{duration, size};
use std::time::Duration;

/// A node, the path that leads to it and where its faults go.
#[derive(Clone)]
pub struct Cursor<'a> {
    node: &'a Node,
    /// Where a fault of the node is shown: its key, or itself in a list.
    at: Position,
    path: Path<'a>,
    style: Style,
    faults: &'a Faults,
}

impl<'a> Cursor<'a> {
    /// The root of a document; names are told in snake_case until [`Cursor::styled`] says otherwise.
    pub fn root(node: &'a Node, faults: &'a Faults) -> Self {
        Self { node, at: node.at, path: Path::default(), style: Style::Snake, faults }
    }

    /// The same node, with names told in another style.
    pub fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// The style in which names are told.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Where the faults go.
    pub fn faults(&self) -> &'a Faults {
        self.faults
    }

    /// Notes an error of this node.
    pub fn error(&self, what: impl Into<String>) {
        self.faults.error(self.at, self.path.to_string(), what.into());
    }

    /// Notes a warning of this node.
    pub fn warning(&self, what: impl Into<String>) {
        self.faults.warning(self.at, self.path.to_string(), what.into());
    }

    /// The line a fault of it is shown at.
    pub fn line(&self) -> u32 {
        self.at.line
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }

    /// Whether it is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Scalar(text) => Some(text),
            other => self.wrong("a text", other),
        }
    }

    /// The text of a scalar that is not empty.
    pub fn word(&self) -> Option<&'a str> {
        let text = self.text()?.trim();
        self.checked(text, (!text.is_empty()).then_some(text), "is empty; write a text or leave the key away")
    }

    /// A switch: true, yes, on, 1 and their opposites.
    pub fn boolean(&self) -> Option<bool> {
        let text = self.text()?;
        self.checked(text, crate::config::key::boolean(text.trim()), "is neither true nor false")
    }

    /// A whole number from 0.
    pub fn number(&self) -> Option<u64> {
        let text = self.text()?;
        self.checked(text, text.trim().parse().ok(), "is no whole number from 0")
    }

    /// A finite number.
    pub fn float(&self) -> Option<f64> {
        let text = self.text()?;
        let number = text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        self.checked(text, number, "is no number")
    }

    /// A duration above zero.
    pub fn duration(&self) -> Option<Duration> {
        let text = self.text()?;
        match duration::parse(text) {
            Ok(time) => self.checked(text, (!time.is_zero()).then_some(time), "is too short; write a time above 0"),
            Err(error) => self.noted(error.to_string()),
        }
    }

    /// A size in bytes.
    pub fn size(&self) -> Option<u64> {
        match size::parse(self.text()?) {
            Ok(bytes) => Some(bytes),
            Err(error) => self.noted(error.to_string()),
        }
    }

    /// The items of a list; anything else is told and gives none.
    pub fn items(&self) -> Vec<Cursor<'a>> {
        match &self.node.value {
            Value::List(items) => {
                items.iter().enumerate().map(|(i, node)| self.child(node, node.at, Step::Index(i))).collect()
            }
            other => {
                self.wrong::<()>("a list", other);
                Vec::new()
            }
        }
    }

    /// The items of a list, or the one text that stands for a list of one.
    pub fn items_or_one(&self) -> Vec<Cursor<'a>> {
        if matches!(self.node.value, Value::Scalar(_)) { vec![self.clone()] } else { self.items() }
    }

    /// The texts of a list, none of them empty.
    pub fn words(&self) -> Vec<String> {
        self.items().iter().filter_map(Cursor::word).map(str::to_owned).collect()
    }

    /// The entries of a mapping whose keys are the operator's own, such as labels.
    pub fn pairs(&self) -> Vec<(&'a str, Cursor<'a>)> {
        match &self.node.value {
            Value::Map(entries) => entries.iter().map(|entry| (&*entry.key, self.entry(entry))).collect(),
            other => {
                self.wrong::<()>("a mapping", other);
                Vec::new()
            }
        }
    }

    /// The entries of a mapping from texts to texts; of a key written twice the last one, and a fault.
    pub fn text_pairs(&self) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (key, value) in self.pairs() {
            if pairs.iter().any(|(known, _)| known == key) {
                value.error("is here twice; keep one of them");
            }
            // a key without a value is an empty text: a label that is taken away
            let text = if matches!(value.node.value, Value::Null) { Some("") } else { value.text() };
            pairs.extend(text.map(|text| (key.to_owned(), text.to_owned())));
        }
        pairs
    }

    /// The mapping's keys, to be asked for one by one.
    pub fn fields(&self) -> Option<Fields<'a>> {
        match &self.node.value {
            Value::Map(entries) => Some(Fields::new(self.clone(), entries)),
            other => self.wrong("a mapping", other),
        }
    }

    /// The value of one of its keys.
    pub(super) fn entry(&self, entry: &'a Entry) -> Self {
        self.child(&entry.value, entry.at, Step::Key(&entry.key))
    }

    fn child(&self, node: &'a Node, at: Position, step: Step<'a>) -> Self {
        Self { node, at, path: self.path.then(step), style: self.style, faults: self.faults }
    }

    fn wrong<T>(&self, wanted: &str, found: &Value) -> Option<T> {
        self.noted(format!("must be {wanted}, this is {}", found.kind()))
    }

    fn checked<T>(&self, text: &str, value: Option<T>, otherwise: &str) -> Option<T> {
        value.or_else(|| self.noted(format!("{text:?} {otherwise}")))
    }

    fn noted<T>(&self, what: String) -> Option<T> {
        self.error(what);
        None
    }
}
