//! The command line: one mode, and what it may change of the loads.

use crate::body::Format;
use crate::load::Load;
use lexopt::Arg::{Long, Value};
use lexopt::ValueExt as _;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub const HELP: &str = "\
cargo bench --bench end_to_end -- [MODE] [OPTIONS]

Modes; without one, a table of three loads:
  --targets N --series N --interval TIME   one load; what is left out is 1000, 1000 and 10s
  --scaling         cost against targets and against series per target
  --fit             memory as base + a x targets + b x series
  --gate            a short load with bounds; exit code 1 when one is broken
  --soak MINUTES    targets, settings and collector change all the time; exit code 1 when the agent grows;
                    memory is judged from 30 minutes on

Options:
  --bin PATH        the program to measure; default: the one built along with this benchmark
  --seconds N       the window that is measured, after every target was scraped once; default 20,
                    --fit 10, --gate 12
  --format FORMAT   what the exporters answer: text (default) or openmetrics
  --table           one load as rows of a Markdown table as well
  --svg PATH        --scaling draws its picture there

Processor seconds are those of this machine: compare only what was measured on the same one.";

/// What to do.
#[derive(Debug)]
pub enum Mode {
    Help,
    /// Nothing: the benchmarks that were asked for by name are others.
    Others,
    /// A check that it works, for `cargo test --benches`.
    Smoke,
    Loads(Vec<Load>),
    Scaling,
    Fit,
    Gate,
    Soak(Duration),
}

/// The command line, read.
#[derive(Debug)]
pub struct Arguments {
    pub mode: Mode,
    pub bin: PathBuf,
    pub format: Format,
    /// The measured window, where it was given.
    pub window: Option<Duration>,
    pub table: bool,
    pub svg: Option<PathBuf>,
}

impl Arguments {
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut arguments = Self {
            mode: Mode::Smoke,
            bin: PathBuf::from(env!("CARGO_BIN_EXE_openagent")),
            format: Format::Text,
            window: None,
            table: false,
            svg: None,
        };
        let (mut bench, mut mode, mut one) = (false, None, None);
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            let load = || Load::new(1000, 1000, Duration::from_secs(10));
            match arg {
                Long("bench") => bench = true, // cargo's own word
                // what cargo hands to all benchmarks alike, whose words are criterion's
                Long("test") => mode = Some(Mode::Smoke),
                Long("list") => mode = Some(Mode::Others),
                Long("quiet" | "nocapture" | "exact") => {}
                Value(name) if !"end_to_end".contains(&*name.to_string_lossy()) => mode = Some(Mode::Others),
                Value(_) => {}
                Long("help") => mode = Some(Mode::Help),
                Long("scaling") => mode = Some(Mode::Scaling),
                Long("fit") => mode = Some(Mode::Fit),
                Long("gate") => mode = Some(Mode::Gate),
                Long("soak") => mode = Some(Mode::Soak(minutes(&mut parser)?)),
                Long("targets") => one.get_or_insert_with(load).targets = at_least_one(&mut parser)?,
                Long("series") => one.get_or_insert_with(load).series = at_least_one(&mut parser)?,
                Long("interval") => one.get_or_insert_with(load).interval = interval(&mut parser)?,
                Long("seconds") => arguments.window = Some(Duration::from_secs(at_least_one(&mut parser)? as u64)),
                Long("format") => arguments.format = format(&mut parser)?,
                Long("bin") => arguments.bin = parser.value()?.into(),
                Long("svg") => arguments.svg = Some(parser.value()?.into()),
                Long("table") => arguments.table = true,
                other => return Err(other.unexpected()),
            }
        }
        arguments.mode = match (mode, one) {
            (Some(mode), None) => mode,
            (None, Some(load)) => Mode::Loads(vec![load]),
            (None, None) if bench => Mode::Loads(Load::usual()),
            (None, None) => Mode::Smoke,
            (Some(_), Some(_)) => return Err("--targets, --series and --interval are a mode of their own".into()),
        };
        Ok(arguments)
    }

    /// A load with what the command line says about all loads.
    pub fn adapt(&self, load: &Load) -> Load {
        Load { format: self.format, window: self.window.unwrap_or(load.window), ..*load }
    }
}

fn at_least_one(parser: &mut lexopt::Parser) -> Result<usize, lexopt::Error> {
    let number: usize = parser.value()?.parse()?;
    if number == 0 { Err("0 of them is no load".into()) } else { Ok(number) }
}

fn interval(parser: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    let interval = openagent::duration::parse(&parser.value()?.string()?).map_err(|error| error.to_string())?;
    if interval < Duration::from_millis(100) { Err("the interval must be 100ms or more".into()) } else { Ok(interval) }
}

fn minutes(parser: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    let minutes: f64 = parser.value()?.parse()?;
    let whole = (1.0..=10_000.0).contains(&minutes);
    if whole { Ok(Duration::from_secs_f64(minutes * 60.0)) } else { Err("a soak takes 1 to 10000 minutes".into()) }
}

fn format(parser: &mut lexopt::Parser) -> Result<Format, lexopt::Error> {
    match &*parser.value()?.string()? {
        "text" => Ok(Format::Text),
        "openmetrics" => Ok(Format::OpenMetrics),
        other => Err(format!("{other:?} is no format; write text or openmetrics").into()),
    }
}
