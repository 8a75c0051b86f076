//! The process or the disk at its end: killed while spooling, out of space, out of the server's favour. Each runs in a
//! process of its own: this test binary, told by its environment to play the part.

use super::server::{Mode, Server, numbered};
use super::{SOON, licence, settings, start, wait_for_delivery};
use crate::support::wait_for;
use openagent::sender::{Batch, DropReason, Sender, SenderSettings, SpoolSettings};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Tells the part, the port and the directory to the child.
const PART: &str = "OPENAGENT_TEST_PART";

/// The name of the test that plays the parts.
const CHILD: &str = "sender::crash::a_part_in_a_process_of_its_own";

fn with_spool(port: u16, dir: &Path) -> SenderSettings {
    let spool = SpoolSettings { max_bytes: 64 << 20, ..SpoolSettings::new(dir) };
    SenderSettings { spool: Some(spool), ..settings(port) }
}

/// This binary as a process that plays `part`; `wrap` is what it is started by.
fn child(wrap: &[&str], part: &str, port: u16, dir: &Path) -> Child {
    let own = std::env::current_exe().unwrap();
    let mut words: Vec<_> = wrap.iter().map(std::ffi::OsString::from).collect();
    words.push(own.into());
    let mut command = Command::new(words.remove(0));
    command.args(words).args(["--exact", CHILD, "--nocapture", "--test-threads=1"]);
    command.env(PART, format!("{part} {port} {}", dir.display())).stdout(Stdio::piped()).stdin(Stdio::piped());
    command.spawn().unwrap()
}

/// The part this process was started for; in the test run itself there is none, and nothing to do.
#[test]
fn a_part_in_a_process_of_its_own() {
    let Ok(part) = std::env::var(PART) else { return };
    let words: Vec<_> = part.splitn(3, ' ').collect();
    let (port, dir) = (words[1].parse().unwrap(), Path::new(words[2]));
    match words[0] {
        "spool" => write_for_ever(&start(with_spool(port, dir))),
        "full" => fill_the_disk(port, dir),
        "stall" => push_against_a_wall(port),
        other => panic!("{other}"),
    }
}

/// Pushes a numbered pack every millisecond and tells which was the last.
fn write_for_ever(sender: &Sender) {
    for number in 0.. {
        sender.queue().push(Batch { time_ms: 1, packs: vec![numbered(number, 2_000)] });
        say(&number.to_string());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").and_then(|()| out.flush()).unwrap();
}

#[test]
fn killed_while_spooling_nothing_older_than_a_second_is_missing() {
    // in memory where there is such a directory: how long a busy disk takes to take a write is not the question here
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = child(&[], "spool", port, dir.path());
    let mut told = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Ok(number) = line.unwrap().parse::<u64>() {
            told.push((number, Instant::now()));
        }
        if told.first().is_some_and(|(_, first)| first.elapsed() > Duration::from_secs(3)) {
            break;
        }
    }
    child.kill().unwrap(); // SIGKILL
    let killed = Instant::now();
    child.wait().unwrap();
    let (safe, _) = *told.iter().rev().find(|(_, at)| killed - *at > Duration::from_secs(1)).unwrap();

    let server = Server::on_port(port, &licence(), Mode::default());
    let sender = start(with_spool(port, dir.path()));
    wait_for("the spool", SOON, || {
        let state = sender.state();
        let replayed = state.frames_replayed.value();
        (replayed > 0 && state.spool_bytes() == 0 && state.packs_delivered.value() >= replayed).then_some(())
    });
    let arrived = server.tally().keys().copied().zip(0..).take_while(|(number, at)| number == at).count() as u64;
    assert!(arrived > safe, "{arrived} packs are whole, {safe} are older than a second, {:#?}", sender.state());
    eprintln!("pushed {}, safe up to {safe}, arrived {}", told.len(), server.tally().len());
    assert!(sender.state().drops.packs(DropReason::SpoolCorrupt) <= 1, "more than the last record is torn");
    sender.shutdown(Duration::from_secs(5));
}

/// Fills a disk with room for a few hundred kilobytes, tells what the sender says, then lets the server in.
fn fill_the_disk(port: u16, dir: &Path) {
    let settings = SenderSettings { queue_bytes: 300_000, ..with_spool(port, dir) };
    let sender = start(settings);
    let mut pushed = 0;
    let fault = wait_for("the full disk", SOON, || {
        for number in 0..50 {
            sender.queue().push(Batch { time_ms: 1, packs: vec![numbered(number, 4_000)] });
        }
        pushed += 50;
        assert!(sender.queue().bytes() <= 300_000);
        sender.state().spool_fault()
    });
    say(&format!("fault: {fault}"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).unwrap();
    sender.queue().push(Batch { time_ms: 1, packs: vec![numbered(4711, 100)] });
    wait_for_delivery(&sender, pushed + 1);
    say("well");
    sender.shutdown(Duration::from_secs(5));
}

/// Runs the part of the full disk to its end; `wrap` makes the disk small.
fn disk_full(wrap: &[&str], dir: &Path, error: &str) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = child(wrap, "full", port, dir);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let fault = lines.find(|line| line.starts_with("fault: ")).expect("the child tells its fault");
    assert!(fault.contains(error) && fault.contains("free space on that disk or lower spool_max_bytes"), "{fault}");
    let server = Server::on_port(port, &licence(), Mode::default());
    writeln!(child.stdin.take().unwrap(), "go on").unwrap();
    assert!(lines.any(|line| line == "well"));
    assert!(child.wait().unwrap().success());
    // what the disk had taken before it was full arrives as well as what memory held
    assert!(server.numbers().contains(&4711) && server.tally().len() > 50);
}

#[test]
fn a_file_that_may_not_grow_is_a_reason_and_no_crash() {
    let dir = tempfile::tempdir().unwrap();
    // 100 blocks of 512 bytes or 1 KiB by shell; without the signal that goes with it by default
    let wrap = ["sh", "-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""];
    disk_full(&wrap, dir.path(), "File too large");
}

#[test]
fn a_full_disk_is_a_reason_and_no_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size=512k tmpfs '{}'", dir.path().display());
    let namespace = ["unshare", "-Urm", "sh", "-c"];
    let probe = Command::new(namespace[0]).args(&namespace[1..]).arg(&mount).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this system lets nobody mount a small disk");
        return;
    }
    let script = format!("{mount} && exec \"$0\" \"$@\"");
    disk_full(&[&namespace[..], &[&script]].concat(), dir.path(), "No space left on device");
}

/// Pushes at 100 scrapes a second, 20 MB in all, against a server that reads nothing, and tells the longest push.
fn push_against_a_wall(port: u16) {
    let bound = 8 << 20;
    let sender = start(SenderSettings { queue_bytes: bound, ..settings(port) });
    wait_for("a session", SOON, || sender.state().is_connected().then_some(()));
    let before = resident();
    let (mut longest, mut latest) = (Duration::ZERO, Duration::ZERO);
    let began = Instant::now();
    for number in 0..300 {
        let due = began + Duration::from_millis(10) * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let packs = (0..4).map(|n| numbered(u64::from(number) * 4 + n, 20_000)).collect();
        let pushing = Instant::now();
        sender.queue().push(Batch { time_ms: 1, packs });
        longest = longest.max(pushing.elapsed());
        latest = latest.max(due.elapsed());
        assert!(sender.queue().bytes() <= bound);
    }
    let grown = resident().saturating_sub(before);
    assert!(sender.state().drops.packs(DropReason::QueueFull) > 0, "the queue never filled");
    say(&format!("wall: {} {} {grown}", longest.as_micros(), latest.as_micros()));
    sender.shutdown(Duration::ZERO);
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn a_server_that_reads_nothing_never_delays_a_push_and_memory_keeps_its_bound() {
    let server = Server::on_port(0, &licence(), Mode { stall: true, ..Mode::default() });
    let mut child = child(&[], "stall", server.port, Path::new("-"));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("wall: ")).expect("the child tells its numbers");
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
    let numbers: Vec<u64> = line.split(' ').skip(1).map(|number| number.parse().unwrap()).collect();
    eprintln!("longest push {} µs, latest slot {} µs, memory grown by {} bytes", numbers[0], numbers[1], numbers[2]);
    assert!(numbers[0] < 100_000, "a push took {} µs", numbers[0]);
    assert!(numbers[2] < (8 << 20) + (8 << 20), "memory has grown by {} bytes", numbers[2]);
}
