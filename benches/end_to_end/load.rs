//! A load, and what it cost: the agent under it from the moment on at which it has scraped every target once.

use crate::Outcome;
use crate::body::Format;
use crate::child::Program;
use crate::farm::Farm;
use crate::home::scrape_config;
use crate::limits;
use crate::own::{Lateness, Own};
use crate::proc::Usage;
use crate::sink::Sink;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the first scrapes may take beyond an interval.
const FIRST: Duration = Duration::from_secs(60);

/// What the agent is asked to do, and for how long it is watched.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub targets: usize,
    /// Samples of each target's answer.
    pub series: usize,
    pub interval: Duration,
    pub window: Duration,
    pub format: Format,
}

impl Load {
    pub fn new(targets: usize, series: usize, interval: Duration) -> Self {
        Self { targets, series, interval, window: Duration::from_secs(20), format: Format::Text }
    }

    /// An agent with next to nothing to do, one with a few large exporters, one with very many.
    pub fn usual() -> Vec<Self> {
        let ten = Duration::from_secs(10);
        vec![Self::new(5, 100, ten), Self::new(20, 5_000, ten), Self::new(1_000, 1_000, ten)]
    }

    /// Scrapes that a window of that many seconds should see.
    fn expected(&self, seconds: f64) -> f64 {
        self.targets as f64 * seconds / self.interval.as_secs_f64()
    }
}

/// What a load cost.
#[derive(Debug, Clone)]
pub struct Cost {
    pub load: Load,
    /// Length of the window, in seconds.
    pub seconds: f64,
    pub scrapes: u64,
    pub expected: f64,
    pub samples: u64,
    /// Processor seconds.
    pub cpu: f64,
    /// At the end of the window.
    pub usage: Usage,
    pub lateness: Lateness,
    /// Slots missed, since the start.
    pub missed: f64,
    /// Scrapes that failed, since the start.
    pub failed: f64,
    /// Bytes sent, all told.
    pub sent: f64,
    /// Bytes of gzipped samples that arrived.
    pub arrived: u64,
}

impl Cost {
    /// Processor seconds for each million samples.
    pub fn cpu_per_million(&self) -> f64 {
        self.cpu * 1e6 / self.samples.max(1) as f64
    }

    pub fn rss_mib(&self) -> f64 {
        self.usage.rss as f64 / 1024.0
    }

    pub fn peak_mib(&self) -> f64 {
        self.usage.peak as f64 / 1024.0
    }
}

/// The agent and the farm at one moment.
struct Moment {
    at: Instant,
    scrapes: u64,
    /// Bytes of samples at the collector.
    arrived: u64,
    usage: Usage,
    own: Own,
}

/// Runs `bin` under a load.
pub fn measure(load: &Load, bin: &Path) -> Outcome<Cost> {
    limits::check(load.targets)?;
    let farm = Farm::start(load.targets, load.series, load.format)?;
    let sink = Sink::start()?;
    let config = scrape_config(farm.address(), 0..load.targets, load.interval);
    let mut program = Program::start(bin, &sink, &config)?;
    let all = |_: &Program| (farm.reached() == load.targets).then_some(());
    program.wait("a first scrape of every target", load.interval + FIRST, all)?;
    let arrived = || sink.arrived().bytes.value();
    // its own metrics first here and last below: telling them is no part of the load
    let (own, at) = (program.own()?, Instant::now());
    let before = Moment { own, at, scrapes: farm.scrapes(), arrived: arrived(), usage: Usage::of(program.pid())? };
    program.let_run(load.window.saturating_sub(at.elapsed()))?;
    let (usage, scrapes, at) = (Usage::of(program.pid())?, farm.scrapes(), Instant::now());
    let after = Moment { own: program.own()?, at, scrapes, arrived: arrived(), usage };
    Ok(between(load, &farm, &before, &after))
}

fn between(load: &Load, farm: &Farm, before: &Moment, after: &Moment) -> Cost {
    let seconds = (after.at - before.at).as_secs_f64();
    let scrapes = after.scrapes - before.scrapes;
    let sent = |own: &Own| own.sum("openagent_sent_bytes_total");
    Cost {
        load: *load,
        seconds,
        scrapes,
        expected: load.expected(seconds),
        samples: scrapes * farm.series(),
        cpu: after.usage.cpu_since(&before.usage),
        usage: after.usage,
        lateness: after.own.lateness_since(&before.own),
        missed: after.own.sum("openagent_scrape_slots_missed_total"),
        failed: after.own.failed(),
        sent: sent(&after.own) - sent(&before.own),
        arrived: after.arrived - before.arrived,
    }
}
