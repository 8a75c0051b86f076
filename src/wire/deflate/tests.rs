//! Whatever records a block holds, its stream inflates to the block: by a decoder that is not ours.

use super::*;
use crate::wire::gzip::inflate;
use proptest::prelude::*;

/// A sample as the tests write it: how much it takes over from the one before, its name, labels, value.
#[derive(Debug, Clone)]
struct Written {
    shared: Option<usize>,
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

fn write(block: &mut Block, sample: &Written) {
    let mut record = match sample.shared {
        Some(labels) => block.begin_like(&sample.name, labels),
        None => block.begin(&sample.name),
    };
    let taken = record.labels();
    for (name, value) in sample.labels.iter().skip(taken) {
        record.label(name, value);
    }
    record.written_labels(b"\x03job\x04farm\x05pcode\x011", 2);
    record.sample(1_790_000_000_000, sample.value).unwrap();
}

/// The block as it is, and what its stream gives, the compressor sliding over a block of its own.
fn both(samples: &[Written]) -> (Vec<u8>, Vec<u8>) {
    let (mut whole, mut sliding, mut deflater) = (Block::new(), Block::new(), Deflater::new());
    for sample in samples {
        write(&mut whole, sample);
        write(&mut sliding, sample);
        deflater.record(&sliding);
        deflater.slide(&mut sliding);
    }
    assert_eq!(deflater.plain_bytes(&sliding), whole.bytes().len());
    let stream = deflater.finish(&sliding).to_vec();
    (whole.bytes().to_vec(), inflate(&stream, whole.bytes().len()).unwrap())
}

/// Samples of an exposition in which neighbours share much, as `pick` wills.
fn samples(count: usize, mut pick: impl FnMut(usize) -> usize) -> Vec<Written> {
    let mut samples: Vec<Written> = Vec::new();
    for _ in 0..count {
        let labels = pick(5);
        let name = format!("http_request_duration_{}_seconds", "x".repeat(pick(3)));
        let mut label = |n: usize| (format!("label{n}"), format!("value-{}-of-some-length", pick(40)));
        let mut fresh: Vec<_> = (0..labels).map(&mut label).collect();
        let value = [0.0, 1.5, pick(1 << 20) as f64, 0.1 / (1 + pick(9)) as f64][pick(4)];
        match samples.last() {
            Some(before) if pick(3) > 0 => {
                let shared = pick(before.labels.len() + 1);
                let mut labels = before.labels[..shared].to_vec();
                labels.extend(fresh.drain(..).skip(shared));
                samples.push(Written { shared: Some(shared), name: before.name.clone(), labels, value });
            }
            _ => samples.push(Written { shared: None, name, labels: fresh, value }),
        }
    }
    samples
}

/// Numbers that look random and are the same each time.
fn numbers(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    }
}

#[test]
fn a_block_far_wider_than_the_window_inflates_to_itself() {
    let samples = samples(20_000, numbers(7));
    let (plain, inflated) = both(&samples);
    assert!(plain.len() > 20 * MAX_DISTANCE, "{}", plain.len());
    assert!(plain == inflated);
}

#[test]
fn an_empty_block_and_the_next_one_after_it_are_whole() {
    let (empty, mut block, mut deflater) = (Block::new(), Block::new(), Deflater::new());
    assert_eq!(inflate(deflater.finish(&empty), 3).unwrap(), [0, 0, 0]);
    for (index, sample) in samples(300, numbers(1)).iter().enumerate() {
        write(&mut block, sample);
        deflater.record(&block);
        if index == 100 {
            // a scrape that was given up: the next block begins anew
            deflater.abandon();
            block.clear();
        }
    }
    assert_eq!(inflate(deflater.finish(&block), 1 << 20).unwrap(), block.bytes());
}

#[test]
fn records_that_repeat_cost_a_few_bytes() {
    let same = |value| Written {
        shared: None,
        name: "node_cpu_seconds_total".to_owned(),
        labels: vec![("cpu".to_owned(), "0".to_owned()), ("mode".to_owned(), "idle".to_owned())],
        value,
    };
    let samples: Vec<_> = (0..1_000).map(|n| same(f64::from(n))).collect();
    let (mut block, mut deflater) = (Block::new(), Deflater::new());
    for sample in &samples {
        write(&mut block, sample);
        deflater.record(&block);
    }
    let zipped = deflater.finish(&block).len();
    assert!(zipped < 9 * samples.len(), "{zipped} bytes of {}", block.bytes().len());
}

#[test]
fn longest_and_overlong_matches_are_split_where_lengths_end() {
    for length in (WORTH..1_100).chain([30_000, 70_000]) {
        let name = "n".repeat(length);
        let sample = Written { shared: None, name, labels: Vec::new(), value: 1.0 };
        let (plain, inflated) = both(&[sample.clone(), sample]);
        assert!(plain == inflated, "{length}");
    }
}

#[test]
fn help_and_histograms_go_through_too() {
    let (mut block, mut deflater) = (Block::new(), Deflater::new());
    for n in 0..50 {
        block.help(&format!("family_{n}"), Some("Duration of requests."), "histogram").unwrap();
        deflater.record(&block);
    }
    assert_eq!(inflate(deflater.finish(&block), 1 << 20).unwrap(), block.bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_samples_inflate_to_themselves(seed: u64, count in 1_usize..800) {
        let (plain, inflated) = both(&samples(count, numbers(seed)));
        prop_assert!(plain == inflated);
    }

    #[test]
    fn any_texts_inflate_to_themselves(
        texts in prop::collection::vec(("[a-c]{0,12}", prop::collection::vec(("[ab]{1,3}", "\\PC{0,20}"), 0..4), any::<f64>()), 1..60),
    ) {
        let samples: Vec<_> = texts
            .into_iter()
            .map(|(name, labels, value)| Written { shared: None, name, labels, value })
            .collect();
        let (plain, inflated) = both(&samples);
        prop_assert!(plain == inflated);
    }
}
