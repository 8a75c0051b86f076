//! `openagent send-sample` against the collector: what arrives, and what is said when nothing can.

use crate::support::{Collector, LICENCE, LONG, Running, openagent, wait_for};
use std::net::TcpListener;
use std::process::{Command, Output};

/// The command with a server, in a folder without files.
fn sample(args: &[&str], host: &str, port: &str) -> Command {
    let mut command = openagent();
    command.arg("send-sample").args(args).env("WHATAP_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.env("WHATAP_LICENSE", LICENCE).env("WHATAP_HOST", host).env("WHATAP_PORT", port);
    command
}

fn to(collector: &Collector, args: &[&str]) -> Command {
    let (host, port) = collector.address.rsplit_once(':').unwrap();
    sample(args, host, port)
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat()
}

/// The records of a type, once there are as many as wanted.
fn records(collector: &Collector, kind: &str, wanted: usize) -> Vec<serde_json::Value> {
    wait_for(&format!("{wanted} {kind} records"), LONG, || {
        let all = collector.records();
        let found: Vec<_> = all.into_iter().filter(|record| record["type"] == kind).collect();
        (found.len() >= wanted).then_some(found)
    })
}

/// The number before a word of the output: `71 samples`.
fn number_before(text: &str, word: &str) -> usize {
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|w| *w == word).expect(word);
    words[at - 1].parse().expect(word)
}

#[test]
fn basic_sends_samples_with_none_one_and_two_labels_and_their_help() {
    let collector = Collector::start("127.0.0.1:0", &[]);
    let output = to(&collector, &["basic"]).output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for step in ["licence: project 1845", "server: 127.0.0.1 port ", "connected: ", "done: 2 packs"] {
        assert!(said.contains(step), "{step}: {said}");
    }
    assert!(!said.contains(LICENCE));
    let samples = records(&collector, "openmx", number_before(&said, "samples"));
    let helps = records(&collector, "help", number_before(&said, "help"));
    for labels in 0..=2 {
        let with = samples.iter().filter(|sample| sample["labels"].as_object().unwrap().len() == labels).count();
        assert!(with >= 10, "{labels}: {with}");
    }
    assert!(samples.iter().all(|sample| helps.iter().any(|help| help["name"] == sample["name"])));
}

#[test]
fn promax_sends_round_after_round_with_values_that_move() {
    let collector = Collector::start("127.0.0.1:0", &[]);
    let output = to(&collector, &["promax", "--count", "3", "--interval", "100ms"]).output().unwrap();
    let said = text(&output);
    assert_eq!((output.status.code(), said.matches("\nsent: ").count()), (Some(0), 3), "{said}");
    let samples = records(&collector, "openmx", 3 * number_before(&said, "samples"));
    let total = |sample: &&serde_json::Value| {
        sample["name"] == "http_requests_total" && sample["labels"].as_object().unwrap().is_empty()
    };
    let values: Vec<String> = samples.iter().filter(total).map(|sample| sample["value"].to_string()).collect();
    assert_eq!(values.len(), 3);
    assert!(values[0] != values[1] && values[1] != values[2], "{values:?}");
    assert!(samples.iter().any(|sample| sample["labels"]["payment"] == "계좌이체"));
}

#[test]
fn tags_sends_one_tag_pack() {
    let collector = Collector::start("127.0.0.1:0", &[]);
    let output = to(&collector, &["tags"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let record = &records(&collector, "tagcount", 1)[0];
    assert_eq!(record["category"], "open_metric_test", "{record}");
}

#[test]
fn ctrl_c_ends_an_endless_sample_well() {
    let collector = Collector::start("127.0.0.1:0", &[]);
    let mut running = Running::start(&mut to(&collector, &["promax", "--interval", "1h"]));
    running.stdout.wait("a round", |line| line.starts_with("sent: ").then_some(()));
    running.signal("INT");
    assert_eq!(running.exit().code(), Some(0));
}

#[test]
fn what_failed_is_said_and_ends_with_1() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let other = Collector::start("127.0.0.1:0", &["--license", "x208g60oj4cpk-x3adhn70sm2oj3-x68pb6nv603okt"]);
    let (_, others) = other.address.rsplit_once(':').unwrap();
    for (host, port, said) in [
        ("no-such-host.invalid", "6600", "check WHATAP_HOST"),
        ("127.0.0.1", port.as_str(), "refused"),
        ("127.0.0.1", others, "licence"),
    ] {
        let output = sample(&["basic"], host, port).output().unwrap();
        let text = text(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(said) && !text.contains("connected:"), "{said}: {text}");
    }
}

#[test]
fn a_missing_or_broken_licence_is_told_before_anything_is_connected() {
    let output = sample(&["tags"], "127.0.0.1", "1").env_remove("WHATAP_LICENSE").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("WHATAP_LICENSE"), "{}", text(&output));
    let output = sample(&["tags"], "127.0.0.1", "1").env("WHATAP_LICENSE", "nonsense!").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("licence is faulty") && !text(&output).contains("nonsense!"), "{}", text(&output));
}
