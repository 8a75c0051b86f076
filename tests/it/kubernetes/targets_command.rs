//! `openagent targets` against the fake API server, through a kubeconfig.

use super::server::FakeApi;
use super::support::kubeconfig;
use crate::support::openagent;
use serde_json::Value;

#[test]
fn the_command_finds_pods_and_tells_which_are_not_scraped() {
    let api = FakeApi::with_captures();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("scrape.yaml");
    let text = "
features:
  openAgent:
    enabled: true
    targets:
      - targetName: web
        type: PodMonitor
        namespaceSelector: {matchNames: [production]}
        selector: {matchLabels: {app: web}}
        relabelConfigs:
          - {sourceLabels: [__meta_kubernetes_pod_node_name], regex: node-2, action: drop}
          - {sourceLabels: [__meta_kubernetes_pod_name], targetLabel: pod}
        endpoints: [{port: web-metrics}]
";
    std::fs::write(&config, text).unwrap();
    let mut command = openagent();
    command.args(["targets", "--json", "--config"]).arg(&config);
    command.env("KUBECONFIG", kubeconfig(&api, folder.path())).env("WHATAP_HOME", folder.path());
    let output = command.env_remove("KUBERNETES_SERVICE_HOST").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let out = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (targets, dropped): (Vec<&Value>, Vec<&Value>) = lines.iter().partition(|line| line.get("url").is_some());
    assert!(!targets.is_empty(), "{out}");
    for target in &targets {
        assert_eq!(target["namespace"], "production");
        assert!(target["labels"]["pod"].is_string(), "{target}");
        assert!(target["url"].as_str().unwrap().ends_with("/metrics"), "{target}");
    }
    let reasons: Vec<&str> = dropped.iter().map(|line| line["dropped"].as_str().unwrap()).collect();
    assert!(reasons.iter().any(|reason| reason.starts_with("rule 1 of relabelConfigs dropped it")), "{reasons:?}");
}
