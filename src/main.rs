//! The `openagent` command: hands its arguments to [`openagent::cli`].

use std::process::ExitCode;

#[global_allocator]
static HEAP: openagent::os::Heap = openagent::os::Heap;

fn main() -> ExitCode {
    openagent::cli::run(std::env::args_os().skip(1).collect()).into()
}
