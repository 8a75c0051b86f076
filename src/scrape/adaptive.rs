//! The timeout of the next scrape: adaptiveTimeout lets it grow for a target that does not keep it.

use crate::config::job::AdaptiveTimeout;
use std::time::Duration;

/// How far before the next slot a grown timeout ends.
const BEFORE_NEXT_SLOT: Duration = Duration::from_secs(5);
/// How many times the configured timeout it grows to at most.
const MAX_GROWTH: u32 = 5;

/// The timeout after `timeouts` timeouts in a row.
///
/// It grows by the multiplier each time another `failure_threshold` timeouts have passed, at most to
/// min(5 × base, interval − 5 s), and is never under `base`.
pub fn timeout(base: Duration, interval: Duration, adaptive: Option<AdaptiveTimeout>, timeouts: u32) -> Duration {
    let Some(adaptive) = adaptive else { return base };
    let steps = timeouts / adaptive.failure_threshold.max(1);
    let ceiling = (base * MAX_GROWTH).min(interval.saturating_sub(BEFORE_NEXT_SLOT)).max(base);
    let factor = adaptive.multiplier.max(1.0).powi(i32::try_from(steps).unwrap_or(i32::MAX));
    let grown = base.as_secs_f64() * factor;
    if grown >= ceiling.as_secs_f64() { ceiling } else { Duration::from_secs_f64(grown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(timeouts: u32) -> Duration {
        timeout(10 * SECOND, 60 * SECOND, Some(AdaptiveTimeout::default()), timeouts)
    }

    #[test]
    fn grows_after_the_threshold_up_to_the_ceiling() {
        assert_eq!([0, 1, 2, 3, 4].map(after), [10, 10, 20, 20, 40].map(|n| n * SECOND));
        assert_eq!(after(6), 50 * SECOND, "five times the base");
        assert_eq!(after(u32::MAX), 50 * SECOND);
    }

    #[test]
    fn never_past_five_seconds_before_the_next_slot_and_never_under_the_base() {
        let grown = |interval: u32| timeout(10 * SECOND, interval * SECOND, Some(AdaptiveTimeout::default()), 8);
        assert_eq!(grown(30), 25 * SECOND);
        assert_eq!(grown(12), 10 * SECOND);
        assert_eq!(timeout(10 * SECOND, 60 * SECOND, None, 8), 10 * SECOND);
    }
}
