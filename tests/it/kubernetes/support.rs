//! What the Kubernetes tests share: ways to the fake server, jobs, what they found.

use super::server::{FakeApi, TOKEN};
use openagent::config::ScrapeJob;
use openagent::config::job::{Discover, KubernetesSelection, NamespaceSelection, Port};
use openagent::discovery::kubernetes::access::Surroundings;
use openagent::discovery::kubernetes::api::Client;
use openagent::discovery::kubernetes::ask::Learned;
use openagent::discovery::kubernetes::collect::JobTargets;
use openagent::discovery::kubernetes::poll::{Discovered, PollSettings, Poller};
use openagent::discovery::kubernetes::round::{RoundResult, RoundSettings, round};
use openagent::discovery::shard::Shard;
use openagent::selector::{Operator, Requirement, Selector};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A pod's view of the fake server: a service account's folder and the variables.
pub struct InPod {
    pub folder: TempDir,
    pub surroundings: Surroundings,
}

impl InPod {
    pub fn of(api: &FakeApi) -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("token", TOKEN);
        write("ca.crt", &api.ca);
        write("namespace", "whatap-monitoring");
        let variables: BTreeMap<String, String> = [
            ("KUBERNETES_SERVICE_HOST".to_owned(), api.address.ip().to_string()),
            ("KUBERNETES_SERVICE_PORT".to_owned(), api.address.port().to_string()),
        ]
        .into();
        let surroundings = Surroundings { variables, service_account: folder.path().to_owned() };
        Self { folder, surroundings }
    }

    pub fn client(&self) -> Arc<Client> {
        Arc::new(Client::new(self.surroundings.clone(), Arc::default()))
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }
}

/// A kubeconfig with a token for the fake server.
pub fn kubeconfig(api: &FakeApi, folder: &Path) -> std::path::PathBuf {
    use base64::Engine as _;
    let path = folder.join("config");
    let ca = base64::prelude::BASE64_STANDARD.encode(&api.ca);
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
         clusters: [{{name: c, cluster: {{server: {:?}, certificate-authority-data: {ca}}}}}]\n\
         users: [{{name: u, user: {{token: {TOKEN}}}}}]\n\
         contexts: [{{name: it, context: {{cluster: c, user: u, namespace: whatap-monitoring}}}}]\n",
        api.url()
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// Namespaces by name.
pub fn names(names: &[&str]) -> NamespaceSelection {
    NamespaceSelection::Names(names.iter().map(|name| (*name).to_owned()).collect())
}

/// `app=web`, or everything for no terms.
pub fn labels(terms: &[(&str, &str)]) -> Selector {
    let one = |(key, value): &(&str, &str)| Requirement {
        key: (*key).to_owned(),
        operator: Operator::In(vec![(*value).to_owned()]),
    };
    Selector { requirements: terms.iter().map(one).collect() }
}

pub fn named(name: &str) -> Option<Port> {
    Some(Port::Name(name.to_owned()))
}

pub fn pod_job(name: &str, namespaces: NamespaceSelection, selector: Selector, port: Option<Port>) -> Arc<ScrapeJob> {
    Arc::new(ScrapeJob::new(name, Discover::Pods(KubernetesSelection { namespaces, selector, port })))
}

pub fn service_job(
    name: &str,
    namespaces: NamespaceSelection,
    selector: Selector,
    port: Option<Port>,
) -> Arc<ScrapeJob> {
    Arc::new(ScrapeJob::new(name, Discover::Services(KubernetesSelection { namespaces, selector, port })))
}

pub fn alone() -> RoundSettings {
    RoundSettings { node: None, shard: Shard::ALONE }
}

/// One round without a past.
pub fn once(client: &Client, jobs: &[Arc<ScrapeJob>]) -> RoundResult {
    round(client, &mut Learned::default(), &alone(), jobs, &[])
}

/// The addresses of a job's targets, sorted.
pub fn addresses(job: &JobTargets) -> Vec<String> {
    let mut addresses: Vec<_> = job.targets.iter().map(|target| target.address.clone()).collect();
    addresses.sort();
    addresses
}

/// What a job's faults say, each with its namespace.
pub fn faults(job: &JobTargets) -> Vec<String> {
    job.faults.iter().map(|fault| format!("{}: {}", fault.namespace.as_deref().unwrap_or("*"), fault.what)).collect()
}

/// A polling thread with what it last told.
pub struct Polling {
    poller: Option<Poller>,
    snapshots: crossbeam_channel::Receiver<Arc<Discovered>>,
    pub last: Option<Arc<Discovered>>,
}

impl Polling {
    pub fn start(client: Arc<Client>, interval: Duration, jobs: Vec<Arc<ScrapeJob>>) -> Self {
        let (out, snapshots) = crossbeam_channel::unbounded();
        let poller = Poller::start(client, PollSettings { interval, round: alone() }, out).unwrap();
        poller.set_jobs(jobs);
        Self { poller: Some(poller), snapshots, last: None }
    }

    pub fn set_jobs(&self, jobs: Vec<Arc<ScrapeJob>>) {
        self.poller.as_ref().unwrap().set_jobs(jobs);
    }

    /// Waits until a snapshot is as the test wants it.
    pub fn until(&mut self, what: &str, test: impl Fn(&Discovered) -> bool) -> Arc<Discovered> {
        crate::support::wait_for(what, Duration::from_secs(20), || {
            if let Some(snapshot) = self.snapshots.try_iter().last() {
                self.last = Some(snapshot);
            }
            self.last.clone().filter(|last| test(last))
        })
    }

    /// Whether nothing was told since the last look.
    pub fn is_silent(&self) -> bool {
        self.snapshots.is_empty()
    }

    pub fn stop(mut self) {
        self.poller.take().unwrap().stop();
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        if let Some(poller) = self.poller.take() {
            poller.stop();
        }
    }
}
