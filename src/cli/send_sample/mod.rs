//! `openagent send-sample`: sends made-up data to the configured server and tells each step, so that licence, server
//! and firewall can be tried without a scrape configuration.
//!
//! # Invariants
//! It sends through the worker's own sender, so what works here works there. It gives up when every host has been
//! tried once before the first session; once there was one it reconnects as the worker does.

mod data;

use super::args::{failed, usage};
use super::exit::Exit;
use super::settings;
use crate::agent::settings::{Account, LastIdentity, sender as sender_settings};
use crate::duration;
use crate::sender::{self, Batch, Sender};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, never};
use data::Round;
use lexopt::Arg::{Long, Value};
use lexopt::ValueExt as _;
use std::ffi::OsString;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a round may take to be read by the server.
const DELIVERY: Duration = Duration::from_secs(20);

/// How often the sender's state is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// `openagent send-sample basic|promax|tags [--interval TIME] [--count N]`.
pub fn run(args: Vec<OsString>) -> Exit {
    let options = match Options::parse(args) {
        Ok(options) => options,
        Err(error) => return usage("send-sample", &error),
    };
    match send(&options) {
        Ok(()) => Exit::Ok,
        Err(error) => failed("send-sample", &error),
    }
}

/// Which data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sample {
    Basic,
    Promax,
    Tags,
}

#[derive(Debug)]
struct Options {
    sample: Sample,
    interval: Duration,
    /// Rounds; `None` is without end.
    count: Option<u64>,
}

impl Options {
    fn parse(args: Vec<OsString>) -> Result<Self, lexopt::Error> {
        let (mut sample, mut count, mut interval) = (None, None, Duration::from_secs(10));
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("interval") => interval = time(&parser.value()?.string()?)?,
                Long("count") => count = Some(parser.value()?.parse()?),
                Value(word) if sample.is_none() => sample = Some(Sample::parse(&word.string()?)?),
                other => return Err(other.unexpected()),
            }
        }
        let sample = sample.ok_or("which sample? basic, promax or tags")?;
        let rounds = count.unwrap_or(if sample == Sample::Promax { 0 } else { 1 });
        Ok(Self { sample, interval, count: Some(rounds).filter(|rounds| *rounds > 0) })
    }
}

fn time(text: &str) -> Result<Duration, lexopt::Error> {
    duration::parse(text).map_err(|error| error.to_string().into())
}

impl Sample {
    fn parse(word: &str) -> Result<Self, lexopt::Error> {
        match word {
            "basic" => Ok(Self::Basic),
            "promax" => Ok(Self::Promax),
            "tags" => Ok(Self::Tags),
            other => Err(format!("there is no sample {other:?}; choose basic, promax or tags").into()),
        }
    }

    fn round(self, number: u64, now_ms: i64) -> Round {
        match self {
            Self::Basic => data::basic(now_ms),
            Self::Promax => data::promax(number, now_ms),
            Self::Tags => data::tags(number),
        }
    }
}

fn send(options: &Options) -> Result<(), String> {
    let (home, settings, faults) = settings::read()?;
    for fault in faults {
        say(format_args!("{fault}"));
    }
    let account = Account::of(&settings, &home.conf.display().to_string())?;
    say(format_args!("licence: project {}", account.licence.pcode));
    say(format_args!("server: {} port {}", account.hosts.join(", "), account.port));
    let mut sending = sender_settings(&settings, &account, &LastIdentity::default());
    sending.spool = None;
    // an answered time sync proves that the server has read what went before it
    sending.time_sync_interval = Duration::from_millis(200);
    sending.backoff = (Duration::from_millis(100), Duration::from_secs(5));
    let interrupted = interruptions();
    let sender =
        sender::start(sending, Arc::default()).map_err(|error| format!("no thread can be started: {error}"))?;
    let outcome = connect(&sender, account.hosts.len(), &interrupted).and_then(|connected| match connected {
        true => rounds(&sender, options, &interrupted),
        false => Ok(()),
    });
    sender.shutdown(Duration::from_secs(2));
    outcome
}

/// Waits for the first session and tells each failure on the way; `false` when Ctrl-C came first.
fn connect(sender: &Sender, hosts: usize, interrupted: &Receiver<()>) -> Result<bool, String> {
    let state = sender.state();
    let mut told = 0;
    loop {
        if state.is_connected() {
            say(format_args!("connected: {}", state.server()));
            return Ok(true);
        }
        let failures = state.connects_failed.value();
        if failures > told {
            told = failures;
            let error = state.last_error().unwrap_or_default();
            if failures >= hosts as u64 {
                return Err(error);
            }
            say(format_args!("failed: {error}"));
        }
        if interrupted.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
            return Ok(false);
        }
    }
}

fn rounds(sender: &Sender, options: &Options, interrupted: &Receiver<()>) -> Result<(), String> {
    let mut packs = 0;
    for number in 0.. {
        let Round { packs: fresh, samples, helps } = options.sample.round(number, now_ms());
        packs += fresh.len() as u64;
        let bytes: usize = fresh.iter().map(|pack| pack.body.len()).sum();
        sender.queue().push(Batch { time_ms: now_ms(), packs: fresh });
        deliver(sender, packs)?;
        match options.sample {
            Sample::Tags => say(format_args!("sent: tag pack open_metric_test ({bytes} bytes)")),
            _ => say(format_args!("sent: {samples} samples and {helps} help records ({bytes} bytes)")),
        }
        if options.count == Some(number + 1) {
            break;
        }
        if interrupted.recv_timeout(options.interval) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    say(format_args!("done: {packs} packs"));
    Ok(())
}

/// Waits until the server has taken everything.
fn deliver(sender: &Sender, packs: u64) -> Result<(), String> {
    let state = sender.state();
    let deadline = Instant::now() + DELIVERY;
    while state.packs_delivered.value() < packs {
        if Instant::now() >= deadline {
            let why = state.last_error().unwrap_or_else(|| "it takes nothing".to_owned());
            return Err(format!("the server did not take the data within {} s: {why}", DELIVERY.as_secs()));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Tells Ctrl-C; without a handler Ctrl-C ends the process, which is what it is for.
fn interruptions() -> Receiver<()> {
    let (told, interrupted) = bounded(1);
    let handler = move || {
        let _ = told.try_send(());
    };
    ctrlc::set_handler(handler).map_or_else(|_| never(), |()| interrupted)
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_ascii_whitespace().map(OsString::from).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_sample_has_its_own_number_of_rounds() {
        assert_eq!(parse("basic").unwrap().count, Some(1));
        assert_eq!(parse("promax").unwrap().count, None);
        assert_eq!(parse("promax --count 3 --interval 500ms").unwrap().count, Some(3));
        assert_eq!(parse("tags --count 0").unwrap().count, None);
        assert_eq!(parse("promax --interval 2").unwrap().interval, Duration::from_secs(2));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (line, said) in [
            ("", "which sample?"),
            ("all", "there is no sample \"all\""),
            ("basic tags", "unexpected argument \"tags\""),
            ("basic --interval soon", "\"soon\" is no duration"),
            ("basic --count many", "many"),
            ("basic --nope", "--nope"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
