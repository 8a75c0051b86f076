//! That all of this works, in a few seconds: for `cargo test --benches`, with whatever build there is.

use crate::Outcome;
use crate::body::{self, Format};
use crate::child::Program;
use crate::farm::Farm;
use crate::home::scrape_config;
use crate::proc::Usage;
use crate::sink::Sink;
use std::path::Path;
use std::time::Duration;

const TARGETS: usize = 3;
const SERIES: usize = 20;
/// Scrapes of all targets until the samples must have arrived.
const SCRAPES: u64 = 9;
/// How long a loaded machine may take for them.
const LONG: Duration = Duration::from_secs(60);

/// Panics when a check fails.
pub fn run(bin: &Path) -> Outcome<()> {
    let mut checks = bodies_hold_what_was_asked_for();
    for format in [Format::Text, Format::OpenMetrics] {
        checks += samples_arrive(bin, format)?;
    }
    println!("end_to_end: {checks} checks passed; `cargo bench --bench end_to_end` measures");
    Ok(())
}

fn bodies_hold_what_was_asked_for() -> u32 {
    let mut checks = 0;
    for format in [Format::Text, Format::OpenMetrics] {
        for samples in [1, 6, 41, 60, 1_000] {
            let body = body::body(samples, 1, format);
            assert_eq!(body.lines().filter(|line| !line.starts_with('#')).count(), samples, "{format:?}");
            checks += 1;
        }
    }
    let size = body::body(6_000, 1, Format::Text).len() / 6_000;
    assert!((105..125).contains(&size), "{size} bytes a sample, not about 115");
    checks + 1
}

/// From a running agent to the collector.
fn samples_arrive(bin: &Path, format: Format) -> Outcome<u32> {
    let farm = Farm::start(TARGETS, SERIES, format)?;
    let sink = Sink::inflating()?;
    let mut program =
        Program::start(bin, &sink, &scrape_config(farm.address(), 0..TARGETS, Duration::from_millis(500)))?;
    program.wait("the scrapes", LONG, |_| (farm.scrapes() >= SCRAPES).then_some(()))?;
    // with the samples about each scrape there are more than those of the farm
    let sent = SCRAPES * SERIES as u64;
    program.wait("the samples", LONG, |_| (sink.arrived().samples.value() > sent).then_some(()))?;
    let (own, usage) = (program.own()?, Usage::of(program.pid())?);
    assert_eq!(farm.reached(), TARGETS, "every target is scraped");
    assert!(own.sum("openagent_scrapes_total") >= 1.0, "the agent counts its scrapes");
    assert!(own.failed() < 1.0, "no scrape fails");
    assert!(own.lateness_since(&crate::own::Own::parse("")).quantile(1.0) > 0.0, "lateness is told");
    assert!(usage.rss > 0 && usage.threads > 0 && usage.fds as usize > TARGETS, "{usage:?}");
    Ok(7)
}
