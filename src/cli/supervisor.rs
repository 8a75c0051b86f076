//! `openagent`, `openagent standalone`, `openagent supervisor`: the parent process.

use super::args::{failed, usage};
use super::exit::Exit;
use crate::duration;
use crate::supervisor::{Bounds, Outcome, Supervisor, WorkerProgram};
use crate::telemetry::log::{LogOptions, Writer, install};
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
    supervise(&Options { program: own_worker(mode), bounds: Bounds::default() })
}

/// `openagent supervisor [--heartbeat-timeout D] [--stop-timeout D] [-- PROGRAM ARG…]`.
pub fn run(args: Vec<OsString>) -> Exit {
    match Options::parse(args) {
        Ok(options) => supervise(&options),
        Err(error) => usage("supervisor", &error),
    }
}

/// What is supervised, and how patiently.
struct Options {
    program: WorkerProgram,
    bounds: Bounds,
}

impl Options {
    fn parse(args: Vec<OsString>) -> Result<Self, lexopt::Error> {
        let mut options = Self { program: own_worker(&["foreground"]), bounds: Bounds::default() };
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("heartbeat-timeout") => options.bounds.heartbeat = positive(&parser.value()?.string()?)?,
                Long("stop-timeout") => options.bounds.stop = positive(&parser.value()?.string()?)?,
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

fn supervise(options: &Options) -> Exit {
    let logging = match install(Writer::Supervisor, logs_dir(), &LogOptions::default()) {
        Ok(logging) => logging,
        Err(error) => return failed("supervisor", &error),
    };
    match Supervisor::new(options.program.clone(), options.bounds, logging).run() {
        Ok(Outcome::Stopped) => Exit::Ok,
        Ok(Outcome::NeverStarted(2)) => Exit::Usage,
        Ok(Outcome::NeverStarted(_) | Outcome::StoppedBadly) => Exit::Failed,
        Err(error) => failed("supervisor", &error),
    }
}

/// `logs` under the open home, or the home, or here.
fn logs_dir() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = variable("WHATAP_OPEN_HOME").or_else(|| variable("WHATAP_HOME"));
    PathBuf::from(home.unwrap_or_else(|| ".".into())).join("logs")
}
