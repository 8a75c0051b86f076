//! The Kubernetes side of a worker: the API client, the poll for targets, the ConfigMap, secrets; or nothing of it.
//!
//! # Invariants
//! A standalone worker never opens a connection to an API server. Static targets never wait for one.

use crate::config::{ScrapeJob, Settings};
use crate::discovery::kubernetes::access::Surroundings;
use crate::discovery::kubernetes::api::Client;
use crate::discovery::kubernetes::configmap::{self, ConfigMapText, ConfigMapWatch};
use crate::discovery::kubernetes::poll::{Discovered, PollSettings, Poller, is_kubernetes};
use crate::discovery::kubernetes::round::RoundSettings;
use crate::discovery::kubernetes::secrets::{self, Secrets};
use crate::discovery::shard::Shard;
use crate::discovery::{NoSecrets, SecretStore};
use crossbeam_channel::{Receiver, never, unbounded};
use std::io;
use std::sync::Arc;

/// What a worker has of a cluster.
pub struct Cluster {
    /// The client that secrets are read with.
    client: Option<Arc<Client>>,
    poller: Option<Poller>,
    watch: Option<ConfigMapWatch>,
    /// Snapshots of the targets found.
    pub found: Receiver<Arc<Discovered>>,
    /// The ConfigMap, when it changed.
    pub configmap: Receiver<ConfigMapText>,
}

/// The ConfigMap as it was found at the start.
pub struct FirstLook {
    client: Option<Arc<Client>>,
    text: Option<ConfigMapText>,
}

impl FirstLook {
    /// Looks for the ConfigMap, inside a pod; a standalone worker has no client at all.
    pub fn take(standalone: bool, namespace: Option<&str>) -> Self {
        if standalone {
            return Self { client: None, text: None };
        }
        let surroundings = Surroundings::of_process().with_namespace(namespace);
        let in_pod = surroundings.in_pod();
        let client = Arc::new(Client::new(surroundings, Arc::default()));
        let text = in_pod.then(|| configmap::read(&client));
        if let Some(ConfigMapText::Absent(why) | ConfigMapText::Unknown(why)) = &text {
            log::info!("the scrape configuration is read from the file: {why}");
        }
        Self { client: Some(client), text }
    }

    /// The ConfigMap's `namespace/name` and text, where there is one.
    pub fn configmap(&self) -> Option<(String, String)> {
        match &self.text {
            Some(ConfigMapText::Present { name, text }) => Some((name.clone(), text.clone())),
            _ => None,
        }
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(self, settings: &Settings) -> io::Result<Cluster> {
        let Some(client) = self.client else {
            return Ok(Cluster { client: None, poller: None, watch: None, found: never(), configmap: never() });
        };
        let (targets, found) = unbounded();
        // a connection each: a scrape that needs a secret must not wait for a list of a thousand pods
        let poller = Poller::start(Arc::new(client.sibling()), poll_settings(settings), targets)?;
        let (texts, configmap) = unbounded();
        let tell = move |text| {
            let _ = texts.send(text); // a worker that is ending reads no configuration
        };
        let in_pod = self.text.is_some();
        let watch = in_pod
            .then(|| ConfigMapWatch::start(Arc::new(client.sibling()), configmap::INTERVAL, self.text, tell))
            .transpose()?;
        // Without a watch nobody sends, and a closed channel would spin the loop.
        let configmap = if in_pod { configmap } else { never() };
        Ok(Cluster { client: Some(client), poller: Some(poller), watch, found, configmap })
    }
}

impl Cluster {
    /// Where secrets of the configuration are read.
    pub fn secrets(&self) -> Arc<dyn SecretStore> {
        match &self.client {
            Some(client) => Arc::new(Secrets::new(Arc::clone(client), secrets::MAX_AGE)),
            None => Arc::new(NoSecrets),
        }
    }

    /// Gives the poll its jobs.
    pub fn find(&self, jobs: &[Arc<ScrapeJob>]) {
        let jobs: Vec<_> = jobs.iter().filter(|job| is_kubernetes(job)).cloned().collect();
        match &self.poller {
            Some(poller) => poller.set_jobs(jobs),
            None => {
                for job in jobs {
                    log::warn!(
                        "job {:?} looks for Kubernetes targets, and this agent runs standalone: it finds none",
                        job.name
                    );
                }
            }
        }
    }

    /// Puts other settings in force.
    pub fn apply(&self, settings: &Settings) {
        if let Some(poller) = &self.poller {
            poller.set_settings(poll_settings(settings));
        }
    }

    /// Ends the threads and waits for them.
    pub fn stop(self) {
        if let Some(poller) = self.poller {
            poller.stop();
        }
        if let Some(watch) = self.watch {
            watch.stop();
        }
        if let Some(client) = self.client {
            client.interrupt();
        }
    }
}

/// How the cluster is polled, as whatap.conf says.
pub fn poll_settings(settings: &Settings) -> PollSettings {
    let shard = shard(settings);
    let node = settings.node_name.clone().filter(|_| settings.node_local);
    if settings.node_local && node.is_none() {
        log::error!("node_local is on, but NODE_NAME is not set; pods of all nodes are scraped");
    }
    PollSettings { interval: settings.kubernetes_poll_interval, round: RoundSettings { node, shard } }
}

/// Which of the targets, static ones too, are this agent's.
pub fn shard(settings: &Settings) -> Shard {
    let shard = Shard::from_settings(settings.cluster_members, settings.cluster_member, settings.pod_name.as_deref());
    shard.unwrap_or_else(|error| {
        log::error!("{error}; this agent scrapes every target");
        Shard::ALONE
    })
}
