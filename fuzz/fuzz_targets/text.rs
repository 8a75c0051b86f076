//! Text 0.0.4: lenient always comes through; what strict takes, lenient takes as well and gives the same; what was
//! read can be written down and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openagent::exposition::Format;
use openagent_fuzz::{parse, render};

fuzz_target!(|body: &[u8]| {
    let (lenient, result) = parse(Format::Text, false, body);
    assert_eq!(result, Ok(body.len()));
    let (strict, result) = parse(Format::Text, true, body);
    if result.is_ok() {
        assert_eq!(strict.samples, lenient.samples);
    }
    let written = render::text(&lenient.samples, false);
    let (again, result) = parse(Format::Text, true, written.as_bytes());
    assert_eq!((result, &again.samples), (Ok(written.len()), &lenient.samples));
});
