//! The `__meta_kubernetes_` labels, named as Prometheus names them.
//!
//! # Invariants
//! Names are appended once each: every group below writes its own names. An empty value is no label, except that of
//! `labelpresent` and `annotationpresent`, which is always `true`.
//! Rule: Prometheus, configuration, `kubernetes_sd_config`.

use super::objects::{Meta, Pairs, Service};
use super::pod_object::{Container, ContainerPort, Pod};
use super::slices::{Endpoint, Slice, SlicePort};
use crate::labels::LabelBuf;

const PREFIX: &str = "__meta_kubernetes_";

/// A container of a pod with what the port labels need.
#[derive(Debug, Clone, Copy)]
pub(super) struct PortOf<'a> {
    /// The container.
    pub(super) container: &'a Container,
    /// Whether it is an init container.
    pub(super) init: bool,
    /// The port, when the container declares it.
    pub(super) port: Option<&'a ContainerPort>,
}

/// Writes labels under `__meta_kubernetes_`, reusing one text for the names.
pub(super) struct MetaLabels<'a> {
    labels: &'a mut LabelBuf,
    name: String,
}

impl<'a> MetaLabels<'a> {
    pub(super) fn new(labels: &'a mut LabelBuf) -> Self {
        Self { labels, name: PREFIX.to_owned() }
    }

    /// `__meta_kubernetes_namespace`.
    pub(super) fn namespace(&mut self, namespace: &str) {
        self.put("namespace", "", namespace);
    }

    /// Everything of a pod but its containers.
    pub(super) fn pod(&mut self, pod: &Pod) {
        let ready = pod.status.ready().unwrap_or("unknown").to_ascii_lowercase();
        for (name, value) in [
            ("name", pod.meta.name.as_str()),
            ("ip", &pod.status.pod_ip),
            ("ready", &ready),
            ("phase", &pod.status.phase),
            ("node_name", &pod.spec.node_name),
            ("host_ip", &pod.status.host_ip),
            ("uid", &pod.meta.uid),
        ] {
            self.put("pod_", name, value);
        }
        if let Some(owner) = pod.meta.owners.iter().find(|owner| owner.controller) {
            self.put("pod_", "controller_kind", &owner.kind);
            self.put("pod_", "controller_name", &owner.name);
        }
        self.pairs("pod", &pod.meta);
    }

    /// What a slice tells of a pod that nobody looked up.
    pub(super) fn pod_named(&mut self, name: &str, node: &str) {
        self.put("pod_", "name", name);
        self.put("pod_", "node_name", node);
    }

    /// A container and the port that is scraped.
    pub(super) fn container(&mut self, pod: &Pod, of: PortOf<'_>) {
        let statuses = if of.init { &pod.status.init_containers } else { &pod.status.containers };
        let id = statuses.iter().find(|status| status.name == of.container.name).map_or("", |status| &status.id);
        self.put("pod_container_", "name", &of.container.name);
        self.put("pod_container_", "image", &of.container.image);
        self.put("pod_container_", "id", id);
        self.put("pod_container_", "init", if of.init { "true" } else { "false" });
        if let Some(port) = of.port {
            self.put("pod_container_port_", "name", &port.name);
            self.put("pod_container_port_", "number", &port.number.to_string());
            self.put("pod_container_port_", "protocol", or_tcp(&port.protocol));
        }
    }

    /// A service.
    pub(super) fn service(&mut self, service: &Service) {
        self.put("service_", "name", &service.meta.name);
        self.put("service_", "type", &service.spec.kind);
        self.put("service_", "cluster_ip", &service.spec.cluster_ip);
        self.put("service_", "external_name", &service.spec.external_name);
        self.pairs("service", &service.meta);
    }

    /// A slice, or what was Endpoints (it has no address type).
    pub(super) fn slice(&mut self, slice: &Slice) {
        if slice.address_type.is_empty() {
            self.put("endpoints_", "name", &slice.meta.name);
            self.pairs("endpoints", &slice.meta);
        } else {
            self.put("endpointslice_", "name", &slice.meta.name);
            self.put("endpointslice_", "address_type", &slice.address_type);
            self.pairs("endpointslice", &slice.meta);
        }
    }

    /// One endpoint: `endpoint_…` in either case, so that rules need not know which API the cluster has.
    pub(super) fn endpoint(&mut self, endpoint: &Endpoint, from_slice: bool) {
        self.put("endpoint_", "ready", flag(endpoint.conditions.ready.or(Some(true))));
        self.put("endpoint_", "hostname", &endpoint.hostname);
        self.put("endpoint_", "node_name", &endpoint.node_name);
        self.put("endpoint_", "address_target_kind", &endpoint.target.kind);
        self.put("endpoint_", "address_target_name", &endpoint.target.name);
        if from_slice {
            self.slice_endpoint(endpoint);
        }
    }

    /// The port of an endpoint that is scraped.
    pub(super) fn endpoint_port(&mut self, port: &SlicePort, from_slice: bool) {
        self.put("endpoint_", "port_name", &port.name);
        self.put("endpoint_", "port_protocol", or_tcp(&port.protocol));
        if from_slice {
            let number = port.port.map(|number| number.to_string()).unwrap_or_default();
            self.put("endpointslice_", "port", &number);
            self.put("endpointslice_", "port_name", &port.name);
            self.put("endpointslice_", "port_protocol", or_tcp(&port.protocol));
            self.put("endpointslice_", "port_app_protocol", &port.app_protocol);
        }
    }

    fn slice_endpoint(&mut self, endpoint: &Endpoint) {
        let conditions = endpoint.conditions;
        self.put("endpointslice_endpoint_conditions_", "ready", flag(conditions.ready));
        self.put("endpointslice_endpoint_conditions_", "serving", flag(conditions.serving));
        self.put("endpointslice_endpoint_conditions_", "terminating", flag(conditions.terminating));
        self.put("endpointslice_endpoint_", "hostname", &endpoint.hostname);
        self.put("endpointslice_endpoint_", "node_name", &endpoint.node_name);
        self.put("endpointslice_endpoint_", "zone", &endpoint.zone);
        self.put("endpointslice_", "address_target_kind", &endpoint.target.kind);
        self.put("endpointslice_", "address_target_name", &endpoint.target.name);
    }

    /// `<role>_label_*`, `<role>_labelpresent_*` and the same of annotations.
    fn pairs(&mut self, role: &str, meta: &Meta) {
        self.group(role, "label", &meta.labels);
        self.group(role, "annotation", &meta.annotations);
    }

    fn group(&mut self, role: &str, kind: &str, pairs: &Pairs) {
        for (key, value) in pairs.iter() {
            for (present, value) in [("", value), ("present", "true")] {
                self.name.truncate(PREFIX.len());
                for piece in [role, "_", kind, present, "_"] {
                    self.name.push_str(piece);
                }
                self.name.extend(key.chars().map(sanitized));
                // `a.b` and `a/b` are one name: the later one wins, as in Prometheus
                self.labels.set(&self.name, value);
            }
        }
    }

    fn put(&mut self, group: &str, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        self.name.truncate(PREFIX.len());
        self.name.push_str(group);
        self.name.push_str(name);
        self.labels.push(&self.name, value);
    }
}

/// A label name holds letters, digits and `_`; all else becomes `_`.
fn sanitized(c: char) -> char {
    if c.is_ascii_alphanumeric() { c } else { '_' }
}

fn or_tcp(protocol: &str) -> &str {
    if protocol.is_empty() { "TCP" } else { protocol }
}

fn flag(value: Option<bool>) -> &'static str {
    match value {
        None => "",
        Some(true) => "true",
        Some(false) => "false",
    }
}
