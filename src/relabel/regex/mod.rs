//! Go's regular expressions, read into the intermediate form of the `regex` engines.
//!
//! Rules are written for Prometheus, so their patterns mean what Go's `regexp` (RE2) says, which the Rust dialect
//! differs from: ASCII `\d \w \s \b`, `\Q…\E`, octal escapes, a lone `{`, `x{,3}`, literal `[`, `&&` and `--` in
//! classes, group names twice. Reading the syntax here rather than rewriting the text for the Rust parser keeps
//! every such difference in one place and the Rust parser with its Unicode tables (750 KB) out of the program.
//!
//! # Invariants
//! - What Go refuses is refused. What Go accepts means the same here or is refused by name: Unicode classes
//!   (`\pL`), surrogates, groups deeper than [`parser::MAX_DEPTH`].
//! - Reading recurses nowhere; what it builds is bounded in depth.

mod class;
mod count;
mod escape;
mod flags;
mod fold;
mod parser;

use super::Anchoring;
use regex_syntax::hir::Hir;

/// What Prometheus writes before a pattern, and after it.
const ANCHORED: (&str, &str) = ("^(?s:", ")$");

/// A pattern that was understood.
#[derive(Debug)]
pub(super) struct Pattern {
    /// What it matches.
    pub hir: Hir,
    /// The names of its groups; the first is the whole match and has none. A name may stand more than once.
    pub groups: Vec<Option<Box<str>>>,
}

/// Why a pattern was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// The byte at fault, from 1, in the pattern as it was written.
    pub column: usize,
    /// What is wrong there.
    pub what: String,
}

impl Pattern {
    /// Reads a pattern; with [`Anchoring::Full`] inside `^(?s:…)$`, put around the text as Prometheus does.
    ///
    /// # Errors
    /// What Go refuses, and the few things this program does not do.
    pub fn parse(pattern: &str, anchoring: Anchoring) -> Result<Self, SyntaxError> {
        let (before, after) = match anchoring {
            Anchoring::Full => ANCHORED,
            Anchoring::None => ("", ""),
        };
        let located = |fault: Fault, shift: usize| SyntaxError {
            column: fault.at.saturating_sub(shift).min(pattern.len()) + 1,
            what: fault.what,
        };
        parser::parse(&format!("{before}{pattern}{after}")).map_err(|fault| match parser::parse(pattern) {
            // alone it is at fault too, and not confused by the brackets around it
            Err(alone) => located(alone, 0),
            Ok(_) => located(fault, before.len()),
        })
    }
}

/// A fault at a byte of the text the parser was given.
#[derive(Debug)]
struct Fault {
    at: usize,
    what: String,
}

impl Fault {
    fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

#[cfg(test)]
mod tests;
