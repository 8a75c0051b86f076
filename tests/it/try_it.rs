//! `openagent try`: no licence, no server, no exporter, and samples within seconds.

use crate::exporter::Exporter;
use crate::support::{LONG, Running, openagent, wait_for};

#[test]
fn prints_samples_of_the_agent_itself_and_ends_with_0_on_ctrl_c() {
    let mut running = Running::start(openagent().arg("try"));
    let stdout = running.stdout.clone();
    wait_for("20 samples", LONG, || (stdout.all().iter().filter(|line| is_sample(line)).count() >= 20).then_some(()));
    running.signal("INT");
    assert_eq!(running.exit().code(), Some(0), "{}", running.stderr.all().join("\n"));
}

#[test]
fn scrapes_the_targets_it_is_given() {
    let exporter = Exporter::text(|_| "given_metric{a=\"b\"} 42\n".into());
    let mut running =
        Running::start(openagent().args(["try", "--target", &format!("http://{}/metrics", exporter.address)]));
    running.stdout.wait("the sample", |line| (line.starts_with("given_metric{") && line.contains(" 42")).then_some(()));
    running.signal("INT");
    assert_eq!(running.exit().code(), Some(0));
}

fn is_sample(line: &str) -> bool {
    let name = line.split(['{', ' ']).next().unwrap_or("");
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
        && line.split_whitespace().count() >= 2
}
