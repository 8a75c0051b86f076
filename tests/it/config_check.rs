//! `openagent check`, and the example files that must pass it.

use crate::support::openagent;
use openagent::config::key::{Effect, Key};
use openagent::config::keys::KEYS;
use openagent::config::{ConfFile, Settings};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

const LICENCE: &str = "x41pl22ek7jhv-z43cebasdv4il7-z62p3l35fj5502";
const JOB: &str = "scrape_configs:\n  - job_name: a\n    static_configs: [{targets: ['a:1']}]\n";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `openagent check` in a folder of its own, with nothing of this machine's environment.
fn check(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = openagent();
    command.env_clear().env("WHATAP_HOME", folder).envs(environment.iter().copied()).arg("check").args(args);
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn home(conf: &str, scrape_config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("whatap.conf"), conf).unwrap();
    fs::write(folder.path().join("scrape_config.yaml"), scrape_config).unwrap();
    folder
}

#[test]
fn sound_files_exit_with_0() {
    let folder = home(&format!("license={LICENCE}\nwhatap.server.host=h\n"), JOB);
    let output = check(folder.path(), &[], &[]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "jobs: 1, errors: 0, warnings: 0\n"));
}

#[test]
fn each_fault_has_its_file_line_key_and_mend() {
    let folder = home("log_keep_days=soon\nlog_leve=INFO\n", &JOB.replace("job_name", "job_nam"));
    let output = check(folder.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(1));
    let shown = stdout(&output).replace(&folder.path().display().to_string(), "HOME");
    insta::assert_snapshot!(shown, @r#"
        HOME/whatap.conf:1: log_keep_days: "soon" is not a number from 1 to 3650; 7 is used instead
        HOME/whatap.conf:2: warning: log_leve: this agent has no such key, it has no effect; did you mean "log_level"?
        HOME/whatap.conf: WHATAP_LICENSE and WHATAP_HOST: missing. Each is looked for in HOME/whatap.conf, then in the environment, as
          WHATAP_LICENSE or license
          WHATAP_HOST or whatap.server.host or WHATAP_SERVER_HOST
        so set it in the environment (WHATAP_LICENSE=… WHATAP_HOST=…), or in HOME/whatap.conf under the same name, or there as license=… whatap.server.host=…
        HOME/scrape_config.yaml:2:5: scrape_configs[0]: job_name is missing; give the job a name
        HOME/scrape_config.yaml:2:5: scrape_configs[0].job_nam: unknown key; did you mean "job_name"?
        jobs: 0, errors: 4, warnings: 1
        "#);
}

#[test]
fn show_prints_what_is_in_force_and_no_secret() {
    let yaml = format!(
        "{JOB}    basic_auth: {{username: u, password: hunter2}}\n    proxy_url: http://u:hunter2@p:1\n    scrape_interval: 15\n"
    );
    let folder = home(&format!("license={LICENCE}\n"), &yaml);
    let output = check(folder.path(), &["--show"], &[("WHATAP_HOST", "h1/h2"), ("debug", "yes")]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let shown = stdout(&output);
    for (line, origin) in [("WHATAP_LICENSE=***", "whatap.conf: license"), ("debug=yes", "environment: debug")] {
        assert!(shown.lines().any(|l| l.starts_with(line) && l.ends_with(origin)), "{line}: {shown}");
    }
    assert!(!shown.contains("hunter2") && !shown.contains(LICENCE), "{shown}");
    let jobs = shown.split("# jobs\n").nth(1).unwrap();
    insta::assert_snapshot!(jobs, @r#"
        features:
          openAgent:
            enabled: true
            targets:
              - targetName: "a"
                type: StaticEndpoints
                addresses: ["a:1"]
                path: "/metrics"
                interval: 15s
                timeout: 10s
                honorLabels: false
                honorTimestamps: true
                addNodeLabel: false
                followRedirects: true
                basicAuth:
                  username: "***"
                  password: "***"
                bodySizeLimit: 67108864
                sampleLimit: 0
                labelLimit: 255
                labelNameLengthLimit: 0
                labelValueLengthLimit: 0
                targetLimit: 0
                adaptiveTimeout:
                  failureThreshold: 2
                  multiplier: 2
                proxyUrl: "http://***@p:1"

        jobs: 1, errors: 0, warnings: 0
        "#);
}

#[test]
fn files_can_be_named_and_a_missing_one_is_told() {
    let folder = home("", "");
    let (config, conf) = (folder.path().join("c.yaml"), folder.path().join("w.conf"));
    fs::write(&config, JOB).unwrap();
    let named = |args: &[&str]| check(folder.path(), args, &[]);
    let path = config.to_str().unwrap();
    // a scrape configuration alone is judged without a licence
    for args in [&[path][..], &["--config", path]] {
        let output = named(args);
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        assert!(stdout(&output).contains("warning: WHATAP_LICENSE and WHATAP_HOST: missing"), "{}", stdout(&output));
    }
    let output = named(&["--config", path, "--conf", conf.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("w.conf: cannot be read: No such file"), "{}", stdout(&output));
    let output = named(&["nowhere.yaml"]);
    assert!(stdout(&output).contains("nowhere.yaml: cannot be read: No such file"), "{}", stdout(&output));
    assert_eq!(named(&["--frobnicate"]).status.code(), Some(2));
    assert_eq!(named(&["a", "b"]).status.code(), Some(2));
}

#[test]
fn a_faulty_licence_is_told_without_its_text() {
    let folder = home("license=x41pl22ek-7jhv!\nwhatap.server.host=h\n", JOB);
    let output = check(folder.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).contains("the licence is ") && !stdout(&output).contains("x41pl22ek"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn the_shipped_scrape_configuration_passes_with_every_comment_taken_away() {
    let shipped = root().join("scrape_config.yaml");
    let folder = home("", "");
    let output = check(folder.path(), &[shipped.to_str().unwrap()], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("jobs: 1, errors: 0, warnings: 1\n"), "{}", stdout(&output));

    let path = folder.path().join("all.yaml");
    fs::write(&path, uncommented(&fs::read_to_string(shipped).unwrap())).unwrap();
    let output = check(folder.path(), &[path.to_str().unwrap()], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("jobs: 7, errors: 0, warnings: 1\n"), "{}", stdout(&output));
}

/// The file with its examples switched on: a comment that holds YAML loses its sign.
fn uncommented(text: &str) -> String {
    let line = |line: &str| {
        let (indent, rest) = line.split_once("# ")?;
        let bare = rest.trim_start();
        let yaml = bare.starts_with("- ")
            || bare
                .split_once(':')
                .is_some_and(|(key, value)| !key.contains(' ') && (value.is_empty() || value.starts_with(' ')));
        let yaml = yaml && !(bare.ends_with(':') && bare.contains(' '));
        (indent.trim().is_empty() && yaml).then(|| format!("{indent}{rest}"))
    };
    text.lines().map(|l| line(l).unwrap_or_else(|| l.to_owned()) + "\n").collect()
}

/// Every Markdown file of the project, the build's folder left out.
fn markdown_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_scrape_configuration_in_the_documents_passes() {
    let mut checked = 0;
    for file in markdown_files() {
        let text = fs::read_to_string(&file).unwrap();
        for block in text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
            let starts = |key: &str| block.lines().any(|line| line.starts_with(key));
            if starts("kind:") || !(starts("scrape_configs:") || starts("features:")) {
                continue;
            }
            let folder = home("", block);
            let path = folder.path().join("scrape_config.yaml");
            let output = check(folder.path(), &[path.to_str().unwrap()], &[]);
            assert_eq!(output.status.code(), Some(0), "{}:\n{block}\n{}", file.display(), stdout(&output));
            checked += 1;
        }
    }
    eprintln!("{checked} examples in Markdown files checked");
}

/// whatap.conf.example as the table has it.
fn example() -> String {
    let mut out = String::from(
        "# whatap.conf of OpenAgent: every key with its default, its unit and what a change of it does.\n\
         # A key that is absent or empty here is looked up as an environment variable of the same name. Changes are seen\n\
         # within 5 seconds. Switches are true, yes, 1 or false, no, 0.\n",
    );
    let mut group = "";
    for key in KEYS {
        if key.group != group {
            group = key.group;
            out.push_str(&format!("\n# --- {group} ---\n"));
        }
        out.push_str(&entry(key));
    }
    out
}

fn entry(key: &Key) -> String {
    let effect = match key.effect {
        Effect::Live => "a change applies at once",
        Effect::Reconnect => "a change reconnects to the server",
        Effect::Restart => "a change waits for the next start",
    };
    let mut facts = vec![key.kind.allowed()];
    facts.extend(key.kind.unit().map(|unit| format!("unit: {unit}")));
    facts.extend((!key.also.is_empty()).then(|| format!("also: {}", key.also.join(", "))));
    facts.push(effect.to_owned());
    format!("\n# {}\n# {}\n#{}={}\n", key.doc, facts.join("; "), key.name, key.default)
}

#[test]
fn the_example_of_whatap_conf_is_that_of_the_table() {
    let path = root().join("whatap.conf.example");
    if std::env::var_os("OPENAGENT_WRITE_EXAMPLE").is_some() {
        fs::write(&path, example()).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), example(), "OPENAGENT_WRITE_EXAMPLE=1 cargo test writes it anew");
}

#[test]
fn the_example_of_whatap_conf_switched_on_changes_nothing() {
    let on: String = example()
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix('#').filter(|l| !l.starts_with([' ', '-'])).unwrap_or(line)))
        .collect();
    let (settings, faults) = Settings::resolve(&ConfFile::parse(&on), "example", &[("", "")]);
    assert_eq!(faults, []);
    assert_eq!(settings.changes_from(&Settings::defaults()), []);
}
