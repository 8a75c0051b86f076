//! What the status room costs, and that it costs the scrapes nothing.

use super::Agent;
use crate::exporter::Exporter;
use crate::support::{Collector, LONG, is_optimised, static_config, wait_for};
use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn scrapes_go_on_while_two_hundred_slow_connections_are_open() {
    let exporter = Exporter::text(|_| "a 1\n".into());
    let collector = Collector::start("127.0.0.1:0", &[]);
    let agent = Agent::start(&collector.address, &static_config("1s", &[("a", &exporter.address.to_string(), "")]));
    agent.scraped(1);
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(&agent.status).unwrap();
            stream.write_all(b"GET /targets HT").unwrap();
            stream
        })
        .collect();
    let scrapes = || agent.targets()[0]["scrapes"].as_u64().unwrap();
    let before = scrapes();
    let began = Instant::now();
    wait_for("three more scrapes", LONG, || (scrapes() >= before + 3).then_some(()));
    assert!(began.elapsed() < Duration::from_secs(6), "three scrapes a second apart took {:?}", began.elapsed());
    assert_eq!(agent.targets()[0]["failures"], 0);
    drop(slow);
}

#[test]
fn a_page_of_a_thousand_targets_is_quick_and_takes_little_memory() {
    let exporter = Exporter::text(|_| "a 1\n".into());
    let collector = Collector::start("127.0.0.1:0", &[]);
    let address = exporter.address.to_string();
    let names: Vec<String> = (0..1000).map(|n| format!("job-{n:04}")).collect();
    let targets: Vec<_> = names.iter().map(|name| (name.as_str(), address.as_str(), "")).collect();
    let agent = Agent::start(&collector.address, &static_config("30s", &targets));
    wait_for("the targets", LONG, || (agent.targets().len() == 1000).then_some(()));
    wait_for("the scrapes", Duration::from_secs(60), || {
        agent.page("/api/v1/status/agent").contains("\"unknown\":0").then_some(())
    });
    assert_eq!(agent.page("/targets").matches("<details class=\"target ").count(), 1000); // the first one warms up
    let before = resident(agent.process.pid());
    let times: Vec<Duration> = (0..8)
        .map(|_| {
            let began = Instant::now();
            agent.page("/targets");
            began.elapsed()
        })
        .collect();
    let grown = resident(agent.process.pid()).saturating_sub(before);
    let best = times.iter().min().unwrap();
    let most = if is_optimised() { Duration::from_millis(200) } else { Duration::from_secs(5) };
    println!("a page of 1000 targets in {best:?}, {grown} bytes of memory for eight of them");
    assert!(*best < most, "{times:?}");
    assert!(grown < 2 << 20, "{grown} bytes for eight pages");
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
