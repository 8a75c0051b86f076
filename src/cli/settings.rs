//! whatap.conf and the environment, as a command reads them: once.

use crate::config::conf_file::MAX_BYTES;
use crate::config::file::WatchedFile;
use crate::config::{ConfFile, Fault, Home, ProcessEnvironment, Settings};
use std::io;

/// Reads home and settings; a missing whatap.conf is an empty one.
///
/// # Errors
/// When whatap.conf is there and cannot be read, with its path.
pub fn read() -> Result<(Home, Settings, Vec<Fault>), String> {
    let home = Home::from_environment(&ProcessEnvironment);
    let name = home.conf.display().to_string();
    let text = match WatchedFile::new(&home.conf, MAX_BYTES).look() {
        Some(Ok(text)) => text,
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
            return Err(format!("{name} cannot be read: {error}"));
        }
        _ => String::new(),
    };
    let (settings, faults) = Settings::resolve(&ConfFile::parse(&text), &name, &ProcessEnvironment);
    Ok((home, settings, faults))
}
