//! The thread that sees the files change and tells what is in force then.
//!
//! Events of the directories are settled for [`SETTLE`], so that an editor's rename, a write in place and a swap of
//! Kubernetes' `..data` link each count once; a look every [`POLL`] finds what a file system does not tell.
//!
//! # Invariants
//! A change is in force 2 s after its last write; a request to reload is served at once.

use super::loader::{ConfEvent, Loader};
use super::reload::ReloadState;
use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Quiet after an event before the files are read.
pub const SETTLE: Duration = Duration::from_millis(500);
/// The longest that events without a pause put the reading off.
const SETTLE_AT_MOST: Duration = Duration::from_millis(1500);
/// Time between two looks without an event.
pub const POLL: Duration = Duration::from_secs(5);

/// What the watch is asked to do.
#[derive(Debug)]
pub enum Request {
    /// Look at the files now: SIGHUP, a page, a command that changed a file.
    Reload,
    /// The ConfigMap's `namespace/name` and text as they are now; `None` where there is none.
    ConfigMap(Option<(String, String)>),
    /// End.
    Stop,
}

/// The running watch.
#[derive(Debug)]
pub struct Watch {
    requests: Sender<Request>,
    state: Arc<ReloadState>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Starts the thread `config`; events come out of the receiver, which may be dropped.
    ///
    /// # Errors
    /// When the system gives no thread. Directories that cannot be watched are logged, the looks go on.
    pub fn start(loader: Loader) -> io::Result<(Self, Receiver<ConfEvent>)> {
        let (requests, inbox) = unbounded();
        let (events, outbox) = unbounded();
        let state = loader.state();
        let watching = Watching { loader, inbox, events, told: BTreeSet::new() };
        let thread = std::thread::Builder::new().name("config".into()).stack_size(2 << 20);
        let thread = thread.spawn(move || watching.run())?;
        Ok((Self { requests, state, thread }, outbox))
    }

    /// Where requests go.
    pub fn requests(&self) -> Sender<Request> {
        self.requests.clone()
    }

    /// How the last reload went.
    pub fn state(&self) -> Arc<ReloadState> {
        self.state.clone()
    }

    /// Ends the thread and waits for it.
    pub fn stop(self) {
        let _ = self.requests.send(Request::Stop); // gone already when the thread died
        let _ = self.thread.join(); // a panic in there has been told by the panic hook
    }
}

/// The thread's own state.
struct Watching {
    loader: Loader,
    inbox: Receiver<Request>,
    events: Sender<ConfEvent>,
    /// Faults that the log already has.
    told: BTreeSet<String>,
}

/// When the files are looked at next.
struct Schedule {
    /// The first event since the last look.
    first: Option<Instant>,
    due: Instant,
}

impl Watching {
    fn run(mut self) {
        let (touch, touched) = bounded(1);
        let kept_open = touch.clone(); // without a watcher the channel would end, and the loop spin
        let _watcher = watch_directories(&self.loader.paths(), touch);
        // what was written between the first reading and the watcher is looked for soon
        let mut schedule = Schedule { first: None, due: Instant::now() + SETTLE };
        self.tell_faults();
        loop {
            let request = select! {
                recv(self.inbox) -> request => Some(request.unwrap_or(Request::Stop)),
                recv(touched) -> _ => {
                    schedule.touch(Instant::now());
                    continue;
                }
                default(schedule.due.saturating_duration_since(Instant::now())) => None,
            };
            let events = match request {
                Some(Request::Stop) => return drop(kept_open),
                Some(Request::ConfigMap(configmap)) => self.loader.take_configmap(configmap),
                Some(Request::Reload) | None => {
                    schedule = Schedule::after(Instant::now());
                    self.loader.look()
                }
            };
            self.tell(events);
        }
    }

    fn tell(&mut self, events: Vec<ConfEvent>) {
        self.tell_faults();
        for event in events {
            log_event(&event);
            let _ = self.events.send(event); // nobody listens: the files are still watched, for the state
        }
    }

    /// Logs the faults that are new since the last reading.
    fn tell_faults(&mut self) {
        let outcome = self.loader.state().outcome();
        let mut now = BTreeSet::new();
        for fault in outcome.faults() {
            let text = fault.to_string();
            if !self.told.contains(&text) {
                log::log!(if fault.is_error() { log::Level::Error } else { log::Level::Warn }, "{text}");
            }
            now.insert(text);
        }
        self.told = now;
    }
}

impl Schedule {
    fn after(now: Instant) -> Self {
        Self { first: None, due: now + POLL }
    }

    /// An event came: the look waits for quiet, but not for ever.
    fn touch(&mut self, now: Instant) {
        let first = *self.first.get_or_insert(now);
        self.due = (now + SETTLE).min(first + SETTLE_AT_MOST);
    }
}

fn log_event(event: &ConfEvent) {
    match event {
        ConfEvent::Settings(_, changes) => changes.iter().for_each(|change| log::info!("setting {change}")),
        ConfEvent::Jobs(_, changes) => log::info!("scrape configuration changed; jobs: {changes}"),
        ConfEvent::Faulty { file, .. } => log::error!("{file} is refused; the last good configuration stays in force"),
    }
}

/// Watches the directories of the files, and those the files are links into.
fn watch_directories(paths: &[&Path], touch: Sender<()>) -> Option<RecommendedWatcher> {
    let on_event = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !is_reading(event.kind)) {
            let _ = touch.try_send(()); // full: a look is due already
        }
    };
    let mut watcher = notify::recommended_watcher(on_event)
        .inspect_err(|error| log::warn!("changes of files are found by looking every {POLL:?} only: {error}"))
        .ok()?;
    for directory in directories(paths) {
        if let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive) {
            log::warn!("changes in {} are found by looking every {POLL:?} only: {error}", directory.display());
        }
    }
    Some(watcher)
}

fn directories(paths: &[&Path]) -> BTreeSet<PathBuf> {
    let real = paths.iter().filter_map(|path| path.canonicalize().ok());
    let all = paths.iter().map(|path| path.to_path_buf()).chain(real);
    let parents = all.filter_map(|path| match path.parent()? {
        empty if empty.as_os_str().is_empty() => Some(PathBuf::from(".")),
        parent => Some(parent.to_owned()),
    });
    parents.collect()
}

/// Whether an event is of reading only, such as our own.
fn is_reading(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
