//! The server away: what memory and disk hold comes through, what they can't is dropped oldest first and counted.

use super::server::{Mode, Server};
use super::{SOON, batch, licence, settings, start, wait_for_all, wait_for_delivery};
use crate::support::wait_for;
use openagent::sender::{DropReason, Sender, SenderSettings, SpoolOrder, SpoolSettings};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A port on which nobody listens.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spooled(port: u16, dir: &TempDir, max_bytes: u64) -> SenderSettings {
    let spool = SpoolSettings { max_bytes, ..SpoolSettings::new(dir.path().join("spool")) };
    SenderSettings { spool: Some(spool), spool_after: Duration::from_millis(50), ..settings(port) }
}

/// Pushes packs without passing the queue's bound.
fn push(sender: &Sender, numbers: std::ops::Range<u64>, bytes: usize, bound: usize) {
    for number in numbers {
        wait_for("room in the queue", SOON, || (sender.queue().bytes() < bound / 2).then_some(()));
        sender.queue().push(batch(number, bytes));
    }
}

fn drops(sender: &Sender) -> Vec<(DropReason, u64)> {
    let state = sender.state();
    let counted = DropReason::ALL.map(|reason| (reason, state.drops.packs(reason)));
    counted.into_iter().filter(|(_, packs)| *packs > 0).collect()
}

#[test]
fn memory_alone_keeps_the_newest_and_counts_the_rest() {
    let port = free_port();
    let sender = start(SenderSettings { queue_bytes: 100_000, ..settings(port) });
    (0..500).for_each(|n| sender.queue().push(batch(n, 1_000)));
    assert!(sender.queue().bytes() <= 100_000);
    let server = Server::on_port(port, &licence(), Mode::default());
    wait_for_delivery(&sender, 500);
    let numbers = server.numbers();
    let first = *numbers.first().unwrap();
    assert_eq!(numbers, (first..500).collect::<Vec<_>>());
    assert_eq!(drops(&sender), [(DropReason::QueueFull, first)]);
    assert!(numbers.len() as u64 >= 100_000 / 1_300);
    sender.shutdown(Duration::from_secs(5));
}

/// The hour without a server, by volume and to scale: 360 MB against 256 MiB, both divided by 64.
#[test]
fn an_hour_without_a_server_costs_exactly_the_oldest_excess() {
    const MAX: u64 = (256 << 20) / 64;
    const VOLUME: u64 = 360_000_000 / 64;
    const PACK: u64 = 4_000;
    // what a record of the spool adds: its head, time, type, count
    const RECORD: u64 = PACK + 26;
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let sender = start(SenderSettings { queue_bytes: 1 << 20, ..spooled(port, &dir, MAX) });
    let count = VOLUME / PACK;
    push(&sender, 0..count, PACK as usize, 1 << 20);
    wait_for("everything in the spool", SOON, || (sender.state().packs_spooled.value() == count).then_some(()));
    assert!(disk_use(dir.path()) <= MAX, "{}", disk_use(dir.path()));

    let server = Server::on_port(port, &licence(), Mode::default());
    wait_for_delivery(&sender, count);
    wait_for("the empty spool", SOON, || (sender.state().spool_bytes() == 0).then_some(()));
    // a bound of 4 MiB is kept in segments of 64 KiB, one of which may be waste
    let fit = (MAX - (64 << 10)) / RECORD;
    assert_eq!(server.numbers(), (count - fit..count).collect::<Vec<_>>());
    assert_eq!(drops(&sender), [(DropReason::SpoolFull, count - fit)]);
    assert_eq!(disk_use(dir.path()), 0);
    sender.shutdown(Duration::from_secs(5));
}

fn disk_use(dir: &Path) -> u64 {
    let segments = std::fs::read_dir(dir.join("spool")).unwrap().map(|entry| entry.unwrap());
    segments
        .filter(|file| file.path().extension().is_some_and(|e| e == "spool"))
        .map(|f| f.metadata().unwrap().len())
        .sum()
}

#[test]
fn fresh_packs_flow_while_the_spool_is_caught_up_at_its_rate() {
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let rate = 200_000;
    let sender = start(SenderSettings { replay_bytes_per_second: rate, ..spooled(port, &dir, 8 << 20) });
    push(&sender, 0..500, 1_000, 16 << 20);
    wait_for("the spool", SOON, || (sender.state().packs_spooled.value() == 500).then_some(()));

    let server = Server::on_port(port, &licence(), Mode::default());
    let began = Instant::now();
    wait_for("a session", SOON, || sender.state().is_connected().then_some(()));
    sender.queue().push(batch(500, 1_000));
    wait_for("the fresh pack", SOON, || server.numbers().contains(&500).then_some(()));
    assert!(server.tally().len() < 450, "the fresh pack waited for {} old ones", server.tally().len());
    wait_for_all(&server, 501);
    // 550 kB with their overhead, of which one second's bytes and a 64 KiB step go at once
    let least = Duration::from_secs_f64((500.0 * 1_000.0 - rate as f64 - 2.0 * 65_536.0) / rate as f64);
    assert!(began.elapsed() >= least, "{:?} instead of {least:?}", began.elapsed());
    let old: Vec<_> = server.numbers().into_iter().filter(|number| *number < 500).collect();
    assert!(old.is_sorted());
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn fresh_first_sends_the_queue_before_the_spool() {
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let mut fresh_first = SenderSettings { replay_bytes_per_second: 1_000_000, ..spooled(port, &dir, 8 << 20) };
    fresh_first.spool.as_mut().unwrap().order = SpoolOrder::Newest;
    let sender = start(fresh_first);
    push(&sender, 0..300, 1_000, 16 << 20);
    wait_for("the spool", SOON, || (sender.state().packs_spooled.value() == 300).then_some(()));
    let server = Server::on_port(port, &licence(), Mode::default());
    wait_for_all(&server, 300);
    // segments of 128 KiB: the youngest goes first, each from its beginning
    let first = server.numbers()[0];
    assert!(first > 0 && first.is_multiple_of((128 << 10) / 1_026), "{first}");
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn a_shutdown_without_a_server_keeps_everything_for_the_next_process() {
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let sender = start(SenderSettings { spool_after: Duration::from_secs(60), ..spooled(port, &dir, 8 << 20) });
    (0..100).for_each(|n| sender.queue().push(batch(n, 1_000)));
    let began = Instant::now();
    sender.shutdown(Duration::from_secs(10));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());

    let server = Server::on_port(port, &licence(), Mode::default());
    let sender = start(spooled(port, &dir, 8 << 20));
    wait_for_all(&server, 100);
    assert!(server.tally().values().all(|times| *times == 1));
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn what_was_on_its_way_at_a_shutdown_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on_port(0, &licence(), Mode { stall: true, ..Mode::default() });
    let sender = start(spooled(server.port, &dir, 8 << 20));
    wait_for("a session", SOON, || sender.state().is_connected().then_some(()));
    (0..100).for_each(|n| sender.queue().push(batch(n, 1_000)));
    sender.shutdown(Duration::from_secs(1));
    server.set(|mode| mode.stall = false);

    let sender = start(spooled(server.port, &dir, 8 << 20));
    wait_for_all(&server, 100);
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn a_directory_that_cannot_be_used_is_told_and_memory_goes_on() {
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    std::fs::write(dir.path().join("spool"), "a file, no directory").unwrap();
    let sender = start(SenderSettings { queue_bytes: 50_000, ..spooled(port, &dir, 8 << 20) });
    let fault = wait_for("the fault", SOON, || sender.state().spool_fault());
    assert!(fault.contains("make the directory writable for the agent"), "{fault}");
    (0..100).for_each(|n| sender.queue().push(batch(n, 1_000)));
    assert!(sender.queue().bytes() <= 50_000);
    let server = Server::on_port(port, &licence(), Mode::default());
    wait_for("the newest", SOON, || server.numbers().contains(&99).then_some(()));
    assert!(drops(&sender).iter().all(|(reason, _)| *reason == DropReason::QueueFull));
    sender.shutdown(Duration::from_secs(5));
}
