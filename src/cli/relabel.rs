//! `openagent relabel`: label sets in as JSON lines, what rules make of them out.
//!
//! # Invariants
//! One line of output for each line of input; with `--explain` the lines that begin with `#` stand before it. A line
//! that is no label set is told with its number, the others are answered all the same.

use super::args::{failed, usage};
use super::exit::Exit;
use crate::config::scrape_file::{RulesWanted, parse_rules};
use crate::labels::{LabelBuf, NAME};
use crate::relabel::{Anchoring, LabelNames, Outcome, Rules, Scratch};
use lexopt::Arg::Long;
use serde_json::Value;
use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// A line of input may be this long.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// Relabels what standard input gives.
pub fn run(args: Vec<OsString>) -> Exit {
    let arguments = match Arguments::parse(args) {
        Ok(arguments) => arguments,
        Err(error) => return usage("relabel", &error),
    };
    let rules = match arguments.rules() {
        Ok(rules) => rules,
        Err(error) => return failed("relabel", &error),
    };
    let out = BufWriter::new(io::stdout().lock());
    let mut session = Session { rules, explain: arguments.explain, scratch: Scratch::default(), out, bad: false };
    match session.read(BufReader::new(io::stdin().lock())) {
        Ok(()) if session.bad => Exit::Failed,
        Ok(()) => Exit::Ok,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => failed("relabel", &error),
    }
}

struct Arguments {
    config: PathBuf,
    wanted: RulesWanted,
    explain: bool,
}

impl Arguments {
    fn parse(args: Vec<OsString>) -> Result<Self, lexopt::Error> {
        let (mut config, mut explain, mut wanted) = (None, false, RulesWanted::default());
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("config") => config = Some(parser.value()?.into()),
                Long("metric") => wanted.of_samples = true,
                Long("explain") => explain = true,
                Long("unanchored") => wanted.options.anchoring = Anchoring::None,
                Long("legacy-names") => wanted.options.names = LabelNames::Legacy,
                other => return Err(other.unexpected()),
            }
        }
        Ok(Self { config: config.ok_or("--config RULES.yaml is missing")?, wanted, explain })
    }

    fn rules(&self) -> Result<Arc<Rules>, String> {
        let name = self.config.display().to_string();
        let text = std::fs::read_to_string(&self.config).map_err(|error| format!("{name} cannot be read: {error}"))?;
        parse_rules(&text, &name, self.wanted).map_err(|fault| fault.to_string())
    }
}

struct Session<W: Write> {
    rules: Arc<Rules>,
    explain: bool,
    scratch: Scratch,
    out: W,
    /// Whether a line was no label set.
    bad: bool,
}

impl<W: Write> Session<W> {
    /// Answers every line of the input.
    fn read(&mut self, mut input: BufReader<impl Read>) -> io::Result<()> {
        let (mut line, mut number) = (Vec::new(), 0_u64);
        loop {
            line.clear();
            number += 1;
            if input.buffer().is_empty() {
                self.out.flush()?; // the next line may be long in coming; who types sees each answer
            }
            if (&mut input).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
                return self.out.flush();
            }
            if line.len() as u64 == MAX_LINE_BYTES && !line.ends_with(b"\n") {
                let what = format!("line {number} is longer than {} MiB", MAX_LINE_BYTES >> 20);
                return self.out.flush().and(Err(io::Error::new(io::ErrorKind::InvalidData, what)));
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match labels_of(&line) {
                Ok(labels) => self.answer(labels)?,
                Err(what) => self.refuse(number, &what)?,
            }
        }
    }

    fn answer(&mut self, mut labels: LabelBuf) -> io::Result<()> {
        let outcome = if self.explain {
            let (outcome, explanation) = self.rules.explain(&mut labels, &mut self.scratch);
            explanation.steps.iter().try_for_each(|step| writeln!(self.out, "# {step}"))?;
            outcome
        } else {
            self.rules.apply(&mut labels, &mut self.scratch)
        };
        labels.sort();
        match outcome {
            Outcome::Kept => serde_json::to_writer(&mut self.out, &labels.view())?,
            Outcome::DroppedBy(_) => self.out.write_all(b"null")?,
        }
        self.out.write_all(b"\n")
    }

    /// Tells a faulty line, after what was answered before it.
    fn refuse(&mut self, number: u64, what: &str) -> io::Result<()> {
        self.bad = true;
        self.out.flush()?;
        let _ = writeln!(io::stderr(), "openagent relabel: line {number}: {what}");
        Ok(())
    }
}

/// The labels of a line: `{"labels":{…}}`, or a sample as `openagent parse` prints it, whose name is a label too.
fn labels_of(line: &[u8]) -> Result<LabelBuf, String> {
    let line: Value = serde_json::from_slice(line).map_err(|error| format!("is no JSON: {error}"))?;
    let Some(pairs) = line.get("labels").and_then(Value::as_object) else {
        return Err("has no \"labels\" object; write {\"labels\":{\"name\":\"value\"}}".to_owned());
    };
    let mut labels = LabelBuf::new();
    if let (Some(name), true) = (line.get("name").and_then(Value::as_str), line.get("value").is_some()) {
        labels.set(NAME, name);
    }
    for (name, value) in pairs {
        match value {
            Value::String(value) => labels.set(name, value),
            other => return Err(format!("label {name:?} is {other}; a label's value is a text, in quotes")),
        }
    }
    Ok(labels)
}
