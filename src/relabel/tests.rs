//! The fast paths against a naive model: the real regex every time, labels in a map.

use super::matcher::Wants;
use super::regex::Pattern;
use super::slots::Slots;
use super::template::Template;
use super::*;
use crate::labels::LabelBuf;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Map = BTreeMap<String, String>;

/// Rules applied the slow and obvious way; `None` when dropped.
fn model(configs: &[RuleConfig], anchoring: Anchoring, mut labels: Map) -> Option<Map> {
    for config in configs {
        if !model_rule(config, anchoring, &mut labels) {
            return None;
        }
    }
    Some(labels)
}

fn model_rule(config: &RuleConfig, anchoring: Anchoring, labels: &mut Map) -> bool {
    let regex = ModelRegex::new(config.regex.as_deref().unwrap_or("(.*)"), anchoring);
    let separator = config.separator.as_deref().unwrap_or(";");
    let replacement = config.replacement.as_deref().unwrap_or("$1");
    let target = config.target_label.clone().unwrap_or_default();
    let sources: Vec<String> =
        config.source_labels.iter().map(|name| labels.get(name).cloned().unwrap_or_default()).collect();
    let text = sources.join(separator);
    let old = labels.get(&target).cloned().unwrap_or_default();
    let mut set = |name: String, value: String| {
        if value.is_empty() {
            labels.remove(&name)
        } else {
            labels.insert(name, value)
        };
    };
    match config.action.as_deref().unwrap_or("replace") {
        "keep" => return regex.is_match(&text),
        "drop" => return !regex.is_match(&text),
        "keepequal" => return old == text,
        "dropequal" => return old != text,
        "replace" => {
            let name = regex.expand(&text, &target).filter(|name| !name.is_empty());
            if let (Some(name), Some(value)) = (name, regex.expand(&text, replacement)) {
                set(name, value);
            }
        }
        "hashmod" => {
            let digest = <md5::Md5 as md5::Digest>::digest(text.as_bytes());
            let hash = u64::from_be_bytes(digest[8..16].try_into().unwrap());
            set(target, (hash % config.modulus.unwrap()).to_string());
        }
        // the generated texts hold nothing whose case takes several characters
        "lowercase" => set(target, text.to_lowercase()),
        "uppercase" => set(target, text.to_uppercase()),
        "labelmap" => {
            for (name, value) in labels.clone() {
                if regex.is_match(&name) {
                    let mapped = regex.replace_all(&name, replacement);
                    if !mapped.is_empty() {
                        labels.insert(mapped, value);
                    }
                }
            }
        }
        "labeldrop" => labels.retain(|name, _| !regex.is_match(name)),
        "labelkeep" => labels.retain(|name, _| regex.is_match(name)),
        other => panic!("{other}"),
    }
    true
}

/// A regex that always searches with the engine.
struct ModelRegex {
    engine: engine::Engine,
    groups: Vec<Option<Box<str>>>,
}

impl ModelRegex {
    fn new(pattern: &str, anchoring: Anchoring) -> Self {
        let pattern = Pattern::parse(pattern, anchoring).unwrap();
        let engine = engine::Engine::compile(&pattern.hir, pattern.groups.len(), true).unwrap();
        Self { engine, groups: pattern.groups }
    }

    fn is_match(&self, text: &str) -> bool {
        self.engine.captures(text, 0, &mut Slots::default())
    }

    fn expand(&self, text: &str, template: &str) -> Option<String> {
        let mut slots = Slots::default();
        let mut out = String::new();
        self.engine.captures(text, 0, &mut slots).then(|| {
            Template::new(template, &self.groups).expand(text, &slots, &mut out);
            out
        })
    }

    /// Every match from left to right, none of them empty right behind another.
    fn replace_all(&self, text: &str, template: &str) -> String {
        let (mut out, mut from, mut end_of_last) = (String::new(), 0, None);
        let mut slots = Slots::default();
        while from <= text.len() && self.engine.captures(text, from, &mut slots) {
            let found = slots.group(0).unwrap();
            out.push_str(&text[end_of_last.unwrap_or(0)..found.start]);
            if !(found.is_empty() && end_of_last == Some(found.start)) {
                Template::new(template, &self.groups).expand(text, &slots, &mut out);
            }
            end_of_last = Some(found.end);
            let step = text[found.end..].chars().next().map_or(1, char::len_utf8);
            from = if found.is_empty() { found.end + step } else { found.end };
        }
        out.push_str(&text[end_of_last.unwrap_or(0).min(text.len())..]);
        out
    }
}

fn label_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ab", "abc", "__name__", "__meta_a", "__meta_b", "job", "é"])
        .prop_map(str::to_owned)
}

fn label_value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["a", "b", "ab", "foo", "foobar", "a_b", "FOO", "x\ny", "1", "é", "foo;bar", ";"])
            .prop_map(str::to_owned),
        "[abfo_;]{1,6}",
    ]
}

fn labels() -> impl Strategy<Value = Map> {
    prop::collection::btree_map(label_name(), label_value(), 0..6)
}

/// Patterns of every shape the fast paths know, and of some they do not.
fn pattern() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec![
        "a",
        "b",
        "foo",
        "_",
        ";",
        "__meta_",
        ".*",
        ".+",
        ".*?",
        ".",
        "(.*)",
        "(.+)",
        "(a|b)",
        "(foo|foobar)",
        "a?",
        "(?:a|b|)",
        "[ab]",
        "[^a]",
        r"\w+",
        r"\d*",
        "(a)(b)?",
        "(?i:foo)",
        "()",
        "^",
        "$",
        r"\b",
        "(?P<n>o+)",
        "o{2}",
        "(?:ab){1,3}",
        "(?:foo.*|bar)",
        "a*",
    ]);
    let branch = prop::collection::vec(atom, 0..4).prop_map(|atoms| atoms.concat());
    prop_oneof![
        8 => prop::collection::vec(branch.clone(), 1..4).prop_map(|branches| branches.join("|")),
        1 => branch.prop_map(|branch| format!("({branch})")),
        1 => Just("__meta_(.+)".to_owned()),
    ]
}

fn template() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["$1", "${1}", "x", "", "$0", "$1$2", "${n}x", "a_$1", "$$", "$9", "a", "é$2é", "$1_x"])
        .prop_map(str::to_owned)
}

fn rule() -> impl Strategy<Value = RuleConfig> {
    let actions: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
    let sources = prop::collection::vec(label_name(), 0..3);
    let separator = prop::option::of(prop::sample::select(vec!["", "_", ";"]));
    (prop::sample::select(actions), sources, separator, prop::option::of(pattern()), template(), template(), 1_u64..9)
        .prop_map(|(action, sources, separator, regex, target, replacement, modulus)| {
            let takes_all = matches!(action, "replace" | "keep" | "drop" | "hashmod" | "labelmap");
            let only_regex = matches!(action, "labeldrop" | "labelkeep");
            let literal = |name: &str| if name.is_empty() { "t".to_owned() } else { name.replace('$', "d") };
            RuleConfig {
                action: Some(action.to_owned()),
                source_labels: if only_regex { vec![] } else { sources },
                separator: separator.filter(|_| takes_all).map(str::to_owned),
                regex: regex.filter(|_| takes_all || only_regex),
                modulus: (action == "hashmod").then_some(modulus),
                target_label: match action {
                    "replace" if !target.is_empty() => Some(target),
                    "labeldrop" | "labelkeep" => None,
                    _ => Some(literal(&target)),
                },
                replacement: match action {
                    "labelmap" if replacement.is_empty() => None,
                    "replace" | "labelmap" => Some(replacement),
                    _ => None,
                },
            }
        })
}

fn to_buf(labels: &Map) -> LabelBuf {
    labels.iter().map(|(name, value)| (&**name, &**value)).collect()
}

fn to_map(labels: &LabelBuf) -> Map {
    labels.view().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn fast_paths_agree_with_the_model(
        rules in prop::collection::vec(rule(), 1..5),
        labels in labels(),
        anchored in prop::bool::weighted(0.8),
    ) {
        let anchoring = if anchored { Anchoring::Full } else { Anchoring::None };
        let compiled = Rules::compile(&rules, anchoring).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let mut buf = to_buf(&labels);
        let outcome = compiled.apply(&mut buf, &mut Scratch::default());
        let result = (outcome == Outcome::Kept).then(|| to_map(&buf));
        prop_assert_eq!(result, model(&rules, anchoring, labels));
        prop_assert!(buf.view().iter().all(|(_, value)| !value.is_empty()));
    }

    #[test]
    fn no_rules_change_nothing(labels in labels()) {
        let mut buf = to_buf(&labels);
        prop_assert_eq!(Rules::default().apply(&mut buf, &mut Scratch::default()), Outcome::Kept);
        prop_assert_eq!(to_map(&buf), labels);
    }

    #[test]
    fn words_match_what_the_engine_matches(pattern in pattern(), texts in prop::collection::vec(label_value(), 1..8)) {
        let parsed = Pattern::parse(&pattern, Anchoring::Full).unwrap();
        let matcher = matcher::Matcher::compile(&parsed, Wants::Verdict).unwrap();
        let model = ModelRegex::new(&pattern, Anchoring::Full);
        for text in texts.iter().map(String::as_str).chain([""]) {
            prop_assert_eq!(matcher.is_match(text), model.is_match(text), "{} on {:?}", pattern, text);
        }
    }

    #[test]
    fn no_text_makes_a_rule_panic(
        regex in any::<String>(), source in any::<String>(), target in any::<String>(), replacement in any::<String>(),
        value in any::<String>(), action in prop::sample::select(Action::ALL.to_vec()), modulus in any::<u64>(),
    ) {
        let config = RuleConfig {
            source_labels: vec![source.clone()],
            regex: Some(regex),
            target_label: Some(target),
            replacement: Some(replacement),
            action: Some(action.name().to_owned()),
            modulus: Some(modulus),
            separator: None,
        };
        for names in [LabelNames::Utf8, LabelNames::Legacy] {
            for anchoring in [Anchoring::Full, Anchoring::None] {
                if let Ok(rules) = Rules::compile_with(std::slice::from_ref(&config), Options { anchoring, names }) {
                    let mut buf: LabelBuf = [(&*source, &*value)].into_iter().collect();
                    rules.apply(&mut buf, &mut Scratch::default());
                }
            }
        }
    }

    #[test]
    fn no_syntax_makes_the_parser_panic(pattern in r"[a\[\](){}|*+?^$\\.:\-=<>PQEimsUxdwpb0-9,&~é]{0,24}") {
        for anchoring in [Anchoring::Full, Anchoring::None] {
            if let Ok(parsed) = Pattern::parse(&pattern, anchoring) {
                let matcher = matcher::Matcher::compile(&parsed, Wants::Groups).unwrap();
                matcher.captures("aé:=0", &mut Slots::default());
            }
        }
    }
}

fn rules(configs: &[RuleConfig]) -> Rules {
    Rules::compile(configs, Anchoring::Full).unwrap()
}

#[test]
fn an_explanation_tells_each_step() {
    let replace = |target: &str, replacement: &str| RuleConfig {
        source_labels: vec!["a".into()],
        target_label: Some(target.into()),
        replacement: Some(replacement.into()),
        ..RuleConfig::default()
    };
    let compiled = rules(&[
        replace("a", "2"),
        replace("c", "x"),
        replace("c", "x"),
        RuleConfig { regex: Some("b.*".into()), action: Some("labeldrop".into()), ..RuleConfig::default() },
        RuleConfig { regex: Some("none".into()), action: Some("labeldrop".into()), ..RuleConfig::default() },
        RuleConfig { source_labels: vec!["a".into()], action: Some("drop".into()), ..RuleConfig::default() },
        replace("never", "reached"),
    ]);
    let mut buf: LabelBuf = [("a", "1"), ("b", "9"), ("bb", "9")].into_iter().collect();
    let (outcome, explanation) = compiled.explain(&mut buf, &mut Scratch::default());
    assert_eq!(outcome, Outcome::DroppedBy(5));
    let lines = explanation.to_string();
    let effects: Vec<&str> = lines.lines().map(|line| line.rsplit_once("): ").unwrap().1).collect();
    assert_eq!(
        effects,
        [
            r#"set a="2" (was "1")"#,
            r#"set c="x""#,
            r#"set c="x" as it was"#,
            "removed b, removed bb",
            "no effect",
            "dropped it"
        ]
    );
    assert!(lines.starts_with(r#"rule 1 (replace source_labels=["a"] target_label="a" replacement="2"): "#), "{lines}");
}

#[test]
fn a_fault_names_rule_key_and_place() {
    let fine = RuleConfig { action: Some("keep".into()), ..RuleConfig::default() };
    for (config, expected) in [
        (
            RuleConfig { action: Some("kep".into()), ..RuleConfig::default() },
            "rule 2: action: unknown relabel action \"kep\"; the actions are replace, keep, drop, keepequal, dropequal, \
             hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase",
        ),
        (RuleConfig { regex: Some("a(".into()), ..fine.clone() }, "rule 2: regex: \"a(\" at byte 2: missing closing )"),
        (RuleConfig::default(), "rule 2: target_label: replace requires a 'target_label'"),
        (
            RuleConfig {
                action: Some("labeldrop".into()),
                source_labels: vec!["a".into()],
                regex: Some("x".into()),
                ..RuleConfig::default()
            },
            "rule 2: source_labels: labeldrop takes only 'regex'; remove 'source_labels'",
        ),
    ] {
        let error = Rules::compile(&[fine.clone(), config], Anchoring::Full).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn equal_rules_compare_equal_and_clone() {
    let config = RuleConfig { action: Some("keep".into()), regex: Some("a.*b.*c".into()), ..RuleConfig::default() };
    let one = rules(std::slice::from_ref(&config));
    assert_eq!(one, one.clone());
    assert_ne!(one, Rules::default());
    assert_ne!(one, Rules::compile(std::slice::from_ref(&config), Anchoring::None).unwrap());
    assert_eq!((one.len(), one.is_empty()), (1, false));
}
