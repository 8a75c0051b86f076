//! Answers of a real API server, copied into the tests' data.

use serde_json::Value;
use std::path::PathBuf;

/// The bytes of a capture's body.
pub fn body(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/k8s").join(format!("{name}.body"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The items of a captured list.
pub fn items(name: &str) -> Vec<Value> {
    let list: Value = serde_json::from_slice(&body(name)).unwrap();
    list["items"].as_array().unwrap().clone()
}

/// A captured object.
pub fn object(name: &str) -> Value {
    serde_json::from_slice(&body(name)).unwrap()
}
