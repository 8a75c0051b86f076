//! The series of one scrape that were seen already, by their hash.
//!
//! Of two series with the same 64-bit hash the second is taken for a repetition; among 100 000 series that happens
//! once in some four thousand million scrapes.
//!
//! # Invariants
//! At most half of the slots are taken, so a search ends soon: hashes are seeded, nobody can choose where they fall.

/// Slots of the smallest table.
const FEWEST: usize = 1 << 10;
/// Slots kept between scrapes at most; a scrape with more gives the rest of its memory back.
const KEEP: usize = 128 << 10;

/// Hashes of series.
#[derive(Debug, Default)]
pub struct Seen {
    /// 0 is a free one.
    slots: Vec<u64>,
    taken: usize,
}

impl Seen {
    /// Forgets all and keeps the memory, within reason: a table far too wide for the last scrape is costly to clear.
    pub fn clear(&mut self) {
        let wanted = (self.taken * 4).next_power_of_two().clamp(FEWEST, KEEP);
        if self.slots.len() > wanted {
            self.slots.truncate(wanted);
            self.slots.shrink_to_fit();
        }
        if self.taken > 0 {
            self.slots.fill(0);
        }
        self.taken = 0;
    }

    /// Whether this series comes for the first time.
    #[inline]
    pub fn is_new(&mut self, hash: u64) -> bool {
        if self.taken * 2 >= self.slots.len() {
            self.widen();
        }
        let new = put(&mut self.slots, hash);
        self.taken += usize::from(new);
        new
    }

    #[cold]
    fn widen(&mut self) {
        let wider = vec![0; (self.slots.len() * 2).max(FEWEST)];
        let narrow = std::mem::replace(&mut self.slots, wider);
        for hash in narrow.into_iter().filter(|hash| *hash != 0) {
            put(&mut self.slots, hash);
        }
    }
}

/// Puts a hash into the first free slot from its own on; false when it is there already.
#[inline]
fn put(slots: &mut [u64], hash: u64) -> bool {
    let hash = hash.max(1);
    let mut at = hash as usize;
    loop {
        at &= slots.len() - 1;
        let slot = &mut slots[at];
        if *slot == 0 {
            *slot = hash;
            return true;
        }
        if *slot == hash {
            return false;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn tells_what_came_before_as_a_set_does() {
        let (mut seen, mut set) = (Seen::default(), HashSet::new());
        let mut hash = 1_u64;
        for round in 0..3 {
            for n in 0..5_000_u64 {
                hash = hash.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(n % 700);
                let hash = if n % 3 == 0 { n / 2 } else { hash };
                assert_eq!(seen.is_new(hash), set.insert(hash.max(1)), "{hash} in round {round}");
            }
            seen.clear();
            set.clear();
        }
    }

    #[test]
    fn a_wide_table_is_given_back_after_narrow_scrapes() {
        let mut seen = Seen::default();
        (1..=300_000).for_each(|hash| assert!(seen.is_new(hash)));
        seen.clear();
        assert_eq!(seen.slots.len(), KEEP);
        assert!(seen.is_new(7));
        seen.clear();
        assert_eq!(seen.slots.len(), FEWEST);
        assert!(seen.is_new(7) && !seen.is_new(7));
    }
}
