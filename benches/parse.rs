//! Parsing speed in bytes of body per second, on made-up bodies and, where they are there, on those of real programs.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]
#![allow(missing_docs, reason = "criterion's macros make functions")]

mod bodies;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use openagent::exposition::{Flow, Format, Options, Parser, Sample, Sink, Window, pump};
use std::path::PathBuf;

/// Touches every sample as a scrape would, so that nothing is optimised away.
#[derive(Default)]
struct Touch {
    samples: u64,
    bytes: usize,
    sum: f64,
}

impl Sink for Touch {
    #[inline]
    fn sample(&mut self, sample: &Sample<'_>) -> Flow {
        self.samples += 1;
        self.sum += sample.value;
        self.bytes += sample.name.len();
        for (name, value) in sample.labels.iter() {
            self.bytes += name.len() + value.len();
        }
        Flow::Continue(())
    }
}

fn measure(criterion: &mut Criterion, name: &str, format: Format, bodies: &[Vec<u8>]) {
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Bytes(bodies.iter().map(|body| body.len() as u64).sum()));
    let mut parser = Parser::new(format, Options::default());
    let mut window = Window::default();
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let mut touch = Touch::default();
            for body in bodies {
                pump(&mut &body[..], &mut window, &mut parser, &mut touch).unwrap();
            }
            (touch.samples, touch.bytes, touch.sum)
        });
    });
    group.finish();
}

fn made_up(criterion: &mut Criterion) {
    measure(criterion, "text/node_exporter", Format::Text, &[bodies::node_exporter(128, 64).into_bytes()]);
    measure(criterion, "openmetrics/cpu", Format::OpenMetrics, &[bodies::openmetrics(512).into_bytes()]);
    measure(criterion, "protobuf/cpu", Format::Protobuf, &[bodies::protobuf(128)]);
}

fn live(criterion: &mut Criterion) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/live");
    let read = |ending: &str| -> Vec<Vec<u8>> {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|file| file.path());
        files.filter(|path| path.to_string_lossy().ends_with(ending)).map(|path| std::fs::read(path).unwrap()).collect()
    };
    for (name, ending, format) in [
        ("text/live", ".txt", Format::Text),
        ("openmetrics/live", ".om", Format::OpenMetrics),
        ("protobuf/live", ".pb", Format::Protobuf),
    ] {
        let bodies = read(ending);
        if !bodies.is_empty() {
            measure(criterion, name, format, &bodies);
        }
    }
    if let Ok(body) = std::fs::read(folder.join("node_exporter-e2e-output.txt")) {
        measure(criterion, "text/node_exporter-e2e", Format::Text, &[body]);
    }
}

criterion_group!(parse, made_up, live);
criterion_main!(parse);
