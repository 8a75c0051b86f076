//! Both files and the ConfigMap become what is in force; without threads, so that every step can be tested.
//!
//! # Invariants
//! What is in force is always valid. A faulty file changes nothing, a faulty target keeps its last good form, a file
//! that vanished keeps its last good content.

use super::conf_file::{self, ConfFile};
use super::environment::Environment;
pub use super::event::{ConfEvent, StartError};
use super::fault::{Fault, Severity};
use super::file::WatchedFile;
use super::home::Home;
use super::jobs::Jobs;
use super::reload::{ReloadState, Source};
use super::scrape_file::{Context, FileFault, ScrapeFile};
use super::settings::Settings;
use crate::yaml;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// What is in force, and what it was read from.
pub struct Loader {
    environment: Arc<dyn Environment>,
    conf: WatchedFile,
    scrape: WatchedFile,
    /// The ConfigMap that wins over the file, with its text.
    configmap: Option<(String, Arc<str>)>,
    settings: Arc<Settings>,
    jobs: Arc<Jobs>,
    state: Arc<ReloadState>,
}

impl Loader {
    /// Reads everything for the first time; `configmap` is a ConfigMap's `namespace/name` and text, where there is one.
    ///
    /// A missing whatap.conf is no error: the environment may hold everything.
    ///
    /// # Errors
    /// When a file that is needed is missing, cannot be read, or is refused whole.
    pub fn start(
        home: &Home,
        environment: Arc<dyn Environment>,
        configmap: Option<(String, String)>,
    ) -> Result<Self, StartError> {
        let configmap = configmap.map(|(name, text)| (name, Arc::<str>::from(text)));
        let source = source_of(&configmap, &home.scrape_config);
        let mut loader = Self {
            environment,
            conf: WatchedFile::new(&home.conf, conf_file::MAX_BYTES),
            scrape: WatchedFile::new(&home.scrape_config, yaml::MAX_BYTES as u64),
            configmap,
            settings: Arc::new(Settings::defaults()),
            jobs: Arc::default(),
            state: Arc::new(ReloadState::new(source)),
        };
        loader.first_settings()?;
        loader.first_jobs()?;
        Ok(loader)
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.clone()
    }

    /// The jobs in force.
    pub fn jobs(&self) -> Arc<Jobs> {
        self.jobs.clone()
    }

    /// How the readings went, for others to ask.
    pub fn state(&self) -> Arc<ReloadState> {
        self.state.clone()
    }

    /// The paths whose changes matter.
    pub fn paths(&self) -> [&Path; 2] {
        [self.conf.path(), self.scrape.path()]
    }

    /// Looks at both files and takes what changed.
    pub fn look(&mut self) -> Vec<ConfEvent> {
        let mut events = Vec::new();
        let before = Context::from(&*self.settings);
        match self.conf.look() {
            Some(Ok(text)) => events.extend(self.take_settings(&text)),
            Some(Err(error)) => events.push(self.conf_unreadable(&error)),
            None => {}
        }
        let read_anew = before != Context::from(&*self.settings);
        let file = if self.configmap.is_some() { None } else { self.scrape.look() };
        match file {
            Some(text) => events.extend(self.take_file(text)),
            None if read_anew => events.extend(self.read_jobs_anew()),
            None => {}
        }
        events
    }

    /// Takes what the ConfigMap holds now; `None` where there is none any more, then the file counts again.
    pub fn take_configmap(&mut self, configmap: Option<(String, String)>) -> Vec<ConfEvent> {
        self.configmap = configmap.map(|(name, text)| (name, text.into()));
        self.read_jobs_anew().into_iter().collect()
    }

    fn first_settings(&mut self) -> Result<(), StartError> {
        let text = match self.conf.look() {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StartError::Unreadable { path: self.conf.path().to_owned(), error });
            }
            Some(Ok(text)) => text,
            _ => String::new(),
        };
        let (settings, faults) = self.resolve(&text);
        self.settings = Arc::new(settings);
        self.state.note(SystemTime::now(), |outcome| outcome.conf_faults = faults);
        Ok(())
    }

    fn first_jobs(&mut self) -> Result<(), StartError> {
        let text = match &self.configmap {
            Some((_, text)) => text.to_string(),
            None => self
                .scrape
                .look()
                .unwrap_or_else(|| Ok(String::new()))
                .map_err(|error| StartError::Unreadable { path: self.scrape.path().to_owned(), error })?,
        };
        let file = self.parse(&text).map_err(StartError::Faulty)?;
        self.jobs = Arc::new(Jobs(file.jobs));
        self.state.note(SystemTime::now(), |outcome| outcome.scrape_faults = file.faults);
        Ok(())
    }

    fn resolve(&self, text: &str) -> (Settings, Vec<Fault>) {
        let name = self.conf.path().display().to_string();
        Settings::resolve(&ConfFile::parse(text), &name, &*self.environment)
    }

    fn take_settings(&mut self, text: &str) -> Option<ConfEvent> {
        let (settings, faults) = self.resolve(text);
        let path = self.conf.path().display().to_string();
        if let (Ok(_), Err(missing)) = (self.settings.server(&path), settings.server(&path)) {
            return Some(self.refuse_conf(&path, missing.to_string()));
        }
        let changes = settings.changes_from(&self.settings);
        self.state.note(SystemTime::now(), |outcome| outcome.conf_faults = faults);
        if changes.is_empty() {
            return None;
        }
        self.settings = Arc::new(settings);
        Some(ConfEvent::Settings(self.settings(), changes))
    }

    fn conf_unreadable(&self, error: &io::Error) -> ConfEvent {
        self.refuse_conf(&self.conf.path().display().to_string(), format!("it cannot be read: {error}"))
    }

    fn refuse_conf(&self, path: &str, what: String) -> ConfEvent {
        let faults = vec![whole_file(path, &what)];
        self.state.note(SystemTime::now(), |outcome| outcome.conf_faults.clone_from(&faults));
        ConfEvent::Faulty { file: path.to_owned(), faults }
    }

    fn take_file(&mut self, text: io::Result<String>) -> Option<ConfEvent> {
        match text {
            Ok(text) => self.take_jobs(&text),
            Err(error) => {
                let path = self.scrape.path().display().to_string();
                let what = format!("it cannot be read: {error}");
                Some(self.refuse_jobs(FileFault { faults: vec![whole_file(&path, &what)] }))
            }
        }
    }

    /// Reads the jobs although their text may be the same: their source or context changed.
    fn read_jobs_anew(&mut self) -> Option<ConfEvent> {
        match &self.configmap {
            Some((_, text)) => self.take_jobs(&text.clone()),
            None => {
                let text = self.scrape.read();
                self.take_file(text)
            }
        }
    }

    fn take_jobs(&mut self, text: &str) -> Option<ConfEvent> {
        let file = match self.parse(text) {
            Ok(file) => file,
            Err(fault) => return Some(self.refuse_jobs(fault)),
        };
        let jobs = Arc::new(self.jobs.followed_by(file.jobs, &file.refused));
        let changes = jobs.changes_from(&self.jobs);
        let source = source_of(&self.configmap, self.scrape.path());
        self.state.note(SystemTime::now(), |outcome| (outcome.scrape_faults, outcome.source) = (file.faults, source));
        self.jobs = jobs;
        let same = changes.started.is_empty() && changes.stopped.is_empty();
        (!same).then(|| ConfEvent::Jobs(self.jobs(), changes))
    }

    fn refuse_jobs(&self, fault: FileFault) -> ConfEvent {
        let source = source_of(&self.configmap, self.scrape.path());
        let file = source.to_string();
        self.state.note(SystemTime::now(), |outcome| {
            (outcome.scrape_faults, outcome.source) = (fault.faults.clone(), source);
        });
        ConfEvent::Faulty { file, faults: fault.faults }
    }

    fn parse(&self, text: &str) -> Result<ScrapeFile, FileFault> {
        let name = source_of(&self.configmap, self.scrape.path()).to_string();
        ScrapeFile::parse(text, &name, &Context::from(&*self.settings))
    }
}

fn source_of(configmap: &Option<(String, Arc<str>)>, path: &Path) -> Source {
    match configmap {
        Some((name, contents)) => Source::ConfigMap { name: name.clone(), contents: contents.clone() },
        None => Source::File(path.to_owned()),
    }
}

fn whole_file(file: &str, what: &str) -> Fault {
    let what = format!("{what}; what was in force stays");
    Fault { severity: Severity::Error, file: file.into(), line: 0, column: 0, path: String::new(), what }
}
