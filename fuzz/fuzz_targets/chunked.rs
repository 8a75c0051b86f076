//! Bodies cut at random, of all formats: any split gives the same, through the parser alone and through a window,
//! whose memory stays bounded; a line too long is the same line however the body is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openagent::exposition::{Format, Parser, PumpError, Stop, Window, pump};
use openagent_fuzz::{Recorder, assert_bounded, parse, parser};
use std::io::Read;

fuzz_target!(|input: &[u8]| {
    let Some((head, rest)) = input.split_first_chunk::<4>() else { return };
    let (cuts, body) = rest.split_at(rest.len().min(usize::from(head[1])));
    let strict = head[0] & 1 == 1;
    let format = [Format::Text, Format::OpenMetrics, Format::Protobuf][usize::from(head[0] >> 1) % 3];
    fed(format, strict, body, cuts);
    pumped(format, strict, body, cuts, usize::from(u16::from_le_bytes([head[2], head[3]])) + 1);
});

/// Feeds the parser more and more of the body.
fn fed(format: Format, strict: bool, body: &[u8], cuts: &[u8]) {
    let (whole, expected) = parse(format, strict, body);
    let (mut recorder, mut parser) = (Recorder::default(), parser(format, strict));
    let result = feed(&mut parser, &mut recorder, body, cuts);
    assert_eq!(result.map_err(fault), expected.map_err(fault));
    assert_eq!(recorder, whole);
}

fn feed(parser: &mut Parser, recorder: &mut Recorder, body: &[u8], cuts: &[u8]) -> Result<usize, Stop> {
    let (mut read, mut seen) = (0, 0);
    for cut in cuts {
        seen = (seen + usize::from(*cut)).min(body.len());
        read += parser.parse(&body[read..seen], false, recorder)?;
    }
    Ok(read + parser.parse(&body[read..], true, recorder)?)
}

/// Pumps the body in pieces and as a whole.
fn pumped(format: Format, strict: bool, body: &[u8], cuts: &[u8], most: usize) {
    let run = |cuts: &[u8]| {
        let (mut recorder, mut parser, mut window) = (Recorder::default(), parser(format, strict), Window::new(most));
        let mut reader = Pieces { body, cuts: cuts.to_vec(), next: 0 };
        let result = pump(&mut reader, &mut window, &mut parser, &mut recorder);
        assert!(window.memory() <= (most + 1).max(64 * 1024));
        assert_bounded(&parser, most);
        (
            recorder,
            result.map_err(|error| match error {
                PumpError::Fault(fault) => format!("fault {fault}"),
                PumpError::Overlong(fault, most) => format!("overlong {fault} {most}"),
                other => format!("{other:?}"),
            }),
        )
    };
    assert_eq!(run(cuts), run(&[]));
}

fn fault(stop: Stop) -> String {
    format!("{stop:?}")
}

/// Gives a body in pieces of the given lengths, in turn.
struct Pieces<'a> {
    body: &'a [u8],
    cuts: Vec<u8>,
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.cuts.get(self.next % self.cuts.len().max(1)).map_or(usize::MAX, |cut| usize::from(*cut) + 1);
        self.next += 1;
        let count = length.min(out.len()).min(self.body.len());
        out[..count].copy_from_slice(&self.body[..count]);
        self.body = &self.body[count..];
        Ok(count)
    }
}
