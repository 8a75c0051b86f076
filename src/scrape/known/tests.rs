//! What is sent with known expositions and without is the same, whatever became of the exposition since.

use super::super::lesson;
use super::super::prepared::Prepared;
use super::super::series::{SeriesScratch, SeriesSink};
use super::super::tally::Tally;
use super::shelf::{Kind, Learned, Plan, Shelf};
use super::*;
use crate::config::job::{Discover, ScrapeJob};
use crate::discovery::Target;
use crate::exposition::{Format, Options, Parser};
use crate::labels::Labels;
use crate::wire::pack::{Body, EncodedPack, Header, Pack};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn job(change: impl FnOnce(&mut ScrapeJob)) -> Arc<ScrapeJob> {
    let mut job = ScrapeJob::new("shop", Discover::Static(vec!["h:1".into()]));
    change(&mut job);
    Arc::new(job)
}

fn target(job: &Arc<ScrapeJob>, labels: &[(&str, &str)]) -> Prepared {
    let labels = Labels::from_iter(labels.iter().copied());
    Prepared::new(Arc::new(Target::example(job, "h:1", labels)), 77)
}

fn replica(job: &Arc<ScrapeJob>, instance: &str) -> Prepared {
    target(job, &[("job", "shop"), ("instance", instance)])
}

/// What a scrape came to.
#[derive(Debug, PartialEq)]
struct Sent {
    /// The blocks of its packs, inflated.
    plain: Vec<Vec<u8>>,
    tally: Tally,
    breach: bool,
    fault: Option<String>,
}

/// A scrape, its plan, and the bytes of its packs.
struct Scraped {
    sent: Sent,
    plan: &'static str,
    bytes: usize,
}

/// One worker, with a shelf or without.
struct Worker {
    shelf: Option<Shelf>,
    scratch: SeriesScratch,
    format: Format,
    rounds: i64,
    /// Samples of the last scrape that were known.
    known: u64,
}

impl Worker {
    fn new(shelf: Option<Shelf>, format: Format) -> Self {
        Self { shelf, scratch: SeriesScratch::new(), format, rounds: 0, known: 0 }
    }

    fn scrape(&mut self, prepared: &Prepared, body: &str) -> Scraped {
        self.rounds += 1;
        let mut sink = SeriesSink::begin(prepared, &mut self.scratch, 1_000 * self.rounds, None, false);
        let kind = self.shelf.as_ref().and_then(|shelf| lesson::begin(shelf, prepared, self.format, &mut sink));
        let plan = sink.plan();
        let mut parser = Parser::new(self.format, Options::default());
        let parsed = parser.parse(body.as_bytes(), true, &mut sink);
        if parsed.is_err() {
            sink.discard(None);
        }
        sink.report("up", 1.0);
        let whole = parsed.is_ok();
        let (tally, breach) = (sink.tally, sink.breach.is_some());
        let fault = parsed.err().map(|stop| format!("{stop:?}"));
        let fault = fault.or_else(|| sink.first_fault.as_ref().map(ToString::to_string));
        let packs = self.scratch.encoder.finish();
        if let Some(shelf) = &self.shelf {
            self.known = lesson::end(shelf, prepared, kind, &mut self.scratch, whole);
        }
        let bytes = packs.iter().map(|pack| pack.body.len()).sum();
        Scraped { sent: Sent { plain: packs.iter().map(plain).collect(), tally, breach, fault }, plan, bytes }
    }
}

fn name(plan: &Plan) -> &'static str {
    match plan {
        Plan::Walk(_) => "walk",
        Plan::Learn => "learn",
        Plan::Plain => "plain",
    }
}

fn plain(pack: &EncodedPack) -> Vec<u8> {
    let mut bytes = Vec::new();
    pack.write(&Header { pcode: 1, oid: 2, okind: 0, onode: 0, time_ms: 3 }, &mut bytes);
    let Body::OpenMx(pack) = Pack::decode(&bytes).unwrap().body else { panic!("{pack:?}") };
    pack.records.plain(1 << 24).unwrap().into_owned()
}

/// Scrapes the bodies one after the other with a shelf and without; answers the plans and the bytes of both.
fn both(format: Format, targets: &[Prepared], bodies: &[String]) -> (Vec<&'static str>, [usize; 2]) {
    let mut with = Worker::new(Some(Shelf::default()), format);
    let mut without = Worker::new(None, format);
    let (mut plans, mut bytes) = (Vec::new(), [0, 0]);
    for (round, body) in bodies.iter().enumerate() {
        let target = &targets[round % targets.len()];
        let (one, other) = (with.scrape(target, body), without.scrape(target, body));
        assert_eq!(one.sent, other.sent, "scrape {round} of {body:?}");
        plans.push(one.plan);
        bytes[0] += one.bytes;
        bytes[1] += other.bytes;
    }
    (plans, bytes)
}

/// An exposition of so many services with histograms, whose values depend on the round.
fn exposition(services: usize, round: usize) -> String {
    let mut body = String::from("# TYPE requests_total counter\n");
    for service in 0..services {
        let value = service * 131 + round * 7;
        let _ = writeln!(body, "requests_total{{service=\"s{service}\",code=\"200\"}} {value}");
    }
    body.push_str("# TYPE took_seconds histogram\n");
    for service in 0..services {
        for bound in ["0.1", "2.5", "+Inf"] {
            let value = (service + 1) * (round + 1);
            let _ = writeln!(body, "took_seconds_bucket{{service=\"s{service}\",le=\"{bound}\"}} {value}");
        }
        let _ = writeln!(body, "took_seconds_sum{{service=\"s{service}\"}} {}", service as f64 * 0.37 + round as f64);
    }
    body
}

#[test]
fn the_third_scrape_learns_and_the_fourth_walks_over_more_packs_than_one() {
    let job = job(|_| {});
    let bodies: Vec<_> = (0..8).map(|round| exposition(700, round)).collect();
    let (plans, [with, without]) = both(Format::Text, &[replica(&job, "h:1")], &bodies);
    assert_eq!(plans, ["plain", "plain", "learn", "walk", "walk", "walk", "walk", "walk"]);
    assert!(with * 100 <= without * 105, "{with} bytes where {without} do");
}

#[test]
fn replicas_share_what_one_of_them_taught() {
    let job = job(|_| {});
    let replicas = ["h:1", "long-instance-name.example:9100", "h:22"].map(|instance| replica(&job, instance));
    let bodies: Vec<_> = (0..9).map(|round| exposition(40, round)).collect();
    let (plans, [with, without]) = both(Format::Text, &replicas, &bodies);
    assert_eq!(plans, ["plain", "plain", "plain", "plain", "learn", "walk", "walk", "walk", "walk"]);
    assert!(with * 100 <= without * 110, "{with} bytes where {without} do");
}

#[test]
fn whoever_adds_other_labels_is_another_kind() {
    let job = job(|_| {});
    let body = "a{service=\"s\",zone=\"z\"} 1\nb{zone=\"z\"} 2\n".to_owned();
    let targets = [
        replica(&job, "h:1"),
        replica(&job, "h:1"),
        target(&job, &[("job", "shop"), ("instance", "h:2"), ("zone", "own")]),
    ];
    let (plans, _) = both(Format::Text, &targets, &vec![body; 9]);
    assert_eq!(plans, ["plain", "plain", "plain", "plain", "learn", "plain", "walk", "walk", "learn"]);
}

#[test]
fn an_odd_one_gets_a_kind_of_its_own_whoever_was_first() {
    let job = job(|_| {});
    let odd = |round: usize| exposition(40, round).replace("service=\"s", "service=\"odd");
    for (odd_one, expected) in [
        // the odd one walks, does not fit, is seen, learns, walks
        (2, [["walk", "walk", "plain"], ["walk", "walk", "learn"], ["walk"; 3]]),
        // the odd one teaches; the others do not fit, are seen, learn, walk, each for itself
        (1, [["walk", "walk", "plain"], ["plain", "walk", "learn"], ["learn", "walk", "walk"]]),
    ] {
        let replicas = ["h:1", "h:2", "h:3"].map(|instance| replica(&job, instance));
        let body = |round: usize| if round % 3 == odd_one { odd(round) } else { exposition(40, round) };
        let bodies: Vec<_> = (0..21).map(body).collect();
        let (plans, _) = both(Format::Text, &replicas, &bodies);
        let rounds: Vec<_> = plans.chunks(3).collect();
        assert_eq!(rounds[..2], [["plain"; 3], ["plain", "learn", "walk"]], "{odd_one}");
        assert_eq!(rounds[2..5], expected, "{odd_one}");
        assert_eq!(rounds[5..], [["walk"; 3]; 2], "{odd_one}");
    }
}

#[test]
fn series_that_go_are_passed_over_even_a_whole_metric() {
    let known = |gone: &str| {
        let job = job(|_| {});
        let target = replica(&job, "h:1");
        let mut worker = Worker::new(Some(Shelf::default()), Format::Text);
        let taught = exposition(20, 1) + "last 1\n";
        (0..3).for_each(|_| drop(worker.scrape(&target, &taught)));
        let lines = taught.lines().filter(|line| !line.starts_with(gone));
        let body: String = lines.map(|line| format!("{line}\n")).collect();
        worker.scrape(&target, &body);
        (worker.known, body.lines().filter(|line| !line.starts_with('#')).count() as u64)
    };
    for gone in
        ["requests_total{", "took_seconds_bucket{", "took_seconds_sum{service=\"s7", "took_seconds_bucket{service=\"s1"]
    {
        let (known, exposed) = known(gone);
        assert_eq!(known, exposed, "without {gone}");
    }
}

#[test]
fn other_limits_and_selections_are_other_terms() {
    let body = "a{x=\"long\"} 1\nb 2\n".to_owned();
    let jobs = [
        job(|_| {}),
        job(|_| {}),
        job(|job| job.limits.label_value_bytes = 3),
        job(|job| job.limits.labels = 3),
        job(|job| job.keep_names = Some(Arc::new(["b".to_owned()].into()))),
    ];
    let targets = jobs.map(|job| replica(&job, "h:1"));
    let (plans, _) = both(Format::Text, &targets, &vec![body; 20]);
    assert_eq!(plans[5..10], ["plain", "learn", "plain", "plain", "plain"]);
    assert_eq!(plans[15..], ["walk", "walk", "plain", "plain", "walk"]);
}

#[test]
fn limits_hold_as_ever() {
    let job = job(|job| job.limits.samples = 5);
    let few = "a 1\nb 2\nc 3\nd{x=\"1\"} 4\n".to_owned();
    let many = format!("{few}d{{x=\"2\"}} 5\nd{{x=\"3\"}} 6\n");
    let bodies = [&few, &few, &few, &few, &many, &few].map(String::clone);
    let (plans, _) = both(Format::Text, &[replica(&job, "h:1")], &bodies);
    assert_eq!(plans[3..], ["walk", "walk", "walk"]);
}

#[test]
fn a_text_is_known_only_where_the_same_series_stands() {
    let job = job(|_| {});
    let taught = "a 1\nab{x=\"1\"} 2\nb{x=\"\\\"q\\\\\"} 3\n c{y=\"\"} 4\n{\"d e\",x=\"1\"} 5\na{__x__=\"1\"} 6\n";
    for other in [
        "a_longer 1\n",
        "a {x=\"1\"} 1\n",
        "a  {x=\"1\"} 1\n",
        "a\t1\n",
        "a  7\n",
        "a 1 2000\n",
        "a 1 2000 rest\n",
        "a\n",
        "a \n",
        "a{} 1\n",
        "a NaN\n",
        "a 1\na 1\n",
        "a 1 5\na 1 6\n",
        "ab{x=\"1\"}2\nab{x=\"1\",}3\n",
        "ab{x=\"1\"} \"2\"\n",
        "b{x=\"\\\"q\\\\\"} 3\r\n",
        "c{y=\"\"} 4\nd 5\n",
        "a 1",
        "a 1\r\nab{x=\"1\"} 2\r\n",
        "a +1.5E-3\nab{x=\"1\"} .5\n",
        "a 1e\nab{x=\"1\"} .\n",
        "a 1x\nab{x=\"1\"} -\n",
        "\n a 1\n\nab{x=\"1\"} 2\n#\n",
        "a 123456789012345678901234567890\nab{x=\"1\"} 1e400\n",
    ] {
        let bodies = [taught, taught, taught, taught, other, taught, &format!("{taught}{other}")].map(str::to_owned);
        both(Format::Text, &[replica(&job, "h:1")], &bodies);
    }
}

#[test]
fn openmetrics_keeps_its_own_grammar() {
    let job = job(|_| {});
    let taught = "a_total 1\nb{x=\"1\"} 2 # {t=\"\\\"\"} 1 1.5\nc 3 1.5\n# EOF\n";
    for other in [
        "a_total 1  # EOF\n# EOF\n",
        "a_total 1 # {t=\"x\"} 1\nb{x=\"1\"} 2 # {t=\"\\\"\"} 9\n# EOF\n",
        "a_total  1\n# EOF\n",
        "a_total 1\nb{x=\"1\"} 2\r\n# EOF\n",
        "a_total 1\n# EOF\nb{x=\"1\"} 2\n",
        "a_total 1\nb{x=\"1\"} 2",
        "b{x=\"1\"} 2 # {t=\"x\",t=\"y\"} 1\n# EOF\n",
        "b{x=\"1\"} 2\n",
        "# EOF\na_total 1\n",
    ] {
        let bodies = [taught, taught, taught, taught, other, taught].map(str::to_owned);
        both(Format::OpenMetrics, &[replica(&job, "h:1")], &bodies);
    }
}

/// Bodies of one program: each is the one before with some lines new, gone, moved, repeated or broken.
fn bodies() -> impl Strategy<Value = Vec<String>> {
    let lines = prop::collection::vec((0..9_usize, 0..6_usize, 0..4_usize), 1..60);
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8_usize, 0..1_000_usize);
    (lines, prop::collection::vec(prop::collection::vec(change, 0..6), 7)).prop_map(|(lines, rounds)| {
        let mut series: Vec<String> = lines
            .into_iter()
            .map(|(name, label, value)| {
                let name = "abc_defghi".get(..=name).unwrap_or_default();
                match label {
                    0 => name.to_owned(),
                    1 => format!("{name}{{}}"),
                    2 => format!("{name}{{x=\"\"}}"),
                    _ => format!("{name}{{x=\"{value}\",label{label}=\"a value {value}\"}}"),
                }
            })
            .collect();
        let mut bodies = Vec::new();
        for (round, changes) in rounds.into_iter().enumerate() {
            let mut tails: Vec<String> = (0..series.len()).map(|at| format!(" {}", at * round)).collect();
            // the first three scrapes are alike, so that there is something to walk along
            for (one, other, what, number) in changes.into_iter().filter(|_| round > 2) {
                let (at, to) = (one.index(series.len()), other.index(series.len()));
                let tail = at.min(tails.len() - 1);
                match what {
                    0 => series.insert(at, format!("new{number}{{x=\"1\"}}")),
                    1 if series.len() > 1 => drop(series.remove(at)),
                    2 => series.swap(at, to),
                    3 => series.insert(at, series[to].clone()),
                    4 => tails[tail] = " NaN".into(),
                    5 => tails[tail] = format!(" 1 {number}"),
                    6 => tails[tail] = " broken".into(),
                    _ => tails[tail] = format!("  0.{number}e-3"),
                }
                tails.resize(series.len(), " 3".into());
            }
            let lines = series.iter().zip(&tails).map(|(series, tail)| format!("{series}{tail}\n"));
            bodies.push(lines.collect());
        }
        bodies
    })
}

proptest! {
    #[test]
    fn whatever_changes_the_same_is_sent(bodies in bodies()) {
        let job = job(|_| {});
        both(Format::Text, &[replica(&job, "h:1")], &bodies);
    }
}

fn kind(shape: u64) -> Kind {
    Kind { shape, terms: 1, format: Format::Text, is_own: false }
}

fn known(bytes: usize) -> Known {
    Known { lines: Box::default(), bytes: vec![0; bytes].into(), matches: Box::default(), distinct: true }
}

#[test]
fn the_second_of_a_kind_is_learned_and_only_once_at_a_time() {
    let (shelf, now) = (Shelf::default(), Instant::now());
    let kind = kind(5);
    assert_eq!(["plain", "learn", "plain"].map(|_| name(&shelf.plan(kind, now))), ["plain", "learn", "plain"]);
    shelf.settle(kind, Learned::Interrupted, now);
    assert_eq!(name(&shelf.plan(kind, now)), "learn");
    shelf.settle(kind, Learned::Lesson(Some(known(100))), now);
    assert_eq!(name(&shelf.plan(kind, now)), "walk");
    shelf.settle(kind, Learned::Lesson(None), now);
    assert_eq!((name(&shelf.plan(kind, now)), shelf.bytes()), ("plain", 0));
}

#[test]
fn what_is_unused_is_forgotten() {
    let (shelf, now) = (Shelf::default(), Instant::now());
    let minutes = |minutes: u64| now + Duration::from_secs(60 * minutes);
    shelf.settle(kind(1), Learned::Lesson(Some(known(100))), now);
    shelf.settle(kind(2), Learned::Lesson(Some(known(100))), now);
    let two = shelf.bytes();
    shelf.settle(kind(1), Learned::Fit, minutes(6));
    shelf.settle(kind(2), Learned::Unfit, minutes(6));
    assert_eq!(["walk", "plain"], [1, 2].map(|shape| name(&shelf.plan(kind(shape), minutes(12)))));
    assert_eq!(shelf.bytes() * 2, two);
}

#[test]
fn no_more_is_kept_than_there_is_room_for() {
    let (shelf, now) = (Shelf::default(), Instant::now());
    for shape in 1..=20_000 {
        let learned = if shape <= 10 { Some(known(MAX_BYTES / 3)) } else { None };
        shelf.settle(kind(shape), Learned::Lesson(learned), now);
    }
    assert!(shelf.bytes() <= shelf::MAX_BYTES && shelf.bytes() > shelf::MAX_BYTES / 2, "{}", shelf.bytes());
    assert_eq!(name(&shelf.plan(kind(1), now)), "walk");
    assert_eq!(name(&shelf.plan(kind(10), now)), "plain");
    let unheard_of = kind(30_000);
    assert_eq!(["", ""].map(|_| name(&shelf.plan(unheard_of, now))), ["plain", "plain"]);
}
