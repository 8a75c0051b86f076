//! `openagent targets` without a cluster: what it prints, what it explains, what it refuses.

use crate::support::openagent;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

const CONFIG: &str = r#"
features:
  openAgent:
    enabled: true
    targets:
      - targetName: node
        type: StaticEndpoints
        relabelConfigs:
          - {sourceLabels: [__address__], regex: '.*:9999', action: drop}
          - {sourceLabels: [instance], regex: '([^:]+):.*', targetLabel: host}
        endpoints:
          - {address: "10.0.0.1:9100", interval: 30s, params: {collect: [cpu, mem]}, labels: {team: core}}
          - {address: "10.0.0.2:9999"}
      - targetName: again
        type: StaticEndpoints
        relabelConfigs: [{targetLabel: job, replacement: twin}]
        addresses: ["h:1", "h:1"]
"#;

fn targets(folder: &Path, config: &str, arguments: &[&str]) -> Output {
    std::fs::write(folder.join("scrape_config.yaml"), config).unwrap();
    let mut command = openagent();
    command.arg("targets").args(arguments).env("WHATAP_HOME", folder);
    for variable in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "WHATAP_OPEN_HOME"] {
        command.env_remove(variable);
    }
    command.env("HOME", folder).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn people_read_a_block_for_each_target() {
    let folder = tempfile::tempdir().unwrap();
    let output = targets(folder.path(), CONFIG, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = r#"http://10.0.0.1:9100/metrics?collect=cpu&collect=mem
  target "node", every 30s, timeout 10s
  labels {host="10.0.0.1",instance="10.0.0.1:9100",job="node",team="core"}
http://h:1/metrics
  target "again", every 1m, timeout 10s
  labels {instance="h:1",job="twin"}
not scraped: 10.0.0.2:9999
  target "node": rule 1 of relabelConfigs dropped it: drop source_labels=["__address__"] regex=".*:9999"
not scraped: h:1
  target "again": target "again" already scrapes http://h:1/metrics with the same labels; give one of them a label of its own
targets: 2, not scraped: 2
"#;
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn json_lines_and_explanations() {
    let folder = tempfile::tempdir().unwrap();
    let output = targets(folder.path(), CONFIG, &["--json", "--explain"]);
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    let first = &lines[0];
    assert_eq!((&first["targetName"], &first["type"]), (&json!("node"), &json!("StaticEndpoints")));
    assert_eq!(first["labels"]["host"], "10.0.0.1");
    assert_eq!(first["discovered"]["__param_collect"], "cpu");
    assert_eq!(first["steps"][1]["set"], json!([{"name": "host", "before": null, "after": "10.0.0.1"}]));
    assert_eq!((&lines[2]["found"], &lines[2]["steps"][0]["dropped"]), (&json!("10.0.0.2:9999"), &json!(true)));

    let people = targets(folder.path(), CONFIG, &["--explain"]);
    let people = text(&people.stdout);
    for line in [
        r#"  before relabelling {__address__="10.0.0.1:9100",__metrics_path__="/metrics","#,
        r#"  rule 2 (replace source_labels=["instance"] regex="([^:]+):.*" target_label="host"): set host="10.0.0.1""#,
        r#"  rule 1 (drop source_labels=["__address__"] regex=".*:9999"): dropped it"#,
    ] {
        assert!(people.lines().any(|found| found.starts_with(line)), "{line}\n{people}");
    }
}

#[test]
fn a_faulty_target_leaves_the_others_and_fails_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let config = CONFIG.replace("replacement: twin", "action: kep");
    let output = targets(folder.path(), &config, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).ends_with("targets: 1, not scraped: 1\n"), "{output:?}");
    let told = text(&output.stderr);
    assert!(told.contains("scrape_config.yaml:16:") && told.contains("unknown relabel action \"kep\""), "{told}");

    let missing = targets(folder.path(), CONFIG, &["--config", "/nowhere/scrape.yaml"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("/nowhere/scrape.yaml cannot be read"), "{missing:?}");
    assert_eq!(targets(folder.path(), CONFIG, &["--nonsense"]).status.code(), Some(2));
}

#[test]
fn without_a_cluster_kubernetes_targets_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = "features: {openAgent: {enabled: true, targets: [{targetName: pods, type: PodMonitor, \
                  selector: {matchLabels: {app: web}}, endpoints: [{port: web}]}]}}";
    let standalone = targets(folder.path(), config, &["--standalone"]);
    assert_eq!((standalone.status.code(), text(&standalone.stdout)), (Some(0), "targets: 0, not scraped: 0\n"));
    assert_eq!(text(&standalone.stderr), "target \"pods\": a PodMonitor finds nothing with --standalone\n");
    let lost = targets(folder.path(), config, &[]);
    assert_eq!(lost.status.code(), Some(1), "{lost:?}");
    assert!(text(&lost.stderr).starts_with("target \"pods\""), "{lost:?}");
}
