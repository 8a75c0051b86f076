//! Dead targets do not starve live ones: 200 of each on 16 threads.

use crate::exporter::Exporter;
use crate::support::{Collector, Home, wait_for};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LIVE: usize = 200;
const HANGING: usize = 200;
const INTERVAL: Duration = Duration::from_secs(2);

#[test]
fn two_hundred_hanging_targets_do_not_make_two_hundred_live_ones_late() {
    let scrapes: Arc<Mutex<HashMap<String, Vec<Instant>>>> = Arc::default();
    let seen = Arc::clone(&scrapes);
    let live = Exporter::text(move |path| {
        seen.lock().unwrap().entry(path.to_owned()).or_default().push(Instant::now());
        "a 1\n".into()
    });
    // A listener that never accepts: the kernel completes the connection, nobody ever answers.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut yaml = "features:\n  openAgent:\n    enabled: true\n    targets:\n".to_owned();
    let hang = hanging.local_addr().unwrap();
    for (name, address, count) in [("live", live.address, LIVE), ("hang", hang, HANGING)] {
        let _ = writeln!(yaml, "    - targetName: {name}\n      type: StaticEndpoints\n      endpoints:");
        for number in 0..count {
            let _ =
                writeln!(yaml, "      - {{address: \"{address}\", path: /{name}/{number}, interval: 2s, timeout: 1s}}");
        }
    }
    let collector = Collector::start("127.0.0.1:0", &[]);
    let home = Home::new(&collector.address, "scrape_threads=16\nslow_scrape_threads=4", &yaml);
    let agent = home.agent();
    let warm = |times: usize| {
        wait_for("scrapes of the live ones", Duration::from_secs(90), || {
            let scrapes = scrapes.lock().unwrap();
            (scrapes.len() == LIVE && scrapes.values().all(|at| at.len() >= times)).then_some(())
        });
    };
    warm(3);
    let from = Instant::now();
    wait_for("thirty seconds of scraping", Duration::from_secs(60), || {
        (from.elapsed() >= Duration::from_secs(30)).then_some(())
    });
    drop(agent);
    let mut late = lateness(&scrapes.lock().unwrap(), from);
    late.sort_unstable();
    let (count, p99, worst) = (late.len(), late[late.len() * 99 / 100], late[late.len() - 1]);
    println!("{count} scrapes of live targets: p99 {p99:?} late, worst {worst:?}");
    assert!(count >= LIVE * 13, "only {count} scrapes in 30 s");
    assert!(p99 < Duration::from_secs(1), "p99 {p99:?}");
}

/// How late each scrape came against the target's own schedule: its earliest phase is its slot.
fn lateness(scrapes: &HashMap<String, Vec<Instant>>, from: Instant) -> Vec<Duration> {
    let mut late = Vec::new();
    for at in scrapes.values() {
        let at: Vec<Duration> = at.iter().filter_map(|at| at.checked_duration_since(from)).collect();
        let phase = |time: &Duration| Duration::from_nanos((time.as_nanos() % INTERVAL.as_nanos()) as u64);
        let Some(first) = at.first() else { continue };
        // Phases around the first one, so that a schedule near the interval's edge does not wrap.
        let shift = INTERVAL + INTERVAL / 2 - phase(first);
        let phases: Vec<Duration> = at.iter().map(|time| phase(&(*time + shift))).collect();
        let slot = phases.iter().min().copied().unwrap_or_default();
        late.extend(phases.iter().map(|phase| *phase - slot));
    }
    late
}
