//! What the tests share: the program, the shared folder, waiting for a condition.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// The program under test.
pub fn openagent() -> Command {
    Command::new(env!("CARGO_BIN_EXE_openagent"))
}

/// A file or folder of the conformance data beside the project, or `None` with a message where it is missing.
///
/// # Panics
/// When `OPENAGENT_REQUIRE_ALL` is set and it is missing: a check that must be whole may not skip.
#[allow(dead_code, reason = "used by the corpus tests")]
pub fn shared(path: &str) -> Option<PathBuf> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if file.exists() {
        return Some(file);
    }
    assert!(
        std::env::var_os("OPENAGENT_REQUIRE_ALL").is_none(),
        "{} is missing and everything is required",
        file.display()
    );
    eprintln!("skipped: {} is not there", file.display());
    None
}

/// Waits until `condition` gives a value.
///
/// # Panics
/// When `within` has passed, naming `what`.
#[allow(dead_code, reason = "used by tests that start the program")]
pub fn wait_for<T>(what: &str, within: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {within:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
