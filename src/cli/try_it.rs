//! `openagent try`: no licence, no server, no exporter needed. A collection server on a free loopback port, an agent
//! that scrapes itself (or what `--target` names), and the samples printed as they arrive.

use super::args::{failed, usage};
use super::exit::Exit;
use super::uri;
use crate::agent::rooms::{Pages, RoomSettings, Rooms, STOP_WITHIN};
use crate::agent::settings::{self, Account, LastIdentity};
use crate::collector::{Collector, Event, Options};
use crate::config::Settings;
use crate::config::job::{Discover, ScrapeJob};
use crate::discovery::{NoSecrets, static_};
use crate::duration;
use crate::scrape::fetch::FetchSettings;
use crate::telemetry::counters::Counter;
use crate::wire::licence::Licence;
use crate::wire::pack::{Body, Pack};
use crate::wire::record;
use crossbeam_channel::{Receiver, bounded, select, tick};
use lexopt::Arg::Long;
use lexopt::ValueExt as _;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ureq::http::Uri;

/// Time between scrapes without `--interval`.
const INTERVAL: Duration = Duration::from_secs(2);
/// Time between two summary lines.
const SUMMARY: Duration = Duration::from_secs(5);
/// The project of the licence made up for the try.
const PCODE: i64 = 1;
/// Bytes that the records of one pack may inflate to.
const MOST_PLAIN: usize = 64 << 20;

/// Runs until Ctrl-C, or until nobody reads the output any more.
pub fn run(args: Vec<OsString>) -> Exit {
    match Arguments::parse(args) {
        Ok(arguments) => demonstrate(&arguments).unwrap_or_else(|error| failed("try", &error)),
        Err(error) => usage("try", &error),
    }
}

struct Arguments {
    targets: Vec<Uri>,
    interval: Duration,
}

impl Arguments {
    fn parse(args: Vec<OsString>) -> Result<Self, lexopt::Error> {
        let mut arguments = Self { targets: Vec::new(), interval: INTERVAL };
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("target") => arguments.targets.push(uri::parse(&parser.value()?.string()?)?),
                Long("interval") => {
                    let interval = duration::parse(&parser.value()?.string()?).map_err(|error| error.to_string())?;
                    if interval < Duration::from_millis(100) {
                        return Err("the interval must be 100ms or more".into());
                    }
                    arguments.interval = interval;
                }
                other => return Err(other.unexpected()),
            }
        }
        Ok(arguments)
    }
}

/// What the collector's side tells the printing side.
#[derive(Default)]
struct Arrivals {
    samples: Counter,
    packs: Counter,
    /// Nobody reads the output any more.
    deaf: AtomicBool,
}

fn demonstrate(arguments: &Arguments) -> Result<Exit, String> {
    let interrupted = on_interrupt()?;
    let licence = Licence::generate(PCODE, b"openagent-try-it");
    let licence = Licence::parse(&licence).map_err(|error| error.to_string())?;
    let arrivals = Arc::new(Arrivals::default());
    let collector = start_collector(&licence, &arrivals)?;
    let rooms = start_agent(&licence, collector.address())?;
    let jobs = jobs(arguments, rooms.status_address());
    let targets = static_::all_targets(&jobs).targets;
    let urls: Vec<String> = targets.iter().map(|target| target.url()).collect();
    rooms.scrape(targets, Vec::new());
    say(&format!(
        "collecting at {}, scraping {} every {}; Ctrl-C ends it",
        collector.address(),
        urls.join(", "),
        duration::format(arguments.interval)
    ));
    watch(&interrupted, &arrivals, &rooms);
    rooms.stop(Instant::now() + STOP_WITHIN);
    collector.shutdown();
    say(&format!("{} samples arrived in {} packs", arrivals.samples.value(), arrivals.packs.value()));
    Ok(Exit::Ok)
}

fn on_interrupt() -> Result<Receiver<()>, String> {
    let (interrupt, interrupted) = bounded(1);
    ctrlc::set_handler(move || {
        if interrupt.try_send(()).is_err() {
            std::process::exit(130); // a second Ctrl-C does not wait for the end of the first
        }
    })
    .map_err(|error| format!("Ctrl-C cannot be caught: {error}"))?;
    Ok(interrupted)
}

fn start_collector(licence: &Licence, arrivals: &Arc<Arrivals>) -> Result<Collector, String> {
    let sink = {
        let arrivals = Arc::clone(arrivals);
        move |event: Event| {
            if let Event::Pack(_, pack) = event {
                arrived(&pack, &arrivals);
            }
        }
    };
    Collector::bind("127.0.0.1:0", licence.clone(), Options::default(), sink)
        .map_err(|error| format!("no collection server on a free loopback port: {error}"))
}

fn start_agent(licence: &Licence, server: SocketAddr) -> Result<Rooms, String> {
    let account = Account { licence: licence.clone(), hosts: vec![server.ip().to_string()], port: server.port() };
    let defaults = Settings::defaults();
    Rooms::start(RoomSettings {
        sender: settings::sender(&defaults, &account, &LastIdentity::default()),
        scrape: settings::scraping(&defaults, PCODE),
        pool: settings::pool_size(&defaults),
        fetch: FetchSettings::default(),
        secrets: Arc::new(NoSecrets),
        status_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        pages: Pages::default(),
    })
    .map_err(|error| format!("the agent cannot start: {error}"))
}

/// One job per target; without any, one that scrapes the agent's own metrics.
fn jobs(arguments: &Arguments, own: Option<SocketAddr>) -> Vec<Arc<ScrapeJob>> {
    let mut jobs: Vec<ScrapeJob> = arguments.targets.iter().map(|target| uri::job("try", target)).collect();
    if jobs.is_empty() {
        let address = |address: SocketAddr| Discover::Static(vec![address.to_string()]);
        jobs.extend(own.map(|own| ScrapeJob::new("openagent", address(own))));
    }
    let timed = |mut job: ScrapeJob| {
        job.interval = arguments.interval;
        job.timeout = arguments.interval.min(job.timeout);
        Arc::new(job)
    };
    jobs.into_iter().map(timed).collect()
}

/// Prints the summary lines until the end.
fn watch(interrupted: &Receiver<()>, arrivals: &Arrivals, rooms: &Rooms) {
    let summary = tick(SUMMARY);
    let glance = tick(Duration::from_millis(200));
    loop {
        select! {
            recv(interrupted) -> _ => return,
            recv(glance) -> _ => if arrivals.deaf.load(Ordering::Relaxed) { return },
            recv(summary) -> _ => say(&summary_line(arrivals, rooms)),
        }
    }
}

fn summary_line(arrivals: &Arrivals, rooms: &Rooms) -> String {
    let mut line = format!("{} samples arrived in {} packs", arrivals.samples.value(), arrivals.packs.value());
    for state in rooms.pool().table().snapshot().iter() {
        let report = state.report();
        let _ = match report.error {
            Some(error) => write!(line, "; {} down: {error}", state.target.url()),
            None => write!(line, "; {} {}", state.target.url(), report.health.as_str()),
        };
    }
    line
}

/// Prints the samples of a pack, as the text format writes them with the time behind.
fn arrived(pack: &Pack, arrivals: &Arrivals) {
    arrivals.packs.add(1);
    let Body::OpenMx(mx) = &pack.body else { return };
    let Ok(plain) = mx.records.plain(MOST_PLAIN) else { return };
    let Ok(samples) = record::samples(&plain) else { return };
    let mut lines = String::new();
    for sample in samples.map_while(Result::ok) {
        let labels: crate::labels::LabelBuf = sample.labels.iter().copied().collect();
        let _ = writeln!(lines, "{}{} {} {}", sample.metric, labels.view(), sample.value, sample.time_ms);
        arrivals.samples.add(1);
    }
    if io::stdout().lock().write_all(lines.as_bytes()).is_err() {
        arrivals.deaf.store(true, Ordering::Relaxed);
    }
}

/// Says how it goes, on stderr, so that stdout is samples alone.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "try: {line}");
}
