//! The rate of catching up: a bucket of bytes that fills with time, so that a server that came back isn't flooded.
//!
//! # Invariants
//! Over any time t at most `rate · (t + 1 s)` bytes plus one pack pass. Time comes in as an argument.

use std::time::{Duration, Instant};

/// A bound on bytes per second; rate 0 is no bound.
#[derive(Debug, Clone)]
pub struct Pace {
    rate: u64,
    /// Bytes that may pass now; below zero after a pack larger than what was left.
    credit: f64,
    filled: Instant,
}

impl Pace {
    /// A full bucket of one second's bytes.
    pub fn new(bytes_per_second: u64, now: Instant) -> Self {
        Self { rate: bytes_per_second, credit: bytes_per_second as f64, filled: now }
    }

    /// How long until the next pack may go; zero is now.
    pub fn wait(&self, now: Instant) -> Duration {
        let credit = self.credit_at(now);
        if credit > 0.0 { Duration::ZERO } else { Duration::from_secs_f64((1.0 - credit) / self.rate as f64) }
    }

    /// Counts bytes that went.
    pub fn spend(&mut self, bytes: usize, now: Instant) {
        if self.rate > 0 {
            self.credit = self.credit_at(now) - bytes as f64;
            self.filled = now;
        }
    }

    fn credit_at(&self, now: Instant) -> f64 {
        if self.rate == 0 {
            return f64::INFINITY;
        }
        let rate = self.rate as f64;
        (self.credit + now.saturating_duration_since(self.filled).as_secs_f64() * rate).min(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_seconds_pass_a_hundred_seconds_of_bytes() {
        let start = Instant::now();
        let mut pace = Pace::new(1_000, start);
        let (mut now, mut passed) = (start, 0);
        while now < start + Duration::from_secs(100) {
            match pace.wait(now) {
                Duration::ZERO => {
                    pace.spend(300, now);
                    passed += 300;
                }
                wait => now += wait,
            }
        }
        assert!((100_000..=101_300).contains(&passed), "{passed}");
    }

    #[test]
    fn zero_is_no_bound() {
        let now = Instant::now();
        let mut pace = Pace::new(0, now);
        pace.spend(usize::MAX, now);
        assert_eq!(pace.wait(now), Duration::ZERO);
    }
}
