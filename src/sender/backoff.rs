//! How long to wait before the next connection: full jitter between zero and a ceiling that doubles.
//!
//! # Invariants
//! A delay is never above the cap. The ceiling starts at the base and goes back to it when a session proved good.
//! Full jitter spreads the agents of a whole cluster whose server came back; equal delays would hit it all at once.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Delays between connection attempts.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    ceiling: Duration,
    random: u64,
}

impl Backoff {
    /// Delays that start under `base` and end under `cap`, different in every process.
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self::seeded(base, cap, RandomState::new().hash_one(std::process::id()))
    }

    /// The same with known randomness.
    pub fn seeded(base: Duration, cap: Duration, seed: u64) -> Self {
        let ceiling = base.min(cap);
        Self { base: ceiling, cap, ceiling, random: seed }
    }

    /// The next delay, 0 to the ceiling, evenly; the ceiling then doubles up to the cap.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.ceiling.mul_f64(self.unit());
        self.ceiling = self.ceiling.saturating_mul(2).min(self.cap);
        delay
    }

    /// Back to the base: the last session did its work.
    pub fn reset(&mut self) {
        self.ceiling = self.base;
    }

    /// An even number in 0..1 (splitmix64, which is enough for spreading).
    fn unit(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_stay_under_a_ceiling_that_doubles_to_the_cap() {
        for seed in 0..200 {
            let mut backoff = Backoff::seeded(SECOND, 30 * SECOND, seed);
            for ceiling in [1, 2, 4, 8, 16, 30, 30, 30] {
                assert!(backoff.next_delay() <= ceiling * SECOND);
            }
            backoff.reset();
            assert!(backoff.next_delay() <= SECOND);
        }
    }

    #[test]
    fn delays_fill_the_whole_range() {
        let mut thirds = [0; 3];
        for seed in 0..3_000 {
            let mut backoff = Backoff::seeded(SECOND, SECOND, seed);
            thirds[(backoff.next_delay().as_secs_f64() * 2.999) as usize] += 1;
        }
        assert!(thirds.iter().all(|n| (850..1_150).contains(n)), "{thirds:?}");
    }
}
