//! Relabelling 1000 samples by 5 rules, and by none.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use openagent::labels::LabelBuf;
use openagent::relabel::{Anchoring, Outcome, RuleConfig, Rules, Scratch};
use std::hint::black_box;

type Series = Vec<(String, String)>;

/// Series as an exporter under a target with its own labels gives them.
fn series() -> Vec<Series> {
    let names = ["http_requests_total", "http_errors_total", "http_request_seconds_bucket", "go_goroutines", "up_time"];
    let series = |n: usize| {
        let pairs = [
            ("__name__", names[n % names.len()].to_owned()),
            ("method", ["GET", "POST", "PUT"][n % 3].to_owned()),
            ("path", format!("/api/v1/orders/{}", n % 50)),
            ("code", ["200", "404", "500"][n % 3].to_owned()),
            ("tmp_trace", format!("{n:016x}")),
            ("meta_zone", "eu-west-1a".to_owned()),
            ("job", "orders".to_owned()),
            ("instance", "10.12.3.4:9100".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };
    (0..1000).map(series).collect()
}

fn rule(action: &str, source: &str, regex: &str) -> RuleConfig {
    RuleConfig {
        action: Some(action.to_owned()),
        source_labels: if source.is_empty() { vec![] } else { vec![source.to_owned()] },
        regex: Some(regex.to_owned()),
        ..RuleConfig::default()
    }
}

fn five_rules() -> Vec<RuleConfig> {
    vec![
        rule("keep", "__name__", "http_requests_total|http_errors_total|http_request_seconds_bucket|go_goroutines"),
        RuleConfig {
            target_label: Some("resource".to_owned()),
            replacement: Some("${2}_$1".to_owned()),
            ..rule("replace", "path", r"/api/(v\d+)/([a-z]+)/.*")
        },
        rule("labeldrop", "", "tmp_.*"),
        rule("labelmap", "", "meta_(.+)"),
        rule("drop", "path", r"/(health|ready|metrics)(/.*)?|.*\.(css|js|png)"),
    ]
}

/// Fills the buffer as the scrape does, then applies the rules.
fn run(rules: &Rules, all: &[Series], labels: &mut LabelBuf, scratch: &mut Scratch) -> usize {
    let one = |series: &Series| {
        labels.clear();
        series.iter().for_each(|(name, value)| labels.push(name, value));
        rules.apply(labels, scratch)
    };
    all.iter().map(one).filter(|outcome| *outcome == Outcome::Kept).count()
}

fn relabel(c: &mut Criterion) {
    let all = series();
    let (mut labels, mut scratch) = (LabelBuf::new(), Scratch::default());
    let mut group = c.benchmark_group("relabel 1000 samples");
    group.throughput(Throughput::Elements(all.len() as u64));
    let configs = five_rules();
    for count in [0, 5] {
        let rules = Rules::compile(&configs[..count], Anchoring::Full).expect("the rules are valid");
        assert_eq!(run(&rules, &all, &mut labels, &mut scratch), if count == 0 { 1000 } else { 800 });
        group.bench_function(format!("{count} rules"), |b| {
            b.iter(|| black_box(run(&rules, &all, &mut labels, &mut scratch)));
        });
    }
    for (index, config) in configs.iter().enumerate() {
        let rules = Rules::compile(std::slice::from_ref(config), Anchoring::Full).expect("the rule is valid");
        group.bench_function(
            format!("only rule {}, {}", index + 1, config.action.as_deref().unwrap_or_default()),
            |b| {
                b.iter(|| black_box(run(&rules, &all, &mut labels, &mut scratch)));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, relabel);
criterion_main!(benches);
