//! Commands: one file each. Prints for people, decides the exit code.

mod args;
mod check;
mod collector;
pub mod exit;
mod foreground;
mod help;
mod parse;
mod relabel;
mod scrape;
mod send_sample;
mod settings;
mod status;
mod supervisor;
mod targets;
mod try_it;
mod uri;
mod version;

use exit::Exit;
use std::ffi::OsString;

/// Runs the command that the arguments name.
pub fn run(args: Vec<OsString>) -> Exit {
    let mut words = args.into_iter();
    let command = words.next().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let rest: Vec<OsString> = words.collect();
    if help::is_asked(&rest) && args::COMMANDS.contains(&command.as_str()) {
        return help::page(&command);
    }
    match command.as_str() {
        "" => supervisor::run_default(false, rest),
        "collector" => collector::run(rest),
        "foreground" | "-d" => foreground::run(rest),
        "status" => status::run(rest),
        "try" => try_it::run(rest),
        "standalone" => supervisor::run_default(true, rest),
        "send-sample" => send_sample::run(rest),
        "supervisor" => supervisor::run(rest),
        "scrape" => scrape::run(rest),
        "parse" => parse::run(rest),
        "check" => check::run(rest),
        "relabel" => relabel::run(rest),
        "targets" => targets::run(rest),
        "help" | "--help" | "-h" => help::run(&rest),
        "version" | "--version" | "-V" => version::run(&rest),
        unknown => args::unknown_command(unknown),
    }
}
