//! A whole scrape in memory: what it allocates is per pack, never per sample.

use crate::allocations;
use openagent::config::ScrapeJob;
use openagent::config::job::Discover;
use openagent::discovery::Target;
use openagent::exposition::{Format, Options, Parser, Window, pump};
use openagent::labels::Labels;
use openagent::relabel::{Anchoring, RuleConfig, Rules};
use openagent::scrape::known::shelf::Shelf;
use openagent::scrape::lesson;
use openagent::scrape::prepared::Prepared;
use openagent::scrape::series::{SeriesScratch, SeriesSink};
use std::fmt::Write as _;
use std::sync::Arc;

const SAMPLES: usize = 10_000;
/// Scrapes before the first one along a known exposition: the first of its kind, the one that makes it worth learning, and
/// the one that learns.
const LESSON: usize = 3;
/// A pack's body, the list of packs as it grows, the copy of the packs into the batch.
const PER_PACK: u64 = 4;

fn body() -> String {
    let mut body = "# HELP requests_total Requests\\nserved.\n# TYPE requests_total counter\n".to_owned();
    for n in 0..SAMPLES {
        let _ = writeln!(body, "requests_total{{method=\"GET\",path=\"/a\\\\b/{n}\"}} {n}.5");
    }
    body
}

fn scrape_allocates(change: impl FnOnce(&mut ScrapeJob)) -> u64 {
    let mut job = ScrapeJob::new("alloc", Discover::Static(vec!["h:1".into()]));
    change(&mut job);
    let job = Arc::new(job);
    let labels = Labels::from_iter([("job", "alloc"), ("instance", "h:1")]);
    let prepared = Prepared::new(Arc::new(Target::example(&job, "h:1", labels)), 1);
    let (mut scratch, mut window) = (SeriesScratch::new(), Window::default());
    let mut parser = Parser::new(Format::Text, Options::default());
    let body = body();
    let mut scrape = || {
        let mut sink = SeriesSink::begin(&prepared, &mut scratch, 0, None, false);
        pump(&mut body.as_bytes(), &mut window, &mut parser, &mut sink).unwrap();
        assert_eq!(sink.tally.kept, SAMPLES as u64);
        assert_eq!(scratch.encoder.finish().len(), SAMPLES / 1_000);
    };
    scrape(); // the buffers grow here
    allocations(scrape)
}

#[test]
fn a_scrape_allocates_for_its_packs_alone() {
    let packs = (SAMPLES / 1_000) as u64;
    for (what, allocated) in [
        ("without rules", scrape_allocates(|_| {})),
        ("with a rule on every sample", scrape_allocates(|job| job.metric_relabel = rules())),
    ] {
        println!("{what}: {allocated} allocations for {SAMPLES} samples in {packs} packs");
        assert!(allocated <= packs * PER_PACK, "{what}: {allocated} allocations");
    }
}

#[test]
fn a_scrape_along_a_known_exposition_allocates_for_its_packs_alone() {
    let job = Arc::new(ScrapeJob::new("alloc", Discover::Static(vec!["h:1".into()])));
    let labels = Labels::from_iter([("job", "alloc"), ("instance", "h:1")]);
    let prepared = Prepared::new(Arc::new(Target::example(&job, "h:1", labels)), 1);
    let (mut scratch, mut window, shelf) = (SeriesScratch::new(), Window::default(), Shelf::default());
    let mut parser = Parser::new(Format::Text, Options::default());
    let body = body();
    let mut scrape = || {
        let mut sink = SeriesSink::begin(&prepared, &mut scratch, 0, None, false);
        let kind = lesson::begin(&shelf, &prepared, Format::Text, &mut sink);
        pump(&mut body.as_bytes(), &mut window, &mut parser, &mut sink).unwrap();
        assert_eq!(scratch.encoder.finish().len(), SAMPLES / 1_000);
        lesson::end(&shelf, &prepared, kind, &mut scratch, true)
    };
    let known: Vec<_> = (0..=LESSON).map(|_| scrape()).collect();
    assert_eq!(known, [0, 0, 0, SAMPLES as u64], "in the order of the scrapes");
    let packs = (SAMPLES / 1_000) as u64;
    let allocated = allocations(|| {
        scrape();
    });
    println!("along a known exposition: {allocated} allocations for {SAMPLES} samples in {packs} packs");
    assert!(allocated <= packs * PER_PACK, "{allocated} allocations");
}

fn rules() -> Arc<Rules> {
    let rule = RuleConfig {
        source_labels: vec!["path".into()],
        regex: Some("/a(.*)/(\\d+)".into()),
        target_label: Some("number".into()),
        replacement: Some("n$2".into()),
        ..RuleConfig::default()
    };
    Arc::new(Rules::compile(&[rule], Anchoring::Full).unwrap())
}
