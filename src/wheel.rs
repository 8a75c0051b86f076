//! A hierarchical timer wheel: keys that fall due at a moment, in constant time each.
//!
//! Six levels of 64 slots; a slot of level n spans 64^n ticks, so the wheel reaches 2^36 ticks (two years of
//! milliseconds) ahead. A key sits on the level of the highest bit in which its moment differs from now and moves down
//! a level each time the wheel reaches its slot. Time comes in as an argument: no clock here.
//!
//! # Invariants
//! - No key fires before its moment; every key fires at the first [`Wheel::advance`] at or after it.
//! - The wheel's time never runs backwards; a moment already past fires at the next advance.

/// Bits of a level's slot number.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 6;
/// The last moment the wheel can tell apart from its now.
const REACH: u64 = (1 << (BITS * LEVELS as u32)) - 1;

/// Keys by the moment they fall due.
#[derive(Debug)]
pub struct Wheel<K> {
    now: u64,
    levels: Vec<Level<K>>,
}

#[derive(Debug)]
struct Level<K> {
    /// One bit for each slot that holds keys.
    occupied: u64,
    slots: Vec<Vec<(u64, K)>>,
}

/// A slot with keys, and the moment the wheel reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Reached {
    at: u64,
    level: usize,
    slot: usize,
}

impl<K> Wheel<K> {
    /// An empty wheel at the moment `now` (ticks of the caller's choice, milliseconds throughout this program).
    pub fn new(now: u64) -> Self {
        let level = || Level { occupied: 0, slots: std::iter::repeat_with(Vec::new).take(SLOTS).collect() };
        Self { now, levels: std::iter::repeat_with(level).take(LEVELS).collect() }
    }

    /// Puts a key in; it falls due at `due`, or with the next advance when that is past.
    pub fn insert(&mut self, due: u64, key: K) {
        // Beyond the reach the key goes into the farthest slot and is placed again when the wheel gets there.
        let at = due.clamp(self.now, self.now.saturating_add(REACH >> 1));
        let level = level_of(self.now, at);
        let slot = slot_of(at, level);
        let level = &mut self.levels[level];
        level.occupied |= 1 << slot;
        level.slots[slot].push((due, key));
    }

    /// The next moment at which [`Wheel::advance`] has something to do; it may only be a step down a level.
    pub fn next_due(&self) -> Option<u64> {
        self.next_reached().map(|reached| reached.at)
    }

    /// Moves to `now` and hands out every key due by then, earliest slot first.
    pub fn advance(&mut self, now: u64, mut fire: impl FnMut(u64, K)) {
        while let Some(reached) = self.next_reached().filter(|reached| reached.at <= now) {
            self.now = self.now.max(reached.at);
            let level = &mut self.levels[reached.level];
            level.occupied &= !(1 << reached.slot);
            let mut keys = std::mem::take(&mut level.slots[reached.slot]);
            for (due, key) in keys.drain(..) {
                if due <= self.now { fire(due, key) } else { self.insert(due, key) }
            }
            let emptied = &mut self.levels[reached.level].slots[reached.slot];
            if emptied.is_empty() {
                *emptied = keys; // keeps the slot's memory for its next keys
            }
        }
        self.now = self.now.max(now);
    }

    fn next_reached(&self) -> Option<Reached> {
        (0..LEVELS).filter_map(|level| self.next_in(level)).min()
    }

    fn next_in(&self, level: usize) -> Option<Reached> {
        let occupied = self.levels[level].occupied;
        if occupied == 0 {
            return None;
        }
        let here = slot_of(self.now, level);
        let ahead = occupied.rotate_right(here as u32).trailing_zeros() as usize;
        let slot = (here + ahead) % SLOTS;
        let shift = BITS * level as u32;
        let turn = self.now & !((1_u64 << (shift + BITS)) - 1);
        let mut at = turn + ((slot as u64) << shift);
        if slot < here {
            at += 1 << (shift + BITS);
        }
        Some(Reached { at: at.max(self.now), level, slot })
    }
}

fn level_of(now: u64, at: u64) -> usize {
    let differing = (now ^ at) | (SLOTS as u64 - 1);
    let highest = u64::BITS - 1 - differing.leading_zeros();
    ((highest / BITS) as usize).min(LEVELS - 1)
}

fn slot_of(at: u64, level: usize) -> usize {
    (at >> (BITS * level as u32)) as usize & (SLOTS - 1)
}

/// The first moment at or after `now` at which a target with this hash is scraped: every target has its own offset
/// inside the interval, the same after a restart because it is counted from the epoch of `now`.
///
/// Milliseconds all; an interval of 0 is taken as 1.
pub fn first_due(hash: u64, interval: u64, now: u64) -> u64 {
    let interval = interval.max(1);
    let offset = hash % interval;
    let start = now - now % interval + offset;
    if start >= now { start } else { start + interval }
}

/// The next slot of a schedule after `now`, and how many slots in between were missed.
///
/// `due` is the slot just used. After a suspended machine all slots slept through count as missed and none is made up.
pub fn next_slot(due: u64, interval: u64, now: u64) -> (u64, u64) {
    let interval = interval.max(1);
    let missed = now.saturating_sub(due) / interval;
    (due + (missed + 1) * interval, missed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(wheel: &mut Wheel<u32>, now: u64) -> Vec<(u64, u32)> {
        let mut fired = Vec::new();
        wheel.advance(now, |due, key| fired.push((due, key)));
        fired
    }

    #[test]
    fn keys_fire_in_order_and_not_before_their_moment() {
        let mut wheel = Wheel::new(1_000);
        for (due, key) in [(70_000, 3), (1_001, 1), (5_000, 2), (900, 0)] {
            wheel.insert(due, key);
        }
        assert_eq!(drain(&mut wheel, 1_000), [(900, 0)]);
        assert_eq!(drain(&mut wheel, 4_999), [(1_001, 1)]);
        assert_eq!(drain(&mut wheel, 5_000), [(5_000, 2)]);
        assert_eq!(drain(&mut wheel, 10_000_000), [(70_000, 3)]);
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn a_moment_beyond_the_reach_still_fires() {
        let mut wheel = Wheel::new(0);
        wheel.insert(REACH * 3, 7);
        assert_eq!(drain(&mut wheel, REACH * 3 - 1), []);
        assert_eq!(drain(&mut wheel, REACH * 3), [(REACH * 3, 7)]);
    }

    #[test]
    fn offsets_lie_inside_the_interval_and_survive_a_restart() {
        for hash in [0, 1, 59_999, 60_000, u64::MAX] {
            let first = first_due(hash, 60_000, 1_700_000_012_345);
            assert!((1_700_000_012_345..1_700_000_072_345).contains(&first));
            assert_eq!(first_due(hash, 60_000, first + 1), first + 60_000, "the same phase later on");
        }
    }

    #[test]
    fn thousand_targets_spread_evenly() {
        let mut tenths = [0; 10];
        for target in 0..1_000_u64 {
            let hash = target.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            tenths[(first_due(hash, 10_000, 0) / 1_000) as usize] += 1;
        }
        assert!(tenths.iter().all(|n| (70..130).contains(n)), "{tenths:?}");
    }

    #[test]
    fn slots_slept_through_are_skipped_not_made_up() {
        assert_eq!(next_slot(100, 10, 100), (110, 0));
        assert_eq!(next_slot(100, 10, 109), (110, 0));
        assert_eq!(next_slot(100, 10, 135), (140, 3));
    }

    proptest! {
        /// Against a plain list: every advance fires exactly the keys whose moment has come.
        #[test]
        fn agrees_with_a_sorted_list(
            start in 0..1_u64 << 40,
            steps in proptest::collection::vec((0..200_000_u64, 0..300_000_u64, any::<bool>()), 1..200),
        ) {
            let mut wheel = Wheel::new(start);
            let mut list: Vec<(u64, u32)> = Vec::new();
            let mut now = start;
            for (key, (delay, step, far)) in steps.into_iter().enumerate() {
                let due = now + if far { delay * 5_000 } else { delay };
                wheel.insert(due, key as u32);
                list.push((due, key as u32));
                now += step;
                let mut fired = drain(&mut wheel, now);
                let mut expected: Vec<_> = list.iter().copied().filter(|(due, _)| *due <= now).collect();
                list.retain(|(due, _)| *due > now);
                fired.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(fired, expected);
                let earliest = list.iter().map(|(due, _)| *due).min();
                match (wheel.next_due(), earliest) {
                    (Some(next), Some(earliest)) => prop_assert!(next <= earliest && next >= now),
                    (next, earliest) => prop_assert_eq!(next, earliest),
                }
            }
        }
    }
}
