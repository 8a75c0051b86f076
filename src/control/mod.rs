//! The server's commands: what is asked about this agent's files and environment, and what is changed in them.
//!
//! # Invariants
//! - No secret leaves: replies are only hidden, not encrypted, on their way.
//! - Whatever a command holds, nothing outside whatap.conf, scrape_config.yaml and the log files is read or written,
//!   and a change that is refused leaves everything as it was.
//! - A reply is the command's own pack with the answers put in; an unknown command has none.
//!
//! # Rule
//! PROTOCOL 9 (commands 4, 12, 14, 22, 23) and SPEC 7 (580, 581). A failed change says so under `error`, which the
//! Go agent left to the log.

mod conf;
mod environment;
mod logs;
pub mod replace;
mod scrape_config;

use crate::config::Home;
use crate::secret::Secret;
use crate::wire::pack::{Param, id};
use crate::wire::value::{Map, Value};

/// What the commands are about.
#[derive(Clone, Copy)]
pub struct ControlContext<'a> {
    /// Where the files are.
    pub home: &'a Home,
    /// The licence, so that it can be masked wherever it turns up.
    pub licence: &'a Secret,
    /// The process environment.
    pub environment: &'a [(String, String)],
    /// Where the scrape configuration in force came from.
    pub scrape_source: ScrapeSource<'a>,
    /// Judges a scrape configuration before it is written: the configuration's own parser; `Err` says what is wrong.
    pub validate: &'a dyn Fn(&str) -> Result<(), String>,
    /// Called after a file was changed, so that it is read at once.
    pub changed: &'a dyn Fn(),
}

/// Where the scrape configuration in force came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrapeSource<'a> {
    /// The file of the home.
    File,
    /// A ConfigMap, which the agent may not change.
    ConfigMap {
        /// `namespace/name`.
        name: &'a str,
        /// Its text as it was read last.
        contents: &'a str,
    },
}

/// The reply to a command, or `None` where there is none: not a command, or one this agent does not know.
pub fn answer(command: Param, context: &ControlContext<'_>) -> Option<Param> {
    if command.request == 0 {
        return None;
    }
    let arguments = &command.map;
    let reply = match command.id {
        id::GET_ENV => command.reply(environment::all(context)),
        id::CONFIGURE_GET => {
            let answers = conf::read(arguments, context);
            command.reply(answers)
        }
        id::SET_CONFIG => {
            let outcome = conf::write(arguments, context);
            without(command, "contents", outcome.is_err()).reply(failure("SET_CONFIG", outcome))
        }
        id::AGENT_LOG_LIST => command.reply(logs::list(context)),
        id::AGENT_LOG_READ => {
            let outcome = logs::read(arguments, context);
            command.reply(outcome.unwrap_or_else(|error| failure("AGENT_LOG_READ", Err(error))))
        }
        id::OPENMX_SCRAPE_CONFIG_GET => command.reply(scrape_config::read(context)),
        id::OPENMX_SCRAPE_CONFIG_SET => {
            let answers = scrape_config::write(arguments, context);
            without(command, "contents", true).reply(answers)
        }
        unknown => {
            log::debug!("the server sent command {unknown}, which this agent does not know; no reply");
            return None;
        }
    };
    Some(reply)
}

/// The command without one of its arguments: what was refused for its size is not sent back.
fn without(command: Param, argument: &str, remove: bool) -> Param {
    if !remove {
        return command;
    }
    let kept = command.map.iter().filter(|(key, _)| *key != argument);
    let map = kept.map(|(key, value)| (key, value.clone())).collect();
    Param { map, ..command }
}

/// Nothing for a change that was made, otherwise what went wrong, in the log as well.
fn failure(command: &str, outcome: Result<(), String>) -> Map {
    match outcome {
        Ok(()) => Map::new(),
        Err(error) => {
            log::warn!("the server's command {command} was refused: {error}");
            Map::new().with("error", error)
        }
    }
}

/// A number among the arguments, whether it came as a number or as digits.
fn number(arguments: &Map, key: &str) -> Option<i64> {
    let value = arguments.value(key)?;
    value.as_i64().or_else(|| value.as_text()?.trim().parse().ok())
}

/// A text, or a number or bool as text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(on) => Some(on.to_string()),
        other => other.as_i64().map(|number| number.to_string()),
    }
}

#[cfg(test)]
mod tests;
