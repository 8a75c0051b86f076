//! Commands: one file each. Prints for people, decides the exit code.

mod args;
pub mod exit;

use exit::Exit;
use std::ffi::OsString;
use std::io::Write as _;

/// Runs the command that the arguments name.
pub fn run(args: Vec<OsString>) -> Exit {
    let mut words = args.into_iter();
    let command = words.next().and_then(|word| word.into_string().ok()).unwrap_or_default();
    let rest: Vec<OsString> = words.collect();
    match command.as_str() {
        "version" | "--version" | "-V" => version(),
        unknown => {
            let _ = rest;
            args::unknown_command(unknown)
        }
    }
}

fn version() -> Exit {
    let _ = writeln!(std::io::stdout(), "openagent {}", env!("CARGO_PKG_VERSION"));
    Exit::Ok
}
