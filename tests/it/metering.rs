//! The agent's own packs, from the clock through the sender to a server.

use crate::support::{LICENCE, LONG, wait_for};
use openagent::collector::{Collector, Event, Options};
use openagent::metering::packs::Process;
use openagent::metering::schedule::Switches;
use openagent::metering::{Metering, Sources};
use openagent::scrape::run::{Outlet, ScrapedBatch, unix_ms};
use openagent::scrape::state::TargetTable;
use openagent::sender::{self, Batch, Queue, SenderSettings, SenderState};
use openagent::wire::identity::{self, Identity};
use openagent::wire::licence::Licence;
use openagent::wire::pack::{Body, Pack};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, OnceLock};

fn identity(pcode: i64, ip: Ipv4Addr) -> Identity {
    let setting = |key: &str| (key == "whatap.oname").then(|| "agent-1".to_owned());
    let env = |name: &str| match name {
        "OKIND" => Some("web".to_owned()),
        "NODE_NAME" => Some("node-1".to_owned()),
        _ => None,
    };
    let sources = identity::Sources { setting: &setting, env: &env, hostname: "", container_id: "", addresses: "" };
    Identity::resolve(pcode, ip, &sources)
}

struct Fixed(Arc<SenderState>);

impl Sources for Fixed {
    fn identity(&self) -> Option<Arc<Identity>> {
        Some(Arc::new(identity(1845, Ipv4Addr::LOCALHOST)))
    }

    fn clock_offset_ms(&self) -> i64 {
        self.0.clock_offset_ms()
    }

    fn switches(&self) -> Switches {
        Switches { counters: true, endpoints: true }
    }

    fn process(&self) -> Process {
        Process {
            started_ms: 1_700_000_000_000,
            hostname: openagent::telemetry::process::hostname(),
            name_pattern: "{type}".to_owned(),
            app_name: "shop".to_owned(),
            cpu_cores: openagent::telemetry::cgroup::cpu_cores(),
        }
    }
}

struct ToQueue(Queue);

impl Outlet for ToQueue {
    fn deliver(&self, batch: ScrapedBatch) {
        self.0.push(Batch { time_ms: batch.time_ms, packs: batch.packs });
    }

    fn session(&self) -> u64 {
        1
    }

    fn debug_lines(&self, _: &str) {}
}

/// The clock, set back by whole slots so that the test begins early in five minutes: names and targets are not due again
/// before it ends, whatever the hour.
fn clock() -> i64 {
    static BACK: OnceLock<i64> = OnceLock::new();
    let back = BACK.get_or_init(|| unix_ms().rem_euclid(300_000) / 5_000 * 5_000);
    unix_ms() - back
}

#[test]
fn names_boot_information_and_counters_arrive_in_order_and_on_the_clock() {
    let packs = Arc::<Mutex<Vec<Pack>>>::default();
    let kept = Arc::clone(&packs);
    let licence = Licence::parse(LICENCE).unwrap();
    let sink = move |event| {
        if let Event::Pack(_, pack) = event {
            kept.lock().unwrap().push(*pack);
        }
    };
    let server = Collector::bind("127.0.0.1:0", licence.clone(), Options::default(), sink).unwrap();
    let port = server.address().port();
    let settings = SenderSettings::new(licence, vec!["127.0.0.1".to_owned()], port, Arc::new(identity));
    let sender = sender::start(settings, Arc::default()).unwrap();
    let metering = Metering::new(Fixed(sender.state()), TargetTable::new());
    let thread = metering.start(Arc::new(ToQueue(sender.queue())), clock).unwrap();
    let arrived = wait_for("two slots of counters", LONG, || {
        let packs = packs.lock().unwrap().clone();
        let counters = packs.iter().filter(|pack| matches!(pack.body, Body::TagCount(_))).count();
        (counters >= 4).then_some(packs)
    });
    thread.stop();
    sender.shutdown(LONG);
    server.shutdown();

    let mut texts = Vec::new();
    let mut slots = Vec::new();
    for pack in &arrived {
        assert_eq!((pack.header.pcode, pack.header.okind != 0, pack.header.onode != 0), (1845, true, true));
        match &pack.body {
            Body::Text(named) => texts.push((named[0].div, named[0].text.clone(), named[0].hash)),
            Body::Param(param) => assert_eq!((param.id, param.map.text("whatap.type")), (2, Some("shop"))),
            Body::TagCount(count) if count.category == "common_agent_info" => slots.push(pack.header.time_ms),
            Body::TagCount(count) => assert_eq!(count.category, "integrations_counter"),
            other => panic!("{other:?}"),
        }
    }
    let header = arrived[0].header;
    let expected = [(13, "agent-1", header.oid), (57, "web", header.okind), (63, "node-1", header.onode)];
    assert_eq!(texts, expected.map(|(div, text, hash)| (div, text.to_owned(), hash)));
    assert!(matches!(arrived[3].body, Body::Param(_)), "boot information follows the names");
    // the offset may have moved by some milliseconds between the slot and the sending
    let into_slot: Vec<i64> = slots.iter().map(|time| (time + 100).rem_euclid(5_000)).collect();
    assert!(into_slot.iter().all(|time| *time < 2_500), "near the slot's begin: {slots:?}");
    assert!(slots[1] - slots[0] > 2_500, "one a slot: {slots:?}");
}
