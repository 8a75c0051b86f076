//! Relabelling: nothing for a sample that no rule changes, nothing for any other once the buffers have grown.

use crate::allocations;
use openagent::labels::LabelBuf;
use openagent::relabel::{Anchoring, Outcome, RuleConfig, Rules, Scratch};

fn rule(action: &str, sources: &[&str], regex: &str, target: &str, replacement: &str) -> RuleConfig {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    RuleConfig {
        action: given(action),
        source_labels: sources.iter().map(|name| (*name).to_owned()).collect(),
        regex: given(regex),
        target_label: given(target),
        replacement: given(replacement),
        modulus: (action == "hashmod").then_some(16),
        separator: None,
    }
}

fn fill(labels: &mut LabelBuf, n: usize) {
    labels.clear();
    labels.push("__name__", ["http_requests_total", "http_errors_total", "go_gc_seconds"][n % 3]);
    labels.push("job", "api");
    labels.push("instance", "10.0.0.1:9100");
    labels.push("__meta_zone", "eu-1");
    labels.push("path", "/Straße/한국");
}

#[test]
fn relabelling_allocates_nothing_in_the_steady_state() {
    let changing = [
        rule("keep", &["__name__"], "http_(requests|errors)_total|go_.+", "", ""),
        rule("replace", &["instance"], "([^:]+):(\\d+)", "${1}_port", "$2"),
        rule("replace", &["job", "instance"], "(.+);(.+):.*", "where", "$1@$2"),
        rule("labelmap", &[], "__meta_(.+)", "", ""),
        rule("labelmap", &[], "(i.*)e|(jo)b", "", "${1}${2}_x"),
        rule("hashmod", &["instance", "path"], "", "shard", ""),
        rule("lowercase", &["path"], "", "low", ""),
        rule("uppercase", &["job"], "", "up", ""),
        rule("labeldrop", &[], "__meta_.*", "", ""),
        rule("keepequal", &["job"], "", "job", ""),
        rule("drop", &["__name__"], "go_.*|.*(foo|bar)_(x|y)+", "", ""),
    ];
    let rules = Rules::compile(&changing, Anchoring::Full).unwrap();
    let (mut labels, mut scratch) = (LabelBuf::new(), Scratch::default());
    let mut round = |labels: &mut LabelBuf| {
        let outcomes = (0..300).map(|n| {
            fill(labels, n);
            rules.apply(labels, &mut scratch)
        });
        outcomes.filter(|outcome| *outcome == Outcome::Kept).count()
    };
    assert_eq!(round(&mut labels), 200, "the buffers grow here");
    assert_eq!(allocations(|| assert_eq!(round(&mut labels), 200)), 0);
    // the last of a round is dropped, so its labels are what all rules but the last made of them
    assert_eq!(labels.value("10.0.0.1_port"), Some("9100"));
    assert_eq!(labels.value("where"), Some("api@10.0.0.1"));
    assert_eq!(labels.value("low"), Some("/straße/한국"));
}

#[test]
fn a_sample_no_rule_changes_costs_no_allocation_at_all() {
    let rules = Rules::compile(
        &[
            rule("keep", &["__name__"], "http_requests_total|http_errors_total", "", ""),
            rule("drop", &["job"], "test.*", "", ""),
            rule("labeldrop", &[], "tmp_.*", "", ""),
            rule("replace", &["job"], "other", "team", "x"),
        ],
        Anchoring::Full,
    )
    .unwrap();
    let mut labels = LabelBuf::new();
    fill(&mut labels, 0);
    let counted = allocations(|| {
        let mut scratch = Scratch::default();
        assert_eq!(rules.apply(&mut labels, &mut scratch), Outcome::Kept);
    });
    assert_eq!(counted, 0);
}
