//! A whole scrape in memory: body → parser → joined labels → records → gzipped packs, in samples and bytes per second.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]
#![allow(missing_docs, reason = "criterion's macros make functions")]

mod bodies;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use openagent::config::ScrapeJob;
use openagent::config::job::Discover;
use openagent::discovery::Target;
use openagent::exposition::{Flow, Format, Options, Parser, Sample, Sink, Window, pump};
use openagent::labels::Labels;
use openagent::scrape::known::shelf::Shelf;
use openagent::scrape::lesson;
use openagent::scrape::prepared::Prepared;
use openagent::scrape::series::{SeriesScratch, SeriesSink};
use std::sync::Arc;

fn prepared() -> Prepared {
    let job = Arc::new(ScrapeJob::new("bench", Discover::Static(vec!["h:9100".into()])));
    let labels = Labels::from_iter([("job", "bench"), ("instance", "h:9100")]);
    Prepared::new(Arc::new(Target::example(&job, "h:9100", labels)), 1)
}

/// Counts the samples of a body.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn sample(&mut self, _: &Sample<'_>) -> Flow {
        self.0 += 1;
        Flow::Continue(())
    }
}

fn whole_scrape(criterion: &mut Criterion) {
    let body = bodies::node_exporter(16, 8).into_bytes();
    let (prepared, mut window) = (prepared(), Window::default());
    let mut parser = Parser::new(Format::Text, Options::default());
    let mut count = Count::default();
    pump(&mut &body[..], &mut window, &mut parser, &mut count).unwrap();
    let mut scratch = SeriesScratch::new();
    let mut group = criterion.benchmark_group("whole");
    group.throughput(Throughput::Elements(count.0));
    group.bench_function("scrape", |bencher| {
        bencher.iter(|| {
            let mut sink = SeriesSink::begin(&prepared, &mut scratch, 0, None, false);
            pump(&mut &body[..], &mut window, &mut parser, &mut sink).unwrap();
            scratch.encoder.finish().iter().map(|pack| pack.body.len()).sum::<usize>()
        });
    });
    group.finish();
}

/// The same, along what an exposition before has taught.
fn known_scrape(criterion: &mut Criterion) {
    let body = bodies::node_exporter(16, 8).into_bytes();
    let (prepared, mut window, shelf) = (prepared(), Window::default(), Shelf::default());
    let mut parser = Parser::new(Format::Text, Options::default());
    let mut scratch = SeriesScratch::new();
    let mut scrape = || {
        let mut sink = SeriesSink::begin(&prepared, &mut scratch, 0, None, false);
        let kind = lesson::begin(&shelf, &prepared, Format::Text, &mut sink);
        pump(&mut &body[..], &mut window, &mut parser, &mut sink).unwrap();
        let kept = sink.tally.kept;
        let bytes = scratch.encoder.finish().iter().map(|pack| pack.body.len()).sum::<usize>();
        let known = lesson::end(&shelf, &prepared, kind, &mut scratch, true);
        (kept, known, bytes)
    };
    let (kept, known, _) = (0..4).map(|_| scrape()).last().unwrap();
    assert_eq!(kept, known, "all samples kept are known");
    let mut group = criterion.benchmark_group("whole");
    group.throughput(Throughput::Elements(kept));
    group.bench_function("known", |bencher| bencher.iter(&mut scrape));
    group.finish();
}

criterion_group!(benches, whole_scrape, known_scrape);
criterion_main!(benches);
