//! Pods become scrape addresses: one per ready pod and port.
//!
//! # Invariants
//! Pure: a pod and what a job selects go in, [`Found`] or [`Missed`] come out. The first address of a pod is the one
//! that is scraped, so a dual stack pod is one target.

use super::found::{Found, Missed, Reason, Sink, declared, is_tcp, join, wanted, what};
use super::meta::{MetaLabels, PortOf};
use super::pod_object::{Container, ContainerPort, Pod};
use crate::config::job::{KubernetesSelection, Port};
use crate::labels::LabelBuf;

/// Looks at one pod of a namespace the job takes; one that its selector does not match gives nothing at all.
pub fn look(pod: &Pod, selection: &KubernetesSelection, sink: &mut dyn Sink) {
    if !selection.selector.matches(|key| pod.meta.labels.value(key)) {
        return;
    }
    if let Some(reason) = unusable(pod) {
        return sink.missed(Missed { what: what("pod", &pod.meta), reason });
    }
    match &selection.port {
        Some(Port::Number(number)) => by_number(pod, *number, sink),
        Some(port @ Port::Name(name)) => by_name(pod, name, port, sink),
        None => every_port(pod, sink),
    }
}

/// Every declared port of containers that keep running, sidecars among them.
pub(super) fn ports(pod: &Pod) -> impl Iterator<Item = (PortOf<'_>, &ContainerPort)> {
    containers(pod).flat_map(|(container, init)| {
        container.ports.iter().map(move |port| (PortOf { container, init, port: Some(port) }, port))
    })
}

fn containers(pod: &Pod) -> impl Iterator<Item = (&Container, bool)> {
    let sidecars = pod.spec.init_containers.iter().filter(|container| container.restart_policy == "Always");
    pod.spec.containers.iter().map(|c| (c, false)).chain(sidecars.map(|c| (c, true)))
}

fn unusable(pod: &Pod) -> Option<Reason> {
    if pod.status.phase != "Running" {
        return Some(Reason::Phase(pod.status.phase.clone()));
    }
    if pod.status.ready() != Some("True") {
        return Some(Reason::NotReady);
    }
    pod.status.pod_ip.is_empty().then_some(Reason::NoAddress)
}

/// A number is used as it is, declared or not; a container that declares it gives its labels.
fn by_number(pod: &Pod, number: u16, sink: &mut dyn Sink) {
    let declared = ports(pod).find(|(_, port)| port.number == number && is_tcp(&port.protocol)).map(|(of, _)| of);
    let only = (pod.spec.containers.len() == 1).then(|| pod.spec.containers.first()).flatten();
    let undeclared = only.map(|container| PortOf { container, init: false, port: None });
    sink.found(found(pod, number, declared.or(undeclared)));
}

fn by_name(pod: &Pod, name: &str, port: &Port, sink: &mut dyn Sink) {
    let mut named = ports(pod).filter(|(_, port)| port.name == name).peekable();
    if named.peek().is_none() {
        let declared = declared(ports(pod).map(|(_, port)| (port.name.as_str(), port.number)));
        let reason = Reason::NoPort { wanted: wanted(port), declared };
        return sink.missed(Missed { what: what("pod", &pod.meta), reason });
    }
    for (of, port) in named {
        one_port(pod, of, port, sink);
    }
}

fn every_port(pod: &Pod, sink: &mut dyn Sink) {
    let mut any = false;
    for (of, port) in ports(pod) {
        any = true;
        one_port(pod, of, port, sink);
    }
    if !any {
        sink.missed(Missed { what: what("pod", &pod.meta), reason: Reason::NoPorts });
    }
}

fn one_port(pod: &Pod, of: PortOf<'_>, port: &ContainerPort, sink: &mut dyn Sink) {
    if is_tcp(&port.protocol) {
        return sink.found(found(pod, port.number, Some(of)));
    }
    let name = declared(std::iter::once((port.name.as_str(), port.number)));
    sink.missed(Missed { what: what("pod", &pod.meta), reason: Reason::NotTcp(name) });
}

fn found(pod: &Pod, number: u16, of: Option<PortOf<'_>>) -> Found {
    let address = join(&pod.status.pod_ip, number);
    let mut labels = LabelBuf::new();
    labels.push("__address__", &address);
    let mut meta = MetaLabels::new(&mut labels);
    meta.namespace(&pod.meta.namespace);
    meta.pod(pod);
    if let Some(of) = of {
        meta.container(pod, of);
    }
    let port_name = of.and_then(|of| of.port).map(|port| port.name.clone()).filter(|name| !name.is_empty());
    let node = Some(pod.spec.node_name.clone()).filter(|node| !node.is_empty());
    Found { address, labels, port_name, namespace: pod.meta.namespace.clone(), node }
}

#[cfg(test)]
mod tests {
    use super::super::testdata::{Looked, pods, selection};
    use super::*;
    use crate::selector::Operator;

    /// What a job with these requirements on labels and this port finds in a namespace of the captured cluster.
    fn looked(namespace: &str, requirements: &[(&str, Operator)], port: Option<Port>) -> Looked {
        let mut looked = Looked::default();
        for pod in pods().iter().filter(|pod| pod.meta.namespace == namespace) {
            look(pod, &selection(requirements, port.clone()), &mut looked);
        }
        looked
    }

    fn is(values: &[&str]) -> Operator {
        Operator::In(values.iter().map(|v| (*v).to_owned()).collect())
    }

    fn not(values: &[&str]) -> Operator {
        Operator::NotIn(values.iter().map(|v| (*v).to_owned()).collect())
    }

    fn named(name: &str) -> Option<Port> {
        Some(Port::Name(name.to_owned()))
    }

    #[test]
    fn each_state_of_a_pod_is_a_target_or_has_its_reason() {
        let looked = looked("production", &[], named("web-metrics"));
        assert_eq!(
            looked.addresses(),
            [
                "127.0.0.11:8080", // web-0 … web-4
                "127.0.0.12:8080",
                "127.0.0.13:8080",
                "127.0.0.14:8080",
                "127.0.0.15:8080",
                "127.0.0.22:8080", // terminating, yet Running and Ready
                "127.0.0.23:8080", // has sidecars
                "127.0.0.24:8080", // dual stack: its first address alone
                "[fd00::a:2]:8080",
            ]
        );
        let http = "http=8081, dns=53, 8082, metrics=9100";
        assert_eq!(
            looked.reasons(),
            [
                format!(
                    "pod production/api-0: it has no port \"web-metrics\" among {http}; name one of these or give a number"
                ),
                format!(
                    "pod production/api-1: it has no port \"web-metrics\" among {http}; name one of these or give a number"
                ),
                format!(
                    "pod production/api-2: it has no port \"web-metrics\" among {http}; name one of these or give a number"
                ),
                "pod production/failed-0: it is Failed, only Running is scraped".to_owned(),
                "pod production/noip-0: it has no IP address yet".to_owned(),
                "pod production/pending-0: it is Pending, only Running is scraped".to_owned(),
                "pod production/succeeded-0: it is Succeeded, only Running is scraped".to_owned(),
                "pod production/web-5: it is not ready".to_owned(),
            ]
        );
    }

    #[test]
    fn ports_by_name_by_number_of_sidecars_and_all_of_them() {
        let app = |app: &str, port| looked("production", &[("app", is(&[app]))], port).addresses();
        assert_eq!(app("native-sidecar", named("proxy-metrics")), ["127.0.0.23:15020"]);
        assert_eq!(app("native-sidecar", None), ["127.0.0.23:15020", "127.0.0.23:8080"]);
        assert_eq!(app("v6", Some(Port::Number(9999))), ["[fd00::a:2]:9999"]);
        assert_eq!(app("api", named("metrics")), ["127.0.0.17:9100", "127.0.0.18:9100", "127.0.0.19:9100"]);
        let init = looked("production", &[("app", is(&["native-sidecar"]))], named("init-metrics"));
        assert!(init.found.is_empty() && init.reasons()[0].contains("web-metrics=8080, proxy-metrics=15020"));
        let dns = looked("production", &[("app", is(&["api"]))], named("dns"));
        assert!(dns.found.is_empty());
        assert_eq!(dns.reasons()[0], "pod production/api-0: port dns=53 is not TCP");
        let none = looked("staging", &[("app", is(&["noports"]))], None);
        assert_eq!(none.reasons(), ["pod staging/noports-0: it declares no port; give one in the endpoint"]);
        assert_eq!(
            looked("staging", &[("app", is(&["noports"]))], Some(Port::Number(1))).addresses(),
            ["127.0.0.29:1"]
        );
    }

    #[test]
    fn every_kind_of_selector() {
        let names = |namespace: &str, requirements: &[(&str, Operator)]| {
            looked(namespace, requirements, Some(Port::Number(1))).values("__meta_kubernetes_pod_name")
        };
        assert_eq!(names("production", &[("app", is(&["web"])), ("version", is(&["v2"]))]), ["web-1", "web-3"]);
        assert_eq!(
            names("production", &[("app", is(&["web", "api"])), ("version", not(&["v2"]))]),
            ["web-0", "web-2", "web-4", "api-0", "api-1", "api-2", "terminating-0"]
        );
        assert_eq!(names("staging", &[("canary", Operator::Exists)]), ["web-0", "web-1", "web-2"]);
        assert_eq!(names("staging", &[("app", Operator::DoesNotExist)]), ["nolabels-0"]);
        assert!(names("staging", &[("app", is(&["zzz"]))]).is_empty());
        assert_eq!(names("default", &[("app.kubernetes.io/name", is(&["node-exporter"]))]).len(), 2);
        assert_eq!(names("staging", &[]).len(), 5);
    }

    #[test]
    fn all_labels_of_a_pod_as_prometheus_names_them() {
        let looked = looked("production", &[("app", is(&["native-sidecar"]))], named("proxy-metrics"));
        let mut labels: Vec<_> = looked.found[0].labels.view().iter().filter(|(n, _)| !n.contains("filler")).collect();
        labels.sort_unstable();
        assert_eq!(
            labels,
            [
                ("__address__", "127.0.0.23:15020"),
                ("__meta_kubernetes_namespace", "production"),
                ("__meta_kubernetes_pod_container_id", "containerd://proxy"),
                ("__meta_kubernetes_pod_container_image", "registry.k8s.io/pause:3.9"),
                ("__meta_kubernetes_pod_container_init", "true"),
                ("__meta_kubernetes_pod_container_name", "proxy"),
                ("__meta_kubernetes_pod_container_port_name", "proxy-metrics"),
                ("__meta_kubernetes_pod_container_port_number", "15020"),
                ("__meta_kubernetes_pod_container_port_protocol", "TCP"),
                ("__meta_kubernetes_pod_host_ip", "127.0.0.1"),
                ("__meta_kubernetes_pod_ip", "127.0.0.23"),
                ("__meta_kubernetes_pod_label_app", "native-sidecar"),
                ("__meta_kubernetes_pod_label_topology_kubernetes_io_zone", "zone-1"),
                ("__meta_kubernetes_pod_labelpresent_app", "true"),
                ("__meta_kubernetes_pod_labelpresent_topology_kubernetes_io_zone", "true"),
                ("__meta_kubernetes_pod_name", "sidecar-0"),
                ("__meta_kubernetes_pod_node_name", "node-1"),
                ("__meta_kubernetes_pod_phase", "Running"),
                ("__meta_kubernetes_pod_ready", "true"),
                ("__meta_kubernetes_pod_uid", "2e85ce96-3977-4722-9f4a-562be2617c02"),
            ]
        );
        let found = &looked.found[0];
        assert_eq!((found.port_name.as_deref(), found.node.as_deref()), (Some("proxy-metrics"), Some("node-1")));
    }

    #[test]
    fn owners_annotations_and_empty_labels() {
        let db = looked("default", &[("app", is(&["db"]))], named("metrics"));
        assert_eq!(db.found[0].labels.value("__meta_kubernetes_pod_controller_kind"), Some("StatefulSet"));
        assert_eq!(db.found[0].labels.value("__meta_kubernetes_pod_controller_name"), Some("db"));
        let api = looked("production", &[("app", is(&["api"]))], named("metrics"));
        let note = api.found[0].labels.value("__meta_kubernetes_pod_annotation_example_com_note");
        assert_eq!(note, Some("한글 주석 é \"quoted\" \\ back"));
        assert_eq!(api.found[0].labels.value("__meta_kubernetes_pod_annotationpresent_example_com_note"), Some("true"));
        let canary = looked("staging", &[("canary", Operator::Exists)], Some(Port::Number(1)));
        assert_eq!(canary.found[0].labels.value("__meta_kubernetes_pod_label_canary"), None);
        assert_eq!(canary.found[0].labels.value("__meta_kubernetes_pod_labelpresent_canary"), Some("true"));
    }

    #[test]
    fn a_port_named_https_keeps_its_name() {
        let port = |name: &str| ContainerPort { name: name.into(), number: 8443, protocol: String::new() };
        let mut pod = pods().into_iter().find(|pod| pod.meta.name == "web-0").unwrap();
        pod.spec.containers[0].ports = vec![port("https")];
        for wanted in [named("https"), Some(Port::Number(8443))] {
            let mut looked = Looked::default();
            look(&pod, &selection(&[], wanted), &mut looked);
            assert_eq!(looked.found[0].port_name.as_deref(), Some("https"));
        }
    }
}
