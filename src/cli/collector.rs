//! `openagent collector`: the local collection server alone; prints each record as a JSON line.

use super::args::{failed, usage};
use super::exit::Exit;
use crate::collector::json::{LinesError, write_lines};
use crate::collector::{Collector, Event, Faults, Options};
use crate::wire::licence::Licence;
use crate::wire::pack::{Pack, id};
use crate::wire::value::{Map, Value};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use lexopt::Arg::Long;
use lexopt::ValueExt as _;
use std::ffi::OsString;
use std::io::{self, BufWriter, Stdout, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long an agent may take to answer a command.
const REPLY: Duration = Duration::from_secs(10);
/// Bytes a second of `--slow-read` without a number.
const SLOW: u32 = 16 << 10;

/// Serves until Ctrl-C or until nobody reads the output any more.
pub fn run(args: Vec<OsString>) -> Exit {
    match Arguments::parse(args) {
        Ok(arguments) => serve(arguments),
        Err(error) => usage("collector", &error),
    }
}

struct Arguments {
    listen: String,
    licence: Licence,
    faults: Faults,
    commands: Vec<Command>,
}

/// A command sent to each agent that connects.
#[derive(Debug, Clone, PartialEq)]
struct Command {
    id: i32,
    arguments: Map,
}

impl Arguments {
    fn parse(args: Vec<OsString>) -> Result<Self, lexopt::Error> {
        let mut listen = "127.0.0.1:6600".to_owned();
        let mut licence = std::env::var("WHATAP_LICENSE").ok();
        let (mut faults, mut commands) = (Faults::default(), Vec::new());
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("listen") => listen = parser.value()?.string()?,
                Long("license" | "licence") => licence = Some(parser.value()?.string()?),
                Long("drop-after") => faults.drop_after = Some(parser.value()?.parse()?),
                Long("slow-read") => faults.slow_read = Some(rate(parser.optional_value())?),
                Long("stall") => faults.stall = true,
                Long("refuse") => faults.refuse = true,
                Long("reset") => faults.reset = true,
                Long("bad-key") => faults.bad_key = true,
                Long("command") => commands.push(Command::parse(&parser.value()?.string()?)?),
                other => return Err(other.unexpected()),
            }
        }
        let licence = licence.ok_or("a licence is missing; give --license LICENCE or set WHATAP_LICENSE")?;
        let licence = Licence::parse(&licence).map_err(|error| error.to_string())?;
        Ok(Self { listen, licence, faults, commands })
    }
}

fn rate(value: Option<OsString>) -> Result<u32, lexopt::Error> {
    value.map_or(Ok(SLOW), |value| value.parse())
}

impl Command {
    /// Reads `NAME` or `NUMBER`, then perhaps a JSON object of arguments.
    fn parse(text: &str) -> Result<Self, lexopt::Error> {
        let (name, json) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), "{}"));
        let id = command_id(name).ok_or_else(|| {
            let names: Vec<_> = COMMANDS.iter().map(|(name, _)| *name).collect();
            format!("{name:?} is no command; there are {} and any number", names.join(", "))
        })?;
        let json: serde_json::Value = serde_json::from_str(json).map_err(|error| {
            format!("the arguments of {name} are no JSON object such as {{\"key\":\"value\"}}: {error}")
        })?;
        let Value::Map(arguments) = value(json) else {
            return Err(format!("the arguments of {name} are no JSON object such as {{\"key\":\"value\"}}").into());
        };
        Ok(Self { id, arguments })
    }
}

/// The commands by their names.
const COMMANDS: [(&str, i32); 7] = [
    ("GET_ENV", id::GET_ENV),
    ("CONFIGURE_GET", id::CONFIGURE_GET),
    ("SET_CONFIG", id::SET_CONFIG),
    ("AGENT_LOG_LIST", id::AGENT_LOG_LIST),
    ("AGENT_LOG_READ", id::AGENT_LOG_READ),
    ("OPENMX_SCRAPE_CONFIG_GET", id::OPENMX_SCRAPE_CONFIG_GET),
    ("OPENMX_SCRAPE_CONFIG_SET", id::OPENMX_SCRAPE_CONFIG_SET),
];

fn command_id(name: &str) -> Option<i32> {
    let named = COMMANDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, id)| *id);
    named.or_else(|| name.parse().ok())
}

/// A JSON value as the protocol's: whole numbers are decimals, others doubles.
fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(v) => Value::Bool(v),
        serde_json::Value::Number(v) => match v.as_i64() {
            Some(v) => Value::Decimal(v),
            None => Value::Double(v.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(v) => Value::Text(v),
        serde_json::Value::Array(v) => Value::List(v.into_iter().map(value).collect()),
        serde_json::Value::Object(v) => Value::Map(v.into_iter().map(|(key, v)| (key, value(v))).collect()),
    }
}

fn serve(arguments: Arguments) -> Exit {
    let Arguments { listen, licence, faults, commands } = arguments;
    let (stop, stopped) = bounded(1);
    let (connected, connections) = unbounded();
    if let Err(error) = stop_on_ctrl_c(stop.clone()) {
        return failed("collector", &error);
    }
    let printer = Printer { out: Mutex::new(BufWriter::new(io::stdout())), stop, connected };
    let options = Options { faults, ..Options::default() };
    let collector = match Collector::bind(&listen, licence, options, move |event| printer.take(&event)) {
        Ok(collector) => collector,
        Err(error) => return failed("collector", &format!("can't listen on {listen}: {error}")),
    };
    say(&format_args!("listening on {}", collector.address()));
    send_commands(&collector, &commands, &connections, &stopped);
    collector.shutdown();
    Exit::Ok
}

fn stop_on_ctrl_c(stop: Sender<()>) -> Result<(), String> {
    let stopping = ctrlc::set_handler(move || {
        let _ = stop.try_send(());
    });
    stopping.map_err(|error| format!("can't listen for Ctrl-C: {error}"))
}

/// Sends the commands to each agent that connects, until told to stop. Replies are printed as they arrive.
fn send_commands(collector: &Collector, commands: &[Command], connections: &Receiver<i32>, stopped: &Receiver<()>) {
    loop {
        let oid = crossbeam_channel::select! {
            recv(stopped) -> _ => return,
            recv(connections) -> oid => oid,
        };
        let Ok(oid) = oid else { return };
        for Command { id, arguments } in commands {
            if let Err(error) = collector.command(oid, *id, arguments.clone(), REPLY) {
                say(&format_args!("command {id} to agent {oid}: {error}"));
            }
        }
    }
}

/// Prints packs on stdout and everything else on stderr.
struct Printer {
    out: Mutex<BufWriter<Stdout>>,
    stop: Sender<()>,
    connected: Sender<i32>,
}

impl Printer {
    fn take(&self, event: &Event) {
        match event {
            Event::Connected(agent) => {
                say(&format_args!("agent {} ({:?}) connected from {}", agent.oid, agent.oname, agent.peer));
                let _ = self.connected.send(agent.oid);
            }
            Event::Pack(agent, pack) => match self.print(pack) {
                Ok(()) => {}
                Err(LinesError::Output(_)) => {
                    let _ = self.stop.try_send(());
                }
                Err(error) => say(&format_args!("agent {}: {error}", agent.oid)),
            },
            Event::Dropped(agent, refusal) => say(&format_args!("agent {}: dropped {refusal}", agent.oid)),
            Event::Ended { peer, agent: Some(agent), end } => {
                say(&format_args!("agent {} at {peer}: connection {end}", agent.oid));
            }
            Event::Ended { peer, agent: None, end } => say(&format_args!("{peer}: connection {end}")),
        }
    }

    fn print(&self, pack: &Pack) -> Result<(), LinesError> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let written = write_lines(pack, &mut *out);
        out.flush().map_err(LinesError::Output)?;
        written.map(|_| ())
    }
}

fn say(line: &dyn std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_names_or_numbers_with_json() {
        assert_eq!(Command::parse("get_env").unwrap(), Command { id: 12, arguments: Map::new() });
        assert_eq!(Command::parse("99 {}").unwrap().id, 99);
        let read =
            Command::parse(r#"AGENT_LOG_READ {"file":"a b.log","pos":-1,"deep":{"x":[true,null,1.5]}}"#).unwrap();
        let deep = Map::new().with("x", Value::List(vec![Value::Bool(true), Value::Null, Value::Double(1.5)]));
        assert_eq!(read.id, 23);
        let mut entries: Vec<_> = read.arguments.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        assert_eq!(entries, [("deep", &deep.into()), ("file", &"a b.log".into()), ("pos", &Value::Decimal(-1))]);
    }

    #[test]
    fn faulty_commands_are_told() {
        let error = |text| Command::parse(text).unwrap_err().to_string();
        assert!(error("GET_ENVY").starts_with("\"GET_ENVY\" is no command; there are GET_ENV, CONFIGURE_GET,"));
        assert!(error("GET_ENV [1]").contains("no JSON object"));
        assert!(error("GET_ENV {x}").contains("no JSON object"));
    }
}
