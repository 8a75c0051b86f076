//! Whether this process may hold the connections of a load; the agent inherits its limits.

use crate::Outcome;
use std::fs;

/// Descriptors beside those of the targets, in this process or in the agent: files, listeners, the session, cargo's pipes.
const BESIDE: u64 = 20;

/// Refuses a load that would run out of descriptors.
pub fn check(targets: usize) -> Outcome<()> {
    let limits = fs::read_to_string("/proc/self/limits").map_err(|error| format!("/proc/self/limits: {error}"))?;
    let needed = targets as u64 + BESIDE;
    match open_files(&limits) {
        Some(limit) if limit < needed => Err(format!(
            "{targets} targets need {needed} descriptors and this process may open {limit}; say `ulimit -n {}` in this \
             shell first, or take fewer --targets",
            needed.next_multiple_of(1024)
        )),
        _ => Ok(()),
    }
}

/// The soft limit; `None` when there is none.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
