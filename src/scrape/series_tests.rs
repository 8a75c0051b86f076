//! The order of steps and their edges, each sample read back from the packs as the server reads them.

use super::super::tally::DropReason;
use super::*;
use crate::config::job::{Discover, ScrapeJob};
use crate::discovery::Target;
use crate::exposition::{Format, Options, Parser};
use crate::labels::Labels;
use crate::wire::pack::{Body, EncodedPack, Header, Pack};
use crate::wire::record;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A sample as the server got it: name, labels, time, value.
type Got = (String, BTreeMap<String, String>, i64, f64);

fn prepared(change: impl FnOnce(&mut ScrapeJob)) -> Prepared {
    let mut job = ScrapeJob::new("shop", Discover::Static(vec!["h:1".into()]));
    change(&mut job);
    let labels = Labels::from_iter([("job", "shop"), ("instance", "h:1")]);
    let job = Arc::new(job);
    let target = Target::example(&job, "h:1", labels);
    Prepared::new(Arc::new(target), 77)
}

struct Scraped {
    samples: Vec<Got>,
    tally: Tally,
    breach: Option<LimitBreach>,
}

fn scrape(prepared: &Prepared, body: &str) -> Scraped {
    let mut scratch = SeriesScratch::new();
    let mut sink = SeriesSink::begin(prepared, &mut scratch, 1_000, None, false);
    let mut parser = Parser::new(Format::Text, Options::default());
    let _ = parser.parse(body.as_bytes(), true, &mut sink);
    let (tally, breach) = (sink.tally, sink.breach.take());
    Scraped { samples: read(&scratch.encoder.finish()), tally, breach }
}

fn read(packs: &[EncodedPack]) -> Vec<Got> {
    let header = Header { pcode: 1, oid: 2, okind: 0, onode: 0, time_ms: 3 };
    let mut samples = Vec::new();
    for pack in packs {
        let mut bytes = Vec::new();
        pack.write(&header, &mut bytes);
        let Body::OpenMx(pack) = Pack::decode(&bytes).unwrap().body else { continue };
        let plain = pack.records.plain(1 << 24).unwrap();
        for sample in record::samples(&plain).unwrap().map(Result::unwrap) {
            let labels: BTreeMap<_, _> =
                sample.labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(labels.len(), sample.labels.len(), "a label came twice: {sample:?}");
            samples.push((sample.metric.to_owned(), labels, sample.time_ms, sample.value));
        }
    }
    samples
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let always = [("job", "shop"), ("instance", "h:1"), ("pcode", "77")];
    let mut all: BTreeMap<_, _> = always.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    for (name, value) in pairs {
        if value.is_empty() {
            all.remove(*name)
        } else {
            all.insert((*name).to_owned(), (*value).to_owned())
        };
    }
    all
}

#[test]
fn target_labels_and_pcode_join_and_an_empty_label_goes() {
    let got = scrape(&prepared(|_| {}), "a{x=\"1\",gone=\"\"} 5 1234\nb 6\n");
    assert_eq!(got.samples, [("a".into(), labels(&[("x", "1")]), 1_234, 5.0), ("b".into(), labels(&[]), 1_000, 6.0)]);
}

#[test]
fn clashing_labels_are_exported_again_and_again_or_honoured() {
    let body = "a{job=\"own\",exported_job=\"too\",pcode=\"9\"} 1\n";
    let exported = scrape(&prepared(|_| {}), body);
    assert_eq!(
        exported.samples[0].1,
        labels(&[("exported_exported_job", "own"), ("exported_job", "too")]),
        "pcode is the agent's own"
    );
    let honoured = scrape(&prepared(|job| job.honor_labels = true), body);
    assert_eq!(honoured.samples[0].1, labels(&[("job", "own"), ("exported_job", "too")]));
}

#[test]
fn own_timestamps_count_unless_told_otherwise() {
    let got = scrape(&prepared(|job| job.honor_timestamps = false), "a 5 1234\n");
    assert_eq!(got.samples[0].2, 1_000);
}

#[test]
fn external_labels_come_last_and_never_over_the_samples_own() {
    let got = scrape(
        &prepared(|job| job.external_labels = Labels::from_iter([("region", "eu"), ("job", "x"), ("pcode", "0")])),
        "a 1\na{region=\"own\"} 2\n",
    );
    assert_eq!(got.samples[0].1, labels(&[("region", "eu")]));
    assert_eq!(got.samples[1].1, labels(&[("region", "own")]));
}

#[test]
fn names_are_selected_and_what_the_server_refuses_is_dropped_each_with_its_reason() {
    let keep = ["a", "n", "i"].map(str::to_owned).into();
    let got = scrape(&prepared(|job| job.keep_names = Some(Arc::new(keep))), "a 1\nb 1\nn NaN\ni +Inf\ni -Inf\na 2\n");
    assert_eq!(got.samples.len(), 1);
    assert_eq!((got.tally.scraped, got.tally.post_relabel, got.tally.kept), (6, 5, 1));
    let dropped: BTreeMap<_, _> = got.tally.drops().map(|(reason, count)| (reason.as_str(), count)).collect();
    assert_eq!(dropped, BTreeMap::from([("metric_selector", 1), ("nan", 1), ("infinite", 2), ("duplicate", 1)]));
}

#[test]
fn the_same_series_is_kept_once_whatever_the_order_of_its_labels() {
    let got = scrape(&prepared(|_| {}), "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\na{x=\"2\",y=\"1\"} 3\n");
    assert_eq!(got.samples.iter().map(|sample| sample.3).collect::<Vec<_>>(), [1.0, 3.0]);
    let clash = scrape(&prepared(|_| {}), "a{exported_job=\"x\"} 1\na{job=\"x\"} 2\n");
    assert_eq!(clash.tally.dropped(DropReason::Duplicate), 1, "the same final labels by another way");
    let timed = scrape(&prepared(|_| {}), "a 1 10\na 2 20\n");
    assert_eq!(timed.samples.len(), 2, "points in time of one series are no repetition");
}

#[test]
fn limits_fail_the_scrape_and_say_which() {
    let breach = |change: fn(&mut ScrapeJob), body: &str| scrape(&prepared(change), body).breach;
    assert_eq!(breach(|job| job.limits.samples = 1, "a 1\nb 2\n"), Some(LimitBreach::Samples { limit: 1 }));
    assert_eq!(breach(|job| job.limits.samples = 2, "a 1\nb 2\n"), None);
    // a name, job, instance and x are four labels, as Prometheus counts
    assert_eq!(
        breach(|job| job.limits.labels = 3, "a{x=\"1\"} 1\n"),
        Some(LimitBreach::Labels { limit: 3, found: 4, metric: "a".into() })
    );
    assert_eq!(breach(|job| job.limits.labels = 4, "a{x=\"1\"} 1\n"), None);
    assert_eq!(
        breach(|job| job.limits.label_name_bytes = 3, "a{long=\"1\"} 1\n"),
        Some(LimitBreach::LabelName { limit: 3, name: "long".into() })
    );
    assert_eq!(
        breach(|job| job.limits.label_value_bytes = 3, "a{x=\"1234\"} 1\n"),
        Some(LimitBreach::LabelValue { limit: 3, found: 4, name: "x".into() })
    );
    let many: String = (0..254).map(|n| format!("l{n}=\"v\",")).collect();
    assert_eq!(
        breach(|_| {}, &format!("a{{{many}}} 1\n")),
        Some(LimitBreach::Labels { limit: 255, found: 257, metric: "a".into() }),
        "255 is what a record can tell"
    );
}

#[test]
fn what_a_line_keeps_of_the_one_before_changes_no_sample() {
    let mut body = String::new();
    for n in 0..3_000 {
        let (family, handler, code) = (n / 700, n / 9 % 5, n % 9);
        let line = match n % 13 {
            0 => format!("a_{family}{{handler=\"/{handler}\",empty=\"\",code=\"{code}\"}} {n}"),
            1 => format!("a_{family}{{handler=\"/{handler}\",job=\"own\",code=\"{code}\"}} {n}"),
            2 => format!("a_{family}{{handler=\"/{handler}\",code=\"{code}\"}} NaN"),
            3 => format!("a_{family}{{handler=\"/{handler}\"}} {n}"),
            4 => format!("a_{family}{{handler=\"/{handler}\",code=\"{code}\"}} oops"),
            5 => format!("a_{family} {n} 1700000000000"),
            6 => format!("# TYPE a_{family} counter"),
            7 => format!("a_{family}{{handler=\"/{handler}\",code=\"\\\"{code}\"}} {n}"),
            8 => format!("a_{family}{{handler=\"/{handler}\",handler=\"{code}\"}} {n}"),
            _ => format!("a_{family}{{handler=\"/{handler}\",code=\"{code}\",n=\"{n}\"}} 0.{n}"),
        };
        body.push_str(&line);
        body.push('\n');
    }
    let prepared = prepared(|_| {});
    let together = scrape(&prepared, &body);
    // a parser that is given one line at a time has none before it
    let mut scratch = SeriesScratch::new();
    let mut sink = SeriesSink::begin(&prepared, &mut scratch, 1_000, None, false);
    let mut parser = Parser::new(Format::Text, Options::default());
    for line in body.split_inclusive('\n') {
        assert_eq!(parser.parse(line.as_bytes(), false, &mut sink), Ok(line.len()));
    }
    let tally = sink.tally;
    assert!(tally.kept > 1_500 && tally.dropped(DropReason::Unreadable) > 400);
    assert_eq!(together.tally, tally);
    assert!(together.samples == read(&scratch.encoder.finish()));
}
