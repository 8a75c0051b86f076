//! `openagent foreground`: reads the files, starts the rooms, carries every change to them, stops them once.
//!
//! # Invariants
//! - One loop, one `select!`: signals, changed files, discovered targets, the server's commands, the pulse.
//! - SIGTERM and SIGINT stop it within 15 s; a second one ends the process at once.
//! - A room that has died ends the process with its own exit code, and the supervisor starts a new one.

use super::cluster::{self, Cluster, FirstLook};
use super::commands;
use super::introspection::Introspection;
use super::rooms::{Health, Pages, RoomSettings, Rooms, STOP_WITHIN};
use super::settings::{self, Account, LastIdentity};
use crate::config::jobs::Jobs;
use crate::config::loader::{ConfEvent, Loader};
use crate::config::settings::Change;
use crate::config::watch::{Request, Watch};
use crate::config::{Home, ProcessEnvironment, ScrapeJob, Settings, show};
use crate::discovery::kubernetes::collect::JobTargets;
use crate::discovery::kubernetes::configmap::ConfigMapText;
use crate::discovery::kubernetes::poll::Discovered as Found;
use crate::discovery::packed::PackedLabels;
use crate::discovery::{Discovered, Dropped};
use crate::metering::{Metering, MeteringThread};
use crate::scrape::live::Live;
use crate::scrape::run::unix_ms;
use crate::status::dropped::DroppedTarget;
use crate::telemetry::build;
use crate::telemetry::heartbeat::{self, Heartbeat};
use crate::telemetry::log::{self as logging, Logging, Writer};
use crate::wire::pack::Param;
use crossbeam_channel::{Receiver, bounded, select, tick};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// What the shutdown of a worker may take whose supervisor is dead: another one may be starting already.
const ORPHAN_WITHIN: Duration = Duration::from_millis(1_400);
/// When such a worker is ended whatever it does.
const ORPHAN_LIMIT: Duration = Duration::from_millis(1_800);

/// Runs the worker until its end.
///
/// # Errors
/// What keeps it from starting, as a text for people: a missing licence or host, an unreadable configuration.
pub fn run(mode: Mode) -> Result<Ended, String> {
    let heartbeat = Heartbeat::from_env();
    if let Some(heartbeat) = &heartbeat {
        heartbeat.watch(end_as_orphan).map_err(|error| format!("no thread can be started: {error}"))?;
    }
    let signals = listen_to_signals().map_err(|error| format!("signals cannot be received: {error}"))?;
    let home = Home::from_environment(&ProcessEnvironment);
    let first = FirstLook::take(mode == Mode::Standalone, std::env::var("POD_NAMESPACE").ok().as_deref());
    let loader = Loader::start(&home, Arc::new(ProcessEnvironment), first.configmap());
    // Without a licence or a host that is what has to be said first, not that a scrape configuration is missing.
    let loader = loader.map_err(|error| missing_account(&home).unwrap_or_else(|| error.to_string()))?;
    let settings = loader.settings();
    let account = Account::of(&settings, &home.conf.display().to_string())?;
    let logging = logging::install(Writer::Worker, home.logs.clone(), &settings::log(&settings))
        .map_err(|error| error.to_string())?;
    log::info!("openagent {} starts, {mode:?}, with {}", build::VERSION, home.conf.display());
    let jobs = loader.jobs();
    let mut worker = Worker::start(home, &account, settings, loader, first, logging, heartbeat)
        .map_err(|error| format!("cannot start: {error}"))?;
    worker.find_targets(jobs);
    let ended = worker.run(&signals);
    worker.stop();
    Ok(ended)
}

/// Ends a worker that its own shutdown does not: nobody is left to kill it.
fn end_as_orphan() {
    std::thread::sleep(ORPHAN_LIMIT);
    log::error!("the supervisor is gone and the shutdown hangs: ending now");
    signal_hook::low_level::exit(1);
}

/// The complaint about the account alone, when that is at fault too.
fn missing_account(home: &Home) -> Option<String> {
    let text = std::fs::read_to_string(&home.conf).unwrap_or_default();
    let path = home.conf.display().to_string();
    let conf = crate::config::ConfFile::parse(&text);
    let (settings, _) = Settings::resolve(&conf, &path, &ProcessEnvironment);
    settings.server(&path).err().map(|missing| missing.to_string())
}

struct Worker {
    home: Home,
    settings: Arc<Live<Settings>>,
    identity: LastIdentity,
    rooms: Rooms,
    watch: Watch,
    conf_events: Receiver<ConfEvent>,
    cluster: Cluster,
    metering: MeteringThread,
    commands: Receiver<Param>,
    logging: Logging,
    heartbeat: Option<Heartbeat>,
    jobs: Arc<Live<Jobs>>,
    /// What the cluster gave last.
    found: Option<Arc<Found>>,
}

enum Event {
    Signal(i32),
    Configuration(ConfEvent),
    ConfigMap(ConfigMapText),
    Found(Arc<Found>),
    Command(Param),
    Beat,
    /// A room's channel has closed: its thread is gone.
    Gone(&'static str),
}

impl Worker {
    fn start(
        home: Home,
        account: &Account,
        settings: Arc<Settings>,
        loader: Loader,
        first: FirstLook,
        logging: Logging,
        heartbeat: Option<Heartbeat>,
    ) -> std::io::Result<Self> {
        let identity = LastIdentity::default();
        let cluster = first.start(&settings)?;
        let (watch, conf_events) = Watch::start(loader)?;
        let (live, shown) = (Arc::new(Live::new(Settings::clone(&settings))), Arc::new(Live::new(Jobs::default())));
        let rooms = Rooms::start(RoomSettings {
            sender: settings::sender(&settings, account, &identity),
            scrape: settings::scraping(&settings, account.licence.pcode),
            pool: settings::pool_size(&settings),
            fetch: settings::fetch(&settings),
            secrets: cluster.secrets(),
            status_listen: settings.status_listen.as_deref().and_then(|listen| listen.parse().ok()),
            pages: pages(&watch, &live, &shown),
        })?;
        let settings = live;
        let introspection = Introspection {
            settings: Arc::clone(&settings),
            identity: identity.clone(),
            sender: rooms.sender().state(),
            started_ms: unix_ms(),
        };
        let metering = Metering::new(introspection, rooms.pool().table().clone()).start(rooms.outlet(), unix_ms)?;
        let commands = rooms.sender().commands();
        let (jobs, found) = (shown, None);
        Ok(Self {
            home,
            settings,
            identity,
            rooms,
            watch,
            conf_events,
            cluster,
            metering,
            commands,
            logging,
            heartbeat,
            jobs,
            found,
        })
    }

    fn run(&mut self, signals: &Receiver<i32>) -> Ended {
        let beat = tick(heartbeat::INTERVAL);
        loop {
            let event = self.next_event(signals, &beat);
            if let Some(ended) = self.handle(event) {
                return ended;
            }
        }
    }

    fn next_event(&self, signals: &Receiver<i32>, beat: &Receiver<std::time::Instant>) -> Event {
        select! {
            recv(signals) -> signal => signal.map_or(Event::Gone("signals"), Event::Signal),
            recv(self.conf_events) -> event => event.map_or(Event::Gone("config"), Event::Configuration),
            recv(self.cluster.configmap) -> text => text.map_or(Event::Gone("k8s-config"), Event::ConfigMap),
            recv(self.cluster.found) -> found => found.map_or(Event::Gone("k8s-poll"), Event::Found),
            recv(self.commands) -> command => command.map_or(Event::Gone("sender"), Event::Command),
            recv(beat) -> _ => Event::Beat,
        }
    }

    fn handle(&mut self, event: Event) -> Option<Ended> {
        match event {
            Event::Signal(SIGHUP) => {
                log::info!("SIGHUP: the files are read again");
                self.ask_for(Request::Reload);
            }
            Event::Signal(signal) => {
                log::info!("signal {signal}: stopping");
                return Some(Ended::Asked);
            }
            Event::Configuration(event) => self.configured(event),
            Event::ConfigMap(text) => {
                if let ConfigMapText::Absent(why) = &text {
                    log::info!("the scrape configuration is read from the file: {why}");
                }
                if let Some(request) = text.into_request() {
                    self.ask_for(request);
                }
            }
            Event::Found(found) => {
                self.found = Some(found);
                self.scrape();
            }
            Event::Command(command) => self.answer(command),
            Event::Beat => return self.beat(),
            Event::Gone(room) => return Some(died(room)),
        }
        None
    }

    fn configured(&mut self, event: ConfEvent) {
        match event {
            ConfEvent::Settings(settings, changes) => self.apply(&settings, &changes),
            ConfEvent::Jobs(jobs, _) => self.find_targets(jobs),
            ConfEvent::Faulty { .. } => {} // told by the watch; what was in force stays so
        }
    }

    /// Carries changed settings to every room; each takes what concerns it.
    fn apply(&mut self, settings: &Settings, changes: &[Change]) {
        let account = match Account::of(settings, &self.home.conf.display().to_string()) {
            Ok(account) => account,
            Err(error) => return log::error!("the settings in force stay: {error}"),
        };
        log::debug!("{} settings changed", changes.len());
        self.logging.apply(&settings::log(settings));
        self.rooms.sender().reconfigure(settings::sender(settings, &account, &self.identity));
        self.rooms.apply_scraping(settings::scraping(settings, account.licence.pcode));
        self.rooms.apply_fetch(settings::service_account(settings), settings.openagent_enable_protobuf);
        self.cluster.apply(settings);
        self.settings.store(settings.clone());
        if changes.iter().any(|change| change.key.starts_with("cluster_member")) {
            self.scrape();
        }
    }

    fn find_targets(&mut self, jobs: Arc<Jobs>) {
        self.cluster.find(&jobs.0);
        self.jobs.store(Jobs::clone(&jobs));
        self.scrape();
    }

    /// Hands the targets of all jobs to the pool, each once, in the order of the configuration.
    fn scrape(&self) {
        let jobs = self.jobs.load();
        let of_cluster =
            |job: &Arc<ScrapeJob>| self.found.iter().flat_map(|found| &found.jobs).find(|of| of.job == *job);
        let mut found = Discovered::of(&jobs.0, |job| of_cluster(job).map(|of| of.targets.clone()).unwrap_or_default());
        found.keep_own(cluster::shard(&self.settings.load()));
        let mut dropped: Vec<DroppedTarget> = found.dropped.iter().map(shown_dropped).collect();
        for of in jobs.0.iter().filter_map(of_cluster) {
            dropped.extend(of.dropped.iter().map(shown_dropped));
            dropped.extend(shown_missed(of));
        }
        self.rooms.scrape(found.targets, dropped);
    }

    fn answer(&self, command: Param) {
        let settings = self.settings.load();
        let (reloads, reload) = (self.watch.state(), self.watch.requests());
        commands::answer(command, &self.home, &settings, &reloads, &reload, &self.rooms.sender().queue());
    }

    fn ask_for(&self, request: Request) {
        let _ = self.watch.requests().send(request);
    }

    /// Tells the supervisor that all is well, as long as it is.
    fn beat(&mut self) -> Option<Ended> {
        self.logging.tick();
        if self.metering.is_dead() {
            return Some(died("metering"));
        }
        match self.rooms.health() {
            Health::Well => {}
            Health::Stuck(room) => {
                log::error!("{room} hangs; the supervisor is not told that all is well");
                return None;
            }
            Health::Dead(room) => return Some(died(room)),
        }
        match self.heartbeat.as_ref().map(Heartbeat::beat) {
            Some(Err(_)) => {
                log::warn!("the supervisor is gone: stopping");
                Some(Ended::Asked)
            }
            _ => None,
        }
    }

    /// The one way the worker ends: nothing new comes in, then scraping, then sending.
    fn stop(self) {
        // the supervisor's death is told by a SIGTERM like any other; the pipe knows better
        let is_orphan = self.heartbeat.as_ref().is_some_and(|heartbeat| heartbeat.beat().is_err());
        let by = Instant::now() + if is_orphan { ORPHAN_WITHIN } else { STOP_WITHIN };
        self.watch.stop();
        self.metering.stop();
        self.cluster.stop();
        self.rooms.stop(by);
        log::info!("stopped");
        self.logging.finish();
    }
}

/// What the status pages show of the configuration in force.
fn pages(watch: &Watch, settings: &Arc<Live<Settings>>, jobs: &Arc<Live<Jobs>>) -> Pages {
    let (settings, jobs, requests) = (Arc::clone(settings), Arc::clone(jobs), watch.requests());
    Pages {
        reload: Some(watch.state()),
        config: Some(Arc::new(move || show::settings(&settings.load()) + &show::jobs(&jobs.load()))),
        reload_now: Some(Arc::new(move || {
            let _ = requests.send(Request::Reload); // the watch is gone only when the worker ends
        })),
    }
}

fn shown_dropped(dropped: &Dropped) -> DroppedTarget {
    DroppedTarget {
        job: Arc::clone(&dropped.job.name),
        discovered: dropped.discovered.clone(),
        reason: dropped.reason.to_string(),
    }
}

/// What a job selects in the cluster and yet does not scrape, and what could not be asked.
fn shown_missed(of: &JobTargets) -> impl Iterator<Item = DroppedTarget> {
    let missed = of.missed.iter().map(ToString::to_string);
    let reasons = missed.chain(of.faults.iter().map(|fault| fault.what.clone()));
    let job = Arc::clone(&of.job.name);
    reasons.map(move |reason| DroppedTarget { job: Arc::clone(&job), discovered: PackedLabels::default(), reason })
}

fn died(room: &'static str) -> Ended {
    log::error!("{room} has died; the process ends so that it is started again");
    Ended::RoomDied
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
