//! Services become scrape addresses: one per ready address of their slices and port.
//!
//! # Invariants
//! Pure. An address that two slices of a service hold, as they do while the cluster moves it, is found once.

use super::found::{Found, Missed, Reason, Sink, declared, is_tcp, join, wanted, what};
use super::meta::MetaLabels;
use super::objects::Service;
use super::pod_object::Pod;
use super::pods;
use super::slices::{Endpoint, Slice, SlicePort};
use crate::config::job::{KubernetesSelection, Port};
use crate::labels::LabelBuf;
use std::collections::{HashMap, HashSet};

/// The pods behind endpoints, by namespace and name; empty where nobody asks for their labels.
#[derive(Debug, Default)]
pub struct PodIndex(HashMap<(String, String), Pod>);

impl PodIndex {
    /// Takes a pod in.
    pub fn insert(&mut self, pod: Pod) {
        self.0.insert((pod.meta.namespace.clone(), pod.meta.name.clone()), pod);
    }

    fn pod(&self, namespace: &str, name: &str) -> Option<&Pod> {
        self.0.get(&(namespace.to_owned(), name.to_owned()))
    }
}

/// What looking at a service takes beside the service.
pub struct Around<'a> {
    /// The service's slices.
    pub slices: &'a [&'a Slice],
    /// The pods behind endpoints.
    pub pods: &'a PodIndex,
    /// Take endpoints of this node alone.
    pub node: Option<&'a str>,
}

/// Whether a job takes a service by its labels.
pub fn selects(service: &Service, selection: &KubernetesSelection) -> bool {
    selection.selector.matches(|key| service.meta.labels.value(key))
}

/// Looks at one service of a namespace the job takes; one that its selector does not match gives nothing at all.
pub fn look(service: &Service, around: &Around<'_>, selection: &KubernetesSelection, sink: &mut dyn Sink) {
    if !selects(service, selection) {
        return;
    }
    if service.spec.kind == "ExternalName" {
        let reason = Reason::ExternalName(service.spec.external_name.clone());
        return sink.missed(Missed { what: what("service", &service.meta), reason });
    }
    let filled = || around.slices.iter().copied().filter(|slice| !slice.endpoints.is_empty());
    if let Some(reason) = unusable(filled(), selection.port.as_ref()) {
        return sink.missed(Missed { what: what("service", &service.meta), reason });
    }
    let mut seen = HashSet::new();
    for slice in filled() {
        Look { service, around, slice, seen: &mut seen, sink }.slice(selection.port.as_ref());
    }
}

/// Why none of the slices can give an address: there are none, or no port of them is the one that is asked for.
fn unusable<'a>(slices: impl Iterator<Item = &'a Slice> + Clone, port: Option<&Port>) -> Option<Reason> {
    let mut ports = slices.clone().flat_map(|slice| &slice.ports);
    match port {
        _ if slices.clone().next().is_none() => Some(Reason::NoSlices),
        Some(port @ Port::Name(name)) if ports.all(|p| p.name != *name) => {
            let ports = slices.flat_map(|slice| &slice.ports).filter_map(|p| Some((p.name.as_str(), p.port?)));
            Some(Reason::NoPort { wanted: wanted(port), declared: declared(ports) })
        }
        None if ports.next().is_none() => Some(Reason::NoPorts),
        _ => None,
    }
}

/// One slice under the eye.
struct Look<'a, 'sink> {
    service: &'a Service,
    around: &'a Around<'a>,
    slice: &'a Slice,
    seen: &'sink mut HashSet<String>,
    sink: &'sink mut dyn Sink,
}

impl Look<'_, '_> {
    fn slice(&mut self, wanted: Option<&Port>) {
        let ports = &self.slice.ports;
        match wanted {
            Some(Port::Number(number)) => {
                let port = ports.iter().find(|p| p.port == Some(*number) && is_tcp(&p.protocol));
                self.endpoints(*number, port);
            }
            Some(Port::Name(name)) => ports.iter().filter(|port| port.name == *name).for_each(|port| self.port(port)),
            None => ports.iter().for_each(|port| self.port(port)),
        }
    }

    fn port(&mut self, port: &SlicePort) {
        match port.port {
            Some(number) if is_tcp(&port.protocol) => self.endpoints(number, Some(port)),
            Some(number) => {
                let name = declared(std::iter::once((port.name.as_str(), number)));
                self.missed(Reason::NotTcp(name));
            }
            None => self.missed(Reason::NoPorts), // "all ports": nothing says which one
        }
    }

    /// Every address of the slice at one port.
    fn endpoints(&mut self, number: u16, port: Option<&SlicePort>) {
        for endpoint in &self.slice.endpoints {
            if let Some(reason) = self.unusable(endpoint) {
                let address = endpoint.addresses.first().map_or("without address", String::as_str);
                let what = format!("{}, endpoint {address}", what("service", &self.service.meta));
                self.sink.missed(Missed { what, reason });
                continue;
            }
            for host in &endpoint.addresses {
                let address = join(host, number);
                if self.seen.insert(address.clone()) {
                    let found = self.found(endpoint, address, number, port);
                    self.sink.found(found);
                }
            }
        }
    }

    fn unusable(&self, endpoint: &Endpoint) -> Option<Reason> {
        if endpoint.conditions.ready == Some(false) {
            return Some(Reason::NotReady);
        }
        if self.around.node.is_some_and(|node| node != endpoint.node_name) {
            return Some(Reason::OtherNode(endpoint.node_name.clone()));
        }
        endpoint.addresses.is_empty().then_some(Reason::NoAddress)
    }

    fn found(&self, endpoint: &Endpoint, address: String, number: u16, port: Option<&SlicePort>) -> Found {
        let from_slice = !self.slice.address_type.is_empty();
        let mut labels = LabelBuf::new();
        labels.push("__address__", &address);
        let mut meta = MetaLabels::new(&mut labels);
        meta.namespace(&self.service.meta.namespace);
        meta.service(self.service);
        meta.slice(self.slice);
        meta.endpoint(endpoint, from_slice);
        if let Some(port) = port {
            meta.endpoint_port(port, from_slice);
        }
        if endpoint.target.kind == "Pod" {
            self.pod_labels(&mut meta, endpoint, number);
        }
        let port_name = port.map(|port| port.name.clone()).filter(|name| !name.is_empty());
        let node = Some(endpoint.node_name.clone()).filter(|node| !node.is_empty());
        Found { address, labels, port_name, namespace: self.service.meta.namespace.clone(), node }
    }

    /// The labels of the pod behind an endpoint, all of them where the pod is known.
    fn pod_labels(&self, meta: &mut MetaLabels<'_>, endpoint: &Endpoint, number: u16) {
        let namespace = Some(endpoint.target.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let namespace = namespace.unwrap_or(&self.service.meta.namespace);
        let Some(pod) = self.around.pods.pod(namespace, &endpoint.target.name) else {
            return meta.pod_named(&endpoint.target.name, &endpoint.node_name);
        };
        meta.pod(pod);
        if let Some((of, _)) = pods::ports(pod).find(|(_, port)| port.number == number && is_tcp(&port.protocol)) {
            meta.container(pod, of);
        }
    }

    fn missed(&mut self, reason: Reason) {
        self.sink.missed(Missed { what: what("service", &self.service.meta), reason });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata::{self, Looked, selection};
    use super::*;
    use crate::selector::Operator;

    /// The captured cluster, either with its slices or with the older endpoints.
    struct Cluster {
        services: Vec<Service>,
        slices: Vec<(String, Slice)>,
        pods: Vec<Pod>,
    }

    impl Cluster {
        fn with_slices() -> Self {
            let slices = testdata::slices().into_iter();
            let slices = slices.map(|slice| (slice.service().unwrap().to_owned(), slice)).collect();
            Self { services: testdata::services(), slices, pods: testdata::pods() }
        }

        fn with_endpoints() -> Self {
            let all = testdata::endpoints().into_iter();
            let slices = all.flat_map(|e| e.clone().into_slices().map(move |s| (e.service().to_owned(), s))).collect();
            Self { slices, ..Self::with_slices() }
        }

        fn look(&self, service: &str, port: Option<Port>, node: Option<&str>) -> Looked {
            let (namespace, name) = service.split_once('/').unwrap();
            let mut looked = Looked::default();
            let of_it = |(owner, slice): &&(String, Slice)| owner == name && slice.meta.namespace == namespace;
            let slices: Vec<_> = self.slices.iter().filter(of_it).map(|(_, slice)| slice).collect();
            let mut pods = PodIndex::default();
            self.pods.iter().cloned().for_each(|pod| pods.insert(pod));
            let around = Around { slices: &slices, pods: &pods, node };
            let service = |s: &&Service| s.meta.namespace == namespace && s.meta.name == name;
            let service = self.services.iter().find(service).expect("the captures have it");
            look(service, &around, &selection(&[], port), &mut looked);
            looked
        }
    }

    fn named(name: &str) -> Option<Port> {
        Some(Port::Name(name.to_owned()))
    }

    #[test]
    fn ready_addresses_of_all_slices_of_a_service() {
        let looked = Cluster::with_slices().look("production/web", named("web-metrics"), None);
        assert_eq!(
            looked.addresses(),
            ["127.0.0.11:8080", "127.0.0.12:8080", "127.0.0.13:8080", "127.0.0.14:8080", "127.0.0.15:8080"]
        );
        assert_eq!(
            looked.reasons(),
            [
                "service production/web, endpoint 127.0.0.16: it is not ready",
                "service production/web, endpoint 127.0.0.22: it is not ready", // terminating
            ]
        );
    }

    #[test]
    fn services_of_every_kind() {
        let cluster = Cluster::with_slices();
        for (service, port, expected) in [
            ("default/db", named("metrics"), vec!["127.0.0.31:9104", "127.0.0.32:9104", "127.0.0.33:9104"]),
            ("default/db", Some(Port::Number(1234)), vec!["127.0.0.31:1234", "127.0.0.32:1234", "127.0.0.33:1234"]),
            ("default/noselector", named("metrics"), vec!["127.0.0.200:9100"]),
            ("production/dual", named("web-metrics"), vec!["127.0.0.24:8080", "[fd00::a:1]:8080"]),
            ("production/single", named(""), vec!["127.0.0.23:8080"]),
            ("production/single", None, vec!["127.0.0.23:8080"]),
            ("default/node-exporter", None, vec!["127.0.0.1:9100", "127.0.0.2:9100"]),
            ("staging/web", named("web-metrics"), vec!["127.0.0.25:8080", "127.0.0.26:8080", "127.0.0.27:8080"]),
        ] {
            assert_eq!(cluster.look(service, port, None).addresses(), expected, "{service}");
        }
    }

    #[test]
    fn what_cannot_be_scraped_has_its_reason() {
        let cluster = Cluster::with_slices();
        for (service, port, reason) in [
            (
                "default/external",
                named("https"),
                "service default/external: an ExternalName service has no endpoints; \
                 scrape metrics.example.com with StaticEndpoints",
            ),
            (
                "default/kubernetes",
                named("https"),
                "service default/kubernetes: it has no endpoints: no pod matches its selector, or none is there yet",
            ),
            (
                "production/api",
                named("nope"),
                "service production/api: it has no port \"nope\" among http=8081, metrics=9100, dns=53; \
                 name one of these or give a number",
            ),
            ("production/api", named("dns"), "service production/api: port dns=53 is not TCP"),
        ] {
            let looked = cluster.look(service, port, None);
            assert!(looked.found.is_empty(), "{service}");
            assert_eq!(looked.reasons(), [reason]);
        }
    }

    #[test]
    fn an_fqdn_slice_gives_its_name_as_the_host() {
        let mut cluster = Cluster::with_slices();
        let mut service = cluster.services[0].clone();
        (service.meta.namespace, service.meta.name) = ("production".into(), "fqdn".into());
        cluster.services.push(service);
        let looked = cluster.look("production/fqdn", named("https"), None);
        assert_eq!(looked.addresses(), ["metrics.example.com:443"]);
        assert_eq!(looked.found[0].port_name.as_deref(), Some("https"));
        assert_eq!(looked.values("__meta_kubernetes_endpointslice_address_type"), ["FQDN"]);
    }

    #[test]
    fn endpoints_of_an_older_cluster_give_the_same_addresses() {
        let (slices, endpoints) = (Cluster::with_slices(), Cluster::with_endpoints());
        for (service, port) in [
            ("production/web", "web-metrics"),
            ("default/db", "metrics"),
            ("default/noselector", "metrics"),
            ("staging/web", "web-metrics"),
        ] {
            let (new, old) = (slices.look(service, named(port), None), endpoints.look(service, named(port), None));
            assert_eq!(old.addresses(), new.addresses(), "{service}");
        }
        let api = endpoints.look("production/api", named("http"), None);
        assert_eq!(api.addresses(), ["127.0.0.17:8081", "127.0.0.18:8081"]);
        assert!(api.missed.is_empty(), "a subset without the port is no fault: {:?}", api.missed);
        assert_eq!(api.values("__meta_kubernetes_endpoints_name"), ["api", "api"]);
    }

    #[test]
    fn the_same_address_in_two_slices_is_found_once() {
        let mut cluster = Cluster::with_slices();
        let twin = cluster.slices.iter().find(|(name, _)| name == "db").unwrap().clone();
        cluster.slices.push(twin);
        assert_eq!(cluster.look("default/db", named("metrics"), None).addresses().len(), 3);
    }

    #[test]
    fn only_endpoints_of_the_own_node() {
        let looked = Cluster::with_slices().look("default/node-exporter", named("metrics"), Some("node-2"));
        assert_eq!(looked.addresses(), ["127.0.0.2:9100"]);
        assert_eq!(
            looked.reasons(),
            ["service default/node-exporter, endpoint 127.0.0.1: it runs on node node-1 and node_local is on"]
        );
    }

    #[test]
    fn all_labels_of_an_endpoint_as_prometheus_names_them() {
        let looked = Cluster::with_slices().look("production/api", named("metrics"), None);
        let labels = &looked.found[0].labels;
        for (name, value) in [
            ("__address__", "127.0.0.17:9100"),
            ("__meta_kubernetes_namespace", "production"),
            ("__meta_kubernetes_service_name", "api"),
            ("__meta_kubernetes_service_type", "ClusterIP"),
            ("__meta_kubernetes_service_cluster_ip", "10.96.69.11"),
            ("__meta_kubernetes_service_label_app", "api"),
            ("__meta_kubernetes_service_labelpresent_app", "true"),
            ("__meta_kubernetes_endpointslice_name", "api-aaa11"),
            ("__meta_kubernetes_endpointslice_address_type", "IPv4"),
            ("__meta_kubernetes_endpointslice_label_kubernetes_io_service_name", "api"),
            ("__meta_kubernetes_endpointslice_endpoint_conditions_ready", "true"),
            ("__meta_kubernetes_endpointslice_endpoint_node_name", "node-1"),
            ("__meta_kubernetes_endpointslice_address_target_kind", "Pod"),
            ("__meta_kubernetes_endpointslice_address_target_name", "api-0"),
            ("__meta_kubernetes_endpointslice_port", "9100"),
            ("__meta_kubernetes_endpointslice_port_name", "metrics"),
            ("__meta_kubernetes_endpointslice_port_protocol", "TCP"),
            ("__meta_kubernetes_endpointslice_port_app_protocol", "http"),
            ("__meta_kubernetes_endpoint_port_name", "metrics"),
            ("__meta_kubernetes_endpoint_ready", "true"),
            ("__meta_kubernetes_endpoint_address_target_name", "api-0"),
            ("__meta_kubernetes_pod_name", "api-0"),
            ("__meta_kubernetes_pod_label_app", "api"),
            ("__meta_kubernetes_pod_container_name", "sidecar"),
            ("__meta_kubernetes_pod_controller_kind", "StatefulSet"),
        ] {
            assert_eq!(labels.value(name), Some(value), "{name}");
        }
        let unique: HashSet<_> = labels.view().iter().map(|(name, _)| name).collect();
        assert_eq!(unique.len(), labels.len());
    }

    #[test]
    fn a_selector_on_the_services_labels() {
        let monitored = selection(&[("monitored", Operator::In(vec!["yes".into()]))], None);
        let names: Vec<_> = testdata::services()
            .into_iter()
            .filter(|service| selects(service, &monitored))
            .map(|service| what("service", &service.meta))
            .collect();
        assert_eq!(names, ["service production/web", "service staging/web"]);
    }
}
