//! What OpenAgent costs from end to end: the built program scrapes a farm of exporters and sends to a collector, both in
//! this process; its processor time, memory, threads and descriptors are read from `/proc`.
//!
//! ```text
//! cargo bench --bench end_to_end                          three loads, about a minute and a half
//! cargo bench --bench end_to_end -- --targets 1000 --series 1000 --interval 10s --seconds 60
//! cargo bench --bench end_to_end -- --help                all modes
//! ```
//!
//! Needs Linux, loopback and free ports; several runs may go on at a time. Without `--bench`, as `cargo test --benches`
//! starts it, it is a check of three seconds.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is what it is for")]

mod arguments;
mod body;
mod child;
mod farm;
mod fit;
mod gate;
mod home;
mod least_squares;
mod limits;
mod load;
mod own;
mod proc;
mod report;
mod scaling;
mod sink;
mod smoke;
mod soak;
mod svg;

use arguments::{Arguments, Mode};
use std::process::ExitCode;

/// What went wrong, as a sentence.
type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    let done =
        Arguments::parse(std::env::args_os().skip(1)).map_err(|error| error.to_string()).and_then(|all| run(&all));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("end_to_end: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome<()> {
    match &arguments.mode {
        Mode::Help => {
            println!("{}", arguments::HELP);
            Ok(())
        }
        Mode::Others => Ok(()),
        Mode::Smoke => smoke::run(&arguments.bin),
        Mode::Loads(loads) => report::run(loads, arguments),
        Mode::Scaling => scaling::run(arguments),
        Mode::Fit => fit::run(arguments),
        Mode::Gate => gate::run(arguments),
        Mode::Soak(time) => soak::run(*time, arguments),
    }
}
