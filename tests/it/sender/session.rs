//! A plain session: set up, data, time, commands, faults of the server, other settings.

use super::server::{Mode, Server, numbered};
use super::{SOON, batch, licence, settings, start, wait_for_all};
use crate::support::wait_for;
use openagent::sender::{Batch, DropReason, SenderSettings};
use openagent::wire::cypher::Level;
use openagent::wire::identity::Identity;
use openagent::wire::licence::Licence;
use openagent::wire::pack::{EncodedPack, Param};
use openagent::wire::value::Map;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

#[test]
fn packs_arrive_in_order_with_the_agents_header() {
    let server = Server::start(&licence());
    let sender = start(settings(server.port));
    (0..500).for_each(|n| sender.queue().push(batch(n, 300)));
    wait_for_all(&server, 500);
    assert_eq!(server.numbers(), (0..500).collect::<Vec<_>>());
    let hello = &server.hellos()[0];
    assert_eq!((hello.oname.as_str(), hello.pcode), ("agent-1", licence().pcode));
    let (header, ..) = server.packs()[7];
    assert_eq!((header.pcode, header.oid), (licence().pcode, hello.oid));
    let state = sender.state();
    assert!(state.is_connected() && state.server().ends_with(&format!("(127.0.0.1:{})", server.port)));
    assert_eq!((state.sessions(), state.frames_sent.value(), state.records_sent.value()), (1, 500, 500));
    super::wait_for_delivery(&sender, 500);
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn every_cypher_level_and_encryption_deliver() {
    for level in [Level::Plain, Level::Aes128, Level::Aes192, Level::Aes256] {
        for encrypt in [false, true] {
            let server = Server::start(&licence());
            let sender = start(SenderSettings { cypher_level: level, encrypt, ..settings(server.port) });
            (0..20).for_each(|n| sender.queue().push(batch(n, 1_000 + n as usize)));
            wait_for_all(&server, 20);
            assert_eq!(server.hellos()[0].level, level);
            sender.shutdown(Duration::from_secs(5));
        }
    }
}

#[test]
fn a_wrong_licence_is_told_plainly() {
    let server = Server::start(&licence());
    let wrong = Licence::parse(&Licence::generate(5, b"another key")).unwrap();
    let sender = start(SenderSettings { licence: wrong, ..settings(server.port) });
    let error = wait_for("the reason", SOON, || sender.state().last_error());
    assert!(
        error.ends_with(
            "the server closed the connection during the key exchange: is the licence right for this server?"
        ),
        "{error}"
    );
    assert!(!sender.state().is_connected());
    sender.shutdown(Duration::ZERO);
}

#[test]
fn nobody_listening_and_no_name_are_told_with_the_server() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sender = start(settings(port));
    let error = wait_for("the reason", SOON, || sender.state().last_error());
    assert!(error.starts_with(&format!("127.0.0.1:{port}: cannot connect: ")), "{error}");
    sender.shutdown(Duration::ZERO);

    let sender = start(SenderSettings { hosts: vec!["no such host".to_owned()], ..settings(port) });
    let error = wait_for("the reason", SOON, || sender.state().last_error());
    assert!(error.contains("its name has no address"), "{error}");
    sender.shutdown(Duration::ZERO);
}

#[test]
fn hosts_are_tried_in_turn() {
    let server = Server::start(&licence());
    let hosts = ["127.0.0.2", "no such host", "127.0.0.1"].map(str::to_owned).to_vec();
    let sender = start(SenderSettings { hosts, ..settings(server.port) });
    wait_for("a session", SOON, || sender.state().is_connected().then_some(()));
    assert_eq!(sender.state().connects_failed.value(), 2);
    assert!(sender.state().server().starts_with("127.0.0.1:"));
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn delivery_goes_on_when_the_server_comes_back() {
    let mut server = Server::start(&licence());
    let port = server.port;
    let sender = start(settings(port));
    for round in 0..5 {
        (0..100).for_each(|n| sender.queue().push(batch(n, 200)));
        wait_for_all(&server, 100);
        assert_eq!(sender.state().sessions(), round + 1);
        drop(server);
        wait_for("the loss", SOON, || (!sender.state().is_connected()).then_some(()));
        server = Server::on_port(port, &licence(), Mode::default());
        wait_for("the session", SOON, || sender.state().is_connected().then_some(()));
    }
    assert_eq!(sender.state().sessions_lost.value(), 5);
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn commands_come_through_and_replies_go_first() {
    let server = Server::start(&licence());
    let sender = start(settings(server.port));
    wait_for("a session", SOON, || sender.state().is_connected().then_some(()));
    let command = Param { id: 12, request: 99, response: 0, map: Map::default() };
    server.send(&EncodedPack::param(&Param::information(2, Map::default())));
    server.send(&EncodedPack::param(&command));
    let received = sender.commands().recv_timeout(SOON).unwrap();
    assert_eq!(received, command);
    let reply = EncodedPack::param(&received.reply(Map::default()));
    sender.queue().reply(Batch { time_ms: 1, packs: vec![reply.clone()] });
    let (_, kind, body) = wait_for("the reply", SOON, || server.packs().pop());
    assert_eq!((kind, body), (reply.pack_type, reply.body));
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn garbage_ends_the_session_with_a_reason_and_the_next_one_works() {
    let garbage: [(&[u8], &str); 3] = [
        (&[0xff; 64], "the server sent garbage: a frame announces"),
        (b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n", "the server sent garbage: a frame announces"),
        (&[1, 2, 3], ""),
    ];
    for (bytes, reason) in garbage {
        let server = Server::on_port(0, &licence(), Mode { garbage: bytes.to_vec(), ..Mode::default() });
        let sender = start(settings(server.port));
        wait_for("a session", SOON, || (server.sessions() > 0).then_some(()));
        server.set(|mode| mode.garbage.clear());
        if reason.is_empty() {
            server.close_session();
        }
        let error = wait_for("the reason", SOON, || sender.state().last_error());
        assert!(error.contains(reason), "{error}");
        sender.queue().push(batch(0, 10));
        wait_for_all(&server, 1);
        sender.shutdown(Duration::from_secs(5));
    }
}

#[test]
fn a_pack_that_cannot_be_read_ends_the_session() {
    let server = Server::start(&licence());
    let sender = start(settings(server.port));
    wait_for("a session", SOON, || sender.state().is_connected().then_some(()));
    server.send(&EncodedPack { pack_type: 0x0100, body: vec![0xff; 30], records: 0 });
    let error = wait_for("the reason", SOON, || sender.state().last_error());
    assert!(error.contains("the server sent garbage: a frame without a pack in it"), "{error}");
    wait_for("the next session", SOON, || (server.sessions() == 2).then_some(()));
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn frames_for_another_agent_are_ignored() {
    let server = Server::start(&licence());
    let sender = start(settings(server.port));
    wait_for("a session", SOON, || sender.state().is_connected().then_some(()));
    let mut frame = vec![1, 1];
    frame.extend_from_slice(&[0; 20]);
    server.send_raw(&frame);
    wait_for("the count", SOON, || (sender.state().frames_ignored.value() == 1).then_some(()));
    sender.queue().push(batch(0, 10));
    wait_for_all(&server, 1);
    assert_eq!(server.sessions(), 1);
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn packs_bear_the_servers_time() {
    let hour = 3_600_000;
    let server = Server::on_port(0, &licence(), Mode { clock_ahead_ms: hour, ..Mode::default() });
    let sender = start(settings(server.port));
    let offset = wait_for("the offset", SOON, || Some(sender.state().clock_offset_ms()).filter(|ms| *ms != 0));
    assert!((offset - hour).abs() < 500, "{offset}");
    sender.queue().push(batch(0, 10));
    wait_for_all(&server, 1);
    let (header, ..) = server.packs()[0];
    assert!((header.time_ms - 1_700_000_000_000 - hour).abs() < 500, "{}", header.time_ms);
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn a_frame_over_the_bound_is_never_sent_and_is_counted() {
    let server = Server::start(&licence());
    let sender = start(SenderSettings { net_send_max_bytes: 10_000, ..settings(server.port) });
    let packs = [numbered(0, 100), numbered(7, 10_000), numbered(1, 9_000)].to_vec();
    sender.queue().push(Batch { time_ms: 1, packs });
    wait_for_all(&server, 2);
    assert_eq!(sender.state().drops.packs(DropReason::FrameTooLarge), 1);
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn a_change_of_server_or_name_makes_a_new_session_and_other_changes_none() {
    let (first, second) = (Server::start(&licence()), Server::start(&licence()));
    let sender = start(settings(first.port));
    sender.queue().push(batch(0, 10));
    wait_for_all(&first, 1);
    sender.reconfigure(SenderSettings { queue_bytes: 1 << 20, ..settings(first.port) });
    sender.queue().push(batch(1, 10));
    wait_for_all(&first, 2);
    assert_eq!(sender.state().sessions(), 1);

    sender.reconfigure(settings(second.port));
    wait_for("the other server", SOON, || (second.sessions() == 1).then_some(()));
    sender.queue().push(batch(2, 10));
    // pack 1 may come too: the first server may not have shown yet that it has it
    wait_for("the pack", SOON, || second.numbers().contains(&2).then_some(()));

    let old = settings(second.port);
    let renamed = Arc::new(move |pcode, ip| Identity { oid: 4711, ..(old.identity)(pcode, ip) });
    sender.reconfigure(SenderSettings { identity: renamed, ..settings(second.port) });
    wait_for("the new name", SOON, || second.hellos().get(1).map(|hello| assert_eq!(hello.oid, 4711)));
    sender.shutdown(Duration::from_secs(5));
}

#[test]
fn shutdown_sends_what_is_queued_and_waits_until_the_server_has_it() {
    let server = Server::on_port(0, &licence(), Mode { rest: Duration::from_millis(5), ..Mode::default() });
    let sender = start(settings(server.port));
    (0..2_000).for_each(|n| sender.queue().push(batch(n, 2_000)));
    sender.shutdown(Duration::from_secs(10));
    assert!(server.tally().keys().copied().eq(0..2_000));
}

#[test]
fn shutdown_without_a_server_ends_in_time_and_counts_what_is_lost() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sender = start(settings(port));
    (0..10).for_each(|n| sender.queue().push(batch(n, 100)));
    let (state, began) = (sender.state(), Instant::now());
    sender.shutdown(Duration::from_secs(2));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(state.drops.packs(DropReason::Shutdown), 10);
}

#[test]
fn the_heartbeat_goes_on_while_the_server_takes_nothing() {
    let server = Server::on_port(0, &licence(), Mode { stall: true, ..Mode::default() });
    let heartbeat = Arc::new(AtomicU64::new(0));
    let sender = openagent::sender::start(settings(server.port), Arc::clone(&heartbeat)).unwrap();
    wait_for("a session", SOON, || (server.sessions() > 0).then_some(()));
    (0..300).for_each(|n| sender.queue().push(batch(n, 50_000)));
    let mut last = heartbeat.load(SeqCst);
    for _ in 0..10 {
        last = wait_for("a beat", Duration::from_secs(5), || Some(heartbeat.load(SeqCst)).filter(|beat| *beat > last));
    }
    sender.shutdown(Duration::ZERO);
}
