//! What fetching costs: memory of idle targets, connections used again, memory under hostile answers.
//!
//! Each is measured in a process of its own, this test binary started again for one test: what other tests take does
//! not count, and the servers' memory does not either.

#![cfg(target_os = "linux")]

use crate::fetch::{NoSecrets, endless_manners, faulty_manners, fetcher, hostile_target, read, target};
use crate::hostile::{BODY, Manner, Server};
use crate::pki::{Authority, serve};
use crate::support::Running;
use openagent::config::job::Scheme;
use openagent::discovery::Target;
use openagent::scrape::fetch::{FetchError, FetchSettings, Fetcher};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);
const TARGETS: usize = 1000;
const ROUNDS: usize = 5;
const WORKERS: usize = 8;

/// This test binary for one test, told its part, allowed as many files as the machine allows.
fn part(test: &str, part: &str, address: &str) -> Running {
    let files = "ulimit -n 8192 2>/dev/null || ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", files]).arg(std::env::current_exe().unwrap());
    command.args([&format!("fetch_cost::{test}"), "--exact", "--nocapture"]);
    Running::start(command.env("OPENAGENT_TEST_PART", part).env("OPENAGENT_TEST_ADDRESS", address))
}

/// The part this process was told, and the address it was given.
fn told() -> Option<(String, String)> {
    std::env::var("OPENAGENT_TEST_PART").ok().map(|part| (part, std::env::var("OPENAGENT_TEST_ADDRESS").unwrap()))
}

/// A line of `/proc/self/status`, in KiB.
fn status(name: &str) -> usize {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// The value of a line `name=value`, waited for.
fn value(of: &Running, name: &str) -> String {
    of.stdout.wait(name, |line| line.split_once(name)?.1.strip_prefix('=').map(str::to_owned))
}

#[test]
fn a_thousand_idle_targets_cost_little_and_keep_their_connections() {
    idle("a_thousand_idle_targets_cost_little_and_keep_their_connections", 12 << 10);
}

#[test]
fn a_thousand_idle_tls_targets_cost_little_and_keep_their_connections() {
    idle("a_thousand_idle_tls_targets_cost_little_and_keep_their_connections", 32 << 10);
}

fn idle(test: &str, most: usize) {
    let folder = tempfile::tempdir().unwrap();
    let tls = test.contains("tls").then_some(folder.path());
    match told() {
        Some((part, ca)) if part == "serve" => return serve_until_killed(tls.map(|_| Path::new(&ca))),
        Some((_, address)) => return measure_idle(&address),
        None => {}
    }
    let ca = folder.path().join("ca.pem");
    let server = part(test, "serve", ca.to_str().unwrap());
    let address = value(&server, "address");
    let given = if tls.is_some() { format!("{address} {}", ca.display()) } else { address };
    let client = part(test, "scrape", &given);
    let (bytes, reused) = (value(&client, "bytes"), value(&client, "reused"));
    eprintln!("{test}: {bytes} bytes of RSS per idle target, {reused} of {} reused", TARGETS * (ROUNDS - 1));
    assert!(bytes.parse::<usize>().unwrap() <= most, "{bytes} bytes");
    assert!(reused.parse::<usize>().unwrap() * 100 >= TARGETS * (ROUNDS - 1) * 99, "{reused}");
}

#[allow(clippy::print_stdout, reason = "how the parts talk to each other")]
fn serve_until_killed(ca: Option<&Path>) {
    let manner = Manner::Answer(BODY.repeat(1000).into());
    let server = match ca {
        None => Server::start(manner),
        Some(path) => {
            let authority = Authority::new("ca");
            fs::write(path, &authority.pem).unwrap();
            serve(&authority.issue(&["127.0.0.1"]), manner)
        }
    };
    println!("\naddress={}", server.address());
    loop {
        thread::park();
    }
}

#[allow(clippy::print_stdout, reason = "how the parts talk to each other")]
fn measure_idle(address: &str) {
    let (address, ca) = address.split_once(' ').map_or((address, None), |(address, ca)| (address, Some(ca)));
    let settings = FetchSettings { cluster_ca: ca.map(Into::into), ..FetchSettings::default() };
    let fetcher = Fetcher::new(settings, Arc::new(NoSecrets));
    let targets = |kind: &str| -> Vec<Target> {
        let scheme = if ca.is_some() { Scheme::Https } else { Scheme::Http };
        let target = |i: usize| target(address, |job| job.path = format!("/{kind}/{i}"));
        (0..TARGETS).map(|i| Target { scheme, ..target(i) }).collect()
    };
    // the worker threads' heaps, the resolver, the certificates: what is there with one target as with many
    let (warm, targets) = (targets("warm"), targets("metrics"));
    round(&fetcher, &warm[..WORKERS * 4]);
    let before = status("VmRSS:");
    round(&fetcher, &targets);
    let reused: usize = (1..ROUNDS).map(|_| round(&fetcher, &targets)).sum();
    let bytes = status("VmRSS:").saturating_sub(before) * 1024 / TARGETS;
    println!("\nreused={reused}\nbytes={bytes}");
}

/// Scrapes each target once; how many connections were used again.
fn round(fetcher: &Fetcher, targets: &[Target]) -> usize {
    let (next, reused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (body, response) = read(fetcher, target, LONG).unwrap();
                    assert_eq!(body.len(), BODY.len() * 1000);
                    reused.fetch_add(usize::from(response.reused), Ordering::Relaxed);
                }
            });
        }
    });
    reused.into_inner()
}

#[test]
fn no_hostile_answer_takes_much_memory() {
    if let Some((_, addresses)) = told() {
        return measure_hostile(&addresses);
    }
    let cases = endless_manners()
        .into_iter()
        .map(|case| (case, 300))
        .chain(faulty_manners().into_iter().map(|case| (case, 20_000)));
    let servers: Vec<_> = cases.map(|((name, manner, _), millis)| (name, Server::start(manner), millis)).collect();
    let list: Vec<String> =
        servers.iter().map(|(name, server, millis)| format!("{name}|{}|{millis}", server.address())).collect();
    let client = part("no_hostile_answer_takes_much_memory", "scrape", &list.join("\n"));
    let worst = value(&client, "worst");
    eprintln!("the most memory a hostile answer took: {worst}");
    let kib: usize = worst.split(' ').next().unwrap().parse().unwrap();
    assert!(kib < 4096, "{worst}");
}

#[allow(clippy::print_stdout, reason = "how the parts talk to each other")]
fn measure_hostile(addresses: &str) {
    let fetcher = fetcher();
    let good = Server::start(Manner::Answer(BODY.into()));
    read(&fetcher, &target(&good.address(), |_| {}), LONG).unwrap();
    let before = status("VmRSS:");
    let mut worst = (0, String::new());
    for line in addresses.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        // the peak of this answer alone
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let target = hostile_target(fields[1]);
        let timeout = Duration::from_millis(fields[2].parse().unwrap());
        let error = read_through_a_window(&fetcher, &target, timeout).expect_err(fields[0]);
        let growth = status("VmHWM:").saturating_sub(before);
        worst = worst.max((growth, format!("{}: {error}", fields[0])));
    }
    println!("\nworst={} KiB, {}", worst.0, worst.1);
}

/// Reads as a scrape does, keeping nothing.
fn read_through_a_window(fetcher: &Fetcher, target: &Target, timeout: Duration) -> Result<u64, FetchError> {
    let mut body = fetcher.fetch(target, timeout)?.body;
    std::io::copy(&mut body, &mut std::io::sink()).map_err(FetchError::from_io)
}
