//! How often a failure is told: in full when it is new, then once a minute with a count, and when it is over.

use std::time::{Duration, Instant};

/// The same failure is told again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What was told of one target last.
#[derive(Debug, Default)]
pub struct Telling {
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    what: String,
    at: Instant,
    /// Times it came since it was told.
    held_back: u64,
}

impl Telling {
    /// A failure came: gives the words to log, or `None` while it was told within the last minute.
    pub fn failure(&mut self, what: &str, now: Instant) -> Option<String> {
        match &mut self.told {
            Some(told) if told.what == what && now.saturating_duration_since(told.at) < AGAIN_AFTER => {
                told.held_back += 1;
                None
            }
            told => {
                let times = told.as_ref().filter(|told| told.what == what).map_or(0, |told| told.held_back + 1);
                *told = Some(Told { what: what.to_owned(), at: now, held_back: 0 });
                Some(if times == 0 { what.to_owned() } else { format!("{what} ({times} times more since last told)") })
            }
        }
    }

    /// All is well: true when a failure had been told before, so that its end is told too.
    pub fn recovered(&mut self) -> bool {
        self.told.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_full_once_then_once_a_minute_with_a_count() {
        let (mut telling, start) = (Telling::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(telling.failure("refused", at(0)).as_deref(), Some("refused"));
        assert_eq!(telling.failure("refused", at(15)), None);
        assert_eq!(telling.failure("refused", at(59)), None);
        assert_eq!(telling.failure("refused", at(60)).as_deref(), Some("refused (3 times more since last told)"));
        assert_eq!(telling.failure("timeout", at(61)).as_deref(), Some("timeout"), "another failure is told at once");
        assert!(telling.recovered());
        assert!(!telling.recovered());
    }
}
