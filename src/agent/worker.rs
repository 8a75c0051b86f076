//! `openagent foreground`: reads the files, starts the rooms, carries every change to them, stops them once.
//!
//! # Invariants
//! - One loop, one `select!`: signals, changed files, discovered targets, the pulse.
//! - SIGTERM and SIGINT stop it within 15 s; a second one ends the process at once.
//! - A room that has died ends the process with its own exit code, and the supervisor starts a new one.

use super::rooms::{Health, RoomSettings, Rooms};
use super::settings::{self, Account};
use crate::config::scrape_file::Context;
use crate::config::{ConfFile, Home, ProcessEnvironment, ScrapeFile, Settings};
use crate::discovery::{NoSecrets, static_};
use crate::scrape::fetch::FetchSettings;
use crate::telemetry::build;
use crate::telemetry::heartbeat::{self, Heartbeat};
use crate::telemetry::log::{self as logging, Logging, Writer};
use crossbeam_channel::{Receiver, bounded, select, tick};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::Path;
use std::sync::Arc;

/// Whether Kubernetes is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Inside a cluster, or with a kubeconfig.
    Cluster,
    /// Never.
    Standalone,
}

/// Why the worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By a signal, or because its supervisor is gone.
    Asked,
    /// A room died.
    RoomDied,
}

/// Runs the worker until its end.
///
/// # Errors
/// What keeps it from starting, as a text for people: a missing licence or host, an unreadable configuration.
pub fn run(mode: Mode) -> Result<Ended, String> {
    let heartbeat = Heartbeat::from_env();
    let home = Home::from_environment(&ProcessEnvironment);
    let settings = read_settings(&home)?;
    let account = Account::of(&settings, &home.conf.display().to_string())?;
    let logging = logging::install(Writer::Worker, home.logs.clone(), &settings::log(&settings))
        .map_err(|error| error.to_string())?;
    log::info!("openagent {} starts, {mode:?}, home {}", build::VERSION, home.conf.display());
    let file = read_scrape_file(&home.scrape_config, &settings)?;
    let signals = listen_to_signals().map_err(|error| format!("signals cannot be received: {error}"))?;
    let rooms = Rooms::start(room_settings(&settings, &account)).map_err(|error| format!("cannot start: {error}"))?;
    let mut worker = Worker { home, settings, rooms, logging, heartbeat };
    worker.scrape(&file);
    let ended = worker.run(&signals);
    log::info!("stopping: scrapes under way end, what is queued is sent");
    worker.rooms.stop();
    worker.logging.finish();
    Ok(ended)
}

struct Worker {
    home: Home,
    settings: Settings,
    rooms: Rooms,
    logging: Logging,
    heartbeat: Option<Heartbeat>,
}

enum Event {
    Signal(i32),
    Beat,
}

impl Worker {
    fn run(&mut self, signals: &Receiver<i32>) -> Ended {
        let beat = tick(heartbeat::INTERVAL);
        loop {
            let event = select! {
                recv(signals) -> signal => Event::Signal(signal.unwrap_or(SIGTERM)),
                recv(beat) -> _ => Event::Beat,
            };
            if let Some(ended) = self.handle(&event) {
                return ended;
            }
        }
    }

    fn handle(&mut self, event: &Event) -> Option<Ended> {
        match event {
            Event::Signal(SIGHUP) => self.reload(),
            Event::Signal(signal) => {
                log::info!("signal {signal}");
                return Some(Ended::Asked);
            }
            Event::Beat => return self.beat(),
        }
        None
    }

    /// Tells the supervisor that all is well, as long as it is.
    fn beat(&mut self) -> Option<Ended> {
        self.logging.tick();
        match self.rooms.health() {
            Health::Well => {}
            Health::Stuck(room) => {
                log::error!("{room} hangs; the supervisor is not told that all is well");
                return None;
            }
            Health::Dead(room) => {
                log::error!("{room} has died; the process ends so that it is started again");
                return Some(Ended::RoomDied);
            }
        }
        match self.heartbeat.as_ref().map(Heartbeat::beat) {
            Some(Err(_)) => {
                log::warn!("the supervisor is gone");
                Some(Ended::Asked)
            }
            _ => None,
        }
    }

    fn reload(&mut self) {
        match read_scrape_file(&self.home.scrape_config, &self.settings) {
            Ok(file) => self.scrape(&file),
            Err(error) => log::error!("the configuration in force stays: {error}"),
        }
    }

    fn scrape(&mut self, file: &ScrapeFile) {
        for fault in &file.faults {
            log::warn!("{fault}");
        }
        let found = static_::all_targets(&file.jobs);
        for dropped in &found.dropped {
            log::info!("{dropped}");
        }
        self.rooms.scrape(found.targets);
    }
}

/// The first SIGTERM or SIGINT asks, the second one ends the process at once.
fn listen_to_signals() -> std::io::Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let (told, inbox) = bounded(8);
    let listen = move || {
        let mut asked = false;
        for signal in signals.forever() {
            if signal != SIGHUP && std::mem::replace(&mut asked, true) {
                signal_hook::low_level::exit(128 + signal);
            }
            let _ = told.try_send(signal);
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).stack_size(128 << 10).spawn(listen)?;
    Ok(inbox)
}

fn read_settings(home: &Home) -> Result<Settings, String> {
    let path = home.conf.display().to_string();
    let text = match std::fs::read_to_string(&home.conf) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("{path} cannot be read: {error}")),
    };
    let (settings, faults) = Settings::resolve(&ConfFile::parse(&text), &path, &ProcessEnvironment);
    for fault in faults {
        log::warn!("{fault}");
    }
    Ok(settings)
}

fn read_scrape_file(path: &Path, settings: &Settings) -> Result<ScrapeFile, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
    ScrapeFile::parse(&text, &name, &Context::from(settings)).map_err(|fault| fault.to_string())
}

fn room_settings(settings: &Settings, account: &Account) -> RoomSettings {
    RoomSettings {
        sender: settings::sender(settings, account),
        scrape: settings::scraping(settings, account.licence.pcode),
        pool: settings::pool_size(settings),
        fetch: FetchSettings { protobuf: settings.openagent_enable_protobuf, ..FetchSettings::default() },
        secrets: Arc::new(NoSecrets),
        status_listen: settings.status_listen.as_deref().and_then(|listen| listen.parse().ok()),
    }
}
