//! A long run in which nothing stays as it is: targets come and go, settings change, the collector goes away. What must
//! not happen is that the agent grows.

use crate::Outcome;
use crate::arguments::Arguments;
use crate::child::Program;
use crate::farm::Farm;
use crate::home::scrape_config;
use crate::least_squares;
use crate::limits;
use crate::own::Own;
use crate::proc::Usage;
use crate::sink::Sink;
use std::time::{Duration, Instant};

const TARGETS: usize = 200;
const SERIES: usize = 500;
const INTERVAL: Duration = Duration::from_secs(2);
/// Targets replaced at each step.
const REPLACED: usize = 10;
const STEP: Duration = Duration::from_secs(10);
/// Steps from one restart of the collector to the next.
const RESTART_EVERY: usize = 6;
/// How long the collector is away.
const AWAY: Duration = Duration::from_secs(3);
/// A queue that every outage fills, so that no outage needs more memory than another, and drops are part of the run.
const QUEUE: &str = "send_queue_bytes=1MiB";
/// Most growth of resident memory, in KiB an hour: what an allocator's noise comes to in a run of [`FULL`].
const MOST_GROWTH: f64 = 512.0;
/// The shortest run whose memory is judged: the heap takes minutes of outages to find its size.
const FULL: Duration = Duration::from_secs(30 * 60);

/// The agent at the end of a step.
#[derive(Debug, Clone, Copy)]
struct Reading {
    hours: f64,
    usage: Usage,
}

/// Runs for `time`; fails when descriptors or threads grow, or memory in a run of [`FULL`] or more.
pub fn run(time: Duration, arguments: &Arguments) -> Outcome<()> {
    let steps = (time.as_secs() / STEP.as_secs()) as usize;
    limits::check(TARGETS + REPLACED)?;
    let farm = Farm::start(TARGETS + steps * REPLACED, SERIES, arguments.format)?;
    let mut sink = Sink::start()?;
    let mut program = Program::start(&arguments.bin, &sink, &config(&farm, 0))?;
    let began = Instant::now();
    let mut readings = Vec::with_capacity(steps);
    for step in 1..=steps {
        program.rewrite_targets(&config(&farm, step))?;
        // a setting that applies at once and reaches every client
        program.rewrite_conf(&sink, &format!("{QUEUE}\nscrape_connect_timeout={}s", 2 + step % 2))?;
        if step % RESTART_EVERY == 0 {
            sink.close();
            program.let_run(AWAY)?;
            sink.open()?;
        }
        program.let_run((STEP * step as u32).saturating_sub(began.elapsed()))?;
        let (usage, own) = (Usage::of(program.pid())?, program.own()?);
        println!("{}", line(began.elapsed(), &usage, &own, &farm, &sink));
        readings.push(Reading { hours: began.elapsed().as_secs_f64() / 3600.0, usage });
    }
    judge(&readings, time)
}

fn config(farm: &Farm, step: usize) -> String {
    let first = step * REPLACED;
    scrape_config(farm.address(), first..first + TARGETS, INTERVAL)
}

fn line(at: Duration, usage: &Usage, own: &Own, farm: &Farm, sink: &Sink) -> String {
    format!(
        "{:>5}s rss={}KiB peak={}KiB threads={} fds={} scrapes={} failed={} missed={} sessions={} dropped={} arrived={}",
        at.as_secs(),
        usage.rss,
        usage.peak,
        usage.threads,
        usage.fds,
        farm.scrapes(),
        own.failed(),
        own.sum("openagent_scrape_slots_missed_total"),
        own.sum("openagent_sessions_total"),
        own.dropped(),
        sink.arrived().packs.value(),
    )
}

/// The first third is warm-up; the second is what the last is compared with.
fn judge(readings: &[Reading], time: Duration) -> Outcome<()> {
    let (_, steady) = readings.split_at(readings.len() / 3);
    let (earlier, later) = steady.split_at(steady.len() / 2);
    let points = steady.iter().map(|reading| (reading.hours, reading.usage.rss as f64));
    let slope = least_squares::slope(points).ok_or("too few readings for a slope")?;
    let is_judged = time >= FULL;
    let bound = if is_judged { "at most" } else { "at most in a run of 30 minutes; this one only shows it" };
    println!("resident memory grows by {slope:.0} KiB an hour, {MOST_GROWTH} {bound}");
    let (fds, threads) = (|usage: &Usage| usage.fds, |usage: &Usage| usage.threads);
    println!("descriptors {}, threads {}", range(steady, fds), range(steady, threads));
    let grown = |of: fn(&Usage) -> u64, noise: u64| most(later, of) > most(earlier, of) + noise;
    let broken = [
        (is_judged && slope > MOST_GROWTH, "resident memory grows"),
        // connections of replaced targets may be closed a little later
        (grown(fds, REPLACED as u64), "descriptors grow"),
        (grown(threads, 0), "threads grow"),
    ];
    let broken: Vec<_> = broken.into_iter().filter_map(|(is_broken, what)| is_broken.then_some(what)).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken.join(", ")) }
}

fn most(readings: &[Reading], of: fn(&Usage) -> u64) -> u64 {
    readings.iter().map(|reading| of(&reading.usage)).max().unwrap_or(0)
}

fn range(readings: &[Reading], of: fn(&Usage) -> u64) -> String {
    let least = readings.iter().map(|reading| of(&reading.usage)).min().unwrap_or(0);
    format!("{least} to {}", most(readings, of))
}
