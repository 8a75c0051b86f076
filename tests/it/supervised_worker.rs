//! Supervisor and worker together, as `openagent standalone` runs them: what the scripts of `supervisor` stood for.

use crate::exporter::Exporter;
use crate::support::{Collector, Home, LICENCE, LONG, Running, openagent, static_config, wait_for};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

/// An exporter, a server, and an agent in between with its supervisor.
struct Whole {
    _exporter: Exporter,
    collector: Collector,
    home: Home,
    supervisor: Running,
}

impl Whole {
    fn start(conf: &str) -> Self {
        Self::with_target(conf, ("unused", "127.0.0.1:1", "enabled: false"))
    }

    /// Beside the exporter that answers another target is scraped.
    fn with_target(conf: &str, other: (&str, &str, &str)) -> Self {
        let exporter = Exporter::text(|_| "ticks 1\n".into());
        let collector = Collector::start("127.0.0.1:0", &[]);
        let config = static_config("1s", &[("clock", &exporter.address.to_string(), ""), other]);
        let home = Home::new(&collector.address, conf, &config);
        let supervisor = Running::start(openagent().arg("standalone").env("WHATAP_HOME", home.path()));
        let whole = Self { _exporter: exporter, collector, home, supervisor };
        whole.more_samples();
        whole
    }

    /// Waits until samples have come that were not there before.
    fn more_samples(&self) {
        let before = self.collector.samples("ticks").len();
        wait_for("samples", LONG, || (self.collector.samples("ticks").len() > before).then_some(()));
    }

    /// The how-manieth worker's process, from the supervisor's log.
    fn worker(&self, number: usize) -> String {
        wait_for(&format!("worker {number}"), LONG, || {
            let lines = self.supervisor.stderr.all();
            let started =
                lines.iter().filter(|line| line.contains(" supervisor: worker ") && line.contains(" started: "));
            started.filter_map(|line| line.split_whitespace().nth(4).map(str::to_owned)).nth(number - 1)
        })
    }
}

fn kill(signal: &str, pid: &str) {
    assert!(std::process::Command::new("kill").args([&format!("-{signal}"), pid]).status().unwrap().success());
}

/// Waits for the end of a process that is not our child.
fn ended(pid: &str) -> Duration {
    let start = Instant::now();
    wait_for(&format!("the end of {pid}"), LONG, || {
        let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
        let lives = stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']));
        (!lives).then_some(())
    });
    start.elapsed()
}

#[test]
fn a_killed_worker_is_replaced_and_delivery_goes_on() {
    let whole = Whole::start("");
    let first = whole.worker(1);
    kill("KILL", &first);
    let killed = Instant::now();
    let second = whole.worker(2);
    assert!(killed.elapsed() <= Duration::from_secs(2), "{:?}", killed.elapsed());
    assert_ne!(first, second);
    whole.more_samples();
}

#[test]
fn a_stopped_worker_is_replaced_after_the_heartbeat_bound_of_whatap_conf() {
    let whole = Whole::start("heartbeat_timeout=3s");
    let first = whole.worker(1);
    kill("STOP", &first);
    assert_ne!(whole.worker(2), first);
    whole.more_samples();
}

#[test]
fn the_worker_ends_within_two_seconds_of_a_killed_supervisor() {
    let whole = Whole::start("");
    let worker = whole.worker(1);
    whole.supervisor.signal("KILL");
    let took = ended(&worker);
    assert!(took <= Duration::from_secs(2), "{took:?}");
}

/// A listener that takes connections and never answers.
fn hanging() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[test]
fn a_target_that_hangs_does_not_keep_an_orphan_alive() {
    let (listener, address) = hanging();
    let whole = Whole::with_target("", ("stuck", &address, "interval: 10s\ntimeout: 10s"));
    let worker = whole.worker(1);
    listener.accept().unwrap();
    whole.supervisor.signal("KILL");
    let took = ended(&worker);
    assert!(took <= Duration::from_secs(2), "{took:?}");
}

#[test]
fn neither_a_hanging_target_nor_a_server_that_is_gone_delays_the_end_beyond_ten_seconds() {
    let (listener, address) = hanging();
    let mut whole = Whole::with_target("", ("stuck", &address, "interval: 10s\ntimeout: 10s"));
    let worker = whole.worker(1);
    listener.accept().unwrap();
    whole.collector.process.signal("STOP");
    whole.supervisor.signal("TERM");
    let asked = Instant::now();
    assert_eq!(whole.supervisor.exit().code(), Some(0), "{:?}", whole.supervisor.stderr.all());
    assert!(asked.elapsed() <= Duration::from_secs(10), "{:?}", asked.elapsed());
    ended(&worker);
}

#[test]
fn sigterm_ends_both_well_and_sends_what_is_queued() {
    for signal in ["TERM", "INT"] {
        let mut whole = Whole::start("");
        let worker = whole.worker(1);
        whole.supervisor.signal(signal);
        let asked = Instant::now();
        assert_eq!(whole.supervisor.exit().code(), Some(0), "{:?}", whole.supervisor.stderr.all());
        assert!(asked.elapsed() <= Duration::from_secs(10), "{:?}", asked.elapsed());
        ended(&worker);
        wait_for("each scrape to have arrived whole", LONG, || {
            let counts = ["ticks", "up"].map(|name| whole.collector.samples(name).len());
            (counts[0] > 0 && counts[0] == counts[1]).then_some(())
        });
    }
}

#[test]
fn a_missing_licence_is_told_once_and_ends_the_supervisor_with_1() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("scrape_config.yaml"), "scrape_configs: []\n").unwrap();
    let output = openagent().env("WHATAP_HOME", home.path()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.matches("WHATAP_LICENSE and WHATAP_HOST: missing").count(), 1, "{stderr}");
}

#[test]
fn the_worker_has_a_log_of_its_own_and_the_licence_is_in_neither() {
    let mut whole = Whole::start("log_level=DEBUG");
    whole.supervisor.signal("TERM");
    whole.supervisor.exit();
    let logs = std::fs::read_dir(whole.home.path().join("logs")).unwrap().map(|entry| entry.unwrap().path());
    let mut names = Vec::new();
    for path in logs {
        assert!(!std::fs::read_to_string(&path).unwrap().contains(LICENCE), "{}", path.display());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].starts_with("OPEN-AGENT-open-20") && names[1].starts_with("whatap-boot-20"), "{names:?}");
}

#[test]
fn a_whole_worker_answers_the_servers_commands_without_a_secret() {
    let asked = ["GET_ENV", "CONFIGURE_GET {\"config_type\":\"text\"}", "AGENT_LOG_LIST", "OPENMX_SCRAPE_CONFIG_GET"];
    let more: Vec<&str> = asked.iter().flat_map(|command| ["--command", command]).collect();
    let exporter = Exporter::text(|_| "ticks 1\n".into());
    let collector = Collector::start("127.0.0.1:0", &more);
    let home = Home::new(
        &collector.address,
        "# a remark",
        &static_config("1s", &[("clock", &exporter.address.to_string(), "")]),
    );
    let mut command = openagent();
    command.args(["foreground", "standalone"]).env("WHATAP_HOME", home.path());
    let _agent = Running::start(command.env("WHATAP_LICENSE", LICENCE).env("DB_PASSWORD", "hunter2"));
    let replies = wait_for("four replies", LONG, || {
        let all = collector.records().into_iter().filter(|record| record["type"] == "param" && record["response"] != 0);
        let all: Vec<_> = all.collect();
        (all.len() >= asked.len()).then_some(all)
    });
    let text = serde_json::to_string(&replies).unwrap();
    assert!(!text.contains(LICENCE) && !text.contains("hunter2"), "{text}");
    for told in ["\"DB_PASSWORD\":\"***\"", "license=***", "# a remark", "OPEN-AGENT-open-20", "targetName: clock"] {
        assert!(text.contains(told), "{told}: {text}");
    }
}
