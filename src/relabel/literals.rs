//! A set of texts, asked for membership at every sample.

use foldhash::fast::FixedState;
use std::collections::HashSet;

/// Up to this many texts are compared one by one, which is faster than hashing.
const FEW: usize = 4;

/// A set of texts.
#[derive(Debug, Default)]
pub(super) struct Literals {
    few: Vec<Box<str>>,
    many: HashSet<Box<str>, FixedState>,
    /// A bit for each length that occurs; the last one stands for all longer ones.
    lengths: u64,
}

impl Literals {
    /// Adds a text.
    pub fn insert(&mut self, text: &str) {
        self.lengths |= length_bit(text);
        if self.many.is_empty() && self.few.len() < FEW {
            self.few.push(text.into());
        } else {
            self.many.extend(self.few.drain(..));
            self.many.insert(text.into());
        }
    }

    /// Whether the set holds the text.
    #[inline]
    pub fn contains(&self, text: &str) -> bool {
        self.lengths & length_bit(text) != 0
            && (self.few.iter().any(|one| &**one == text) || (!self.many.is_empty() && self.many.contains(text)))
    }
}

fn length_bit(text: &str) -> u64 {
    1 << text.len().min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_few_and_many() {
        let mut set = Literals::default();
        let texts: Vec<String> = (0..20).map(|n| "x".repeat(n * 5)).collect();
        for (n, text) in texts.iter().enumerate() {
            assert!(!set.contains(text));
            set.insert(text);
            assert!(texts[..=n].iter().all(|one| set.contains(one)), "{n}");
            assert!(!set.contains("y"));
        }
    }
}
