//! The server's commands on their way to [`crate::control`] and back.

use crate::config::reload::{ReloadState, Source};
use crate::config::scrape_file::{Context, ScrapeFile};
use crate::config::watch::Request;
use crate::config::{Home, Settings};
use crate::control::{self, ControlContext, ScrapeSource};
use crate::sender::{Batch, Queue};
use crate::wire::pack::{EncodedPack, Param};
use crossbeam_channel::Sender;

/// Answers a command, if it is one that this agent knows.
pub fn answer(
    command: Param,
    home: &Home,
    settings: &Settings,
    reloads: &ReloadState,
    reload: &Sender<Request>,
    queue: &Queue,
) {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    let source = reloads.outcome().source;
    let scrape_source = match &source {
        Source::File(_) => ScrapeSource::File,
        Source::ConfigMap { name, contents } => ScrapeSource::ConfigMap { name, contents },
    };
    let validate = |text: &str| match ScrapeFile::parse(text, "scrape_config.yaml", &Context::from(settings)) {
        Ok(file) => match file.faults.iter().find(|fault| fault.is_error()) {
            Some(fault) => Err(fault.to_string()),
            None => Ok(()),
        },
        Err(fault) => Err(fault.to_string()),
    };
    let changed = || {
        let _ = reload.send(Request::Reload);
    };
    let context = ControlContext {
        home,
        licence: &settings.licence,
        environment: &environment,
        scrape_source,
        validate: &validate,
        changed: &changed,
    };
    if let Some(reply) = control::answer(command, &context) {
        queue.reply(Batch { time_ms: crate::scrape::run::unix_ms(), packs: vec![EncodedPack::param(&reply)] });
    }
}
