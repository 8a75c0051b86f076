//! `openagent parse`: a file or standard input through the parsers of a scrape, samples out as JSON lines.

mod lines;

use super::args::{failed, usage};
use super::exit::Exit;
use crate::exposition::lint::Lint;
use crate::exposition::window::DEFAULT_MAX_LINE_BYTES;
use crate::exposition::{Fault, Format, Options, Parser, PumpError, Window, pump};
use lexopt::Arg::{Long, Value};
use lexopt::ValueExt as _;
use lines::Lines;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};

/// Reads what the arguments name.
pub fn run(args: Vec<OsString>) -> Exit {
    let arguments = match Arguments::parse(args) {
        Ok(arguments) => arguments,
        Err(error) => return usage("parse", &error),
    };
    match arguments.open() {
        Ok(input) => read(&arguments, input),
        Err(error) => failed("parse", &format!("{}: {error}", arguments.name())),
    }
}

struct Arguments {
    format: Format,
    strict: bool,
    lint: bool,
    max_line_bytes: usize,
    file: OsString,
}

impl Arguments {
    fn parse(args: Vec<OsString>) -> Result<Self, lexopt::Error> {
        let (mut format, mut file) = (None, None);
        let mut given = Self {
            format: Format::Text,
            strict: false,
            lint: false,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            file: "-".into(),
        };
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("format") => format = Some(parser.value()?.parse_with(format_named)?),
                Long("strict") => given.strict = true,
                Long("lint") => given.lint = true,
                Long("max-line-bytes") => given.max_line_bytes = parser.value()?.parse()?,
                Value(value) if file.is_none() => file = Some(value),
                other => return Err(other.unexpected()),
            }
        }
        given.format = format.ok_or("--format text, openmetrics or protobuf is missing")?;
        if given.lint && given.format == Format::Protobuf {
            return Err("--lint knows the rules of OpenMetrics text; protobuf has none of its own".into());
        }
        given.file = file.unwrap_or(given.file);
        Ok(given)
    }

    fn open(&self) -> io::Result<Box<dyn Read>> {
        if self.file == OsStr::new("-") { Ok(Box::new(io::stdin())) } else { Ok(Box::new(File::open(&self.file)?)) }
    }

    /// What errors call the input.
    fn name(&self) -> String {
        self.file.to_string_lossy().into_owned()
    }
}

fn format_named(word: &str) -> Result<Format, String> {
    match word {
        "text" => Ok(Format::Text),
        "openmetrics" => Ok(Format::OpenMetrics),
        "protobuf" => Ok(Format::Protobuf),
        other => Err(format!("{other:?} is no format; there are text, openmetrics and protobuf")),
    }
}

fn read(arguments: &Arguments, input: Box<dyn Read>) -> Exit {
    let lint = arguments.lint.then(|| Lint::new(arguments.max_line_bytes));
    let mut body = Body { input, lint, name: arguments.name(), breaches: 0 };
    let mut lines = Lines::new(BufWriter::new(io::stdout().lock()), arguments.name(), arguments.lint);
    let mut parser = Parser::new(arguments.format, Options { strict_text: arguments.strict });
    let mut window = Window::new(arguments.max_line_bytes);
    let read = pump(&mut body, &mut window, &mut parser, &mut lines);
    let skipped = lines.skipped();
    if let Err(error) = lines.finish() {
        return output_ended(&error);
    }
    let told = match read {
        Err(error) => tell(&error, &arguments.name(), arguments.lint),
        Ok(_) => arguments.format == Format::Text && skipped > 0,
    };
    let breached = body.finish();
    if told || breached { Exit::Failed } else { Exit::Ok }
}

/// Tells why a body was not read to its end. The lint tells faults itself.
fn tell(error: &PumpError, name: &str, by_lint: bool) -> bool {
    match error {
        PumpError::Fault(_) if by_lint => {}
        PumpError::Fault(fault) => tell_fault(name, fault),
        PumpError::Overlong(fault, bound) => {
            let what = format!("{} ({bound} bytes); raise --max-line-bytes", fault.what);
            tell_fault(name, &Fault { what, ..fault.clone() });
        }
        PumpError::Read(error) => drop(failed("parse", &format!("{name}: {error}"))),
        PumpError::Sink => {}
    }
    true
}

/// Nobody reads the output any more, which is no failure, or it cannot be written.
fn output_ended(error: &io::Error) -> Exit {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Exit::Ok
    } else {
        failed("parse", &format!("standard output: {error}"))
    }
}

fn tell_fault(name: &str, fault: &Fault) {
    let _ = writeln!(io::stderr(), "{name}:{fault}");
}

/// The input, which the lint reads along.
struct Body {
    input: Box<dyn Read>,
    lint: Option<Lint>,
    name: String,
    breaches: u64,
}

impl Body {
    /// Lets the lint read what the parser left, and tells whether it found a breach.
    fn finish(mut self) -> bool {
        if self.lint.is_none() {
            return false;
        }
        if let Err(error) = io::copy(&mut self, &mut io::sink()) {
            failed("parse", &format!("{}: {error}", self.name));
            return true;
        }
        if let Some(lint) = &mut self.lint {
            lint.finish();
        }
        self.tell_breaches();
        self.breaches > 0
    }

    fn tell_breaches(&mut self) {
        for breach in self.lint.iter_mut().flat_map(Lint::take_breaches) {
            self.breaches += 1;
            tell_fault(&self.name, &breach);
        }
    }
}

impl Read for Body {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        if let Some(lint) = &mut self.lint {
            lint.feed(&out[..count]);
            self.tell_breaches();
        }
        Ok(count)
    }
}
