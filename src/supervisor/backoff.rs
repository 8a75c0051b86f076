//! Pauses between a worker's end and the next start: 1 s doubled up to 60 s, 1 s again after a healthy life.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Short lives in a row that make a crash loop.
const CRASH_LOOP: u32 = 3;

/// How often it went wrong lately.
#[derive(Debug)]
pub(super) struct Backoff {
    healthy: Duration,
    failures: u32,
}

impl Backoff {
    /// A life of `healthy` or longer forgives what was before it.
    pub(super) fn new(healthy: Duration) -> Self {
        Self { healthy, failures: 0 }
    }

    /// The pause after a worker that lived this long.
    pub(super) fn after(&mut self, lived: Duration) -> Duration {
        self.failures = if lived >= self.healthy { 1 } else { self.failures.saturating_add(1) };
        FIRST.saturating_mul(1 << (self.failures - 1).min(6)).min(LONGEST)
    }

    /// Whether workers end again and again.
    pub(super) fn is_crash_loop(&self) -> bool {
        self.failures >= CRASH_LOOP
    }

    /// How many lives in a row were short.
    pub(super) fn failures_in_a_row(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_minute_and_health_forgives() {
        let mut backoff = Backoff::new(Duration::from_secs(60));
        let mut pause = |lived| backoff.after(Duration::from_secs(lived)).as_secs();
        assert_eq!([0; 9].map(&mut pause), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!([60, 0, 59, 3600].map(&mut pause), [1, 2, 4, 1]);
    }

    #[test]
    fn three_short_lives_are_a_crash_loop() {
        let mut backoff = Backoff::new(Duration::from_secs(60));
        let mut loops = |lived| {
            backoff.after(Duration::from_secs(lived));
            backoff.is_crash_loop()
        };
        assert_eq!([0, 0, 0, 0, 61, 0].map(&mut loops), [false, false, true, true, false, false]);
    }
}
