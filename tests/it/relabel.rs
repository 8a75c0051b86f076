//! Relabelling against Prometheus' own verdicts, through the library and through `openagent relabel`.

use crate::support::{openagent, shared};
use openagent::labels::LabelBuf;
use openagent::relabel::{Anchoring, LabelNames, Options, Outcome, RuleConfig, Rules, Scratch};
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};

/// A case of the conformance data.
struct Case {
    name: String,
    labels: Map<String, Value>,
    configs: Value,
    legacy: bool,
    /// The final labels, null when dropped; `None` when the rules must be refused.
    expect: Option<Value>,
}

fn cases() -> Option<Vec<Case>> {
    let text = std::fs::read_to_string(shared("corpus/relabel.jsonl")?).unwrap();
    let case = |line: &str| {
        let case: Value = serde_json::from_str(line).unwrap();
        assert_ne!(case.get("error").is_some(), case.get("expect").is_some(), "{line}");
        Case {
            name: case["name"].as_str().unwrap().to_owned(),
            labels: case["labels"].as_object().unwrap().clone(),
            configs: case["configs"].clone(),
            legacy: case["scheme"] == "legacy",
            expect: case.get("expect").cloned(),
        }
    };
    let cases: Vec<Case> = text.lines().map(case).collect();
    assert_eq!(cases.len(), 107);
    Some(cases)
}

/// The rule as the library takes it; `None` for a key it does not have.
fn rule(config: &Value) -> Option<RuleConfig> {
    let mut rule = RuleConfig::default();
    for (key, value) in config.as_object().unwrap() {
        let text = value.as_str().map(str::to_owned);
        match key.as_str() {
            "source_labels" => {
                rule.source_labels = value.as_array()?.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
            }
            "separator" => rule.separator = text,
            "regex" => rule.regex = text,
            "modulus" => rule.modulus = value.as_u64(),
            "target_label" => rule.target_label = text,
            "replacement" => rule.replacement = text,
            "action" => rule.action = text,
            _ => return None,
        }
    }
    Some(rule)
}

#[test]
fn the_library_agrees_with_prometheus() {
    let Some(cases) = cases() else { return };
    for case in &cases {
        let names = if case.legacy { LabelNames::Legacy } else { LabelNames::Utf8 };
        let configs: Option<Vec<RuleConfig>> = case.configs.as_array().unwrap().iter().map(rule).collect();
        let options = Options { anchoring: Anchoring::Full, names };
        let rules = configs.and_then(|configs| Rules::compile_with(&configs, options).ok());
        let result = rules.map(|rules| {
            let pairs = case.labels.iter().map(|(name, value)| (&**name, value.as_str().unwrap()));
            let mut labels: LabelBuf = pairs.collect();
            match rules.apply(&mut labels, &mut Scratch::default()) {
                Outcome::Kept => json!(labels.view()),
                Outcome::DroppedBy(_) => Value::Null,
            }
        });
        assert_eq!(result, case.expect, "{}", case.name);
    }
}

/// Rules in a file of their own.
struct RulesFile {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl RulesFile {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.yaml");
        std::fs::write(&path, text).unwrap();
        Self { _folder: folder, path }
    }

    fn relabel(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = openagent();
        command.arg("relabel").arg("--config").arg(&self.path).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // rules that are refused end the command before it reads
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_command_agrees_with_prometheus() {
    let Some(cases) = cases() else { return };
    for case in &cases {
        let rules = RulesFile::new(&case.configs.to_string());
        let arguments: &[&str] = if case.legacy { &["--legacy-names"] } else { &[] };
        let output = rules.relabel(arguments, &format!("{}\n", json!({ "labels": case.labels })));
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        match &case.expect {
            Some(expected) => {
                assert_eq!(output.status.code(), Some(0), "{}: {err}", case.name);
                assert_eq!(serde_json::from_str::<Value>(out).unwrap(), *expected, "{}", case.name);
            }
            None => {
                assert_eq!(output.status.code(), Some(1), "{}: {out}", case.name);
                assert!(out.is_empty() && err.contains("rules.yaml:1:"), "{}: {err}", case.name);
            }
        }
    }
}

const BOTH: &str = "
relabelConfigs:
  - {targetLabel: for, replacement: targets}
metric_relabel_configs:
  - source_labels: [__name__]
    regex: go_.*
    action: drop
  - {sourceLabels: [a, b], separator: '-', target_label: ab}
";

#[test]
fn metric_chooses_the_rules_of_samples() {
    let rules = RulesFile::new(BOTH);
    let input = concat!(
        r#"{"labels":{"a":"1","b":"2"}}"#,
        "\n\n",
        r#"{"name":"go_gc","labels":{},"value":"1","ts":null}"#,
        "\n",
        r#"{"name":"up","labels":{},"value":"1","ts":null}"#,
    );
    let output = rules.relabel(&["--metric"], input);
    assert_eq!(
        text(&output.stdout),
        concat!(r#"{"a":"1","ab":"1-2","b":"2"}"#, "\nnull\n", r#"{"__name__":"up","ab":"-"}"#, "\n")
    );
    let output = rules.relabel(&[], r#"{"labels":{"a":"1"}}"#);
    assert_eq!(text(&output.stdout), "{\"a\":\"1\",\"for\":\"targets\"}\n");
}

#[test]
fn explain_shows_what_each_rule_did() {
    let rules = RulesFile::new(BOTH);
    let input = "{\"labels\":{\"a\":\"1\",\"ab\":\"0\"}}\n{\"labels\":{\"__name__\":\"go_gc\"}}\n";
    let output = rules.relabel(&["--metric", "--explain"], input);
    let expected = r#"# rule 1 (drop source_labels=["__name__"] regex="go_.*"): no effect
# rule 2 (replace source_labels=["a", "b"] separator="-" target_label="ab"): set ab="1-" (was "0")
{"a":"1","ab":"1-"}
# rule 1 (drop source_labels=["__name__"] regex="go_.*"): dropped it
null
"#;
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn unanchored_matches_anywhere() {
    let rules = RulesFile::new("[{source_labels: [a], regex: '(o+)', target_label: x}]");
    let relabelled =
        |arguments: &[&str]| text(&rules.relabel(arguments, r#"{"labels":{"a":"foo"}}"#).stdout).to_owned();
    assert_eq!(relabelled(&[]), "{\"a\":\"foo\"}\n");
    assert_eq!(relabelled(&["--unanchored"]), "{\"a\":\"foo\",\"x\":\"oo\"}\n");
}

#[test]
fn a_faulty_line_is_told_and_the_others_are_answered() {
    let rules = RulesFile::new("[]");
    let input = "{\"labels\":{\"a\":\"1\"}}\n{\"labels\":{\"a\":1}}\nnonsense\n{}\n{\"labels\":{}}\n";
    let output = rules.relabel(&[], input);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), "{\"a\":\"1\"}\n{}\n"));
    let told: Vec<&str> = text(&output.stderr).lines().collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], "openagent relabel: line 2: label \"a\" is 1; a label's value is a text, in quotes");
    assert!(told[1].starts_with("openagent relabel: line 3: is no JSON: "), "{told:?}");
    assert!(told[2].starts_with("openagent relabel: line 4: has no \"labels\" object"), "{told:?}");
}

#[test]
fn refused_rules_say_where_and_how_to_mend() {
    let rules = RulesFile::new("- {target_label: x}\n- source_labels: [a]\n  regex: 'a('\n  action: keep\n");
    let output = rules.relabel(&[], "");
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("rules.yaml:3:") && told.contains("\"a(\" at byte 2: missing closing )"), "{told}");
    let mut missing = openagent();
    let missing = missing.args(["relabel", "--config", "/nowhere/rules.yaml"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("/nowhere/rules.yaml cannot be read"), "{missing:?}");
    let usage = openagent().arg("relabel").output().unwrap();
    assert_eq!(usage.status.code(), Some(2), "{usage:?}");
}
