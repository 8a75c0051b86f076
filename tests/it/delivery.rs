//! The main job: scrape and deliver, through everything that goes wrong around it.

use crate::exporter::Exporter;
use crate::support::{Collector, Home, LONG, PCODE, Running, openagent, static_config, wait_for};
use serde_json::json;
use std::net::TcpListener;

#[test]
fn samples_carry_job_instance_and_pcode_and_help_comes_first() {
    let exporter = Exporter::text(|_| {
        "# TYPE jobs_total counter\n# HELP jobs_total Jobs\\ndone.\njobs_total{queue=\"a,b{}\\\"\"} 5\nbare NaN\n"
            .into()
    });
    let collector = Collector::start("127.0.0.1:0", &[]);
    let address = exporter.address.to_string();
    let home = Home::new(&collector.address, "", &static_config("1s", &[("shop", &address, "")]));
    let _agent = home.agent();
    let sample = wait_for("a sample", LONG, || collector.samples("jobs_total").first().cloned());
    assert_eq!(sample["labels"], json!({"queue": "a,b{}\"", "job": "shop", "instance": address, "pcode": PCODE}));
    assert_eq!(sample["value"], json!(5.0));
    let up = wait_for("up", LONG, || collector.samples("up").first().cloned());
    assert_eq!(up["labels"], json!({"job": "shop", "instance": address, "pcode": PCODE}));
    assert_eq!(up["ts"], sample["ts"]);
    assert!(collector.samples("bare").is_empty(), "the server takes no NaN");
    let records = collector.records();
    let help = records.iter().position(|record| record["type"] == "help").unwrap();
    let first = records.iter().position(|record| record["type"] == "openmx").unwrap();
    assert!(help < first, "help goes before the samples that need it");
    assert_eq!(records[help]["name"], "jobs_total");
    assert_eq!(records[help]["properties"]["help"], "Jobs\ndone.");
}

#[test]
fn delivery_goes_on_when_the_collector_is_killed_and_started_again() {
    let exporter = Exporter::text(|_| "ticks 1\n".into());
    let collector = Collector::start("127.0.0.1:0", &[]);
    let address = collector.address.clone();
    let config = static_config("500ms", &[("clock", &exporter.address.to_string(), "")]);
    let home = Home::new(&address, "", &config.replace("targets:", "minimumInterval: 100ms\n    targets:"));
    let _agent = home.agent();
    wait_for("samples before", LONG, || (collector.samples("ticks").len() >= 2).then_some(()));
    drop(collector);
    let again = wait_for("the port again", LONG, || {
        TcpListener::bind(&address).ok().map(drop).map(|()| Collector::start(&address, &[]))
    });
    wait_for("samples after", LONG, || (again.samples("ticks").len() >= 2).then_some(()));
}

#[test]
fn a_failed_scrape_sends_up_0_and_nothing_else() {
    let broken = Exporter::start(|path| match path {
        "/short" => b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf 1\n".to_vec(),
        _ => b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nlost 1".to_vec(),
    });
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let collector = Collector::start("127.0.0.1:0", &[]);
    let address = broken.address.to_string();
    let targets = [
        ("status", address.as_str(), ""),
        ("short", address.as_str(), "path: /short\ntimeout: 1s"),
        ("refused", &refused.to_string(), ""),
    ];
    let home = Home::new(&collector.address, "", &static_config("1s", &targets));
    let agent = home.agent();
    for job in ["status", "short", "refused"] {
        wait_for(&format!("up of {job}"), LONG, || {
            collector.samples("up").into_iter().find(|up| up["labels"]["job"] == job && up["value"] == json!(0.0))
        });
        agent.stderr.wait(job, |line| line.contains(&format!("scrape of job \"{job}\"")).then_some(()));
    }
    assert!(collector.samples("half").is_empty() && collector.samples("lost").is_empty());
    agent.stderr.wait("the status", |line| line.contains("503").then_some(()));
}

#[test]
fn a_wrong_licence_is_told_plainly() {
    let collector = Collector::start("127.0.0.1:0", &[]);
    let exporter = Exporter::text(|_| "a 1\n".into());
    let home = Home::new(&collector.address, "", &static_config("1s", &[("a", &exporter.address.to_string(), "")]));
    home.write(
        "whatap.conf",
        &format!(
            "license=xa07edck0247v-z3vvuvnufnunq-xe2091a07vahv\nstatus_listen=\nwhatap.server.host=127.0.0.1\n\
             whatap.server.port={}\n",
            collector.address.rsplit_once(':').unwrap().1
        ),
    );
    let agent = home.agent();
    agent.stderr.wait("the reason", |line| line.contains("is the licence right for this server?").then_some(()));
}

#[test]
fn missing_licence_and_host_are_one_message_and_exit_code_1() {
    let home = tempfile::tempdir().unwrap();
    let mut agent = Running::start(openagent().args(["foreground", "standalone"]).env("WHATAP_HOME", home.path()));
    assert_eq!(agent.exit().code(), Some(1));
    let text = wait_for("the message", LONG, || {
        let all = agent.stderr.all().join("\n");
        all.contains("WHATAP_HOST").then_some(all)
    });
    for way in ["WHATAP_LICENSE", "license", "WHATAP_HOST", "whatap.server.host", "WHATAP_SERVER_HOST"] {
        assert!(text.contains(way), "{way} is not named in: {text}");
    }
}
