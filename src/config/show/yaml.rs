//! Writing YAML, a line at a time.

use std::fmt::{self, Write as _};

/// Indented YAML; texts are written as JSON writes them, which is YAML too.
pub(super) struct Yaml<'a> {
    pub(super) out: &'a mut String,
    pub(super) depth: usize,
}

impl Yaml<'_> {
    /// One line.
    pub(super) fn line(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        writeln!(self.out, "{:1$}{text}", "", self.depth * 2)
    }

    /// A key and its text.
    pub(super) fn text(&mut self, key: &str, text: &str) -> fmt::Result {
        self.line(format_args!("{key}: {}", quoted(text)))
    }

    /// A key and a value that needs no quotes.
    pub(super) fn plain(&mut self, key: &str, value: impl fmt::Display) -> fmt::Result {
        self.line(format_args!("{key}: {value}"))
    }

    /// A key and its texts.
    pub(super) fn list<'t>(&mut self, key: &str, texts: impl IntoIterator<Item = &'t str>) -> fmt::Result {
        let texts: Vec<String> = texts.into_iter().map(quoted).collect();
        self.line(format_args!("{key}: [{}]", texts.join(", ")))
    }

    /// The inside of a mapping.
    pub(super) fn under(&mut self, key: &str) -> Yaml<'_> {
        let _ = self.line(format_args!("{key}:"));
        Yaml { out: self.out, depth: self.depth + 1 }
    }

    /// The inside of a list's item, whose first line the caller writes with a dash.
    pub(super) fn item(&mut self, first: fmt::Arguments<'_>) -> Yaml<'_> {
        let _ = self.line(format_args!("- {first}"));
        Yaml { out: self.out, depth: self.depth + 1 }
    }
}

/// A text in double quotes.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
