//! Changes while the agent runs: what a reload touches, and what it leaves alone.

use crate::exporter::Exporter;
use crate::support::{Collector, Home, LONG, static_config, wait_for};
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a change may take to be in force; the promise is 5 s for whatap.conf and 2 s for the scrape configuration, a
/// loaded machine needs more.
const SOON: Duration = Duration::from_secs(15);

fn exporter() -> Exporter {
    Exporter::text(|path| format!("seen{{path=\"{path}\"}} 1\n"))
}

fn config(address: &str, path: &str) -> String {
    static_config("1s", &[("job", address, &format!("path: {path}"))])
}

fn wait_for_path(collector: &Collector, path: &str) {
    wait_for(&format!("a sample of {path}"), SOON, || {
        collector.samples("seen").into_iter().find(|sample| sample["labels"]["path"] == path)
    });
}

#[test]
fn a_scrape_configuration_is_taken_by_write_by_rename_by_symlink_swap_and_by_sighup() {
    let (exporter, collector) = (exporter(), Collector::start("127.0.0.1:0", &[]));
    let address = exporter.address.to_string();
    let home = Home::new(&collector.address, "", &config(&address, "/first"));
    let agent = home.agent();
    wait_for_path(&collector, "/first");

    home.write("scrape_config.yaml", &config(&address, "/written"));
    wait_for_path(&collector, "/written");

    home.write("next.yaml", &config(&address, "/renamed"));
    std::fs::rename(home.path().join("next.yaml"), home.path().join("scrape_config.yaml")).unwrap();
    wait_for_path(&collector, "/renamed");

    for (folder, path) in [("..1", "/linked"), ("..2", "/swapped")] {
        std::fs::create_dir(home.path().join(folder)).unwrap();
        home.write(&format!("{folder}/scrape_config.yaml"), &config(&address, path));
        symlink(folder, home.path().join("..new")).unwrap();
        std::fs::rename(home.path().join("..new"), home.path().join("..data")).unwrap();
        if path == "/linked" {
            symlink("..data/scrape_config.yaml", home.path().join("link")).unwrap();
            std::fs::rename(home.path().join("link"), home.path().join("scrape_config.yaml")).unwrap();
        }
        wait_for_path(&collector, path);
    }

    home.write("..2/scrape_config.yaml", &config(&address, "/signalled"));
    agent.signal("HUP");
    wait_for_path(&collector, "/signalled");

    home.write("..2/scrape_config.yaml", "features: [broken");
    agent.stderr.wait("the fault", |line| line.contains("scrape_config.yaml").then_some(()));
    let before = collector.samples("seen").len();
    wait_for("samples of the last good configuration", SOON, || {
        (collector.samples("seen").len() > before).then_some(())
    });
}

#[test]
fn debug_prints_each_sample_sent_while_it_is_on() {
    let (exporter, collector) = (exporter(), Collector::start("127.0.0.1:0", &[]));
    let home = Home::new(&collector.address, "", &config(&exporter.address.to_string(), "/debug"));
    let agent = home.agent();
    wait_for_path(&collector, "/debug");
    assert!(agent.stdout.all().is_empty(), "nothing is printed without debug");
    let conf = std::fs::read_to_string(home.path().join("whatap.conf")).unwrap();

    let changed = Instant::now();
    home.write("whatap.conf", &format!("{conf}debug=true\n"));
    let line = agent.stdout.wait("a printed sample", |line| line.starts_with("seen{").then(|| line.to_owned()));
    println!("debug was on {:?} after the change", changed.elapsed());
    assert!(line.contains("path=\"/debug\"") && line.contains("job=\"job\""), "{line}");

    home.write("whatap.conf", &conf);
    let quiet = || {
        let before = (agent.stdout.all().len(), collector.samples("seen").len());
        let more = wait_for("two more scrapes", LONG, || {
            let now = collector.samples("seen").len();
            (now >= before.1 + 2).then_some(agent.stdout.all().len())
        });
        more == before.0
    };
    wait_for("silence", SOON, || quiet().then_some(()));
}

#[test]
fn of_a_thousand_targets_only_the_changed_one_starts_anew() {
    let hits: Arc<Vec<AtomicU64>> = Arc::new((0..1_001).map(|_| AtomicU64::new(0)).collect());
    let times: Arc<Mutex<Vec<(usize, Instant)>>> = Arc::default();
    let (count, seen) = (Arc::clone(&hits), Arc::clone(&times));
    let exporter = Exporter::text(move |path| {
        let number: usize = path.trim_start_matches("/t/").parse().unwrap();
        count[number].fetch_add(1, Ordering::Relaxed);
        seen.lock().unwrap().push((number, Instant::now()));
        "a 1\n".into()
    });
    let collector = Collector::start("127.0.0.1:0", &[]);
    let config = |numbers: &mut dyn Iterator<Item = usize>| {
        let mut yaml = "features:\n  openAgent:\n    enabled: true\n    targets:\n".to_owned();
        for number in numbers {
            let address = exporter.address;
            let _ = writeln!(
                yaml,
                "    - targetName: t{number}\n      type: StaticEndpoints\n      interval: 10s\n      path: /t/{number}\n      addresses: [\"{address}\"]"
            );
        }
        yaml
    };
    let home = Home::new(&collector.address, "", &config(&mut (0..1_000)));
    let agent = home.agent();
    let whole = Duration::from_secs(60);
    wait_for("a scrape of each", whole, || {
        hits[..1_000].iter().all(|hit| hit.load(Ordering::Relaxed) >= 1).then_some(())
    });
    home.write("scrape_config.yaml", &config(&mut (1..1_001)));
    let told =
        agent.stderr.wait("the difference", |line| line.contains("1 started, 1 stopped").then(|| line.to_owned()));
    assert!(told.contains("999 unchanged"), "{told}");
    wait_for("the new one and two more of each", whole, || {
        let again = hits[1..1_000].iter().all(|hit| hit.load(Ordering::Relaxed) >= 3);
        (again && hits[1_000].load(Ordering::Relaxed) >= 1).then_some(())
    });
    let mut by_target: Vec<Vec<Instant>> = vec![Vec::new(); 1_001];
    for (number, at) in times.lock().unwrap().iter() {
        by_target[*number].push(*at);
    }
    // An unchanged schedule is one scrape every ten seconds, before, across and after the reload.
    let uneven = by_target[1..1_000].iter().filter(|at| {
        at.windows(2).any(|pair| {
            let apart = pair[1].duration_since(pair[0]);
            apart < Duration::from_secs(7) || apart > Duration::from_secs(13)
        })
    });
    assert_eq!(uneven.count(), 0, "targets whose schedule was disturbed");
}
