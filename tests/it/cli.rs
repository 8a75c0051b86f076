//! The command line itself: version, unknown words.

use crate::support::openagent;

#[test]
fn an_unknown_word_is_named_with_the_nearest_command() {
    let output = openagent().arg("foregruond").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("\"foregruond\"") && stderr.contains("\"foreground\""), "{stderr}");
}

#[test]
fn version_prints_the_package_version() {
    let output = openagent().arg("version").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap().split_whitespace().nth(1), Some(env!("CARGO_PKG_VERSION")));
}
