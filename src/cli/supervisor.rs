//! `openagent`, `openagent standalone`, `openagent supervisor`: the parent process.

use super::args::{failed, usage};
use super::exit::Exit;
use super::settings;
use crate::agent;
use crate::config::{Home, ProcessEnvironment, Settings};
use crate::duration;
use crate::supervisor::{Bounds, Outcome, Supervisor, WorkerProgram};
use crate::telemetry::log::{Writer, install};
use lexopt::Arg::{Long, Value};
use lexopt::ValueExt as _;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Supervises the worker of this very program; `standalone` is passed on to it.
pub fn run_default(standalone: bool, rest: Vec<OsString>) -> Exit {
    if let Some(surplus) = rest.first() {
        return usage("standalone", &format!("{} is not understood here: it takes no arguments", surplus.display()));
    }
    let mode: &[&str] = if standalone { &["foreground", "standalone"] } else { &["foreground"] };
    supervise(Options { program: own_worker(mode), heartbeat: None, stop: None })
}

/// `openagent supervisor [--heartbeat-timeout D] [--stop-timeout D] [-- PROGRAM ARG…]`.
pub fn run(args: Vec<OsString>) -> Exit {
    match Options::parse(args) {
        Ok(options) => supervise(options),
        Err(error) => usage("supervisor", &error),
    }
}

/// What is supervised, and how patiently where the arguments say so.
struct Options {
    program: WorkerProgram,
    heartbeat: Option<Duration>,
    stop: Option<Duration>,
}

impl Options {
    fn parse(args: Vec<OsString>) -> Result<Self, lexopt::Error> {
        let mut options = Self { program: own_worker(&["foreground"]), heartbeat: None, stop: None };
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("heartbeat-timeout") => options.heartbeat = Some(positive(&parser.value()?.string()?)?),
                Long("stop-timeout") => options.stop = Some(positive(&parser.value()?.string()?)?),
                Value(path) => {
                    options.program = WorkerProgram { path: path.into(), args: parser.raw_args()?.collect() };
                }
                other => return Err(other.unexpected()),
            }
        }
        Ok(options)
    }
}

fn positive(text: &str) -> Result<Duration, lexopt::Error> {
    let time = duration::parse(text).map_err(|error| error.to_string())?;
    if time.is_zero() { Err("the time must be more than 0".into()) } else { Ok(time) }
}

/// This program with other arguments. The path is taken now: after an upgrade in place the same path starts the new
/// version, whereas the kernel would name the old file as deleted.
fn own_worker(args: &[&str]) -> WorkerProgram {
    let path = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("openagent"));
    WorkerProgram { path, args: args.iter().map(OsString::from).collect() }
}

fn supervise(options: Options) -> Exit {
    // a faulty whatap.conf is the worker's to tell: the supervisor goes on with the defaults
    let (home, settings, fault) = match settings::read() {
        Ok((home, settings, _)) => (home, settings, None),
        Err(fault) => (Home::from_environment(&ProcessEnvironment), Settings::defaults(), Some(fault)),
    };
    let logging = match install(Writer::Supervisor, home.logs, &agent::settings::log(&settings)) {
        Ok(logging) => logging,
        Err(error) => return failed("supervisor", &error),
    };
    if let Some(fault) = fault {
        log::warn!("{fault}; the supervisor goes on with the defaults");
    }
    let bounds = Bounds {
        heartbeat: options.heartbeat.unwrap_or(settings.heartbeat_timeout),
        stop: options.stop.unwrap_or(Bounds::default().stop),
        ..Bounds::default()
    };
    match Supervisor::new(options.program, bounds, logging).run() {
        Ok(Outcome::Stopped) => Exit::Ok,
        Ok(Outcome::NeverStarted(2)) => Exit::Usage,
        Ok(Outcome::NeverStarted(_) | Outcome::StoppedBadly) => Exit::Failed,
        Err(error) => failed("supervisor", &error),
    }
}
