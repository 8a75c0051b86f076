//! The log of a running process: where it goes, what happens without a folder, what is folded.

use crate::support::{Running, openagent, wait_for};
use openagent::os;
use signal_hook::consts::SIGTERM;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

/// Runs the supervisor over a worker that beats, until `ready` is in the log on stderr; then stops it.
fn run(home: &Path, script: &str, ready: &str) -> Output {
    let stderr = home.join("stderr");
    let mut command = openagent();
    command.args(["supervisor", "--", "sh", "-c", script]).current_dir(home).env("WHATAP_HOME", home);
    command.env_remove("WHATAP_OPEN_HOME").env_remove("RUST_LOG").stderr(fs::File::create(&stderr).unwrap());
    let mut child = command.spawn().unwrap();
    let seen = || fs::read_to_string(&stderr).unwrap_or_default().contains(ready).then_some(());
    wait_for(ready, Duration::from_secs(20), seen);
    os::kill(child.id(), SIGTERM).unwrap();
    let status = child.wait().unwrap();
    Output { status, stdout: Vec::new(), stderr: fs::read(&stderr).unwrap() }
}

#[test]
fn lines_go_to_stderr_and_to_the_days_file_alike() {
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), "exec sleep 100", "started: sh");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let files: Vec<_> = fs::read_dir(home.path().join("logs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let name = files[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("whatap-boot-20") && name.ends_with(".log") && name.len() == 24, "{name}");
    assert_eq!(fs::read_to_string(&files[0]).unwrap(), stderr);
    let line = stderr.lines().next().unwrap();
    assert!(line.contains(" INFO  supervisor: worker ") && line.contains("T"), "{line}");
    assert!(output.status.success());
}

#[test]
fn a_folder_that_cannot_be_written_is_told_once_and_stops_nothing() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("logs"), "not a folder").unwrap();
    let output = run(home.path(), "exit 3", "in 2 s");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.matches("log files in").count(), 1, "{stderr}");
    assert!(stderr.contains("Make the folder writable") && stderr.contains("stopping"), "{stderr}");
    assert!(output.status.success());
}

#[test]
fn the_workers_own_lines_pass_through_unchanged() {
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), "printf 'half a li' >&2; echo ne >&2; exec sleep 100", "half a line\n");
    assert!(output.status.success());
}

#[test]
fn help_and_version_bear_a_closed_pipe() {
    for args in [&["help"][..], &["help", "scrape"], &["scrape", "--help"], &["version"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = openagent().args(args).stdout(writer).status().unwrap();
        assert_eq!(status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn the_form_the_console_and_the_file_are_as_whatap_conf_says() {
    let home = tempfile::tempdir().unwrap();
    let conf = "log_format=json\nlog_stdout_enabled=true\nlog_rotation_enabled=false\n";
    fs::write(home.path().join("whatap.conf"), conf).unwrap();
    let mut command = openagent();
    command.args(["supervisor", "--", "sh", "-c", "exec sleep 100"]).env("WHATAP_HOME", home.path());
    let mut running = Running::start(command.env_remove("RUST_LOG"));
    running.stdout.wait("the worker's start", |line| line.contains("started: sh").then_some(()));
    running.signal("TERM");
    assert!(running.exit().success());
    let lines = fs::read_to_string(home.path().join("logs/whatap-boot.log")).unwrap();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["msg"].is_string() && line["level"] == "info" && line["target"] == "supervisor", "{line}");
    }
    assert!(lines.lines().count() >= 3);
    assert!(running.stderr.all().is_empty(), "{:?}", running.stderr.all());
}

#[test]
fn rust_log_decides_on_its_own() {
    let home = tempfile::tempdir().unwrap();
    let mut command = openagent();
    command.args(["supervisor", "--", "sh", "-c", "exit 3"]).env("WHATAP_HOME", home.path());
    let mut running = Running::start(command.env("RUST_LOG", "warn"));
    running.stderr.wait("a warning", |line| line.contains("starting another").then_some(()));
    running.signal("TERM");
    assert!(running.exit().success());
    assert!(running.stderr.all().iter().all(|line| !line.contains(" INFO ")), "{:?}", running.stderr.all());
}
