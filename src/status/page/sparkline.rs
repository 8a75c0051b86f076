//! The durations of the last scrapes as a little chart: a bar each, failures in full height and another colour.
//!
//! # Invariants
//! Two paths whatever the number of scrapes: a page of a thousand targets stays small. The newest stands at the right.

use super::age;
use crate::scrape::state::{HISTORY, PastScrape};
use std::fmt::Write as _;

const HEIGHT: u32 = 22;
const BAR: usize = 3;
const STEP: usize = 4;

/// The chart as inline SVG; empty before the first scrape.
pub(super) fn svg(history: &[PastScrape], label: &str) -> String {
    let Some(longest) = history.iter().map(|scrape| scrape.duration).max() else { return String::new() };
    let (mut up, mut down) = (String::new(), String::new());
    let first = HISTORY.saturating_sub(history.len());
    for (index, scrape) in history.iter().enumerate() {
        let share = scrape.duration.as_secs_f64() / longest.as_secs_f64().max(1e-6);
        let height = if scrape.up { ((share * f64::from(HEIGHT)).round() as u32).clamp(2, HEIGHT) } else { HEIGHT };
        let path = if scrape.up { &mut up } else { &mut down };
        let _ = write!(path, "M{} {HEIGHT}v-{height}h{BAR}v{height}z", (first + index) * STEP);
    }
    let failed = history.iter().filter(|scrape| !scrape.up).count();
    let width = HISTORY * STEP - (STEP - BAR);
    let longest = age::duration(longest);
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 {width} {HEIGHT}\" width=\"{width}\" height=\"{HEIGHT}\" role=\"img\" \
         aria-label=\"{label}: max {longest}, {failed} ✕\"><path class=\"ok\" d=\"{up}\"/>\
         <path class=\"fail\" d=\"{down}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn scrape(millis: u64, up: bool) -> PastScrape {
        PastScrape { duration: Duration::from_millis(millis), up }
    }

    #[test]
    fn failures_are_marked_and_the_newest_stands_at_the_right() {
        let chart = svg(&[scrape(10, true), scrape(5, false), scrape(5, true)], "Last 30");
        assert!(chart.contains("class=\"ok\" d=\"M108 22v-22h3v22zM116 22v-11h3v11z\""), "{chart}");
        assert!(chart.contains("class=\"fail\" d=\"M112 22v-22h3v22z\""), "{chart}");
    }

    #[test]
    fn no_scrape_no_chart_and_no_time_no_division() {
        assert_eq!(svg(&[], ""), "");
        assert!(svg(&[scrape(0, true)], "").contains("v-2h3v2z"));
    }
}
