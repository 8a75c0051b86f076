//! The sender against a server on loopback.

mod chaos;
mod crash;
mod outage;
mod server;
mod session;

use openagent::sender::{Batch, DropReason, Sender, SenderSettings};
use openagent::wire::identity::{Identity, Sources};
use openagent::wire::licence::Licence;
use server::{Server, numbered};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// How long anything may take to happen.
const SOON: Duration = Duration::from_secs(20);

fn licence() -> Licence {
    Licence::parse("x41pl22ek7jhv-z43cebasdv4il7-z62p3l35fj5502").unwrap()
}

/// Settings for a server on this port, impatient as tests are.
fn settings(port: u16) -> SenderSettings {
    let identity = Arc::new(|pcode, ip| {
        let none = |_: &str| None;
        let name = |key: &str| (key == "whatap.oname").then(|| "agent-1".to_owned());
        let sources = Sources { setting: &name, env: &none, hostname: "", container_id: "", addresses: "" };
        Identity::resolve(pcode, ip, &sources)
    });
    SenderSettings {
        backoff: (Duration::from_millis(10), Duration::from_millis(100)),
        time_sync_interval: Duration::from_millis(50),
        replay_bytes_per_second: 0,
        ..SenderSettings::new(licence(), vec!["127.0.0.1".to_owned()], port, identity)
    }
}

fn start(settings: SenderSettings) -> Sender {
    openagent::sender::start(settings, Arc::new(AtomicU64::new(0))).unwrap()
}

fn batch(number: u64, bytes: usize) -> Batch {
    Batch { time_ms: 1_700_000_000_000 + number as i64, packs: vec![numbered(number, bytes)] }
}

/// Waits until the server has all numbers below `count`.
fn wait_for_all(server: &Server, count: u64) {
    crate::support::wait_for(&format!("all of {count} packs"), SOON, || {
        (server.tally().len() as u64 >= count).then_some(())
    });
    assert!(server.tally().keys().copied().eq(0..count));
}

/// Waits until each of so many packs is delivered or dropped.
fn wait_for_delivery(sender: &Sender, packs: u64) {
    let state = sender.state();
    let done =
        || state.packs_delivered.value() + DropReason::ALL.map(|reason| state.drops.packs(reason)).iter().sum::<u64>();
    crate::support::wait_for(&format!("an end of {packs} packs"), SOON, || (done() == packs).then_some(()));
}
