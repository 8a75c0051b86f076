//! Which program this is: version, commit, when it was built. The build script found the last two.

use super::log_format::LocalTime;

/// The package's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from, or `unknown` for a build without git.
pub const COMMIT: &str = env!("OPENAGENT_COMMIT");

/// When it was built, in UTC, as `2026-07-01T09:00:00Z`.
pub fn time() -> String {
    let seconds: u64 = env!("OPENAGENT_BUILD_SECONDS").parse().unwrap_or(0);
    format!("{:.0}", LocalTime { unix_millis: seconds.saturating_mul(1000), offset: 0 })
}

/// The processor's name as Go programs give it: the server knows agents by `amd64` and `arm64`.
pub fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
