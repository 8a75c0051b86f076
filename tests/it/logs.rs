//! The log of a running process: where it goes, what happens without a folder, what is folded.

use crate::support::{openagent, wait_for};
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
