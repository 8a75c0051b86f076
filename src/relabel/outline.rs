//! Where the groups of a simple pattern lie: at fixed distances from the ends of any text it matches.
//!
//! `__meta_(.+)` has its group from byte 7 to the end, whatever the text; no engine is needed to find it.

use super::shape::{Words, gap, inside_anchors};
use regex_syntax::hir::{Hir, HirKind};
use std::ops::Range;

/// Where the groups of a pattern lie in any text it matches; the whole match is the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Groups(Vec<(Bound, Bound)>);

impl Groups {
    /// Nothing but the whole match.
    pub fn whole() -> Self {
        Self(vec![(Bound::FromStart(0), Bound::FromEnd(0))])
    }

    /// The bounds of each group in a text that matched.
    pub fn of(&self, len: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
        self.0.iter().map(move |(start, end)| start.at(len)..end.at(len))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Reads a pattern whose groups have fixed distances from the ends of the text: one affix, or words in groups that
/// hold all of them.
pub(super) fn with_groups(hir: &Hir, groups: usize) -> Option<(Words, Groups)> {
    let inside = inside_anchors(hir)?;
    let mut outline = Outline { bounds: vec![None; groups], ..Outline::default() };
    if inside.iter().try_for_each(|part| outline.walk(part)).is_some() {
        return Some((Words::of(hir)?, outline.groups()?));
    }
    let (depth, _) = peel(inside);
    let whole = Groups(vec![(Bound::FromStart(0), Bound::FromEnd(0)); groups]);
    (depth + 1 == groups).then_some((Words::of(hir)?, whole))
}

/// How many groups lie around all of a pattern, and what is inside them.
fn peel(mut parts: &[Hir]) -> (usize, &[Hir]) {
    let mut depth = 0;
    while let [only] = parts {
        let HirKind::Capture(capture) = only.kind() else { break };
        parts = std::slice::from_ref(&*capture.sub);
        depth += 1;
    }
    (depth, parts)
}

/// A bound of a group, counted from either end of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    FromStart(usize),
    FromEnd(usize),
}

impl Bound {
    fn at(self, len: usize) -> usize {
        match self {
            Self::FromStart(n) => n,
            Self::FromEnd(n) => len - n,
        }
    }
}

/// The one word of a pattern, walked through to see where its groups begin and end.
#[derive(Default)]
struct Outline {
    /// Bytes of text before the gap.
    before: usize,
    gap: bool,
    /// Bytes of text after the gap.
    after: usize,
    bounds: Vec<Option<(Mark, Mark)>>,
}

/// A place in the word while its length after the gap is not known yet.
#[derive(Debug, Clone, Copy)]
enum Mark {
    Before(usize),
    After(usize),
}

impl Outline {
    fn walk(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => Some(()),
            HirKind::Literal(literal) => {
                let side = if self.gap { &mut self.after } else { &mut self.before };
                *side += literal.0.len();
                Some(())
            }
            HirKind::Repetition(repetition) if !self.gap => {
                self.gap = gap(repetition).is_some();
                self.gap.then_some(())
            }
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.walk(part)),
            HirKind::Capture(capture) => {
                let start = self.mark();
                self.walk(&capture.sub)?;
                *self.bounds.get_mut(capture.index as usize)? = Some((start, self.mark()));
                Some(())
            }
            _ => None,
        }
    }

    fn mark(&self) -> Mark {
        if self.gap { Mark::After(self.after) } else { Mark::Before(self.before) }
    }

    fn groups(mut self) -> Option<Groups> {
        *self.bounds.first_mut()? = Some((Mark::Before(0), self.mark()));
        let bound = |mark| match mark {
            Mark::Before(n) => Bound::FromStart(n),
            Mark::After(n) => Bound::FromEnd(self.after - n),
        };
        self.bounds
            .iter()
            .map(|pair| pair.map(|(start, end)| (bound(start), bound(end))))
            .collect::<Option<_>>()
            .map(Groups)
    }
}
