//! Members of a cluster share out static targets: each is scraped by exactly one.

use crate::exporter::Exporter;
use crate::support::{Collector, Home, LONG, static_config, wait_for};
use std::collections::BTreeSet;

#[test]
fn two_members_scrape_every_static_target_once() {
    let exporter = Exporter::text(|path| format!("seen{{path=\"{path}\"}} 1\n"));
    let address = exporter.address.to_string();
    let paths: Vec<String> = (0..20).map(|n| format!("path: /{n}")).collect();
    let targets: Vec<_> = paths.iter().map(|path| ("shared", address.as_str(), path.as_str())).collect();
    let config = static_config("1s", &targets);
    let members: Vec<_> = (0..2)
        .map(|member| {
            let collector = Collector::start("127.0.0.1:0", &[]);
            let conf = format!("cluster_members=2\ncluster_member={member}");
            let home = Home::new(&collector.address, &conf, &config);
            let agent = home.agent();
            (collector, home, agent)
        })
        .collect();
    let scraped = |collector: &Collector| -> BTreeSet<String> {
        let paths = collector.samples("seen");
        paths.iter().filter_map(|sample| Some(sample["labels"]["path"].as_str()?.to_owned())).collect()
    };
    wait_for("a scrape of each target", LONG, || {
        (scraped(&members[0].0).len() + scraped(&members[1].0).len() >= 20).then_some(())
    });
    wait_for("another round of both", LONG, || {
        members.iter().all(|(collector, _, _)| collector.samples("up").len() > 30).then_some(())
    });
    let [first, second] = [scraped(&members[0].0), scraped(&members[1].0)];
    assert!(first.is_disjoint(&second), "{first:?} and {second:?}");
    assert_eq!(first.len() + second.len(), 20);
    assert!(!first.is_empty() && !second.is_empty());
}
