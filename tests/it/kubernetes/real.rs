//! The same look at a cluster through a fake API server and, where `OPENAGENT_TEST_KUBECONFIG` names a kubeconfig, a
//! real one: objects are made in a namespace of their own, found, changed, removed.

use super::server::FakeApi;
use super::support::{addresses, faults, kubeconfig, labels, named, names, once, pod_job, service_job};
use openagent::config::job::{NamespaceSelection, Port, SecretKey};
use openagent::discovery::SecretStore as _;
use openagent::discovery::kubernetes::access::Surroundings;
use openagent::discovery::kubernetes::api::Client;
use openagent::discovery::kubernetes::configmap::{ConfigMapText, read};
use openagent::discovery::kubernetes::secrets::Secrets;
use openagent::selector::Selector;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A cluster that a test may write into one namespace of.
enum Cluster {
    Fake { api: FakeApi, folder: TempDir, config: PathBuf },
    Real { config: PathBuf, namespace: String },
}

impl Cluster {
    fn all(test: &str) -> Vec<Self> {
        let (api, folder) = (FakeApi::with_captures(), TempDir::new().unwrap());
        let config = kubeconfig(&api, folder.path());
        let mut clusters = vec![Self::Fake { api, folder, config }];
        match std::env::var_os("OPENAGENT_TEST_KUBECONFIG") {
            Some(config) => {
                let namespace = format!("openagent-it-{test}-{}", std::process::id());
                let cluster = Self::Real { config: config.into(), namespace: namespace.clone() };
                cluster.apply(&json!({ "apiVersion": "v1", "kind": "Namespace",
                    "metadata": { "name": namespace, "labels": { "openagent-it": namespace } } }));
                clusters.push(cluster);
            }
            None => eprintln!("skipped for a real API server: OPENAGENT_TEST_KUBECONFIG is not set"),
        }
        clusters
    }

    fn namespace(&self) -> &str {
        match self {
            Self::Fake { .. } => "empty",
            Self::Real { namespace, .. } => namespace,
        }
    }

    fn surroundings(&self) -> Surroundings {
        match self {
            Self::Fake { config, .. } | Self::Real { config, .. } => Surroundings::with_kubeconfig(config),
        }
        .with_namespace(Some(self.namespace()))
    }

    /// Makes or changes an object of the cluster's namespace.
    fn apply(&self, object: &Value) {
        match self {
            Self::Fake { api, .. } => {
                let resource = resource(object);
                api.change(|state| {
                    let objects = state.objects.entry(resource).or_default();
                    objects.retain(|known| {
                        known["metadata"]["name"] != object["metadata"]["name"]
                            || known["metadata"]["namespace"] != object["metadata"]["namespace"]
                    });
                    objects.push(object.clone());
                });
            }
            Self::Real { .. } => self.kubectl(&["apply", "-f", "-"], Some(object)),
        }
    }

    fn kubectl(&self, args: &[&str], input: Option<&Value>) {
        let Self::Real { config, .. } = self else { panic!("only a real cluster has kubectl") };
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(config).args(args).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let text = input.map(Value::to_string).unwrap_or_default();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "kubectl {args:?}");
    }

    fn meta(&self, name: &str, labels: Value) -> Value {
        json!({ "name": name, "namespace": self.namespace(), "labels": labels })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Self::Real { namespace, .. } = self {
            let namespace = namespace.clone();
            self.kubectl(&["delete", "namespace", &namespace, "--wait=false"], None);
        }
        if let Self::Fake { folder, .. } = self {
            assert!(folder.path().exists());
        }
    }
}

fn resource(object: &Value) -> &'static str {
    match object["kind"].as_str().unwrap() {
        "Namespace" => "namespaces",
        "Service" => "services",
        "EndpointSlice" => "endpointslices",
        "ConfigMap" => "configmaps",
        "Secret" => "secrets",
        other => panic!("{other} is not made by these tests"),
    }
}

fn slice(cluster: &Cluster, addresses: &[&str]) -> Value {
    let endpoints: Vec<Value> = addresses.iter().map(|address| json!({ "addresses": [address] })).collect();
    json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": cluster.meta("metrics-1", json!({ "kubernetes.io/service-name": "metrics" })),
        "endpoints": endpoints, "ports": [{ "name": "web", "port": 9100, "protocol": "TCP" }] })
}

#[test]
fn a_service_is_found_followed_and_lost() {
    for cluster in Cluster::all("services") {
        cluster.apply(&json!({ "apiVersion": "v1", "kind": "Service",
            "metadata": cluster.meta("metrics", json!({ "app": "openagent-it" })),
            "spec": { "ports": [{ "name": "web", "port": 80, "targetPort": 9100 }] } }));
        let client = Client::new(cluster.surroundings(), Arc::default());
        let job = service_job("it", names(&[cluster.namespace()]), labels(&[("app", "openagent-it")]), named("web"));
        let look = || {
            let found = once(&client, std::slice::from_ref(&job)).jobs.remove(0);
            assert_eq!(faults(&found), Vec::<String>::new());
            addresses(&found)
        };
        for expected in [vec!["10.1.2.3", "10.1.2.4"], vec!["10.1.2.5"], vec![]] {
            cluster.apply(&slice(&cluster, &expected));
            let expected: Vec<String> = expected.iter().map(|address| format!("{address}:9100")).collect();
            crate::support::wait_for("the changed slice", Duration::from_secs(20), || {
                (look() == expected).then_some(())
            });
        }
    }
}

#[test]
fn pods_are_those_that_a_naive_look_finds() {
    for cluster in Cluster::all("pods") {
        let client = Client::new(cluster.surroundings(), Arc::default());
        let job = pod_job("it", NamespaceSelection::Any, Selector::default(), Some(Port::Number(1)));
        let found = once(&client, std::slice::from_ref(&job)).jobs.remove(0);
        assert_eq!(faults(&found), Vec::<String>::new());
        let list: Value = match &cluster {
            Cluster::Fake { .. } => super::captures::object("pods-all"),
            Cluster::Real { config, .. } => {
                let output = Command::new("kubectl")
                    .arg("--kubeconfig")
                    .arg(config)
                    .args(["get", "pods", "-A", "-o", "json"])
                    .output();
                serde_json::from_slice(&output.unwrap().stdout).unwrap()
            }
        };
        let ready = |pod: &&Value| {
            let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
            pod["status"]["phase"] == "Running"
                && conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
        };
        let bracketed = |ip: &str| if ip.contains(':') { format!("[{ip}]:1") } else { format!("{ip}:1") };
        let pods = list["items"].as_array().unwrap().iter().filter(ready);
        // pods of the host's network share an address: one target each address
        let naive: BTreeMap<String, ()> =
            pods.filter_map(|pod| pod["status"]["podIP"].as_str()).map(|ip| (bracketed(ip), ())).collect();
        assert_eq!(addresses(&found), naive.into_keys().collect::<Vec<_>>());
    }
}

#[test]
fn the_configmap_and_a_secret_of_the_own_namespace() {
    for cluster in Cluster::all("config") {
        let client = Arc::new(Client::new(cluster.surroundings(), Arc::default()));
        assert!(matches!(read(&client), ConfigMapText::Absent(_)));
        cluster.apply(&json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": cluster.meta("whatap-open-agent-config", json!({})), "data": { "scrape_config.yaml": "a: é\n" } }));
        assert!(matches!(read(&client), ConfigMapText::Present { text, .. } if text == "a: é\n"));
        cluster.apply(&json!({ "apiVersion": "v1", "kind": "Secret",
            "metadata": cluster.meta("login", json!({})), "data": { "user": "c2NyYXBlcg==" } }));
        let key = SecretKey { name: "login".into(), key: "user".into(), namespace: None };
        assert_eq!(Secrets::new(client, Duration::from_secs(60)).secret(&key).unwrap().expose(), "scraper");
    }
}
