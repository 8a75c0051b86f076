//! The status endpoint of a running worker: health, own metrics, the API, the pages, and `openagent status`.

mod browser;
mod pages;
mod room;

use crate::exporter::Exporter;
use crate::support::{Collector, Home, LONG, Running, openagent, static_config, system_program, wait_for};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// A worker with its status endpoint on a free port.
pub struct Agent {
    pub process: Running,
    pub status: String,
    _home: Home,
}

impl Agent {
    /// Starts one that sends to `server` and scrapes as `config` says.
    pub fn start(server: &str, config: &str) -> Self {
        let home = Home::new(server, "", config);
        let conf = std::fs::read_to_string(home.path().join("whatap.conf")).unwrap();
        home.write("whatap.conf", &conf.replace("status_listen=\n", "status_listen=127.0.0.1:0\n"));
        let process = home.agent();
        let status = process.stderr.wait("the status address", |line| {
            line.split_once("status pages at http://").map(|(_, rest)| rest.trim_end_matches('/').to_owned())
        });
        Self { process, status, _home: home }
    }

    /// The answer to a request: status and body.
    pub fn ask(&self, method: &str, path: &str, headers: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.status).unwrap();
        let host = &self.status;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, head.to_owned(), body.to_owned())
    }

    /// The body of a page that is there.
    pub fn page(&self, path: &str) -> String {
        let (status, head, body) = self.ask("GET", path, "");
        assert_eq!(status, 200, "{path}: {head}\n{body}");
        body
    }

    /// The active targets of the API.
    pub fn targets(&self) -> Vec<Value> {
        let answer: Value = serde_json::from_str(&self.page("/api/v1/targets")).unwrap();
        answer["data"]["activeTargets"].as_array().unwrap().clone()
    }

    /// Waits until every target was scraped.
    pub fn scraped(&self, targets: usize) {
        wait_for("a scrape of every target", LONG, || {
            let found = self.targets();
            (found.len() == targets && found.iter().all(|target| target["health"] != "unknown")).then_some(())
        });
    }
}

/// A port nobody listens on.
pub fn refused() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn ready_means_a_session_and_healthy_means_alive() {
    let exporter = Exporter::text(|_| "a 1\n".into());
    let config = static_config("1s", &[("a", &exporter.address.to_string(), "")]);
    let agent = Agent::start(&refused(), &config);
    assert_eq!(agent.page("/-/healthy"), "healthy\n");
    let (status, _, body) = agent.ask("GET", "/-/ready", "");
    assert_eq!(status, 503, "{body}");
    assert!(body.starts_with("not ready: "), "{body}");
    let collector = Collector::start("127.0.0.1:0", &[]);
    let agent = Agent::start(&collector.address, &config);
    wait_for("readiness", LONG, || (agent.ask("GET", "/-/ready", "").0 == 200).then_some(()));
}

#[test]
fn targets_have_the_shape_of_prometheus() {
    let exporter = Exporter::text(|_| "a 1\nb NaN\n".into());
    let (up, down) = (exporter.address.to_string(), refused());
    let collector = Collector::start("127.0.0.1:0", &[]);
    let agent = Agent::start(&collector.address, &static_config("1s", &[("good", &up, ""), ("bad", &down, "")]));
    agent.scraped(2);
    let targets = agent.targets();
    let of = |job: &str| targets.iter().find(|target| target["scrapePool"] == job).unwrap();
    let good = of("good");
    assert_eq!(good["health"], "up");
    assert_eq!(good["scrapeUrl"], format!("http://{up}/metrics"));
    assert_eq!(good["labels"], serde_json::json!({ "job": "good", "instance": up }));
    assert_eq!(good["discoveredLabels"]["job"], "good");
    assert_eq!((&good["lastError"], &good["scrapeInterval"]), (&Value::from(""), &Value::from("1s")));
    assert!(good["lastScrapeDuration"].as_f64().unwrap() > 0.0);
    assert!(good["lastScrape"].as_str().unwrap().starts_with("20"), "{good}");
    assert_eq!((&good["samplesScraped"], &good["samplesKept"]), (&Value::from(2), &Value::from(1)));
    let bad = of("bad");
    assert_eq!(bad["health"], "down");
    assert!(bad["lastError"].as_str().unwrap().contains("refused"), "{bad}");
    let one = agent.page("/api/v1/targets?scrapePool=good&state=active");
    assert!(one.contains("\"scrapePool\":\"good\"") && !one.contains("\"scrapePool\":\"bad\""), "{one}");
    assert_eq!(agent.ask("GET", "/api/v1/targets?state=odd", "").0, 400);
}

#[test]
fn own_metrics_pass_the_own_lint_and_promtool() {
    let exporter = Exporter::text(|_| "a 1\n".into());
    let collector = Collector::start("127.0.0.1:0", &[]);
    let agent = Agent::start(&collector.address, &static_config("1s", &[("a", &exporter.address.to_string(), "")]));
    agent.scraped(1);
    let accept = "Accept: application/openmetrics-text;version=1.0.0\r\n";
    let (_, head, openmetrics) = agent.ask("GET", "/metrics", accept);
    assert!(head.contains("Content-Type: application/openmetrics-text; version=1.0.0"), "{head}");
    fed(openagent().args(["parse", "--lint", "--format", "openmetrics"]), &openmetrics);
    let (_, head, text) = agent.ask("GET", "/metrics", "");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
    for family in [
        "openagent_scrapes_total{result=\"ok\"}",
        "openagent_samples_dropped_total{reason=\"nan\"}",
        "openagent_queue_bytes",
        "openagent_queue_age_seconds",
        "openagent_spool_bytes",
        "openagent_spool_age_seconds",
        "openagent_sent_bytes_total",
        "openagent_sessions_total",
        "openagent_scrape_lateness_seconds_bucket",
        "openagent_kubernetes_requests_total{code=\"403\"}",
        "openagent_build_info",
        "process_threads",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
    ] {
        assert!(text.lines().any(|line| line.starts_with(family)), "{family} is not in:\n{text}");
    }
    if let Some(promtool) = system_program("promtool") {
        fed(Command::new(promtool).args(["check", "metrics"]), &text);
    }
}

/// Runs a command with this input; it must find no fault.
fn fed(command: &mut Command, input: &str) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.trim().is_empty(), "{command:?}: {told}\n{input}");
}

#[test]
fn the_status_command_tells_the_same_in_a_terminal() {
    let exporter = Exporter::text(|_| "a 1\n".into());
    let collector = Collector::start("127.0.0.1:0", &[]);
    let (up, down) = (exporter.address.to_string(), refused());
    let agent = Agent::start(&collector.address, &static_config("1s", &[("good", &up, ""), ("bad", &down, "")]));
    agent.scraped(2);
    wait_for("the session", LONG, || (agent.ask("GET", "/-/ready", "").0 == 200).then_some(()));
    let output = openagent().args(["status", "--url", &format!("http://{}", agent.status)]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for part in [
        "1 up, 1 down",
        "connected to 127.0.0.1",
        "in memory",
        &format!("down    bad http://{down}/metrics"),
        "refused",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let output = openagent().args(["status", &format!("http://{}", refused())]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("refused") && text.contains("does an agent run there?"), "{text}");
}

#[test]
fn only_reading_is_allowed_and_only_this_machine_may_reload() {
    let agent = Agent::start(&refused(), &static_config("1s", &[("a", &refused(), "")]));
    for path in ["/targets", "/metrics", "/api/v1/targets", "/-/healthy"] {
        let (status, head, _) = agent.ask("POST", path, "");
        assert_eq!(status, 405, "{path}");
        assert!(head.contains("Allow: GET, HEAD"), "{head}");
    }
    assert_eq!(agent.ask("GET", "/-/reload", "").0, 405);
    assert_eq!(agent.ask("POST", "/-/reload", "Origin: http://elsewhere.example\r\n").0, 403);
    assert_eq!(agent.ask("POST", "/-/reload", "Sec-Fetch-Site: cross-site\r\n").0, 403);
    let (status, head, _) = agent.ask("GET", "/", "");
    assert_eq!((status, head.contains("Location: /targets")), (302, true));
    assert_eq!(agent.ask("GET", "/no/such/page", "").0, 404);
}
