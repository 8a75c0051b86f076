//! Classes: `[a-z_]`, `[[:alpha:]\d]`, `\w`.
//!
//! ```text
//! class  = "[" [ "^" ] item *item "]"                  a "]" that comes first is a character
//! item   = "[:" [ "^" ] name ":]" / perl / char [ "-" char ]
//! perl   = "\d" / "\D" / "\s" / "\S" / "\w" / "\W"
//! ```
//! A `-` is a character wherever it makes no range; `[`, `&&`, `--`, `~~` are characters everywhere.

use super::fold::Folds;
use super::{Fault, escape};
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

type Ranges = &'static [(char, char)];

const DIGIT: Ranges = &[('0', '9')];
/// RE2's white space: no vertical tab.
const SPACE: Ranges = &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')];
const WORD: Ranges = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// The names between `[:` and `:]`; all are ASCII.
const NAMED: [(&str, Ranges); 14] = [
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("ascii", &[('\0', '\x7f')]),
    ("blank", &[('\t', '\t'), (' ', ' ')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("digit", DIGIT),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", &[('\t', '\r'), (' ', ' ')]),
    ("upper", &[('A', 'Z')]),
    ("word", WORD),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

/// Reads classes of one pattern.
pub(super) struct ClassReader<'a> {
    /// The folding to close each class under, when `(?i)` is in force.
    pub folds: Option<&'a Folds>,
}

impl ClassReader<'_> {
    /// The class a letter after a backslash names, as in `\w`.
    pub fn perl(&self, text: &str) -> Option<ClassUnicode> {
        let letter = *text.strip_prefix('\\')?.as_bytes().first()?;
        let ranges = match letter.to_ascii_lowercase() {
            b'd' => DIGIT,
            b's' => SPACE,
            b'w' => WORD,
            _ => return None,
        };
        Some(self.fixed(ranges, letter.is_ascii_uppercase()))
    }

    /// Reads the bracketed class at the start of `text`, and gives it with its length in bytes.
    ///
    /// # Errors
    /// An end that is missing, a range that runs backwards, an unknown name or escape; `at` is where it stands.
    pub fn bracketed(&self, text: &str, at: usize) -> Result<(ClassUnicode, usize), Fault> {
        let negated = text.starts_with("[^");
        let mut class = ClassUnicode::empty();
        let mut i = if negated { 2 } else { 1 };
        let first = i;
        loop {
            let rest = &text[i..];
            if rest.starts_with(']') && i != first {
                break;
            }
            i += self.item(rest, at, at + i, &mut class)?;
        }
        if negated {
            class.negate();
        }
        Ok((class, i + 1))
    }

    /// Adds one item of a class and gives its length.
    fn item(&self, rest: &str, class_at: usize, at: usize, class: &mut ClassUnicode) -> Result<usize, Fault> {
        if let Some((named, len)) = self.named(rest, at)? {
            class.union(&named);
            return Ok(len);
        }
        if let Some(perl) = self.perl(rest) {
            class.union(&perl);
            return Ok(2);
        }
        let (low, mut len) = member(rest, class_at, at)?;
        let mut high = low;
        if let Some(after) = rest[len..].strip_prefix('-').filter(|after| !after.is_empty() && !after.starts_with(']'))
        {
            let (last, last_len) = member(after, class_at, at + len + 1)?;
            high = last;
            len += 1 + last_len;
        }
        if high < low {
            return Err(Fault::new(at, format!("invalid character class range: {}", &rest[..len])));
        }
        class.union(&self.closed(ClassUnicode::new([ClassUnicodeRange::new(low, high)])));
        Ok(len)
    }

    /// The class of a `[:name:]`, with its length.
    fn named(&self, rest: &str, at: usize) -> Result<Option<(ClassUnicode, usize)>, Fault> {
        let Some((name, _)) = rest.strip_prefix("[:").and_then(|body| body.split_once(":]")) else {
            return Ok(None);
        };
        let (negated, bare) = name.strip_prefix('^').map_or((false, name), |bare| (true, bare));
        let Some((_, ranges)) = NAMED.iter().find(|(known, _)| *known == bare) else {
            return Err(Fault::new(at, format!("invalid character class range: [:{name}:]")));
        };
        Ok(Some((self.fixed(ranges, negated), name.len() + 4)))
    }

    fn fixed(&self, ranges: Ranges, negated: bool) -> ClassUnicode {
        let ranges = ranges.iter().map(|(low, high)| ClassUnicodeRange::new(*low, *high));
        let mut class = self.closed(ClassUnicode::new(ranges));
        if negated {
            class.negate();
        }
        class
    }

    fn closed(&self, mut class: ClassUnicode) -> ClassUnicode {
        if let Some(folds) = self.folds {
            folds.close(&mut class);
        }
        class
    }
}

/// One character of a class, plain or escaped, with its length.
fn member(rest: &str, class_at: usize, at: usize) -> Result<(char, usize), Fault> {
    match rest.chars().next() {
        None => Err(Fault::new(class_at, "missing closing ]")),
        Some('\\') => escape::character(rest, at),
        Some(c) => Ok((c, c.len_utf8())),
    }
}
