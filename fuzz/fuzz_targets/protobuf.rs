//! Protobuf: whatever comes, no panic; what was read can be written down, as protobuf and as text, and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openagent::exposition::Format;
use openagent_fuzz::{parse, render};

fuzz_target!(|body: &[u8]| {
    let (read, _) = parse(Format::Protobuf, true, body);
    let written = render::protobuf(&read.samples);
    let (again, result) = parse(Format::Protobuf, true, &written);
    assert_eq!((result, &again.samples), (Ok(written.len()), &read.samples));
    if read.samples.iter().all(|sample| sample.timestamp.is_none_or(|time| time >= 0)) {
        let written = render::text(&read.samples, false);
        let (again, result) = parse(Format::Text, true, written.as_bytes());
        assert_eq!((result, &again.samples), (Ok(written.len()), &read.samples));
    }
});
