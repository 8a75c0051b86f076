//! scrape_config.yaml from the ConfigMap: read every 5 s, told on when it changes.
//!
//! # Invariants
//! A ConfigMap that is there wins over the file. Absent, without the key or not allowed, the file is used, and it is
//! looked for again at each poll. While the API server cannot be reached the last text stays in force.
//! Rule: SPEC 3, end.

use super::api::Client;
use super::error::Fault;
use super::objects::ConfigMap;
use super::resource::{Call, Resource};
use crate::config::watch::Request;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The ConfigMap's name.
pub const NAME: &str = "whatap-open-agent-config";
/// The key inside it.
pub const KEY: &str = "scrape_config.yaml";
/// How often it is read.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// What the ConfigMap says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigMapText {
    /// It is there: this text is the configuration.
    Present {
        /// `namespace/name`.
        name: String,
        /// The text under its key.
        text: String,
    },
    /// It is not there, or may not be read: the file is the configuration. Why, for the log.
    Absent(String),
    /// Nobody knows at the moment: what was in force stays.
    Unknown(String),
}

impl ConfigMapText {
    /// What the configuration's watch is to be told; nothing while nobody knows.
    pub fn into_request(self) -> Option<Request> {
        match self {
            Self::Present { name, text } => Some(Request::ConfigMap(Some((name, text)))),
            Self::Absent(_) => Some(Request::ConfigMap(None)),
            Self::Unknown(_) => None,
        }
    }
}

/// Reads the ConfigMap once, in the agent's own namespace.
pub fn read(client: &Client) -> ConfigMapText {
    let namespace = client.namespace();
    let call = Call::one(Resource::ConfigMaps, &namespace, NAME);
    match client.object::<ConfigMap>(&call) {
        Ok(map) => match map.data.value(KEY) {
            Some(text) => ConfigMapText::Present { name: format!("{namespace}/{NAME}"), text: text.to_owned() },
            None => ConfigMapText::Absent(format!("ConfigMap {namespace}/{NAME} has no key {KEY}")),
        },
        Err(error) => match error.fault {
            Fault::NotFound(_) => ConfigMapText::Absent(format!("there is no ConfigMap {namespace}/{NAME}")),
            Fault::Forbidden(_) | Fault::NoAccess(_) | Fault::Unauthorized => ConfigMapText::Absent(error.to_string()),
            _ => ConfigMapText::Unknown(error.to_string()),
        },
    }
}

/// The thread that reads it again and again.
pub struct ConfigMapWatch {
    client: Arc<Client>,
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl ConfigMapWatch {
    /// Starts the thread `k8s-config`; `known` is what the last [`read`] gave, so that only changes are told. `tell`
    /// runs on that thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        client: Arc<Client>,
        interval: Duration,
        known: Option<ConfigMapText>,
        tell: impl FnMut(ConfigMapText) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let watch = Watch { client: client.clone(), interval, known, tell: Box::new(tell) };
        let thread = std::thread::Builder::new().name("k8s-config".into()).stack_size(512 << 10);
        let thread = thread.spawn(move || watch.run(&stopped))?;
        Ok(Self { client, stop, thread })
    }

    /// Breaks off what is under way and waits for the thread's end.
    pub fn stop(self) {
        self.client.interrupt();
        drop(self.stop);
        let _ = self.thread.join(); // a panic in there has been told by the panic hook
    }
}

struct Watch {
    client: Arc<Client>,
    interval: Duration,
    known: Option<ConfigMapText>,
    tell: Box<dyn FnMut(ConfigMapText) + Send>,
}

impl Watch {
    fn run(mut self, stopped: &Receiver<()>) {
        loop {
            let text = read(&self.client);
            if self.is_news(&text) {
                self.known = Some(text.clone());
                (self.tell)(text);
            }
            if stopped.recv_timeout(self.interval) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// Not knowing is news only as long as nothing was ever known.
    fn is_news(&self, text: &ConfigMapText) -> bool {
        match (&self.known, text) {
            (None, _) => true,
            (Some(_), ConfigMapText::Unknown(_)) => false,
            (Some(known), text) => known != text,
        }
    }
}
