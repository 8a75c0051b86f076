//! YAML as a tree in which every node knows its line and column.
//!
//! Scalars stay texts: whether `8080` is a port's number or name, or `1.10` a version, is for the reader of that key to
//! say. So nothing is lost on the way through a number.
//!
//! # Invariants
//! A tree has bounded depth and bounded size, whatever the text: aliases that multiply, deep nesting and huge texts are
//! refused while reading, before their memory is taken.

mod compose;

pub use compose::{MAX_BYTES, MAX_DEPTH, MAX_NODES, parse};

/// Where a node begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in characters.
    pub column: u32,
}

/// A node and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `~` or `null`, unquoted.
    Null,
    /// A text as written, escapes resolved.
    Scalar(Box<str>),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order it was written; keys may repeat.
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key's text.
    pub key: Box<str>,
    /// Where the key begins.
    pub at: Position,
    /// What it is given.
    pub value: Node,
}

impl Value {
    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Why a text is not read as YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// Where.
    pub at: Position,
    /// What is wrong and how to mend it.
    pub what: String,
}

impl std::fmt::Display for YamlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {} column {}: {}", self.at.line, self.at.column, self.what)
    }
}

impl std::error::Error for YamlError {}
