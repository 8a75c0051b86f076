//! The main job on real input: Debian's node_exporter is scraped for some rounds and what the collector receives
//! equals what the exporter said, name by name, label by label, value by value.

use crate::exporter::Exporter;
use crate::support::{Collector, Home, LONG, PCODE, Running, static_config, system_program, wait_for};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

type Series = (String, BTreeMap<String, String>);

/// The third is learned from, those behind it are read along what was learned.
const ROUNDS: usize = 6;

#[test]
fn rounds_arrive_as_they_were_exposed() {
    let Some(program) = system_program("prometheus-node-exporter") else { return };
    let (_exporter, address) = start_node_exporter(&program);
    let bodies: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = Arc::clone(&bodies);
    let proxy = Exporter::text(move |_| {
        let body = fetch(&address);
        record.lock().unwrap().push(body.clone());
        body
    });

    let collector = Collector::start("127.0.0.1:0", &[]);
    let config = static_config("1s", &[("node", &proxy.address.to_string(), "")]);
    let home = Home::new(&collector.address, "", &config);
    let mut agent = home.agent();
    wait_for("rounds", LONG, || (collector.samples("up").len() >= ROUNDS).then_some(()));
    agent.signal("TERM");
    assert_eq!(agent.exit().code(), Some(0), "{}", agent.stderr.all().join("\n"));

    let rounds = bodies.lock().unwrap().clone();
    let received = by_time(&collector);
    assert!(received.len() >= ROUNDS, "{} rounds arrived", received.len());
    for (round, (body, got)) in rounds.iter().zip(received.values()).enumerate() {
        let exposed = read_exposition(body);
        assert!(exposed.len() > 300, "node_exporter exposes hundreds of series, not {}", exposed.len());
        compare(round, &exposed, got);
    }
    let helps = collector.records().iter().filter(|record| record["type"] == "help").count();
    assert!(helps > 100, "{helps} help records");
}

fn start_node_exporter(program: &std::path::Path) -> (Running, String) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = Running::start(Command::new(program).arg(format!("--web.listen-address={free}")));
    wait_for("node_exporter", LONG, || TcpStream::connect(free).ok());
    (running, free.to_string())
}

fn fetch(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The samples of each scrape, by its time; scrapes of the report series count as their scrape's.
fn by_time(collector: &Collector) -> BTreeMap<i64, BTreeMap<Series, f64>> {
    let mut rounds: BTreeMap<i64, BTreeMap<Series, f64>> = BTreeMap::new();
    for record in collector.records().iter().filter(|record| record["type"] == "openmx") {
        let labels: BTreeMap<String, String> = serde_json::from_value(record["labels"].clone()).unwrap();
        let name = record["name"].as_str().unwrap().to_owned();
        let value = record["value"].as_f64().or_else(|| record["value"].as_str()?.parse().ok()).unwrap();
        let twice = rounds.entry(record["ts"].as_i64().unwrap()).or_default().insert((name, labels), value);
        assert!(twice.is_none(), "a series came twice: {record}");
    }
    rounds
}

fn compare(round: usize, exposed: &BTreeMap<Series, f64>, got: &BTreeMap<Series, f64>) {
    let mut left = got.clone();
    for ((name, labels), value) in exposed.iter().filter(|(_, value)| value.is_finite()) {
        let mut labels = labels.clone();
        labels.insert("job".into(), "node".into());
        labels.insert("pcode".into(), PCODE.into());
        let found = left.iter().find(|((n, l), _)| {
            n == name && l.len() == labels.len() + 1 && labels.iter().all(|(label, value)| l.get(label) == Some(value))
        });
        let (key, arrived) = found.map(|(key, value)| (key.clone(), *value)).unwrap_or_else(|| {
            panic!("round {round}: {name}{labels:?} did not arrive");
        });
        assert!(arrived == *value, "round {round}: {name}{labels:?} is {arrived}, exposed {value}");
        assert!(key.1.contains_key("instance"), "{name} has no instance");
        left.remove(&key);
    }
    let names: Vec<&str> = left.keys().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["scrape_duration_seconds", "scrape_samples_post_metric_relabeling", "scrape_samples_scraped", "up"],
        "round {round}: only the report series are more than was exposed"
    );
}

/// Reads node_exporter's own plain way of writing: no escapes but in label values, no timestamps.
fn read_exposition(body: &str) -> BTreeMap<Series, f64> {
    let mut series = BTreeMap::new();
    for line in body.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (left, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = left.split_once('{').map_or((left, ""), |(name, rest)| (name, &rest[..rest.len() - 1]));
        series.insert((name.to_owned(), read_labels(labels)), value.parse().unwrap());
    }
    series
}

fn read_labels(mut text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, c) => value.push(c),
            }
        };
        if !value.is_empty() {
            labels.insert(name.to_owned(), value);
        }
        text = rest[end + 1..].trim_start_matches(',');
    }
    labels
}
