//! `openagent foreground [standalone]`: the worker.

use super::args::{failed, usage};
use super::exit::Exit;
use crate::agent::worker::{self, Ended, Mode};
use std::ffi::OsString;

/// Scrapes and sends until it is told to stop or its supervisor dies.
pub fn run(args: Vec<OsString>) -> Exit {
    let mut mode = Mode::Cluster;
    for word in args {
        match word.to_str() {
            Some("standalone") => mode = Mode::Standalone,
            _ => return usage("foreground", &format!("{} is not understood here", word.display())),
        }
    }
    match worker::run(mode) {
        Ok(Ended::Asked) => Exit::Ok,
        Ok(Ended::RoomDied) => Exit::RoomDied,
        Err(error) => failed("foreground", &error),
    }
}
