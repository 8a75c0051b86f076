//! A body of 100 MB is read through a window: what a scrape holds is its packs and a hash per series, not the body.

use crate::support::{Collector, Home, Running, is_optimised, static_config, wait_for};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// Lines of 1 KiB: 100 MB, or 20 MB for a program that is not optimised and would take minutes.
fn large() -> usize {
    if is_optimised() { 100_000 } else { 20_000 }
}

const LINE: usize = 1_000;

#[test]
fn a_large_body_costs_less_than_8_mb() {
    let address = serve_large_bodies();
    let collector = Collector::start("127.0.0.1:0", &[]);
    let endpoint = "path: /small\ninterval: 1s\ntimeout: 1s";
    let small = static_config("1s", &[("big", &address.to_string(), endpoint)]);
    let home = Home::new(&collector.address, "scrape_threads=2", &small);
    let agent = home.agent();
    wait_for("a small scrape", Duration::from_secs(60), || (!collector.samples("up").is_empty()).then_some(()));
    let before = peak_rss(&agent);
    let endpoint = "path: /large\ninterval: 90s\ntimeout: 89s\nbodySizeLimit: 200MB";
    home.write("scrape_config.yaml", &static_config("90s", &[("big", &address.to_string(), endpoint)]));
    let scraped = wait_for("the large scrape", Duration::from_secs(300), || {
        let line =
            collector.process.stdout.last(|line| line.contains("\"scrape_samples_scraped\"").then(|| line.to_owned()));
        let record: serde_json::Value = serde_json::from_str(&line?).ok()?;
        record["value"].as_f64().filter(|samples| *samples > 10.0)
    });
    let after = peak_rss(&agent);
    println!("{} bytes in {scraped} samples: peak RSS {before} KiB before, {after} KiB after", large() * LINE);
    assert!((scraped - large() as f64).abs() < 0.5, "{scraped} samples");
    assert!(after - before < 8 << 10, "peak RSS grew from {before} to {after} KiB");
}

/// `/large` is sent line by line, so that the test holds no such body either.
fn serve_large_bodies() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                while let Some(request) = lines.next() {
                    while lines.next().is_some_and(|line| !line.is_empty()) {}
                    let count = if request.contains("/large") { large() } else { 1 };
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n";
                    let mut out = format!("{head}Content-Length: {}\r\n\r\n", count * LINE).into_bytes();
                    for number in 0..count {
                        let start = format!("big{{n=\"{number:06}\",x=\"");
                        out.extend_from_slice(start.as_bytes());
                        out.resize(out.len() + LINE - start.len() - 5, b'x');
                        out.extend_from_slice(b"\"} 1\n");
                        if out.len() > 1 << 16 {
                            if stream.write_all(&out).is_err() {
                                return;
                            }
                            out.clear();
                        }
                    }
                    if stream.write_all(&out).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// The most resident memory the process has had, in KiB.
fn peak_rss(process: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
