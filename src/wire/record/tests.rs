//! Tests of this room: golden vectors, round trips, bytes nobody would send.

use super::*;
use crate::wire::codec::Found;
use crate::wire::value::tests::any_map;
use proptest::prelude::*;

fn labelled(block: &mut Block, labels: usize) -> Result<(), RecordError> {
    let mut record = block.begin("m");
    (0..labels).for_each(|i| record.label(&format!("l{i}"), "v"));
    record.sample(1, 2.0)
}

#[test]
fn a_record_that_does_not_fit_leaves_no_byte() {
    let mut block = Block::new();
    labelled(&mut block, 255).unwrap();
    let whole = block.bytes().to_vec();
    assert_eq!(labelled(&mut block, 256), Err(RecordError::TooManyLabels(256)));
    let deltas = vec![0; 32_768];
    let buckets = Buckets {
        schema: 0,
        zero_threshold: 0.0,
        zero_count: 0,
        count: 0,
        sum: 0.0,
        positive_spans: &[],
        positive_deltas: &deltas,
        negative_spans: &[],
        negative_deltas: &[],
    };
    assert_eq!(block.begin("h").histogram(1, &buckets), Err(RecordError::TooManyBuckets(32_768)));
    drop(block.begin("unfinished"));
    assert_eq!(block.bytes(), whole);
    assert_eq!((block.records(), samples(&whole).unwrap().count()), (1, 1));
}

#[test]
fn a_full_block_takes_no_more() {
    let mut block = Block::new();
    for _ in 0..MAX_RECORDS {
        labelled(&mut block, 0).unwrap();
    }
    assert_eq!(labelled(&mut block, 0), Err(RecordError::BlockFull));
    assert_eq!(block.help("m", None, "gauge"), Err(RecordError::BlockFull));
    assert_eq!(samples(block.bytes()).unwrap().filter(Result::is_ok).count(), MAX_RECORDS);
    block.clear();
    assert!(block.is_empty());
    assert_eq!(block.bytes(), [0, 0, 0]);
}

#[test]
fn a_cleared_block_keeps_its_memory() {
    let mut block = Block::new();
    (0..100).for_each(|_| labelled(&mut block, 9).unwrap());
    let memory = block.bytes().as_ptr();
    block.clear();
    (0..100).for_each(|_| labelled(&mut block, 9).unwrap());
    assert_eq!(block.bytes().as_ptr(), memory);
}

#[test]
fn labels_written_before_are_labels() {
    let mut target = Vec::new();
    Unfinished::write_label(&mut target, "job", "node");
    Unfinished::write_label(&mut target, "instance", "a:1");
    let mut block = Block::new();
    let mut record = block.begin("up");
    record.label("x", "y");
    record.written_labels(&target, 2);
    record.sample(5, 1.0).unwrap();
    let sample = samples(block.bytes()).unwrap().next().unwrap().unwrap();
    assert_eq!(sample.labels, [("x", "y"), ("job", "node"), ("instance", "a:1")]);
}

#[test]
fn help_has_its_text_only_when_there_is_one() {
    let mut block = Block::new();
    block.help("a", Some("nil"), "counter").unwrap();
    block.help("b", None, "untyped").unwrap();
    let records: Vec<_> = help(block.bytes()).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!((records[0].metric, records[0].properties.text("help")), ("a", Some("nil")));
    assert_eq!(records[0].properties.text("type"), Some("counter"));
    assert_eq!(records[1].properties.iter().collect::<Vec<_>>(), [("type", &"untyped".into())]);
}

#[test]
fn an_iterator_ends_with_its_first_error() {
    let mut block = Block::new();
    labelled(&mut block, 1).unwrap();
    labelled(&mut block, 1).unwrap();
    let torn = &block.bytes()[..block.bytes().len() - 1];
    let read: Vec<_> = samples(torn).unwrap().collect();
    assert_eq!(read.len(), 2);
    assert_eq!(read[1].as_ref().unwrap_err().to_string(), "value at byte 45: needs 8 bytes, 7 are left");

    let trailing = [block.bytes(), &[0]].concat();
    let last = samples(&trailing).unwrap().last().unwrap();
    assert_eq!(last.unwrap_err().found, Found::Trailing(1));
    assert_eq!(samples(&[0, 0x7f, 0xff, 0]).unwrap_err().found, Found::Short { need: 32_767 * 19, left: 1 });
    assert_eq!(samples(&[1, 0, 0]).unwrap_err().to_string(), "block at byte 0: unknown type 1");
}

proptest! {
    #[test]
    fn samples_come_back(
        written in prop::collection::vec(
            (any::<String>(), prop::collection::vec(any::<(String, String)>(), 0..6), any::<i64>(), any::<f64>()),
            0..20,
        ),
    ) {
        let mut block = Block::new();
        for (metric, labels, time_ms, value) in &written {
            let mut record = block.begin(metric);
            labels.iter().for_each(|(name, value)| record.label(name, value));
            record.sample(*time_ms, *value).unwrap();
        }
        let read = samples(block.bytes())?.map(|sample| sample.map(|s| {
            let labels = s.labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            (s.metric.to_owned(), labels, s.time_ms, s.value)
        }));
        prop_assert_eq!(read.collect::<Result<Vec<_>, _>>()?, written);
    }

    #[test]
    fn properties_come_back(metric: String, properties in any_map()) {
        let mut block = Block::new();
        block.properties(&metric, &properties).unwrap();
        let record = help(block.bytes())?.next().unwrap()?;
        prop_assert_eq!((record.metric, record.properties), (metric.as_str(), properties));
    }

    #[test]
    fn histograms_come_back(
        counts: (i32, f64, i64, i64, f64),
        spans: Vec<(i32, i32)>, deltas: Vec<i64>, negative: Vec<i64>,
    ) {
        let (schema, zero_threshold, zero_count, count, sum) = counts;
        let buckets = Buckets {
            schema, zero_threshold, zero_count, count, sum,
            positive_spans: &spans, positive_deltas: &deltas, negative_spans: &[], negative_deltas: &negative,
        };
        let mut block = Block::new();
        let mut record = block.begin("h");
        record.label("a", "b");
        record.histogram(3, &buckets).unwrap();
        let read = histograms(block.bytes())?.next().unwrap()?;
        prop_assert_eq!((read.schema, read.zero_threshold, read.zero_count, read.count, read.sum), counts);
        prop_assert_eq!((read.positive_spans, read.positive_deltas), (spans, deltas));
        prop_assert_eq!((read.negative_spans, read.negative_deltas), (vec![], negative));
        prop_assert_eq!((read.metric, read.labels, read.time_ms), ("h", vec![("a", "b")], 3));
    }

    #[test]
    fn no_bytes_panic(body: Vec<u8>, count in 0_u8..8) {
        let block = [&[0, 0, count][..], &body].concat();
        let _ = samples(&block).map(Iterator::count);
        let _ = help(&block).map(Iterator::count);
        let _ = histograms(&block).map(Iterator::count);
    }
}
