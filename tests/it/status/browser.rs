//! The pages in a browser: Debian's Chromium, led through chromedriver's HTTP interface.

use super::{Agent, refused};
use crate::exporter::Exporter;
use crate::support::{Collector, LONG, Running, static_config, system_program, wait_for};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

const EVIL: &str = "<script>document.title='owned'</script>";

/// A headless browser with one page.
struct Browser {
    address: String,
    session: String,
    _driver: Running,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one, or none with a message where it is not installed.
    fn start(language: &str) -> Option<Self> {
        let (chromium, driver) = (system_program("chromium")?, system_program("chromedriver")?);
        let driver = Running::start(Command::new(driver).arg("--port=0"));
        let port = driver.stdout.wait("chromedriver's port", |line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let profile = tempfile::tempdir().unwrap();
        let mut browser =
            Self { address: format!("127.0.0.1:{port}"), session: String::new(), _driver: driver, _profile: profile };
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--window-size=1280,900".to_owned(),
            format!("--lang={language}"),
            format!("--accept-lang={language}"),
            format!("--user-data-dir={}", browser._profile.path().display()),
        ];
        let options = json!({ "binary": chromium, "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let answer = browser.tell("POST", "/session", &wanted);
        browser.session = answer["sessionId"].as_str().expect("a session").to_owned();
        Some(browser)
    }

    fn open(&self, url: &str) {
        self.tell("POST", &format!("/session/{}/url", self.session), &json!({ "url": url }));
    }

    /// What a script in the page returns.
    fn run(&self, script: &str) -> Value {
        self.tell("POST", &format!("/session/{}/execute/sync", self.session), &json!({ "script": script, "args": [] }))
    }

    fn wait(&self, what: &str, script: &str, wanted: &Value) {
        wait_for(what, LONG, || (self.run(script) == *wanted).then_some(()));
    }

    fn tell(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        write!(stream, "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["value"]["error"].is_null(), "{method} {path}: {answer}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.session.is_empty() {
            self.tell("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
    }
}

/// 300 targets: 240 up, 30 refused, 30 that answer 503.
fn mixed(up: &str) -> String {
    let down = refused();
    let names: Vec<String> = (0..300).map(|n| format!("shop-{n:03}")).collect();
    let more: Vec<String> = (0..300)
        .map(|n| {
            let path = if n % 10 == 1 { "/broken" } else { "/metrics" };
            format!(
                "path: {path}\nlabels:\n  evil: \"{EVIL}\"\n  n: \"{n}\"\nrelabelConfigs:\n\
                 - {{sourceLabels: [n], regex: '(.*)', targetLabel: copied, replacement: 'n-$1'}}"
            )
        })
        .collect();
    let address = |n: usize| if n.is_multiple_of(10) { down.as_str() } else { up };
    let targets: Vec<_> = (0..300).map(|n| (names[n].as_str(), address(n), more[n].as_str())).collect();
    static_config("5s", &targets)
}

const VISIBLE: &str = "return document.querySelectorAll('section.targets > details:not([hidden])').length";

fn agent(collector: &Collector, exporter: &Exporter) -> Agent {
    let agent = Agent::start(&collector.address, &mixed(&exporter.address.to_string()));
    agent.scraped(300);
    agent
}

fn exporter() -> Exporter {
    Exporter::start(|path| match path {
        "/broken" => b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => {
            let body = format!("a{{v=\"{EVIL}\"}} 1\nb NaN\n");
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n";
            format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        }
    })
}

#[test]
fn three_hundred_targets_render_filter_and_unfold() {
    let Some(browser) = Browser::start("en-US") else { return };
    let (collector, exporter) = (Collector::start("127.0.0.1:0", &[]), exporter());
    let agent = agent(&collector, &exporter);
    browser.open(&format!("http://{}/", agent.status));
    assert_eq!(browser.run(VISIBLE), 300);
    let first = browser.run("return document.querySelector('section.targets .reason').innerText");
    assert!(first.as_str().unwrap().starts_with("refused"), "the failing ones stand first: {first}");
    // styled: the policy lets the style sheet in
    assert_eq!(browser.run("return getComputedStyle(document.querySelector('.row')).display"), "grid");
    assert_eq!(browser.run("return document.querySelectorAll('svg.spark path').length > 300"), true);
    let type_in = |text: &str| {
        browser.run(&format!(
            "const q = document.querySelector('[name=q]'); q.value = {}; q.dispatchEvent(new Event('input'))",
            json!(text)
        ));
    };
    type_in("shop-04");
    browser.wait("ten rows", VISIBLE, &json!(10));
    browser.wait("the count", "return document.getElementById('shown').textContent", &json!("10"));
    assert!(browser.run("return location.search").as_str().unwrap().contains("q=shop-04"));
    type_in("");
    browser.wait("all rows", VISIBLE, &json!(300));
    browser.run(
        "const h = document.querySelector('[name=health]'); h.value = 'down'; h.dispatchEvent(new Event('change'))",
    );
    browser.wait("the failing ones", VISIBLE, &json!(60));
    // a page that the server filtered
    browser.open(&format!("http://{}/targets?q=503", agent.status));
    assert_eq!(browser.run(VISIBLE), 30);
    // unfolding with a click
    browser.run("document.querySelector('section.targets > details > summary').click()");
    let unfolded = browser.run("return document.querySelector('details[open]').innerText");
    let unfolded = unfolded.as_str().unwrap();
    for part in ["Discovered labels", "What each rule did", "Final labels", EVIL, "n-1"] {
        assert!(unfolded.contains(part), "{part} is not in:\n{unfolded}");
    }
    assert_eq!(browser.run("return document.title"), "Targets – OpenAgent", "a label's script ran");
    assert_eq!(browser.run("return document.scripts.length"), 1);
    // samples, one link away
    browser.open(&format!("http://{}/targets?q=shop-002", agent.status));
    browser.run("document.querySelector('details summary').click(); document.querySelector('a.see').click()");
    browser.wait("the samples", "return document.querySelectorAll('table.taken tbody tr').length", &json!(2));
    let samples = browser.run("return document.querySelector('table.taken').innerText");
    let samples = samples.as_str().unwrap();
    assert!(samples.contains(EVIL) && samples.contains("NaN, which the server does not take"), "{samples}");
    assert_eq!(browser.run("return document.title"), "Samples – OpenAgent", "a sample's script ran");
}

#[test]
fn a_korean_reader_with_a_phone_sees_all_without_scrolling_sideways() {
    let Some(browser) = Browser::start("ko-KR") else { return };
    let (collector, exporter) = (Collector::start("127.0.0.1:0", &[]), exporter());
    let agent = agent(&collector, &exporter);
    let command = format!("/session/{}/goog/cdp/execute", browser.session);
    let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    browser.tell("POST", &command, &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": phone }));
    browser.open(&format!("http://{}/targets", agent.status));
    assert_eq!(browser.run("return document.documentElement.lang"), "ko");
    let wide = "return document.documentElement.scrollWidth <= innerWidth && innerWidth <= 400";
    assert_eq!(browser.run(wide), true);
    browser.run("document.querySelector('section.targets > details').open = true");
    assert_eq!(browser.run(wide), true, "{}", browser.run("return document.documentElement.scrollWidth"));
}
