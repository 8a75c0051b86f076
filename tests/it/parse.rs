//! `openagent parse`: JSON lines, errors with their place, the lint, exit codes.

use crate::support::{openagent, shared};
use std::io::Write as _;
use std::process::{Output, Stdio};

fn parse(args: &[&str], input: &[u8]) -> Output {
    let mut command = openagent();
    command.arg("parse").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn samples_come_as_json_lines() {
    let output = parse(&["--format", "text"], b"# TYPE a gauge\na{x=\"1\"} 2.50 7\nb NaN\n");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        stdout(&output),
        "{\"name\":\"a\",\"labels\":{\"x\":\"1\"},\"value\":\"2.5\",\"ts\":7}\n\
         {\"name\":\"b\",\"labels\":{},\"value\":\"NaN\",\"ts\":null}\n"
    );
}

#[test]
fn a_bad_line_is_told_and_skipped_or_ends_a_strict_reading() {
    let body = b"a 1\nb{x=1} 2\nc 3\n";
    let lenient = parse(&["--format", "text", "-"], body);
    assert_eq!(lenient.status.code(), Some(1));
    assert_eq!(stdout(&lenient).lines().count(), 2);
    assert!(stderr(&lenient).starts_with("-:2:5: expected a label value"), "{}", stderr(&lenient));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.txt");
    std::fs::write(&file, body).unwrap();
    let file = file.to_str().unwrap();
    let strict = parse(&["--format", "text", "--strict", file], b"");
    assert_eq!(strict.status.code(), Some(1));
    assert_eq!(stdout(&strict).lines().count(), 1);
    assert!(stderr(&strict).starts_with(&format!("{file}:2:5: expected a label value")), "{}", stderr(&strict));
}

#[test]
fn the_lint_tells_every_breach() {
    let body = b"# TYPE a counter\na_total -1\nb{x=\"1\",} 1\n# TYPE c what\nd 1\n";
    let output = parse(&["--format", "openmetrics", "--lint"], body);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output).lines().map(|line| line.split(": ").next().unwrap()).collect::<Vec<_>>(),
        ["-:2:1", "-:3:1", "-:4:10", "-:6:1"],
        "{}",
        stderr(&output)
    );
    let good = parse(&["--format", "openmetrics", "--lint"], b"# TYPE a counter\na_total 1\n# EOF\n");
    assert_eq!((good.status.code(), stderr(&good)), (Some(0), String::new()));
}

#[test]
fn what_cannot_be_read_is_told() {
    let missing = parse(&["--format", "text", "/nonexistent/body"], b"");
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("/nonexistent/body"), "{}", stderr(&missing));
    let cut = parse(&["--format", "protobuf"], &[0x20, 0x0a, 1, b'a']);
    assert_eq!(cut.status.code(), Some(1));
    assert!(stderr(&cut).starts_with("-:1:4: the message is cut short"), "{}", stderr(&cut));
    let long = parse(&["--format", "openmetrics", "--max-line-bytes", "100"], &[b'a'; 200]);
    assert_eq!(long.status.code(), Some(1));
    assert!(stderr(&long).contains("-:1:1: the line is longer") && stderr(&long).contains("100 bytes"));
}

#[test]
fn arguments_that_make_no_sense_are_told() {
    for args in [&[][..], &["--format", "json"], &["--format", "protobuf", "--lint"], &["--format", "text", "a", "b"]] {
        let output = parse(args, b"");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains("openagent help parse"), "{}", stderr(&output));
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let mut command = openagent();
    command.args(["parse", "--format", "text"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let body = "a 1\n".repeat(100_000);
    let _ = stdin.write_all(body.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn native_histograms_are_lines_of_their_type() {
    let Some(live) = shared("corpus/live") else { return };
    let file = live.join("client_golang-native.pb.pb");
    let output = parse(&["--format", "protobuf", file.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let native = stdout(&output).lines().filter(|line| line.contains("\"type\":\"native_histogram\"")).count();
    assert_eq!((native, stdout(&output).lines().count()), (5, 31));
}
