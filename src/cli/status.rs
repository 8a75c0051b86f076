//! `openagent status`: the summary of a running agent, read from its status endpoint.

use super::args::{failed, usage};
use super::exit::Exit;
use crate::duration;
use crate::net::{Client, ClientSettings, Deadline, Request, Resolver};
use crate::status::overview::Overview;
use lexopt::Arg::{Long, Value};
use lexopt::ValueExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::Uri;
use ureq::http::header::HeaderMap;

/// Where an agent listens without a setting.
const DEFAULT_URL: &str = "http://127.0.0.1:9527";
/// All answers must be there within this time.
const WITHIN: Duration = Duration::from_secs(10);
/// Bytes of an answer at most: some ten thousand targets.
const MOST: u64 = 64 << 20;
/// Dropped targets that are listed.
const DROPPED: usize = 20;

/// Asks the agent and prints its summary.
pub fn run(args: Vec<OsString>) -> Exit {
    let base = match base(args) {
        Ok(base) => base,
        Err(error) => return usage("status", &error),
    };
    match ask(&base) {
        Ok(summary) => {
            let _ = std::io::stdout().write_all(summary.to_string().as_bytes());
            Exit::Ok
        }
        Err(error) => failed("status", &error),
    }
}

/// The URL of the endpoint, without a path.
fn base(args: Vec<OsString>) -> Result<String, lexopt::Error> {
    let mut given = None;
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("url") => given = Some(parser.value()?.string()?),
            Value(url) if given.is_none() => given = Some(url.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let text = given.unwrap_or_else(|| DEFAULT_URL.to_owned());
    let whole = if text.contains("://") { text.clone() } else { format!("http://{text}") };
    let uri: Uri = whole.parse().map_err(|error| format!("{text:?} is no URL ({error}); write it as {DEFAULT_URL}"))?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) => Ok(format!("http://{authority}")),
        _ => Err(format!("{text:?} is no URL of a status endpoint; write it as {DEFAULT_URL}").into()),
    }
}

fn ask(base: &str) -> Result<Summary, String> {
    let client = Client::new(&ClientSettings::default(), Arc::<Resolver>::default()).map_err(|e| e.to_string())?;
    let deadline = Deadline::after(WITHIN);
    let agent = load::<Overview>(&client, base, "/api/v1/status/agent", deadline)?;
    let targets = load::<Targets>(&client, base, "/api/v1/targets", deadline)?;
    Ok(Summary { agent, targets })
}

fn load<T: DeserializeOwned>(client: &Client, base: &str, path: &str, deadline: Deadline) -> Result<T, String> {
    let url = format!("{base}{path}");
    let uri: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
    let request = Request { uri: &uri, headers: HeaderMap::new(), deadline, body_limit: MOST };
    let fail = |what: &dyn fmt::Display| {
        format!("{url}: {what}; does an agent run there? status_listen in whatap.conf says where it listens")
    };
    let mut answer = client.get(request).map_err(|error| fail(&error))?;
    let mut body = Vec::new();
    answer.body.read_to_end(&mut body).map_err(|error| fail(&error))?;
    if answer.status != 200 {
        return Err(fail(&format_args!("HTTP status {}", answer.status)));
    }
    let data: Data<T> = serde_json::from_slice(&body).map_err(|error| fail(&format_args!("not an agent ({error})")))?;
    Ok(data.data)
}

/// What the API wraps its answers in.
#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    active_targets: Vec<Active>,
    dropped_targets: Vec<Dropped>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Active {
    scrape_pool: String,
    scrape_url: String,
    last_error: String,
    health: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dropped {
    scrape_pool: String,
    discovered_labels: std::collections::BTreeMap<String, String>,
    reason: String,
}

struct Summary {
    agent: Overview,
    targets: Targets,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.agent(f)?;
        self.session(f)?;
        self.configuration(f)?;
        self.targets(f)
    }
}

impl Summary {
    fn agent(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agent = &self.agent;
        let running = if agent.started_ms > 0 {
            format!(", running for {}", self.since(agent.started_ms))
        } else {
            String::new()
        };
        writeln!(
            f,
            "agent     openagent {} ({}){running}, {}",
            agent.version,
            agent.commit,
            bytes(agent.resident_bytes)
        )
    }

    fn session(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = &self.agent.session;
        if session.connected {
            writeln!(f, "server    connected to {} for {}", session.server, self.since(session.since_ms))?;
        } else {
            let why = session.last_error.as_deref().unwrap_or("no session yet");
            writeln!(f, "server    NOT CONNECTED: {}", one_line(why))?;
        }
        write!(f, "waiting   {} in memory", bytes(session.queue_bytes))?;
        self.oldest(f, session.queue_oldest_ms)?;
        write!(f, ", {} on disk", bytes(session.spool_bytes))?;
        self.oldest(f, session.spool_oldest_ms)?;
        writeln!(f, "; sent {} in {} records", bytes(session.bytes_sent), session.records_sent)?;
        match &session.spool_fault {
            Some(fault) => writeln!(f, "spool     UNUSABLE: {}", one_line(fault)),
            None => Ok(()),
        }
    }

    fn oldest(&self, f: &mut fmt::Formatter<'_>, moment_ms: Option<i64>) -> fmt::Result {
        moment_ms.map_or(Ok(()), |moment| write!(f, " (the oldest for {})", self.since(moment)))
    }

    fn configuration(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configuration = &self.agent.configuration;
        let state = if configuration.successful { "in force" } else { "FAULTY, the last good one stays in force" };
        if !configuration.source.is_empty() || !configuration.successful {
            writeln!(f, "config    {} {state}", configuration.source)?;
        }
        configuration.faults.iter().try_for_each(|fault| writeln!(f, "          {}", one_line(fault)))
    }

    fn targets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.agent.targets;
        let slow = if counts.slow > 0 { format!(", {} in the slow lane", counts.slow) } else { String::new() };
        writeln!(
            f,
            "targets   {} up, {} down, {} not scraped yet, {} dropped{slow}",
            counts.up, counts.down, counts.unknown, counts.dropped
        )?;
        for target in self.targets.active_targets.iter().filter(|target| target.health == "down") {
            writeln!(
                f,
                "  down    {} {}\n          {}",
                one_line(&target.scrape_pool),
                one_line(&target.scrape_url),
                one_line(&target.last_error)
            )?;
        }
        for target in self.targets.dropped_targets.iter().take(DROPPED) {
            let address = target.discovered_labels.get("__address__").map_or("", String::as_str);
            writeln!(
                f,
                "  dropped {} {}\n          {}",
                one_line(&target.scrape_pool),
                one_line(address),
                one_line(&target.reason)
            )?;
        }
        match self.targets.dropped_targets.len().checked_sub(DROPPED) {
            Some(left @ 1..) => writeln!(f, "  and {left} more dropped targets"),
            _ => Ok(()),
        }
    }

    fn since(&self, moment_ms: i64) -> String {
        let seconds = (self.agent.now_ms - moment_ms).max(0).unsigned_abs() / 1000;
        let rounded = if seconds >= 3600 { seconds / 60 * 60 } else { seconds };
        duration::format(Duration::from_secs(rounded))
    }
}

/// What came from elsewhere, without what a terminal would obey.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        let _ = if c.is_control() { write!(line, "{}", c.escape_default()) } else { line.write_char(c) };
    }
    line
}

/// A size with one unit, rounded down to a tenth.
fn bytes(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1024 => return format!("{bytes} B"),
        1024..1_048_576 => (1_u64 << 10, "KiB"),
        1_048_576..1_073_741_824 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::overview::{Session, TargetCounts};

    fn asked(args: &[&str]) -> Result<String, String> {
        base(args.iter().map(OsString::from).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_url_may_be_short_or_left_out() {
        assert_eq!(asked(&[]).unwrap(), "http://127.0.0.1:9527");
        assert_eq!(asked(&["localhost:1"]).unwrap(), "http://localhost:1");
        assert_eq!(asked(&["--url", "http://h:2/targets"]).unwrap(), "http://h:2");
        for faulty in [&["https://h:2"][..], &["http://"], &["a", "b"], &["--what"]] {
            assert!(asked(faulty).is_err(), "{faulty:?}");
        }
    }

    #[test]
    fn the_summary_says_reasons_first_and_nothing_a_terminal_obeys() {
        let session = Session { queue_bytes: 1536, last_error: Some("refused".into()), ..Session::default() };
        let targets = TargetCounts { up: 2, down: 1, ..TargetCounts::default() };
        let agent = Overview { version: "2.0.0".into(), commit: "abc".into(), session, targets, ..Overview::default() };
        let active = Active {
            scrape_pool: "shop\u{1b}[31m".into(),
            scrape_url: "http://h:1/metrics".into(),
            last_error: "refused\nagain".into(),
            health: "down".into(),
        };
        let targets = Targets { active_targets: vec![active], dropped_targets: Vec::new() };
        insta::assert_snapshot!(Summary { agent, targets }.to_string(), @r"
        agent     openagent 2.0.0 (abc), 0 B
        server    NOT CONNECTED: refused
        waiting   1.5 KiB in memory, 0 B on disk; sent 0 B in 0 records
        config     FAULTY, the last good one stays in force
        targets   2 up, 1 down, 0 not scraped yet, 0 dropped
          down    shop\u{1b}[31m http://h:1/metrics
                  refused\nagain
        ");
    }
}
