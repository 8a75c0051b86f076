//! The documents say what is so: keys, reasons, commands and examples of both READMEs against the program itself.

use crate::exporter::Exporter;
use crate::support::{LONG, Running, openagent, wait_for};
use openagent::config::ScrapeFile;
use openagent::config::scrape_file::Context;
use openagent::scrape::failure::ErrorClass;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const READMES: [&str; 2] = ["README.md", "README.ko.md"];

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The blocks of one language in a Markdown text.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    markdown.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

const HEAD: &str = "features:\n  openAgent:\n    enabled: true\n    targets:\n";

/// A block may show targets alone; here it gets the rest around it.
fn completed(block: &str) -> String {
    if !block.starts_with("- targetName") {
        return block.to_owned();
    }
    block.lines().fold(HEAD.to_owned(), |text, line| text + "      " + line + "\n")
}

/// Everything to mend in a scrape configuration.
fn faults(text: &str) -> Vec<String> {
    match ScrapeFile::parse(text, "s.yaml", &Context::default()) {
        Ok(file) => file.faults.iter().map(ToString::to_string).collect(),
        Err(fault) => fault.faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_yaml_block_is_a_configuration_without_a_fault() {
    for readme in READMES {
        let blocks = blocks(&read(readme), "yaml");
        assert!(blocks.len() >= 4, "{readme} has {} blocks", blocks.len());
        for block in blocks {
            let text = completed(&block);
            assert_eq!(faults(&text), [""; 0], "{readme}:\n{text}");
        }
    }
}

#[test]
fn the_config_map_of_the_manifests_is_a_configuration_without_a_fault() {
    let manifests = read("k8s/configmaps.yaml");
    let marker = "  scrape_config.yaml: |\n";
    let (_, rest) = manifests.split_once(marker).expect("the key scrape_config.yaml");
    let inside = rest.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let text: String = inside.map(|line| line.get(4..).unwrap_or("").to_owned() + "\n").collect();
    assert!(text.contains("targetName: "), "{text}");
    assert_eq!(faults(&text), [""; 0], "{text}");
}

/// A table of keys or reasons: what its marker says, and the code words of each row's first cell.
struct Table {
    name: String,
    rows: Vec<(Vec<String>, String)>,
}

fn tables(markdown: &str, kind: &str) -> Vec<Table> {
    let marker = format!("<!-- {kind}: ");
    let after = markdown.split(&marker).skip(1);
    after
        .map(|rest| {
            let (name, rest) = rest.split_once(" -->\n").expect("a marker ends");
            let lines = rest.lines().take_while(|line| line.starts_with('|')).skip(2);
            let rows = lines.map(|line| (code_words(line.split('|').nth(1).unwrap_or("")), line.to_owned()));
            Table { name: name.to_owned(), rows: rows.collect() }
        })
        .collect()
}

/// What stands between backticks.
fn code_words(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn snake(camel: &str) -> String {
    camel.chars().fold(String::new(), |mut text, c| {
        if c.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
        text
    })
}

/// A value that is right for a key.
fn value(place: &str, key: &str) -> &'static str {
    match key {
        "targets" if place == "group" => "['a:1']",
        "targets" => "[]",
        "endpoints" => "[{port: 1}]",
        "addresses" => "['a:1']",
        "type" if place == "target" => "PodMonitor",
        "type" => "Bearer",
        "port" => "web",
        "address" => "'a:1'",
        "scheme" => "https",
        "static_config" | "filter" | "namespaceSelector" | "selector" => "{}",
        "static_configs" => "[{targets: ['a:1']}]",
        "whitelist" | "matchNames" | "metricSelector" => "[up]",
        "external_labels" | "labels" | "matchLabels" | "params" => "{a: b}",
        "matchExpressions" => "[{key: a, operator: Exists}]",
        "relabelConfigs" | "metricRelabelConfigs" => "[{action: labeldrop, regex: a}]",
        "tlsConfig" => "{insecureSkipVerify: true}",
        "basicAuth" => "{username: u}",
        "authorization" => "{credentials: c}",
        "adaptiveTimeout" => "{enabled: false}",
        "proxyUrl" => "'http://proxy:3128'",
        "sourceLabels" => "[a]",
        "action" => "replace",
        "modulus" | "failureThreshold" => "2",
        "multiplier" => "2.5",
        key if key.ends_with("Secret") => "{name: n, key: k}",
        key if key.ends_with("Limit") => "10",
        key if key.to_lowercase().ends_with("path") => "/m",
        key if key.to_lowercase().ends_with("interval") || key.to_lowercase().ends_with("timeout") => "15s",
        key if key.starts_with("honor")
            || ["enabled", "any", "addNodeLabel", "followRedirects", "insecureSkipVerify"].contains(&key) =>
        {
            "true"
        }
        _ => "text",
    }
}

/// A mapping of what must be there and one key more, which stands in for its namesake.
fn flow(needed: &[(&str, &str)], key: &str, value: &str) -> String {
    let others = needed.iter().filter(|(name, _)| *name != key).map(|(name, value)| format!("{name}: {value}"));
    let pairs: Vec<String> = others.chain([format!("{key}: {value}")]).collect();
    format!("{{{}}}", pairs.join(", "))
}

fn in_target(target: &str) -> String {
    format!("{HEAD}      - {target}\n")
}

fn in_endpoint(endpoint: &str) -> String {
    in_target(&format!("{{targetName: t, type: PodMonitor, endpoints: [{endpoint}]}}"))
}

fn in_job(job: &str) -> String {
    format!("scrape_configs:\n  - {job}\n")
}

/// Configurations that use a key at every place its table is about.
fn uses(place: &str, key: &str) -> Vec<String> {
    let one = value(place, key);
    let job = [("job_name", "j"), ("static_config", "{targets: ['a:1']}")];
    let target = [("targetName", "t"), ("type", "PodMonitor"), ("endpoints", "[{port: 1}]")];
    let inside = |name: &str, map: String| vec![in_endpoint(&format!("{{port: 1, {name}: {map}}}"))];
    match place {
        "root" if key == "scrape_configs" => vec!["scrape_configs: []\n".to_owned()],
        "root" => vec![format!("scrape_configs: []\n{key}: {{}}\n")],
        "global" => vec![format!("scrape_configs: []\nglobal: {{{key}: {one}}}\n")],
        "job" if key == "static_configs" => vec![in_job(&flow(&job[..1], key, one))],
        "job" if key == "static_config" => vec![in_job(&flow(&job[..1], key, job[1].1))],
        "job" => vec![in_job(&flow(&job, key, one))],
        "group" => {
            let group = flow(&[("targets", "['a:1']")], key, one);
            vec![in_job(&flow(&job[..1], "static_config", &group))]
        }
        "filter" => {
            let group = format!("{{targets: ['a:1'], filter: {{{key}: {one}}}}}");
            vec![in_job(&flow(&job[..1], "static_config", &group))]
        }
        "agent" => {
            let agent = flow(&[("enabled", "true")], key, one);
            vec![format!("features: {{openAgent: {agent}}}\n")]
        }
        "target" if key == "addresses" => {
            vec![in_target(&flow(&[("targetName", "t"), ("type", "StaticEndpoints")], key, one))]
        }
        "target" => vec![in_target(&flow(&target, key, one))],
        "endpoint" if key == "address" => {
            vec![in_target(&format!("{{targetName: t, type: StaticEndpoints, endpoints: [{{address: {one}}}]}}"))]
        }
        "endpoint" => vec![in_endpoint(&flow(&[("port", "1")], key, one))],
        "namespaces" => vec![in_target(&flow(&target, "namespaceSelector", &format!("{{{key}: {one}}}")))],
        "selector" => vec![in_target(&flow(&target, "selector", &format!("{{{key}: {one}}}")))],
        "expression" => {
            assert!(["key", "operator", "values"].contains(&key), "{key}");
            let selector = "{matchExpressions: [{key: a, operator: In, values: [b]}]}";
            vec![in_target(&flow(&target, "selector", selector))]
        }
        "common" | "limits" => vec![
            in_endpoint(&flow(&[("port", "1")], key, one)),
            in_target(&flow(&target, key, one)),
            in_job(&flow(&job, &snake(key), one)),
        ],
        "tls" => {
            let half = match key {
                "certFile" | "certSecret" => "keyFile: /k, ",
                "keyFile" | "keySecret" => "certFile: /c, ",
                _ => "",
            };
            let one = if key == "insecureSkipVerify" { "true" } else { one };
            inside("tlsConfig", format!("{{{half}{key}: {one}}}"))
        }
        "basic" => inside("basicAuth", format!("{{{key}: {one}}}")),
        "authorization" if key == "type" => inside("authorization", "{type: Bearer, credentials: c}".to_owned()),
        "authorization" => inside("authorization", format!("{{{key}: {one}}}")),
        "secret" => {
            assert!(["name", "key", "namespace"].contains(&key), "{key}");
            inside("authorization", "{credentialsSecret: {name: n, key: k, namespace: s}}".to_owned())
        }
        "adaptive" => inside("adaptiveTimeout", format!("{{{key}: {one}}}")),
        "rule" => {
            let action = if key == "modulus" { "hashmod" } else { "replace" };
            let needed = [("action", action), ("sourceLabels", "[a]"), ("targetLabel", "b")];
            inside("metricRelabelConfigs", format!("[{}]", flow(&needed, key, one)))
        }
        other => panic!("no such place: {other}"),
    }
}

#[test]
fn every_key_of_the_tables_is_taken_where_they_say() {
    for readme in READMES {
        let tables = tables(&read(readme), "keys");
        assert_eq!(tables.len(), 19, "{readme}");
        for Table { name, rows } in tables {
            for key in rows.iter().flat_map(|(keys, _)| keys) {
                for text in uses(&name, key) {
                    let errors: Vec<_> =
                        faults(&text).into_iter().filter(|fault| !fault.contains("warning: ")).collect();
                    assert_eq!(errors, [""; 0], "{readme}, {name}, {key}:\n{text}");
                }
            }
        }
    }
}

/// Keys that the reader of scrape_config.yaml asks for, as its source names them.
fn keys_of_the_reader() -> BTreeSet<String> {
    const ASKED: [&str; 11] = [
        "take(\"",
        "need(\"",
        "boolean(\"",
        "number(\"",
        "rules_of(\"",
        "word(\"",
        "interval: \"",
        "timeout: \"",
        "path: \"",
        "[(\"",
        "), (\"",
    ];
    let mut keys = BTreeSet::new();
    for entry in std::fs::read_dir(root("src/config/scrape_file")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let words = |opener: &str| {
                line.split(opener).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
            };
            let found: Vec<String> = if line.contains("pem(&fields") || line.contains("const KEYS") {
                line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
            } else {
                ASKED.iter().flat_map(|opener| -> Vec<String> { words(opener) }).collect()
            };
            let is_key = |word: &String| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
            keys.extend(found.into_iter().filter(is_key));
        }
    }
    keys
}

#[test]
fn every_key_of_the_reader_is_named() {
    /// Kubernetes' own, which tell that the file is a manifest; and names of types, not of keys.
    const OTHERS: [&str; 7] =
        ["kind", "apiVersion", "PodMonitor", "ServiceMonitor", "StaticEndpoints", "PodMetrics", "ServiceMetrics"];
    let keys: Vec<_> = keys_of_the_reader().into_iter().filter(|key| !OTHERS.contains(&key.as_str())).collect();
    assert!(keys.len() > 70, "{keys:?}");
    for readme in READMES {
        let text = read(readme);
        let words: BTreeSet<_> = code_words(&text.replace("```", "")).into_iter().collect();
        let missing: Vec<_> = keys.iter().filter(|key| !words.contains(*key) && !words.contains(&snake(key))).collect();
        assert!(missing.is_empty(), "{readme} does not name {missing:?}");
    }
}

#[test]
fn every_reason_has_its_line() {
    let classes = ErrorClass::ALL.iter().filter(|class| **class != ErrorClass::None);
    let scrape: Vec<_> = classes.map(|class| class.as_str()).collect();
    let samples: Vec<_> = openagent::scrape::tally::DropReason::ALL.iter().map(|reason| reason.as_str()).collect();
    let packs: Vec<_> = openagent::sender::DropReason::ALL.iter().map(|reason| reason.as_str()).collect();
    for readme in READMES {
        let tables = tables(&read(readme), "reasons");
        let reasons = |name: &str| -> Vec<String> {
            let table = tables.iter().find(|table| table.name == name).unwrap_or_else(|| panic!("{readme}: {name}"));
            table.rows.iter().filter_map(|(words, _)| words.first().cloned()).collect()
        };
        assert_eq!(
            (reasons("scrape"), reasons("samples"), reasons("packs")),
            (own(&scrape), own(&samples), own(&packs))
        );
        for class in ErrorClass::ALL.into_iter().filter(|class| *class != ErrorClass::None) {
            let row = format!("| `{}` | {} |", class.as_str(), class as u8);
            assert!(read(readme).contains(&row), "{readme}: {row}");
        }
    }
}

fn own(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn every_command_is_named() {
    let help = openagent().arg("help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands: Vec<&str> = help
        .split("ENVIRONMENT")
        .next()
        .unwrap_or("")
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter_map(|line| line.split(' ').next())
        .filter(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        .filter(|word| *word != "openagent")
        .collect();
    assert!(commands.len() >= 13, "{commands:?}");
    for readme in READMES {
        let text = read(readme);
        for command in &commands {
            assert!(text.contains(&format!("`openagent {command}`")), "{readme} does not name {command}");
        }
    }
}

/// The words of the text's headings turned into anchors, as GitHub does it.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let mut inside_a_block = false;
    let mut anchors = BTreeSet::new();
    for line in markdown.lines() {
        inside_a_block ^= line.starts_with("```");
        if inside_a_block || !line.starts_with('#') {
            continue;
        }
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        anchors.insert(words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect());
    }
    anchors
}

#[test]
fn links_lead_somewhere() {
    for document in ["README.md", "README.ko.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "k8s/README.md"] {
        let text = read(document);
        let folder = root(document).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            if link.starts_with("http") {
                continue;
            }
            let file = if path.is_empty() { root(document) } else { folder.join(path) };
            assert!(file.exists(), "{document}: {link}");
            if !anchor.is_empty() {
                let inside = anchors(&std::fs::read_to_string(&file).unwrap());
                assert!(inside.contains(anchor), "{document}: {link} is none of {inside:?}");
            }
        }
    }
}

/// What both languages must share: the levels of headings, the tables' first cells, the blocks without their comments.
fn skeleton(markdown: &str) -> Vec<String> {
    let mut inside_a_block = false;
    let mut lines = Vec::new();
    for line in markdown.lines() {
        inside_a_block ^= line.starts_with("```");
        if inside_a_block {
            lines.push(line.split(" #").next().unwrap_or("").trim_end().to_owned());
        } else if line.starts_with('#') {
            lines.push(line.chars().take_while(|c| *c == '#').collect());
        } else if line.starts_with('|') {
            lines.push(code_words(line.split('|').nth(1).unwrap_or("")).join(","));
        } else if line.starts_with("<!--") {
            lines.push(line.to_owned());
        }
    }
    lines.retain(|line| !line.is_empty() && !line.trim_start().starts_with("# "));
    lines
}

#[test]
fn both_languages_say_the_same() {
    let [english, korean] = READMES.map(|readme| skeleton(&read(readme)));
    assert_eq!(english, korean);
}

/// The lines of the quick start that run the program, without `cargo run --release --`.
fn quick_start() -> Vec<Vec<String>> {
    let readme = read("README.md");
    let section = readme.split("\n## ").find(|section| section.starts_with("Quick start\n")).expect("a quick start");
    let lines: Vec<String> = blocks(section, "sh").iter().flat_map(|block| block.lines()).map(str::to_owned).collect();
    assert!(lines.iter().any(|line| line == "cargo test"), "{lines:?}");
    let runs = lines.iter().filter_map(|line| line.strip_prefix("cargo run --release -- "));
    runs.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn every_line_of_the_quick_start_works() {
    let exporter = Exporter::text(|_| "given_metric{a=\"b\"} 42\n".into());
    let own_url = format!("http://{}/metrics", exporter.address);
    let lines = quick_start();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in lines {
        // the exporter of the example is a stand-in: its port may not be taken here
        let args: Vec<_> = line.iter().map(|word| if word.starts_with("http://") { &own_url } else { word }).collect();
        let mut command = openagent();
        command.args(&args).current_dir(env!("CARGO_MANIFEST_DIR"));
        let mut running = Running::start(&mut command);
        if line[0] == "try" {
            let wanted = if line.len() > 1 { "given_metric{" } else { "openagent_build_info{" };
            running.stdout.wait("a sample", |line| line.starts_with(wanted).then_some(()));
            running.signal("INT");
        }
        assert_eq!(running.exit().code(), Some(0), "{args:?}: {}", running.stderr.all().join("\n"));
        let stdout = running.stdout.clone();
        wait_for("output", LONG, || (!stdout.all().is_empty()).then_some(()));
    }
}
