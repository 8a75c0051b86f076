//! What this process costs, read from `/proc/self`: memory, processor time, descriptors, threads.
//!
//! # Invariants
//! A figure that cannot be read is `None`, never a guess; reading takes a few small files and no lock.

use crate::os;
use std::fs;

/// The process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Resident memory, in bytes.
    pub resident_bytes: Option<u64>,
    /// Virtual memory, in bytes.
    pub virtual_bytes: Option<u64>,
    /// Processor time of user and kernel together, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Open descriptors.
    pub open_fds: Option<u64>,
    /// The most descriptors it may open; `None` as well when there is no bound.
    pub max_fds: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// When it started, in seconds since 1970.
    pub start_seconds: Option<f64>,
}

/// Reads all figures.
pub fn usage() -> Usage {
    let (ticks, page) = os::clock_ticks_and_page_size();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_seconds(&text));
    let times = StatTimes::of(&stat);
    let (size, resident) = pages(&fs::read_to_string("/proc/self/statm").unwrap_or_default());
    Usage {
        resident_bytes: resident.map(|pages| pages * page),
        virtual_bytes: size.map(|pages| pages * page),
        cpu_seconds: times.map(|times| times.cpu_ticks as f64 / ticks as f64),
        // the listing itself holds one
        open_fds: fs::read_dir("/proc/self/fd").ok().map(|entries| (entries.count() as u64).saturating_sub(1)),
        max_fds: fs::read_to_string("/proc/self/limits").ok().and_then(|text| soft_fd_limit(&text)),
        threads: times.map(|times| times.threads),
        start_seconds: times.zip(boot).map(|(times, boot)| boot + times.start_ticks as f64 / ticks as f64),
    }
}

/// The host's name; empty when the kernel does not tell it.
pub fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// The fields of `/proc/self/stat` that matter.
#[derive(Debug, Clone, Copy, PartialEq)]
struct StatTimes {
    cpu_ticks: u64,
    threads: u64,
    start_ticks: u64,
}

impl StatTimes {
    /// Counts from behind the last `)`: the program's name before it may hold anything.
    fn of(stat: &str) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // field 3 of proc(5) is the first one here
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self { cpu_ticks: field(14)? + field(15)?, threads: field(20)?, start_ticks: field(22)? })
    }
}

/// Pages of virtual and of resident memory from `/proc/self/statm`.
fn pages(statm: &str) -> (Option<u64>, Option<u64>) {
    let mut numbers = statm.split_ascii_whitespace().map(|number| number.parse().ok());
    (numbers.next().flatten(), numbers.next().flatten())
}

/// The `btime` line of `/proc/stat`.
fn boot_seconds(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// The soft limit of `/proc/self/limits`' line `Max open files`.
fn soft_fd_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_all_figures_and_they_make_sense() {
        let usage = usage();
        assert!(usage.resident_bytes.unwrap() > 100_000);
        assert!(usage.virtual_bytes.unwrap() >= usage.resident_bytes.unwrap());
        assert!(usage.cpu_seconds.unwrap() >= 0.0);
        assert!(usage.threads.unwrap() >= 1);
        assert!((3..100_000).contains(&usage.open_fds.unwrap()));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - usage.start_seconds.unwrap();
        assert!((-1.5..86_400.0).contains(&age), "{age}");
    }

    #[test]
    fn a_program_name_with_brackets_and_spaces_is_skipped() {
        let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194560 9 0 0 0 11 22 0 0 20 0 5 0 99 1 2";
        assert_eq!(StatTimes::of(stat), Some(StatTimes { cpu_ticks: 33, threads: 5, start_ticks: 99 }));
        assert_eq!(StatTimes::of("7 (x) S 1"), None);
        assert_eq!(StatTimes::of(""), None);
    }

    #[test]
    fn files_of_another_shape_give_nothing() {
        assert_eq!(pages(""), (None, None));
        assert_eq!(boot_seconds("cpu 1 2\nbtime 1718668800\n"), Some(1_718_668_800.0));
        assert_eq!(soft_fd_limit("Max open files            1024    524288   files"), Some(1024));
        assert_eq!(soft_fd_limit("Max open files            unlimited unlimited files"), None);
    }
}
