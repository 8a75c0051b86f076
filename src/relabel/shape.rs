//! Patterns that need no engine: literals, lists of them, and literals around one `.*` or `.+`.
//!
//! A pattern anchored at both ends is expanded to the *words* it stands for, `foo_(count|sum)` to two, `a.*|b` to
//! `a*` and `b`. When the words are few and each has a gap or two at most, comparing texts does all the work.
//!
//! # Invariants
//! A [`Words`] or [`Affix`] matches exactly the texts its pattern matches.

use super::literals::Literals;
use memchr::memmem::Finder;
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look, Repetition};

/// Words a pattern may stand for before it is left to the engine.
const MAX_WORDS: usize = 4096;
/// Words that come of combining parts, as `(?i)kube` does, rather than of a list somebody wrote.
const MAX_COMBINED: usize = 64;
/// Words with gaps, which are tried one after the other.
const MAX_GAPPED: usize = 8;
/// Characters of a class that is spelled out.
const MAX_CLASS: usize = 16;
/// Turns of a counted repeat that is spelled out.
const MAX_TURNS: u32 = 8;

/// A literal, then any text, then a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Affix {
    prefix: Box<str>,
    suffix: Box<str>,
    /// Bytes that the text between must have at least: 0 for `.*`, 1 for `.+`.
    gap: usize,
}

impl Affix {
    /// Whether the text has both ends and enough between them.
    #[inline]
    pub fn matches(&self, text: &str) -> bool {
        let (text, prefix, suffix) = (text.as_bytes(), self.prefix.as_bytes(), self.suffix.as_bytes());
        // most texts differ in the first byte, which is cheaper than a call to compare memory
        text.len() >= prefix.len() + suffix.len() + self.gap
            && (prefix.is_empty() || (text[0] == prefix[0] && text.starts_with(prefix)))
            && (suffix.is_empty() || text.ends_with(suffix))
    }
}

/// What a pattern stands for when nobody asks for its groups.
#[derive(Debug)]
pub(super) struct Words {
    literals: Literals,
    affixes: Vec<Affix>,
    contained: Vec<Finder<'static>>,
}

impl Words {
    /// Expands an anchored pattern, if it is that simple.
    pub fn of(hir: &Hir) -> Option<Self> {
        let mut words = Self { literals: Literals::default(), affixes: Vec::new(), contained: Vec::new() };
        for word in expand_all(inside_anchors(hir)?)? {
            words.add(word)?;
        }
        (words.affixes.len() + words.contained.len() <= MAX_GAPPED).then_some(words)
    }

    /// Whether the text is one of the words.
    #[inline]
    pub fn matches(&self, text: &str) -> bool {
        self.literals.contains(text)
            || self.affixes.iter().any(|affix| affix.matches(text))
            || self.contained.iter().any(|finder| finder.find(text.as_bytes()).is_some())
    }

    fn add(&mut self, word: Word) -> Option<()> {
        use Piece::{Gap, Text};
        let (prefix, gap, suffix) = match &word[..] {
            [] => ("", None, ""),
            [Text(text)] => (text.as_str(), None, ""),
            [Gap(gap)] => ("", Some(*gap), ""),
            [Text(prefix), Gap(gap)] => (prefix.as_str(), Some(*gap), ""),
            [Gap(gap), Text(suffix)] => ("", Some(*gap), suffix.as_str()),
            [Text(prefix), Gap(gap), Text(suffix)] => (prefix.as_str(), Some(*gap), suffix.as_str()),
            [Gap(0), Text(text), Gap(0)] => {
                self.contained.push(Finder::new(text.as_bytes()).into_owned());
                return Some(());
            }
            _ => return None,
        };
        match gap {
            Some(gap) => self.affixes.push(Affix { prefix: prefix.into(), suffix: suffix.into(), gap }),
            None => self.literals.insert(prefix),
        }
        Some(())
    }
}

/// The parts between `^` and `$`, however often those stand there.
pub(super) fn inside_anchors(hir: &Hir) -> Option<&[Hir]> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let is = |part: &Hir, look: Look| matches!(part.kind(), HirKind::Look(found) if *found == look);
    let start = parts.iter().take_while(|part| is(part, Look::Start)).count();
    let end = parts.iter().rev().take_while(|part| is(part, Look::End)).count();
    (start > 0 && end > 0).then(|| &parts[start..parts.len() - end])
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Any text of that many bytes or more.
    Gap(usize),
}

type Word = Vec<Piece>;

/// The words of several parts in a row.
fn expand_all(parts: &[Hir]) -> Option<Vec<Word>> {
    parts.iter().try_fold(vec![Word::new()], |words, part| product(&words, &expand(part)?))
}

fn expand(hir: &Hir) -> Option<Vec<Word>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![Word::new()]),
        HirKind::Literal(literal) => Some(vec![vec![Piece::Text(std::str::from_utf8(&literal.0).ok()?.to_owned())]]),
        HirKind::Class(class) => spell(class),
        HirKind::Capture(capture) => expand(&capture.sub),
        HirKind::Concat(parts) => expand_all(parts),
        HirKind::Alternation(branches) => {
            let mut words = Vec::new();
            for branch in branches {
                words.extend(expand(branch)?);
            }
            (words.len() <= MAX_WORDS).then_some(words)
        }
        HirKind::Repetition(repetition) => expand_repetition(repetition),
        HirKind::Look(_) => None,
    }
}

fn expand_repetition(repetition: &Repetition) -> Option<Vec<Word>> {
    if let Some(gap) = gap(repetition) {
        return Some(vec![vec![Piece::Gap(gap)]]);
    }
    let max = repetition.max.filter(|max| *max <= MAX_TURNS)?;
    let once = expand(&repetition.sub)?;
    let mut turns = vec![Word::new()];
    let mut words = Vec::new();
    for turn in 0..=max {
        if turn >= repetition.min {
            words.extend(turns.iter().cloned());
        }
        if turn < max {
            turns = product(&turns, &once)?;
        }
    }
    (words.len() <= MAX_WORDS).then_some(words)
}

/// The least length of `.*` and `.+`, where the dot matches anything.
pub(super) fn gap(repetition: &Repetition) -> Option<usize> {
    let HirKind::Class(Class::Unicode(class)) = repetition.sub.kind() else { return None };
    let any = matches!(class.ranges(), [all] if all.start() == '\0' && all.end() == char::MAX);
    (any && repetition.max.is_none() && repetition.min <= 1).then_some(repetition.min as usize)
}

fn spell(class: &Class) -> Option<Vec<Word>> {
    let Class::Unicode(class) = class else { return None };
    let size = |class: &ClassUnicode| class.ranges().iter().map(|range| range.len()).sum::<usize>();
    (size(class) <= MAX_CLASS).then(|| {
        let chars = class.ranges().iter().flat_map(|range| range.start()..=range.end());
        chars.map(|c| vec![Piece::Text(c.to_string())]).collect()
    })
}

/// Every word of one list followed by every word of another.
fn product(left: &[Word], right: &[Word]) -> Option<Vec<Word>> {
    if left.len() * right.len() > MAX_COMBINED.max(left.len()).max(right.len()) {
        return None;
    }
    let pairs = left.iter().flat_map(|l| right.iter().map(move |r| (l, r)));
    pairs.map(|(l, r)| r.iter().try_fold(l.clone(), append)).collect()
}

/// Joins a piece to a word; two gaps in a row are one, unless both demand something.
fn append(mut word: Word, piece: &Piece) -> Option<Word> {
    match (word.last_mut(), piece) {
        (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(more),
        (Some(Piece::Gap(a)), Piece::Gap(b)) if *a == 0 || *b == 0 => *a += *b,
        (Some(Piece::Gap(_)), Piece::Gap(_)) => return None,
        _ => word.push(piece.clone()),
    }
    Some(word)
}
