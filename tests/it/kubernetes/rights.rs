//! The rights that k8s/rbac.yaml grants against what the agent asks of the API: none too few, none too many.

use super::server::FakeApi;
use super::support::{InPod, alone, labels, named, pod_job, service_job};
use openagent::config::ScrapeJob;
use openagent::config::job::{NamespaceSelection, SecretKey};
use openagent::discovery::SecretStore as _;
use openagent::discovery::kubernetes::ask::Learned;
use openagent::discovery::kubernetes::configmap;
use openagent::discovery::kubernetes::round::round;
use openagent::discovery::kubernetes::secrets::Secrets;
use openagent::yaml::{self, Node, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const NAMESPACE: &str = "whatap-monitoring";

/// Rights as lines: `list pods` for the whole cluster, `get secrets NAMESPACE/NAME` for one object.
type Rights = BTreeSet<String>;

fn value<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else { panic!("{key} is asked of {node:?}") };
    entries.iter().find(|entry| &*entry.key == key).map(|entry| &entry.value)
}

fn texts(node: Option<&Node>) -> Vec<String> {
    match node.map(|node| &node.value) {
        None => Vec::new(),
        Some(Value::Scalar(text)) => vec![text.to_string()],
        Some(Value::List(items)) => items.iter().flat_map(|item| texts(Some(item))).collect(),
        Some(other) => panic!("{other:?}"),
    }
}

/// What the roles of the manifest grant.
fn granted() -> Rights {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/k8s/rbac.yaml")).unwrap();
    let mut rights = Rights::new();
    for document in manifest.split("\n---\n").map(|text| yaml::parse(text).unwrap()) {
        let kind = texts(value(&document, "kind")).concat();
        let Some(Value::List(rules)) = value(&document, "rules").map(|rules| &rules.value) else { continue };
        for rule in rules {
            let [verbs, names] = ["verbs", "resourceNames"].map(|key| texts(value(rule, key)));
            for resource in [texts(value(rule, "resources")), texts(value(rule, "nonResourceURLs"))].concat() {
                for verb in &verbs {
                    if kind == "ClusterRole" {
                        assert!(names.is_empty(), "{rule:?}");
                        rights.insert(format!("{verb} {resource}"));
                    }
                    rights.extend(names.iter().map(|name| format!("{verb} {resource} {NAMESPACE}/{name}")));
                }
            }
        }
    }
    rights
}

/// The right that a request takes, as the API server works it out.
fn right(request: &str) -> String {
    let path = request.strip_prefix("GET ").expect("the agent reads only").split('?').next().unwrap_or("");
    let parts: Vec<&str> = path.trim_start_matches("/apis/discovery.k8s.io/v1").split('/').collect();
    match parts.iter().filter(|part| !["", "api", "v1"].contains(*part)).copied().collect::<Vec<_>>()[..] {
        [resource] | ["namespaces", _, resource] => format!("list {resource}"),
        ["namespaces", namespace, resource, name] => format!("get {resource} {namespace}/{name}"),
        _ => panic!("{request}"),
    }
}

/// Jobs that make the agent ask for everything it ever asks for.
fn jobs() -> Vec<Arc<ScrapeJob>> {
    let by_label = NamespaceSelection::Matching { names: None, selector: labels(&[("environment", "production")]) };
    vec![
        pod_job("pods", NamespaceSelection::Any, labels(&[]), None),
        pod_job("pods-by-label", by_label, labels(&[]), None),
        service_job("services", NamespaceSelection::Any, labels(&[]), named("web-metrics")),
    ]
}

#[test]
fn the_manifests_grant_what_is_asked_and_nothing_else() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let client = pod.client();
    round(&client, &mut Learned::default(), &alone(), &jobs(), &[]);
    api.change(|state| state.missing.insert("endpointslices"));
    round(&client, &mut Learned::default(), &alone(), &jobs(), &[]);
    configmap::read(&client);
    let key = SecretKey { name: "whatap-open-agent-secrets".into(), key: "token".into(), namespace: None };
    let _ = Secrets::new(client, Duration::ZERO).secret(&key); // there is none; that it is asked for counts

    let mut asked: Rights = api.take_requests().iter().map(|request| right(request)).collect();
    asked.insert("get /metrics".to_owned()); // by the scrape of the API server itself that the ConfigMap configures
    assert_eq!(granted(), asked);
}
