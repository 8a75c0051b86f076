//! The parent process against workers made of shell scripts: every way a worker or a supervisor can end.

use crate::support::{openagent, wait_for};
use openagent::os;
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM};
use std::fs;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A worker that writes its process number down and beats ten times a second.
const BEATING: &str = "echo $$ >> pids; while :; do printf . > /proc/self/fd/$OPENAGENT_HEARTBEAT_FD; sleep 0.1; done";

/// Generous: the machine may be busy. What must be fast is measured by itself.
const SOON: Duration = Duration::from_secs(20);

/// A running supervisor with a home of its own; killed when a test fails.
struct Supervised {
    home: TempDir,
    child: Child,
}

impl Supervised {
    fn start(options: &[&str], script: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), options, &["sh", "-c", script])
    }

    fn start_in(home: TempDir, options: &[&str], program: &[&str]) -> Self {
        let stderr = fs::File::create(home.path().join("stderr")).unwrap();
        let mut command = openagent();
        command.arg("supervisor").args(options).arg("--").args(program).current_dir(home.path());
        command.env("WHATAP_HOME", home.path()).env_remove("WHATAP_OPEN_HOME").env_remove("RUST_LOG");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        Self { home, child }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.home.path().join(name)).unwrap_or_default()
    }

    /// The how-manieth worker's process, once it runs.
    fn worker(&self, number: usize) -> u32 {
        wait_for(&format!("worker {number}"), SOON, || self.read("pids").lines().nth(number - 1)?.parse().ok())
    }

    /// The text of the supervisor's own log file.
    fn log(&self) -> String {
        let Ok(logs) = fs::read_dir(self.home.path().join("logs")) else { return String::new() };
        let names = logs.map(|entry| entry.unwrap().path());
        let mut logs = names.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("whatap-boot-2"));
        logs.next().map(|path| fs::read_to_string(path).unwrap()).unwrap_or_default()
    }

    fn signal(&self, signal: i32) {
        os::kill(self.child.id(), signal).unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        wait_for("the supervisor's end", SOON, || self.child.try_wait().unwrap())
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process is there and not a corpse waiting to be collected.
fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn wait_for_end(pid: u32) {
    wait_for(&format!("the end of {pid}"), SOON, || (!lives(pid)).then_some(()));
}

#[test]
fn a_killed_worker_is_replaced_within_two_seconds() {
    let supervised = Supervised::start(&[], BEATING);
    let first = supervised.worker(1);
    os::kill(first, SIGKILL).unwrap();
    let killed = Instant::now();
    let second = supervised.worker(2);
    assert!(killed.elapsed() <= Duration::from_secs(2), "{:?}", killed.elapsed());
    assert!(second != first && lives(second) && !lives(first));
    assert!(supervised.log().contains("signal: 9"), "{}", supervised.log());
}

#[test]
fn a_worker_that_stops_beating_is_killed_and_replaced() {
    let supervised = Supervised::start(&["--heartbeat-timeout", "1s"], BEATING);
    let first = supervised.worker(1);
    os::kill(first, SIGSTOP).unwrap();
    let second = supervised.worker(2);
    assert!(second != first && lives(second));
    wait_for_end(first);
    assert!(supervised.log().contains("has not beaten for 1s"), "{}", supervised.log());
}

#[test]
fn a_worker_that_never_beats_is_killed_too_but_a_beating_one_lives_on() {
    let silent = Supervised::start(&["--heartbeat-timeout", "500ms"], "echo $$ >> pids; exec sleep 100");
    let beating = Supervised::start(&["--heartbeat-timeout", "2s"], BEATING);
    let first = beating.worker(1);
    silent.worker(3);
    assert_eq!(beating.read("pids").trim(), first.to_string(), "only one worker was needed");
    assert!(lives(first));
}

#[test]
fn the_worker_ends_within_two_seconds_of_a_killed_supervisor() {
    let mut supervised = Supervised::start(&[], BEATING);
    let worker = supervised.worker(1);
    supervised.child.kill().unwrap();
    let killed = Instant::now();
    wait_for_end(worker);
    assert!(killed.elapsed() <= Duration::from_secs(2), "{:?}", killed.elapsed());
}

#[test]
fn a_stop_signal_ends_both_with_status_0() {
    for signal in [SIGTERM, SIGINT] {
        let script = format!("trap 'echo stopped >> said; exit 0' TERM INT; {BEATING}");
        let mut supervised = Supervised::start(&[], &script);
        let worker = supervised.worker(1);
        supervised.signal(signal);
        assert_eq!(supervised.ended().code(), Some(0));
        assert_eq!(supervised.read("said"), "stopped\n", "the worker was told once, and given its time");
        assert!(!lives(worker));
    }
}

#[test]
fn a_worker_that_does_not_stop_is_killed_after_the_bound() {
    let mut supervised = Supervised::start(&["--stop-timeout", "500ms"], &format!("trap '' TERM; {BEATING}"));
    let worker = supervised.worker(1);
    supervised.signal(SIGTERM);
    assert_eq!(supervised.ended().code(), Some(1));
    assert!(!lives(worker));
}

#[test]
fn a_hangup_is_passed_on_and_ends_nothing() {
    let supervised = Supervised::start(&[], &format!("trap 'echo again >> said' HUP; {BEATING}"));
    let worker = supervised.worker(1);
    supervised.signal(SIGHUP);
    wait_for("the worker to hear it", SOON, || (supervised.read("said") == "again\n").then_some(()));
    assert!(lives(worker));
}

#[test]
fn a_first_worker_that_cannot_start_ends_the_supervisor_with_its_status() {
    for code in [1, 2] {
        let mut supervised = Supervised::start(&[], &format!("echo 'licence: missing' >&2; exit {code}"));
        assert_eq!(supervised.ended().code(), Some(code));
        assert!(supervised.read("stderr").contains("licence: missing"));
    }
}

#[test]
fn a_crash_loop_is_told_with_the_last_lines_of_stderr() {
    let supervised = Supervised::start(&[], "echo 'out of wits' >&2; echo 'giving up' >&2; exit 3");
    let log = wait_for("the report", SOON, || Some(supervised.log()).filter(|log| log.contains("| giving up")));
    assert!(log.contains("ended 3 times in a row") && log.contains("| out of wits"), "{log}");
    assert_eq!(log.matches("starting another in").count(), 3, "{log}");
    let [one, two, four] = ["in 1 s", "in 2 s", "in 4 s"].map(|pause| log.contains(pause));
    assert!(one && two && four, "{log}");
}

#[test]
fn a_program_that_is_not_there_is_named_and_tried_again() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("worker");
    let mut supervised = Supervised::start_in(home, &[], &[path.to_str().unwrap()]);
    wait_for("the complaint", SOON, || supervised.log().contains("cannot be started").then_some(()));
    fs::write(&path, format!("#!/bin/sh\n{BEATING}\n")).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    supervised.worker(1);
    supervised.signal(SIGTERM);
    assert_eq!(supervised.ended().code(), Some(0));
}

#[test]
fn a_signal_during_a_pause_ends_it_at_once() {
    let mut supervised = Supervised::start(&[], "echo $$ >> pids; exit 7");
    let pauses = |supervised: &Supervised| supervised.log().matches("starting another in").count();
    wait_for("the second pause", SOON, || (pauses(&supervised) == 2).then_some(()));
    supervised.signal(SIGTERM);
    let asked = Instant::now();
    assert_eq!(supervised.ended().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    for args in [&["supervisor", "--heartbeat-timeout", "soon"][..], &["supervisor", "--nope"], &["standalone", "x"]] {
        let output = openagent().args(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains("openagent help"), "{stderr}");
    }
}
