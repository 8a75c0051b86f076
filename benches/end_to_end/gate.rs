//! A short load with bounds, for a check of every change: what costs no measuring machine to hold.

use crate::Outcome;
use crate::arguments::Arguments;
use crate::load::{Cost, Load, measure};
use crate::report;
use std::time::Duration;

/// Most resident memory ever, in MiB: 200 targets of 500 series take 10 to 11.5 on two CPUs with glibc; the rest is for machines
/// with more CPUs, which get more scraping threads.
const MOST_MIB: f64 = 16.0;
/// Most lateness of 99 in 100 scrapes, in seconds; machines that check changes are loaded.
const MOST_LATE: f64 = 0.25;
/// Scrapes that may lie on the wrong side of the window's two ends, as a part of all.
const AT_THE_ENDS: f64 = 0.02;

/// Fails with every bound that is broken.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let load = Load { window: Duration::from_secs(12), ..Load::new(200, 500, Duration::from_secs(2)) };
    let cost = measure(&arguments.adapt(&load), &arguments.bin)?;
    println!("{}", report::line(&cost));
    let broken = broken(&cost);
    if !broken.is_empty() {
        return Err(format!("the gate is shut:\n  {}", broken.join("\n  ")));
    }
    println!("within its bounds: {MOST_MIB} MiB, no scrape missed or failed, p99 {}", report::time(MOST_LATE));
    Ok(())
}

fn broken(cost: &Cost) -> Vec<String> {
    let (peak, late) = (cost.peak_mib(), cost.lateness.quantile(0.99));
    let least = cost.expected * (1.0 - AT_THE_ENDS);
    let bounds = [
        (peak > MOST_MIB, format!("{peak:.1} MiB resident at the peak, {MOST_MIB} at most")),
        (cost.missed > 0.0, format!("{} slots missed", cost.missed)),
        (cost.failed > 0.0, format!("{} scrapes failed", cost.failed)),
        ((cost.scrapes as f64) < least, format!("{} scrapes, {least:.0} at least", cost.scrapes)),
        (cost.arrived == 0, "nothing arrived at the collector".to_owned()),
        (late > MOST_LATE, format!("p99 lateness up to {}, {} at most", report::time(late), report::time(MOST_LATE))),
    ];
    bounds.into_iter().filter_map(|(is_broken, what)| is_broken.then_some(what)).collect()
}
