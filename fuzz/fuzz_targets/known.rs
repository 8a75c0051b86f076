//! Known expositions: a body that was taught and another one that comes after it give the same blocks and the same counts
//! as they do where nothing is known. A byte 0xff parts the two; a body that begins with `#O` is OpenMetrics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openagent::config::ScrapeJob;
use openagent::config::job::Discover;
use openagent::discovery::Target;
use openagent::exposition::{Format, Options, Parser};
use openagent::labels::Labels;
use openagent::scrape::known::shelf::Shelf;
use openagent::scrape::lesson;
use openagent::scrape::prepared::Prepared;
use openagent::scrape::series::{SeriesScratch, SeriesSink};
use openagent::scrape::tally::Tally;
use openagent::wire::pack::{Body, EncodedPack, Header, Pack};
use std::sync::Arc;

fuzz_target!(|input: &[u8]| {
    let (taught, other) = input.split_at(input.iter().position(|byte| *byte == 0xff).unwrap_or(input.len()));
    let other = other.get(1..).unwrap_or_default();
    let format = if taught.starts_with(b"#O") { Format::OpenMetrics } else { Format::Text };
    let taught = taught.strip_prefix(b"#O").unwrap_or(taught);
    let job = Arc::new(ScrapeJob::new("fuzz", Discover::Static(vec!["h:1".into()])));
    let labels = Labels::from_iter([("job", "fuzz"), ("instance", "h:1")]);
    let prepared = Prepared::new(Arc::new(Target::example(&job, "h:1", labels)), 1);
    let (mut with, mut without, shelf) = (SeriesScratch::new(), SeriesScratch::new(), Shelf::default());
    for body in [taught, taught, taught, taught, other, taught] {
        let knowing = scrape(&prepared, format, body, &mut with, Some(&shelf));
        assert_eq!(knowing, scrape(&prepared, format, body, &mut without, None));
    }
});

/// The blocks of a scrape and what it counted.
fn scrape(
    prepared: &Prepared,
    format: Format,
    body: &[u8],
    scratch: &mut SeriesScratch,
    shelf: Option<&Shelf>,
) -> (Vec<Vec<u8>>, Tally) {
    let mut sink = SeriesSink::begin(prepared, scratch, 7, None, false);
    let kind = shelf.and_then(|shelf| lesson::begin(shelf, prepared, format, &mut sink));
    let result = Parser::new(format, Options::default()).parse(body, true, &mut sink);
    if result.is_err() {
        sink.discard(None);
    }
    let tally = sink.tally;
    let blocks = scratch.encoder.finish().iter().map(block).collect();
    if let Some(shelf) = shelf {
        lesson::end(shelf, prepared, kind, scratch, result.is_ok());
    }
    (blocks, tally)
}

fn block(pack: &EncodedPack) -> Vec<u8> {
    let mut bytes = Vec::new();
    pack.write(&Header { pcode: 1, oid: 2, okind: 0, onode: 0, time_ms: 3 }, &mut bytes);
    let Ok(Pack { body: Body::OpenMx(pack), .. }) = Pack::decode(&bytes) else { panic!("no pack of samples") };
    pack.records.plain(1 << 24).expect("what was zipped can be inflated").into_owned()
}
