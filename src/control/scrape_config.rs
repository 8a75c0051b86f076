//! OPENMX_SCRAPE_CONFIG_GET and _SET: scrape_config.yaml read and replaced from the server's pages.
//!
//! # Invariants
//! What does not parse is never written; what comes from a ConfigMap is never changed here, the operator would undo
//! it.

use super::replace::replace;
use super::{ControlContext, ScrapeSource};
use crate::wire::value::{Map, Value};
use std::fs::{self, OpenOptions};

/// The longest configuration that is sent or taken: it has to fit a frame of 5 MiB.
const MAX_BYTES: usize = 4 << 20;

/// `source`, `writable`, `status`, `contents`, `error`.
pub(super) fn read(context: &ControlContext<'_>) -> Map {
    let answers = Map::new().with("source", source(context)).with("writable", Value::Bool(is_writable(context)));
    match contents(context) {
        Ok(contents) => answers.with("status", "ok").with("contents", contents),
        Err(error) => {
            log::warn!("the server asked for the scrape configuration: {error}");
            answers.with("status", "error").with("contents", Value::Null).with("error", error)
        }
    }
}

/// `source`, `status`, `error`.
pub(super) fn write(arguments: &Map, context: &ControlContext<'_>) -> Map {
    let answers = Map::new().with("source", source(context));
    match store(arguments.text("contents").unwrap_or_default(), context) {
        Ok(()) => answers.with("status", "ok"),
        Err(error) => {
            log::warn!("the server's scrape configuration was refused: {error}");
            answers.with("status", "error").with("error", error)
        }
    }
}

fn source(context: &ControlContext<'_>) -> &'static str {
    match context.scrape_source {
        ScrapeSource::File => "file",
        ScrapeSource::ConfigMap { .. } => "configmap",
    }
}

fn contents(context: &ControlContext<'_>) -> Result<String, String> {
    let path = &context.home.scrape_config;
    let text = match context.scrape_source {
        ScrapeSource::ConfigMap { contents, .. } => contents.to_owned(),
        ScrapeSource::File => {
            let size = fs::metadata(path).map(|metadata| metadata.len());
            let text = size.and_then(|size| if size > MAX_BYTES as u64 { Ok(None) } else { read_file(path).map(Some) });
            let text = text.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            text.ok_or_else(|| too_long("the file"))?
        }
    };
    if text.len() > MAX_BYTES { Err(too_long("the configuration")) } else { Ok(text) }
}

fn read_file(path: &std::path::Path) -> std::io::Result<String> {
    fs::read_to_string(path)
}

fn too_long(what: &str) -> String {
    format!("{what} is longer than the {MAX_BYTES} bytes that fit a frame")
}

/// Whether a change would succeed: the file can be opened for writing, or its folder takes a new one.
fn is_writable(context: &ControlContext<'_>) -> bool {
    let path = &context.home.scrape_config;
    match context.scrape_source {
        ScrapeSource::ConfigMap { .. } => false,
        // opening to write without truncating changes nothing
        ScrapeSource::File if path.exists() => OpenOptions::new().write(true).open(path).is_ok(),
        ScrapeSource::File => path.parent().is_some_and(super::replace::takes_new_files),
    }
}

fn store(contents: &str, context: &ControlContext<'_>) -> Result<(), String> {
    if contents.trim().is_empty() {
        return Err("empty contents".to_owned());
    }
    if contents.len() > MAX_BYTES {
        return Err(too_long("the configuration"));
    }
    if let ScrapeSource::ConfigMap { name, .. } = context.scrape_source {
        return Err(format!(
            "the scrape configuration is that of ConfigMap {name}, which this agent may not change; edit \
             spec.features.openAgent of the WhatapAgent resource, or run the agent standalone to use its file"
        ));
    }
    (context.validate)(contents)?;
    let path = &context.home.scrape_config;
    replace(path, contents.as_bytes()).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    log::info!("the server changed {}", path.display());
    (context.changed)();
    Ok(())
}
