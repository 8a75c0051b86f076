//! A pattern compiled for the general case.
//!
//! # Invariants
//! - A search takes time linear in the text, whatever the pattern.
//! - A search allocates nothing once a thread has searched with this pattern before. The search's memory comes from
//!   a pool inside the engine: the first thread to use it pays one atomic load, others an uncontended `try_lock`.

use super::slots::Slots;
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;
use regex_automata::{Input, meta, nfa::thompson::WhichCaptures};
use regex_syntax::hir::Hir;

/// Most bytes a compiled pattern may take.
const SIZE_LIMIT: usize = 8 << 20;
/// Most bytes the lazily built automaton of a pattern may take for each thread that searches.
const CACHE_LIMIT: usize = 512 << 10;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Engine {
    regex: Regex,
    groups: usize,
}

impl Engine {
    /// Compiles a pattern; without `captures` it can only say whether a text matches.
    ///
    /// # Errors
    /// One line, when it is too large.
    pub fn compile(hir: &Hir, groups: usize, captures: bool) -> Result<Self, String> {
        let config = Regex::config()
            .nfa_size_limit(Some(SIZE_LIMIT))
            .hybrid_cache_capacity(CACHE_LIMIT)
            .which_captures(if captures { WhichCaptures::All } else { WhichCaptures::None });
        let regex = meta::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new())
            .build_from_hir(hir)
            .map_err(|error| too_large(&error))?;
        Ok(Self { regex, groups })
    }

    /// Whether the pattern matches somewhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Finds the first match from a byte on and its groups.
    pub fn captures(&self, text: &str, from: usize, slots: &mut Slots) -> bool {
        let input = Input::new(text).range(from..);
        self.regex.search_slots(&input, slots.reset(self.groups)).is_some()
    }
}

fn too_large(error: &BuildError) -> String {
    match error.size_limit() {
        Some(limit) => format!("compiles to more than {} MiB; use smaller repeat counts", limit >> 20),
        None => format!("cannot be compiled: {error}"),
    }
}
