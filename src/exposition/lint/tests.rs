//! Each rule of the lint on bodies small enough to read.

use super::Lint;

/// The breaches of a body, `LINE:COLUMN: what`.
fn breaches(body: &str) -> Vec<String> {
    let mut lint = Lint::new(1 << 20);
    lint.feed(body.as_bytes());
    lint.finish();
    lint.take_breaches().iter().map(ToString::to_string).collect()
}

/// The one breach of a body that is whole but for `# EOF`.
fn only(body: &str) -> String {
    let found = breaches(&format!("{body}# EOF\n"));
    assert_eq!(found.len(), 1, "{body}: {found:?}");
    found.into_iter().next().unwrap_or_default()
}

#[test]
fn each_breach_is_told_and_none_hides_another() {
    let body =
        "# TYPE a counter\na_total NaN\n\na_total{x=1} 1\n# TYPE a counter\n# HELP b c\nb 1\n# EOF\nmore\nmore\n";
    assert_eq!(
        breaches(body),
        [
            "2:1: a_total: a count or sum must not be NaN",
            "3:1: expected a metric name, '{' or '#', found the line's end",
            "4:11: expected a label value in double quotes, found \"1} 1\"",
            "5:1: the head of \"a\" must stand before its samples",
            "5:1: a second TYPE line for \"a\"",
            "9:1: data after \"# EOF\", found \"more\"",
        ]
    );
}

#[test]
fn a_body_without_end_is_told_behind_its_last_line() {
    assert_eq!(breaches("a 1\n"), ["2:1: the body does not end with \"# EOF\"; it may have been cut short"]);
    assert_eq!(breaches("a 1\n# EOF"), Vec::<String>::new());
}

#[test]
fn heads_stand_once_and_first_and_names_do_not_clash() {
    assert_eq!(only("# HELP a x\n# HELP a y\n"), "2:1: a second HELP line for \"a\"");
    assert_eq!(only("a 1\n# HELP a x\n"), "2:1: the head of \"a\" must stand before its samples");
    assert!(only("a 1\nb 1\na{x=\"1\"} 1\n").starts_with("3:1: the name \"a\" was taken by the family in line 1"));
    assert!(only("# TYPE a_created gauge\n# TYPE a counter\n").starts_with("2:1: the name \"a_created\" was taken"));
    assert!(only("# TYPE a info\na 1\n").starts_with("2:1: the name \"a\" was taken"));
    assert_eq!(only("# TYPE a_x info\n# UNIT a_x x\n"), "1:1: \"a_x\" has a unit; a family of type info has none");
}

#[test]
fn values_and_labels_fit_the_type() {
    assert_eq!(only("# TYPE a info\na_info 2\n"), "2:1: a_info: the value of an info is 1, not 2");
    assert_eq!(only("# TYPE a stateset\na{a=\"x\"} 2\n"), "2:1: a: the value of a state is 0 or 1, not 2");
    assert_eq!(only("# TYPE a stateset\na{b=\"x\"} 1\n"), "2:1: a: a state needs the label a");
    assert_eq!(only("# TYPE a summary\na 1\n"), "2:1: a: a quantile needs the label quantile");
    assert_eq!(only("# TYPE a summary\na{quantile=\"1.1\"} 1\n"), "2:1: a: quantile=\"1.1\" is not between 0 and 1");
    assert_eq!(only("# TYPE a summary\na_count 0.5\n"), "2:1: a_count: a count is a whole number, not 0.5");
    assert_eq!(only("# TYPE a counter\na_created 1\n"), "2:1: a counter needs its _total");
}

#[test]
fn exemplars_stand_where_they_may_and_are_short() {
    let wrong_place = only("# TYPE a gauge\na 1 # {x=\"y\"} 1\n");
    assert_eq!(wrong_place, "2:1: a: only counters' totals and buckets may have an exemplar");
    let long = "é".repeat(128);
    let fault = only(&format!("# TYPE a counter\na_total 1 # {{x=\"{long}\"}} 1\n"));
    assert_eq!(fault, "2:14: the exemplar's labels have 129 runes, more than 128");
    assert_eq!(only("# TYPE a counter\na_total 1 # {x=\"y\",} 1\n"), "2:14: a comma before the closing brace");
}

#[test]
fn the_parts_of_a_histogram_fit_each_other() {
    let histogram = |samples: &str| only(&format!("# TYPE a histogram\n{samples}"));
    assert_eq!(histogram("a_bucket{le=\"1\"} 1\n"), "2:1: a histogram needs the bucket le=\"+Inf\"");
    assert_eq!(
        histogram("a_bucket{le=\"2\"} 0\na_bucket{le=\"1\"} 0\na_bucket{le=\"+Inf\"} 0\n"),
        "3:1: a_bucket: buckets come in the order of le"
    );
    assert_eq!(
        histogram("a_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n"),
        "3:1: a_bucket: a bucket counts no less than the one before"
    );
    assert_eq!(
        histogram("a_bucket{le=\"+Inf\"} 1\na_count 2\na_sum 0\n"),
        "2:1: the bucket le=\"+Inf\" is not the count"
    );
    assert_eq!(histogram("a_bucket{le=\"+Inf\"} 1\na_sum 0\n"), "2:1: a histogram with _sum has _count as well");
    assert_eq!(histogram("a_bucket{le=\"+Inf\"} 1\na_count 1\n"), "2:1: a histogram with _count has _sum as well");
}

#[test]
fn metrics_stand_together_in_the_order_of_time() {
    assert_eq!(
        only("# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 1\na{x=\"1\"} 1 2\n"),
        "4:1: a: the samples of a metric must stand together"
    );
    assert_eq!(only("a 1 2\na 1 1\n"), "2:1: a: the timestamp goes back");
    assert_eq!(only("a 1\na 1 1\n"), "2:1: a: either all samples of a metric have a timestamp or none");
    assert_eq!(only("a 1\na 2\n"), "2:1: a: the same series stands twice");
}

#[test]
fn writing_that_prometheus_bears_is_told() {
    assert_eq!(only("a{x=\"1\",} 1\n"), "1:1: a comma before the closing brace");
    assert_eq!(only("{\"a.b\"} 1\n"), "1:1: a name in quotes: OpenMetrics 1.0 has none");
    assert_eq!(only("# HELP \"a.b\" x\n"), "1:8: a name in quotes: OpenMetrics 1.0 has none");
}

#[test]
fn pieces_and_long_lines() {
    let body = "# TYPE a counter\na_total NaN\n# EOF\n";
    for cut in 0..body.len() {
        let mut lint = Lint::new(100);
        lint.feed(&body.as_bytes()[..cut]);
        lint.feed(&body.as_bytes()[cut..]);
        lint.finish();
        assert_eq!(lint.take_breaches().len(), 1, "cut at {cut}");
    }
    let mut lint = Lint::new(10);
    for _ in 0..1000 {
        lint.feed(b"aaaaaaaaaa");
    }
    lint.feed(b"\n# EOF\n");
    lint.finish();
    assert_eq!(lint.take_breaches().len(), 1);
    assert!(lint.line.capacity() < 100);
}
