//! The golden vectors of `tests/data/golden.json`, for the tests of every file of this room.

use serde_json::Value;

/// The whole file.
pub(crate) fn all() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The entries of a section, which must be `count`: a test that loops over nothing proves nothing.
pub(crate) fn section(name: &str, count: usize) -> Vec<Value> {
    let mut section = all()[name].take();
    let entries = if section.is_array() { section } else { section["v"].take() };
    let entries = entries.as_array().unwrap_or_else(|| panic!("{name} is a section of entries")).clone();
    assert_eq!(entries.len(), count, "{name}");
    entries
}

/// A pack of the section `h_packs`, whole.
pub(crate) fn pack(name: &str) -> Vec<u8> {
    let packs = &all()["h_packs"];
    hex(&packs[name], "full_hex")
}

pub(crate) fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry[key].as_str().unwrap_or_else(|| panic!("{key} of {entry} is a text"))
}

pub(crate) fn number(entry: &Value, key: &str) -> i64 {
    entry[key].as_i64().unwrap_or_else(|| panic!("{key} of {entry} is a number"))
}

pub(crate) fn hex(entry: &Value, key: &str) -> Vec<u8> {
    unhex(text(entry, key))
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}
