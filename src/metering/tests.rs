//! Metering over a table of targets: what goes out when, and what a new name changes.

use super::*;
use crate::config::job::{Discover, ScrapeJob};
use crate::discovery::Target;
use crate::labels::Labels;
use crate::scrape::state::{Health, Report, TargetState};
use crate::wire::pack::{Body, Header, Pack};
use std::net::Ipv4Addr;
use std::sync::Mutex;

const START: i64 = 1_718_668_801_000;

#[derive(Clone)]
struct Fixed {
    identity: Arc<Mutex<Option<Arc<Identity>>>>,
    switches: Switches,
    offset: i64,
}

impl Fixed {
    fn new(switches: Switches) -> Self {
        Self { identity: Arc::default(), switches, offset: 0 }
    }

    fn name(&self, oname: &str) {
        let identity = Identity {
            pcode: 7,
            oid: 1,
            oname: oname.to_owned(),
            okind: 0,
            okind_name: String::new(),
            onode: 0,
            onode_name: String::new(),
            ip: Ipv4Addr::LOCALHOST,
        };
        *self.identity.lock().unwrap() = Some(Arc::new(identity));
    }
}

impl Sources for Fixed {
    fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.lock().unwrap().clone()
    }

    fn clock_offset_ms(&self) -> i64 {
        self.offset
    }

    fn switches(&self) -> Switches {
        self.switches
    }

    fn process(&self) -> Process {
        Process {
            started_ms: START,
            hostname: "host".to_owned(),
            name_pattern: String::new(),
            app_name: String::new(),
            cpu_cores: 2.0,
        }
    }
}

const ALL: Switches = Switches { counters: true, endpoints: true };

/// What a pack is about, in one word.
fn word(pack: &EncodedPack) -> String {
    let mut bytes = Vec::new();
    pack.write(&Header::default(), &mut bytes);
    match Pack::decode(&bytes).unwrap().body {
        Body::Text(texts) => format!("text {}", texts[0].text),
        Body::Param(param) => format!("param {}", param.id),
        Body::TagCount(count) => match count.tags.text("targetName") {
            Some(name) => {
                let number = |key: &str| count.data.value(key).unwrap().as_i64().unwrap();
                format!("target {name} {}/{} {}", number("endpointsUp"), number("endpointsTotal"), number("errorCode"))
            }
            None => count.category,
        },
        Body::Endpoints(urls) => urls.join(" "),
        other => panic!("{other:?}"),
    }
}

fn words(packs: &[EncodedPack]) -> Vec<String> {
    packs.iter().map(word).collect()
}

fn target(name: &str, address: &str, health: Health, last_scrape: i64) -> Arc<TargetState> {
    let job = Arc::new(ScrapeJob::new(name, Discover::Static(Vec::new())));
    let state = TargetState::new(Arc::new(Target::example(&job, address, Labels::default())));
    state.update(|report: &mut Report| (report.health, report.last_scrape) = (health, last_scrape));
    Arc::new(state)
}

#[test]
fn nothing_goes_out_before_the_agent_has_a_name() {
    let sources = Fixed::new(ALL);
    let mut metering = Metering::new(sources.clone(), TargetTable::new());
    assert!(metering.packs(START).is_empty() && metering.packs(START + 3_600_000).is_empty());
    sources.name("one");
    assert_eq!(words(&metering.packs(START + 3_600_001)), ["text one", "param 2"]);
    assert_eq!(words(&metering.packs(START + 3_606_000)), ["common_agent_info", "integrations_counter"]);
    sources.name("two");
    assert_eq!(words(&metering.packs(START + 3_606_001)), ["text two", "param 2"]);
}

#[test]
fn targets_are_summed_up_each_minute_and_urls_told_once_a_scrape() {
    let sources = Fixed::new(ALL);
    sources.name("one");
    let table = TargetTable::new();
    table.replace(vec![
        target("api", "10.0.0.1:80", Health::Up, START),
        target("api", "10.0.0.2:80", Health::Down, START),
        target("new", "10.0.0.3:80", Health::Unknown, 0),
    ]);
    let mut metering = Metering::new(sources, table);
    metering.packs(START);
    let urls = "http://10.0.0.1:80/metrics http://10.0.0.2:80/metrics";
    let counters = ["common_agent_info", "integrations_counter"];
    assert_eq!(words(&metering.packs(START + 60_000)), [&counters[..], &["target api 1/2 99", urls]].concat());
    assert_eq!(words(&metering.packs(START + 120_000)), [&counters[..], &["target api 1/2 99"]].concat());
}

#[test]
fn slots_are_those_of_the_servers_clock() {
    let sources = Fixed { offset: -4_000, ..Fixed::new(Switches { counters: true, endpoints: false }) };
    sources.name("one");
    let mut metering = Metering::new(sources, TargetTable::new());
    let now = START + 5_000; // six seconds past midnight here, two there
    assert_eq!(words(&metering.packs(now)), ["text one", "param 2"]);
    assert!(metering.packs(now + 2_999).is_empty());
    assert_eq!(words(&metering.packs(now + 3_000)), ["common_agent_info", "integrations_counter"]);
}

#[test]
fn nothing_is_sent_when_nothing_is_switched_on() {
    let sources = Fixed::new(Switches::default());
    sources.name("one");
    let mut metering = Metering::new(sources, TargetTable::new());
    for minute in 0..120 {
        assert!(metering.packs(START + minute * 60_000).is_empty());
    }
}

struct Collecting(crossbeam_channel::Sender<Vec<String>>);

impl Outlet for Collecting {
    fn deliver(&self, batch: ScrapedBatch) {
        let _ = self.0.send(words(&batch.packs));
    }

    fn session(&self) -> u64 {
        1
    }

    fn debug_lines(&self, _: &str) {}
}

#[test]
fn the_thread_delivers_and_ends_when_told() {
    let sources = Fixed::new(ALL);
    let (packs, delivered) = crossbeam_channel::unbounded();
    let metering = Metering::new(sources.clone(), TargetTable::new());
    let thread = metering.start(Arc::new(Collecting(packs)), crate::scrape::run::unix_ms).unwrap();
    assert!(delivered.try_recv().is_err());
    sources.name("late");
    let first = delivered.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(first[..2], ["text late", "param 2"]);
    assert!(!thread.is_dead());
    thread.stop();
    assert!(delivered.recv_timeout(Duration::from_secs(10)).is_err(), "nobody is left to deliver");
}
