//! Packs: whatever names, labels and values records have, and whatever they take over from the record before, their gzip
//! inflates to the block; the compressor slides over a block of its own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openagent::wire::deflate::Deflater;
use openagent::wire::gzip::inflate;
use openagent::wire::record::Block;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let (mut whole, mut sliding, mut deflater) = (Block::new(), Block::new(), Deflater::new());
    for line in text.lines() {
        // a digit tells how many labels are those of the line before; what stands between blanks are names and values
        let (head, line) = line.split_at_checked(1).unwrap_or(("", line));
        let mut words = line.split(' ');
        let (name, value) = (words.next().unwrap_or_default(), line.len() as f64);
        let labels: Vec<(&str, &str)> = words.map(|word| word.split_once('=').unwrap_or((word, ""))).collect();
        for block in [&mut whole, &mut sliding] {
            let mut record = match head.parse() {
                Ok(shared) => block.begin_like(name, shared),
                Err(_) => block.begin(name),
            };
            for (label, value) in &labels {
                record.label(label, value);
            }
            record.written_labels(b"\x03job\x01a", 1);
            if record.sample(7, value).is_err() {
                return;
            }
        }
        deflater.record(&sliding);
        deflater.slide(&mut sliding);
    }
    assert_eq!(inflate(deflater.finish(&sliding), whole.bytes().len()).as_deref(), Ok(whole.bytes()));
});
