//! Connections that break in every way while numbered packs are written: all of them arrive, and no more repeats than
//! were on their way when a connection broke.

use super::server::{Mode, Server, number_of, numbered};
use super::{SOON, batch, licence, settings, start};
use crate::support::wait_for;
use openagent::collector::{Collector, Event, Faults, Options};
use openagent::sender::{Batch, DropReason, Sender, SenderSettings};
use openagent::wire::pack::Body;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Connections to lose.
const LOSSES: u64 = 200;

/// Bytes of a pack.
const PACK: usize = 2_000;

/// A window of few packs, so that it is full all the time.
const WINDOW: usize = 60_000;

fn impatient(port: u16) -> SenderSettings {
    SenderSettings {
        retry_window_bytes: WINDOW,
        backoff: (Duration::from_millis(1), Duration::from_millis(20)),
        write_timeout: Duration::from_millis(300),
        time_sync_timeout: Duration::from_millis(300),
        connect_timeout: Duration::from_millis(300),
        ..settings(port)
    }
}

/// Pushes numbered packs, never more than the queue takes, until `done`; gives how many.
fn write_until(sender: &Sender, mut done: impl FnMut() -> bool) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut number = 0;
    while !done() {
        assert!(Instant::now() < deadline, "too few connections were lost: {:#?}", sender.state());
        while sender.queue().bytes() < 200_000 {
            let packs = (0..5).map(|n| numbered(number + n, PACK)).collect();
            sender.queue().push(Batch { time_ms: 1, packs });
            number += 5;
        }
        thread::sleep(Duration::from_millis(1));
    }
    number
}

/// What must hold in the end, whatever happened on the way.
fn check(sender: &Sender, written: u64, tally: &BTreeMap<u64, u64>) {
    assert!(tally.keys().copied().eq(0..written), "{} of {written} arrived", tally.len());
    let state = sender.state();
    let repeats: u64 = tally.values().map(|times| times - 1).sum();
    let (resent, lost) = (state.frames_resent.value(), state.sessions_lost.value());
    let on_their_way = lost * (WINDOW / PACK + 1) as u64;
    assert!(repeats <= resent && resent <= on_their_way, "{repeats} repeats, {resent} sent again, {lost} losses");
    eprintln!("{written} packs over {lost} losses: {repeats} repeats, {resent} sent again");
}

#[test]
fn two_hundred_losses_by_the_collectors_faults_lose_nothing() {
    let tally: Arc<Mutex<BTreeMap<u64, u64>>> = Arc::default();
    let sink = {
        let tally = Arc::clone(&tally);
        move |event| {
            if let Event::Pack(_, pack) = event
                && let Body::Other { pack_type, bytes } = &pack.body
                && let Some(number) = number_of(*pack_type, bytes)
            {
                *tally.lock().unwrap().entry(number).or_default() += 1;
            }
        }
    };
    let collector = Collector::bind("127.0.0.1:0", licence(), Options::default(), sink).unwrap();
    let sender = start(impatient(collector.address().port()));
    let state = sender.state();
    let none = Faults::default();
    let mut last = u64::MAX;
    let written = write_until(&sender, || {
        let (lost, failed) = (state.sessions_lost.value(), state.connects_failed.value());
        // another fault after each loss or failed attempt
        if lost + failed != last {
            last = lost + failed;
            let drop_after = Some(last * 7 % 40 + 1);
            collector.set_faults(match last % 8 {
                0 | 1 => Faults { drop_after, ..none },
                2 | 3 => Faults { drop_after, reset: true, ..none },
                4 => Faults { drop_after, slow_read: Some(400_000), ..none },
                5 => Faults { drop_after, refuse: true, ..none },
                6 => Faults { drop_after, bad_key: true, ..none },
                _ if last.is_multiple_of(3) => Faults { stall: true, ..none },
                _ => Faults { reset: true, ..none },
            });
        }
        lost >= LOSSES
    });
    collector.set_faults(none);
    wait_for("all packs", SOON, || (tally.lock().unwrap().len() as u64 == written).then_some(()));
    super::wait_for_delivery(&sender, written);
    check(&sender, written, &tally.lock().unwrap());
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn two_hundred_losses_with_unread_bytes_in_the_servers_kernel_lose_nothing() {
    // what TCP has acknowledged and the server never read is lost with the connection: the echo knows better
    let server = Server::on_port(0, &licence(), Mode { close_after: Some(9), ..Mode::default() });
    let sender = start(impatient(server.port));
    let state = sender.state();
    let written = write_until(&sender, || {
        let lost = state.sessions_lost.value();
        server.set(|mode| {
            mode.close_after = Some(lost * 13 % 30 + 1);
            mode.rest = Duration::from_millis(lost % 3);
        });
        lost >= LOSSES
    });
    server.set(|mode| *mode = Mode::default());
    wait_for("all packs", SOON, || (server.tally().len() as u64 == written).then_some(()));
    super::wait_for_delivery(&sender, written);
    check(&sender, written, &server.tally());
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn a_server_that_never_echoes_is_served_by_the_word_of_tcp() {
    let server = Server::on_port(0, &licence(), Mode { echo: false, ..Mode::default() });
    let sender = start(impatient(server.port));
    // far more than the window holds
    (0..100).for_each(|n| sender.queue().push(batch(n, PACK)));
    super::wait_for_all(&server, 100);
    assert_eq!((server.sessions(), sender.state().sessions_lost.value()), (1, 0));
    // the last bytes stay in the window, and come again over the next session
    let kept = sender.state().unacked_bytes();
    assert!(kept > 0 && kept <= (WINDOW + 2 * PACK) as u64, "{kept}");
    server.set(|mode| mode.echo = true);
    server.close_session();
    wait_for("the repeats", SOON, || (server.numbers().len() > 100).then_some(()));
    wait_for("the echo", SOON, || (sender.state().unacked_bytes() == 0).then_some(()));
    assert_eq!(server.numbers().len() as u64, 100 + sender.state().frames_resent.value());
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn a_server_that_falls_silent_is_left() {
    let server = Server::start(&licence());
    let sender = start(impatient(server.port));
    sender.queue().push(batch(0, PACK));
    super::wait_for_delivery(&sender, 1);
    server.set(|mode| mode.echo = false);
    server.close_session();
    wait_for("the next session", SOON, || (server.sessions() == 2).then_some(()));
    sender.queue().push(batch(1, PACK));
    let told = "left a time sync unanswered for 300ms";
    wait_for("the reason", SOON, || sender.state().last_error().filter(|error| error.contains(told)));
    server.set(|mode| mode.echo = true);
    wait_for("the pack", SOON, || server.numbers().contains(&1).then_some(()));
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn a_pack_that_the_server_cannot_bear_costs_itself_alone() {
    let server = Server::on_port(0, &licence(), Mode { choke_on: Some(50), ..Mode::default() });
    let sender = start(impatient(server.port));
    (0..100).for_each(|n| sender.queue().push(batch(n, PACK)));
    wait_for("the others", SOON, || (server.tally().len() == 99).then_some(()));
    assert!(!server.tally().contains_key(&50));
    let state = sender.state();
    assert_eq!(DropReason::ALL.map(|reason| state.drops.packs(reason)).iter().sum::<u64>(), 1);
    assert_eq!(state.drops.packs(DropReason::Repelled), 1);
    assert!((5..12).contains(&state.sessions_lost.value()), "{}", state.sessions_lost.value());
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn a_server_that_takes_one_pack_a_session_gets_them_all() {
    let server = Server::on_port(0, &licence(), Mode { close_after: Some(1), ..Mode::default() });
    let sender = start(impatient(server.port));
    (0..10).for_each(|n| sender.queue().push(batch(n, PACK)));
    super::wait_for_all(&server, 10);
    sender.shutdown(Duration::ZERO);
}
