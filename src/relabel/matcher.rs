//! A rule's pattern, ready to match: by comparing texts where that is enough, by the engine elsewhere.

use super::engine::Engine;
use super::outline::{self, Groups};
use super::regex::{Pattern, SyntaxError};
use super::shape::Words;
use super::slots::Slots;
use super::template::Template;
use regex_syntax::hir::Hir;

/// What a rule wants to know of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// Whether there is one.
    Verdict,
    /// Where its groups lie.
    Groups,
}

/// A compiled pattern with the names of its groups.
#[derive(Debug)]
pub(super) struct Matcher {
    way: Way,
}

#[derive(Debug)]
enum Way {
    Words(Words, Groups),
    Engine(Engine),
}

impl Matcher {
    /// Compiles a pattern for what its rule wants of it.
    ///
    /// # Errors
    /// When it is larger than the engine may get.
    pub fn compile(pattern: &Pattern, wants: Wants) -> Result<Self, SyntaxError> {
        if let Some((words, groups)) = words(&pattern.hir, pattern.groups.len(), wants) {
            return Ok(Self { way: Way::Words(words, groups) });
        }
        Engine::compile(&pattern.hir, pattern.groups.len(), wants == Wants::Groups)
            .map(|engine| Self { way: Way::Engine(engine) })
            .map_err(|what| SyntaxError { column: 1, what })
    }

    /// Whether the pattern matches the text.
    #[inline]
    pub fn is_match(&self, text: &str) -> bool {
        match &self.way {
            Way::Words(words, _) => words.matches(text),
            Way::Engine(engine) => engine.is_match(text),
        }
    }

    /// Finds the first match and its groups.
    #[inline]
    pub fn captures(&self, text: &str, slots: &mut Slots) -> bool {
        self.captures_from(text, 0, slots)
    }

    /// Appends the text to `out` with every match replaced, as Go's `ReplaceAllString`.
    pub fn replace_all(&self, text: &str, template: &Template, slots: &mut Slots, out: &mut String) {
        let (mut copied, mut from) = (0, 0);
        while self.captures_from(text, from, slots) {
            let Some(found) = slots.group(0) else { break };
            out.push_str(&text[copied..found.start]);
            // an empty match right behind the last one does not count
            if found.end > copied || found.start == 0 {
                template.expand(text, slots, out);
            }
            copied = found.end;
            let Some(next) = text[found.end..].chars().next() else { break };
            from = if found.is_empty() { found.end + next.len_utf8() } else { found.end };
        }
        out.push_str(&text[copied..]);
    }

    fn captures_from(&self, text: &str, from: usize, slots: &mut Slots) -> bool {
        match &self.way {
            Way::Engine(engine) => engine.captures(text, from, slots),
            Way::Words(words, groups) => {
                let found = from == 0 && words.matches(text);
                if found {
                    slots.reset(groups.len());
                    groups.of(text.len()).enumerate().for_each(|(group, range)| slots.set(group, range));
                }
                found
            }
        }
    }
}

fn words(hir: &Hir, groups: usize, wants: Wants) -> Option<(Words, Groups)> {
    match wants {
        Wants::Verdict => Some((Words::of(hir)?, Groups::whole())),
        Wants::Groups => outline::with_groups(hir, groups),
    }
}
