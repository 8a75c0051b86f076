//! The house rules that a compiler does not check: floors, module docs, forbidden crates, names of this project only.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors from top to bottom; a room imports from its own floor or a lower one.
const FLOORS: [&[&str]; 5] = [
    &["cli"],
    &["supervisor", "agent"],
    &["status", "control", "metering", "sender"],
    &["scrape", "discovery", "net", "config", "telemetry", "collector", "os"],
    &[
        "exposition",
        "relabel",
        "encode",
        "wheel",
        "selector",
        "wire",
        "labels",
        "duration",
        "secret",
        "nearest",
        "prefix",
        "size",
        "yaml",
    ],
];

/// Rooms of the fourth floor in their own order, upper first: `scrape` may use `discovery`, never the reverse.
const ORDER: [&str; 7] = ["scrape", "discovery", "net", "config", "telemetry", "collector", "os"];

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The room a source file belongs to: its first path component under `src`.
fn room(path: &Path) -> String {
    let relative = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The part of a file that is not tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn no_room_imports_from_a_floor_above() {
    let mut faults = Vec::new();
    for path in sources() {
        let room = room(&path);
        if room == "lib" || room == "main" {
            continue;
        }
        let here = floor(&room).unwrap_or_else(|| panic!("{room} has no floor: add it to the table and to lib.rs"));
        let text = fs::read_to_string(&path).unwrap();
        for line in code(&text).lines().filter(|line| !line.trim_start().starts_with("//")) {
            for part in line.split("crate::").skip(1) {
                let used: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(there) = floor(&used) else { continue };
                let order = |room: &str| ORDER.iter().position(|one| *one == room);
                let upwards = order(&used).zip(order(&room)).is_some_and(|(used, own)| used < own);
                if there < here || upwards {
                    faults.push(format!("{}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "imports that run up a floor:\n{}", faults.join("\n"));
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    let bare: Vec<_> = sources()
        .into_iter()
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "))
        .map(|path| path.display().to_string())
        .collect();
    assert!(bare.is_empty(), "files without a module doc:\n{}", bare.join("\n"));
}

#[test]
fn unsafe_code_lives_in_one_file() {
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        if room(&path) != "os" {
            assert!(!text.contains("allow(unsafe_code"), "{} allows unsafe code", path.display());
        }
    }
}

#[test]
fn no_crate_that_the_design_forbids() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    for forbidden in ["tokio", "async-std", "openssl", "openssl-sys", "aws-lc-rs", "aws-lc-sys", "native-tls", "hyper"]
    {
        assert!(!lock.contains(&format!("name = \"{forbidden}\"\n")), "{forbidden} is in Cargo.lock");
    }
}
