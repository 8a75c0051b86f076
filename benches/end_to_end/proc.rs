//! What a process costs, read from `/proc/PID`.

use crate::Outcome;
use openagent::os;
use std::fs;

/// A process at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Resident memory, in KiB.
    pub rss: u64,
    /// The most it ever was, in KiB.
    pub peak: u64,
    pub threads: u64,
    /// Open descriptors.
    pub fds: u64,
    /// Seconds of user and kernel, in whole ticks of the kernel: 10 ms.
    ticks: f64,
    /// The same of the living threads alone, in nanoseconds' steps; 0 where the kernel doesn't tell.
    fine: f64,
}

impl Usage {
    pub fn of(pid: u32) -> Outcome<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        let (a_second, _) = os::clock_ticks_and_page_size();
        let field = |name: &str| field(&status, name).ok_or_else(|| format!("/proc/{pid}/status has no {name}"));
        Ok(Self {
            rss: field("VmRSS:")?,
            peak: field("VmHWM:")?,
            threads: field("Threads:")?,
            fds: fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count() as u64),
            ticks: ticks(&stat).ok_or("/proc/PID/stat is not as proc(5) says")? as f64 / a_second as f64,
            fine: threads_seconds(pid).unwrap_or(0.0),
        })
    }

    /// Seconds of user and kernel since an earlier moment.
    ///
    /// The threads' own clocks are finer but forget threads that have ended, so they count only while they agree with
    /// the kernel's ticks.
    pub fn cpu_since(&self, earlier: &Self) -> f64 {
        let (ticks, fine) = (self.ticks - earlier.ticks, self.fine - earlier.fine);
        if (ticks - fine).abs() < 0.03 { fine } else { ticks }
    }
}

/// utime and stime, counted from behind the last `)`: the program's name before it may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

fn threads_seconds(pid: u32) -> Option<f64> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        nanoseconds += times.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(nanoseconds as f64 / 1e9)
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
