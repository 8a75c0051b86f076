//! Tells the program its commit and build time. Both may be missing: a build from an archive has no git.
//!
//! `OPENAGENT_COMMIT` names the commit where the sources come without git (container builds), `SOURCE_DATE_EPOCH` the
//! time for builds that must come out the same twice.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-env-changed=OPENAGENT_COMMIT");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=build.rs");
    let commit = env::var("OPENAGENT_COMMIT").ok().filter(|commit| is_commit(commit)).or_else(commit_of_git);
    println!("cargo::rustc-env=OPENAGENT_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=OPENAGENT_BUILD_SECONDS={}", build_seconds());
}

fn build_seconds() -> u64 {
    let given = env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.trim().parse().ok());
    given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// The commit checked out here, when this folder is a repository of its own and not a folder inside another one.
fn commit_of_git() -> Option<String> {
    let here = env::var("CARGO_MANIFEST_DIR").ok()?;
    let top = git(&here, &["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != Path::new(&here).canonicalize().ok()? {
        return None;
    }
    for file in ["HEAD", "logs/HEAD"] {
        let path = Path::new(&here).join(git(&here, &["rev-parse", "--git-path", file])?);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    git(&here, &["rev-parse", "--short=12", "HEAD"]).filter(|commit| is_commit(commit))
}

fn git(here: &str, args: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(here).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
