//! What all commands share of reading arguments.

use super::exit::Exit;
use crate::nearest::hint;
use std::io::Write as _;

/// Every command there is, for the help and the nearest-name hint.
pub const COMMANDS: [&str; 14] = [
    "foreground",
    "standalone",
    "try",
    "collector",
    "check",
    "targets",
    "scrape",
    "parse",
    "relabel",
    "send-sample",
    "status",
    "supervisor",
    "version",
    "help",
];

/// Says which command was not understood and which is nearest to it.
pub fn unknown_command(word: &str) -> Exit {
    let hint = hint(word, COMMANDS.iter().copied());
    let _ = writeln!(std::io::stderr(), "openagent: unknown command {word:?}{hint} `openagent help` lists them");
    Exit::Usage
}

/// Says what was wrong with a command's arguments and where its help is.
pub fn usage(command: &str, problem: &dyn std::fmt::Display) -> Exit {
    let _ = writeln!(std::io::stderr(), "openagent {command}: {problem}; `openagent help {command}` explains it");
    Exit::Usage
}

/// Says on stderr what a command could not do.
pub fn failed(command: &str, problem: &dyn std::fmt::Display) -> Exit {
    let _ = writeln!(std::io::stderr(), "openagent {command}: {problem}");
    Exit::Failed
}
