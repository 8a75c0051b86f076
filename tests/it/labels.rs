//! Labels, limits and the order of steps, on the running agent: what the server gets of each target.

use crate::exporter::Exporter;
use crate::support::{Collector, Home, LONG, PCODE, wait_for};
use serde_json::{Value, json};
use std::fmt::Write as _;

const BODY: &str = "a{job=\"own\",x=\"1\"} 1\na{job=\"own\",x=\"1\"} 2\nb{y=\"long value\"} 3\nc NaN\nd +Inf\n";

/// What a target is configured with, and what arrives of it: names with their labels (job, instance and pcode are
/// added here), and `up`.
type Case = (&'static str, &'static str, Vec<(&'static str, Value)>, f64);

fn cases() -> Vec<Case> {
    let exported = json!({"exported_job": "own", "x": "1"});
    let b = json!({"y": "long value"});
    vec![
        ("plain", "", vec![("a", exported), ("b", b.clone())], 1.0),
        ("honoured", "honorLabels: true", vec![("a", json!({"job": "own", "x": "1"})), ("b", b.clone())], 1.0),
        ("selected", "metricSelector: [b, c]", vec![("b", b.clone())], 1.0),
        (
            "seen-by-rules",
            "metricRelabelConfigs:\n- {sourceLabels: [job, __name__], regex: 'seen-by-rules;a', action: drop}",
            vec![("b", b)],
            1.0,
        ),
        (
            "renamed",
            "metricSelector: [b]\nmetricRelabelConfigs:\n- {sourceLabels: [__name__], targetLabel: __name__, regex: '(.*)', replacement: 'new_$1'}\n- {action: labeldrop, regex: y}",
            vec![("new_b", json!({}))],
            1.0,
        ),
        (
            "labelled",
            "labels: {zone: z}\nmetricSelector: [b]",
            vec![("b", json!({"y": "long value", "zone": "z"}))],
            1.0,
        ),
        ("few-samples", "sampleLimit: 1", vec![], 0.0),
        ("few-labels", "labelLimit: 3", vec![], 0.0),
        ("short-values", "labelValueLengthLimit: 9\nmetricSelector: [b]", vec![], 0.0),
        ("small-body", "bodySizeLimit: 10", vec![], 0.0),
    ]
}

#[test]
fn each_setting_has_its_effect_and_the_steps_their_order() {
    let exporter = Exporter::text(|_| BODY.into());
    let address = exporter.address.to_string();
    let collector = Collector::start("127.0.0.1:0", &[]);
    let mut yaml = "features:\n  openAgent:\n    enabled: true\n    globalInterval: 1s\n    targets:\n".to_owned();
    for (name, settings, _, _) in cases() {
        let _ = writeln!(
            yaml,
            "    - targetName: {name}\n      type: StaticEndpoints\n      endpoints:\n      - address: \"{address}\""
        );
        for line in settings.lines() {
            let _ = writeln!(yaml, "        {line}");
        }
    }
    let home = Home::new(&collector.address, "", &yaml);
    let agent = home.agent();
    for (name, settings, expected, up) in cases() {
        let of = |record: &Value| record["labels"]["instance"] == json!(address);
        let round = wait_for(&format!("a scrape of {name}"), LONG, || {
            let records: Vec<Value> =
                collector.records().into_iter().filter(|record| record["type"] == "openmx").collect();
            let told = records.iter().find(|record| record["name"] == "up" && record["labels"]["job"] == name)?;
            assert_eq!(told["value"], json!(up), "{name} ({settings}): {}", agent.stderr.all().join("\n"));
            let ts = told["ts"].clone();
            let mine = |record: &&Value| record["ts"] == ts && of(record) && is_of(record, name);
            Some(records.iter().filter(mine).cloned().collect::<Vec<_>>())
        });
        let got: Vec<(String, Value)> = round
            .iter()
            .map(|record| (record["name"].as_str().unwrap().to_owned(), record["labels"].clone()))
            .filter(|(metric, _)| metric != "up" && !metric.starts_with("scrape_"))
            .collect();
        let expected: Vec<(String, Value)> = expected
            .into_iter()
            .map(|(metric, mut labels)| {
                let map = labels.as_object_mut().unwrap();
                map.entry("job").or_insert(json!(name));
                map.insert("instance".into(), json!(address));
                map.insert("pcode".into(), json!(PCODE));
                (metric.to_owned(), labels)
            })
            .collect();
        assert_eq!(got, expected, "{name} ({settings})");
    }
}

/// Whether a record is of that target; with honorLabels the sample's own job stands in its place.
fn is_of(record: &Value, name: &str) -> bool {
    let job = &record["labels"]["job"];
    *job == name || (name == "honoured" && *job == "own")
}
