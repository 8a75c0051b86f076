//! OpenMetrics: what is read can be written down and read again; a body that the lint finds nothing in is taken; what
//! OpenMetrics takes, without exemplars and times, lenient text takes as well.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openagent::exposition::Format;
use openagent::exposition::lint::Lint;
use openagent_fuzz::{parse, render};

fuzz_target!(|body: &[u8]| {
    let (read, result) = parse(Format::OpenMetrics, true, body);
    let mut lint = Lint::new(1 << 20);
    lint.feed(body);
    lint.finish();
    let breaches = lint.take_breaches();
    assert!(result.is_ok() || !breaches.is_empty(), "{result:?} without a breach");
    if read.samples.iter().all(|sample| sample.timestamp.is_none_or(render::is_sayable)) {
        let written = render::text(&read.samples, true);
        let (again, result) = parse(Format::OpenMetrics, true, written.as_bytes());
        assert_eq!((result, &again.samples), (Ok(written.len()), &read.samples));
    }
    if read.samples.iter().all(|sample| sample.timestamp.is_none()) {
        let written = render::text(&read.samples, true);
        let (as_text, _) = parse(Format::Text, true, written.as_bytes());
        assert_eq!(as_text.samples, read.samples);
    }
});
