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
