//! `openagent version`: one line with version, commit, build time and platform.

use super::args::usage;
use super::exit::Exit;
use crate::telemetry::build;
use std::ffi::OsString;
use std::io::Write as _;

/// Prints the line.
pub fn run(args: &[OsString]) -> Exit {
    if let Some(surplus) = args.first() {
        return usage("version", &format!("{} is not understood here: it takes no arguments", surplus.display()));
    }
    let (version, commit, time) = (build::VERSION, build::COMMIT, build::time());
    let (os, arch) = (std::env::consts::OS, build::arch());
    let _ = writeln!(std::io::stdout(), "openagent {version} (commit {commit}, built {time}, {os}/{arch})");
    Exit::Ok
}
