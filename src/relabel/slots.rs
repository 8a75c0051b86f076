//! Where the groups of one match lie.

use regex_automata::util::primitives::NonMaxUsize;
use std::ops::Range;

/// Group bounds, reused from match to match: two slots a group, the whole match first.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Option<NonMaxUsize>>);

impl Slots {
    /// Empty slots for that many groups.
    pub fn reset(&mut self, groups: usize) -> &mut [Option<NonMaxUsize>] {
        self.0.clear();
        self.0.resize(groups * 2, None);
        &mut self.0
    }

    /// Sets a group's bounds.
    pub fn set(&mut self, group: usize, range: Range<usize>) {
        if let Some([start, end]) = self.0.get_mut(group * 2..group * 2 + 2) {
            *start = NonMaxUsize::new(range.start);
            *end = NonMaxUsize::new(range.end);
        }
    }

    /// Where a group matched; `None` when it took no part.
    pub fn group(&self, group: usize) -> Option<Range<usize>> {
        let start = (*self.0.get(group * 2)?)?;
        let end = (*self.0.get(group * 2 + 1)?)?;
        Some(start.get()..end.get())
    }
}
