//! Which characters are the same but for their case, as `(?i)` sees it: simple folding, one character for one.
//!
//! The standard library's case tables are in the program anyway; from them two characters fold together when the
//! lower case of their upper case is the same. Pure ASCII needs no table but the two strangers `ſ` and `K` (Kelvin).

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
use std::cell::OnceCell;

/// The last character that has a case lies below this one.
const CASED_END: char = '\u{1f000}';

/// Case folding, with its table made when first needed.
#[derive(Debug, Default)]
pub(super) struct Folds {
    /// Characters that differ from their key, as (key, character).
    table: OnceCell<Vec<(char, char)>>,
}

impl Folds {
    /// Adds to a class whatever differs from one of its members in case only.
    pub fn close(&self, class: &mut ClassUnicode) {
        let mut more = Vec::new();
        for range in class.ranges() {
            if range.end() < '\u{80}' {
                ascii_partners(range.start(), range.end(), &mut more);
            } else {
                self.partners(range.start(), range.end(), &mut more);
            }
        }
        class.union(&ClassUnicode::new(more.into_iter().map(|c| ClassUnicodeRange::new(c, c))));
    }

    /// The partners of all characters between two.
    fn partners(&self, start: char, end: char, out: &mut Vec<char>) {
        let table = self.table.get_or_init(table);
        let inside = |c: char| (start..=end).contains(&c);
        let mut keys: Vec<char> =
            table.iter().filter(|(key, c)| inside(*key) || inside(*c)).map(|(key, _)| *key).collect();
        keys.dedup();
        for key in keys {
            let first = table.partition_point(|(k, _)| *k < key);
            out.push(key);
            out.extend(table[first..].iter().take_while(|(k, _)| *k == key).map(|(_, c)| *c));
        }
    }
}

fn ascii_partners(start: char, end: char, out: &mut Vec<char>) {
    for c in (start..=end).filter(char::is_ascii_alphabetic) {
        out.push(if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
        match c.to_ascii_lowercase() {
            'k' => out.push('\u{212a}'),
            's' => out.push('\u{17f}'),
            _ => {}
        }
    }
}

fn table() -> Vec<(char, char)> {
    let mut table: Vec<_> = ('\0'..CASED_END).map(|c| (key(c), c)).filter(|(key, c)| key != c).collect();
    table.sort_unstable();
    table
}

/// What all characters that fold together have in common.
fn key(c: char) -> char {
    match c {
        'ı' => c, // its upper case is I, but Unicode folds it with nothing
        c => one(one(c, c.to_uppercase()), one(c, c.to_uppercase()).to_lowercase()),
    }
}

/// The only character of a mapping; without it, or with several, the character stays.
fn one(c: char, mut mapped: impl ExactSizeIterator<Item = char>) -> char {
    if mapped.len() == 1 { mapped.next().unwrap_or(c) } else { c }
}
