//! EndpointSlices, and the older Endpoints turned into the same shape.
//!
//! # Invariants
//! What comes out is a [`Slice`] in either case, so that nothing behind knows which API the cluster has. A `ready` that
//! is absent counts as ready, as the API reference asks of consumers.
//! Rule: the Kubernetes API reference, discovery.k8s.io/v1 EndpointSlice and v1 Endpoints.

use super::objects::{Meta, or_default};

/// The label that names a slice's service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A slice of a service's addresses.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Slice {
    /// Name, labels, …
    #[serde(rename = "metadata")]
    pub meta: Meta,
    /// IPv4, IPv6 or FQDN; empty for what was Endpoints.
    #[serde(rename = "addressType", deserialize_with = "or_default")]
    pub address_type: String,
    /// The addresses.
    #[serde(deserialize_with = "or_default")]
    pub endpoints: Vec<Endpoint>,
    /// The ports every one of them has.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<SlicePort>,
}

impl Slice {
    /// The service it belongs to.
    pub fn service(&self) -> Option<&str> {
        self.meta.labels.value(SERVICE_NAME)
    }
}

/// One endpoint of a slice.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Its addresses.
    #[serde(deserialize_with = "or_default")]
    pub addresses: Vec<String>,
    /// Whether it can be used.
    #[serde(deserialize_with = "or_default")]
    pub conditions: EndpointConditions,
    /// Its host name.
    #[serde(deserialize_with = "or_default")]
    pub hostname: String,
    /// The node it runs on, empty when unknown.
    #[serde(rename = "nodeName", deserialize_with = "or_default")]
    pub node_name: String,
    /// The zone it runs in.
    #[serde(deserialize_with = "or_default")]
    pub zone: String,
    /// What it stands for, mostly a pod.
    #[serde(rename = "targetRef", deserialize_with = "or_default")]
    pub target: TargetRef,
}

/// Conditions of an endpoint; `None` is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    /// Takes traffic; unknown counts as yes.
    pub ready: Option<bool>,
    /// Would take traffic were it not ending.
    pub serving: Option<bool>,
    /// Is ending.
    pub terminating: Option<bool>,
}

/// What an endpoint stands for.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct TargetRef {
    /// `Pod`, or empty.
    #[serde(deserialize_with = "or_default")]
    pub kind: String,
    /// Its namespace.
    #[serde(deserialize_with = "or_default")]
    pub namespace: String,
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
}

/// A port of a slice.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct SlicePort {
    /// Its name, empty for the only port of a service.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Its number; `None` stands for any port and cannot be scraped by name.
    pub port: Option<u16>,
    /// TCP, UDP or SCTP; empty means TCP.
    #[serde(deserialize_with = "or_default")]
    pub protocol: String,
    /// http, https, kubernetes.io/h2c, …
    #[serde(rename = "appProtocol", deserialize_with = "or_default")]
    pub app_protocol: String,
}

/// The older object: named as its service, one subset per set of ports.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Endpoints {
    /// Name, labels, …
    #[serde(rename = "metadata")]
    pub meta: Meta,
    /// Absent for a service without pods.
    #[serde(deserialize_with = "or_default")]
    pub subsets: Vec<Subset>,
}

/// Addresses that share ports.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Subset {
    /// Those that are ready.
    #[serde(deserialize_with = "or_default")]
    pub addresses: Vec<EndpointAddress>,
    /// Those that are not.
    #[serde(rename = "notReadyAddresses", deserialize_with = "or_default")]
    pub not_ready: Vec<EndpointAddress>,
    /// Their ports.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<SlicePort>,
}

/// An address of a subset.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct EndpointAddress {
    /// IPv4 or IPv6.
    pub ip: String,
    /// Its host name.
    #[serde(deserialize_with = "or_default")]
    pub hostname: String,
    /// The node it runs on.
    #[serde(rename = "nodeName", deserialize_with = "or_default")]
    pub node_name: String,
    /// What it stands for.
    #[serde(rename = "targetRef", deserialize_with = "or_default")]
    pub target: TargetRef,
}

impl Endpoints {
    /// The service it belongs to: the one of the same name.
    pub fn service(&self) -> &str {
        &self.meta.name
    }

    /// The same addresses as slices, one per subset.
    pub fn into_slices(self) -> impl Iterator<Item = Slice> {
        let Self { meta, subsets } = self;
        subsets.into_iter().map(move |subset| {
            let ready = subset.addresses.into_iter().map(|address| address.into_endpoint(true));
            let waiting = subset.not_ready.into_iter().map(|address| address.into_endpoint(false));
            Slice {
                meta: meta.clone(),
                address_type: String::new(),
                endpoints: ready.chain(waiting).collect(),
                ports: subset.ports,
            }
        })
    }
}

impl EndpointAddress {
    fn into_endpoint(self, ready: bool) -> Endpoint {
        Endpoint {
            addresses: vec![self.ip],
            conditions: EndpointConditions { ready: Some(ready), ..EndpointConditions::default() },
            hostname: self.hostname,
            node_name: self.node_name,
            zone: String::new(),
            target: self.target,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_and_absent_fields_read_as_nothing() {
        let slice: Slice = serde_json::from_str(
            r#"{"metadata":{"name":"s","labels":null},"addressType":"IPv4","endpoints":null,"ports":null}"#,
        )
        .unwrap();
        assert!(slice.endpoints.is_empty() && slice.ports.is_empty() && slice.service().is_none());
        let slice: Slice = serde_json::from_str(
            r#"{"metadata":{},"endpoints":[{"addresses":["::1"],"conditions":{},"targetRef":null}],"ports":[{"port":null}]}"#,
        )
        .unwrap();
        assert_eq!(slice.endpoints[0].conditions, EndpointConditions::default());
        assert_eq!(slice.ports[0].port, None);
        let endpoints: Endpoints = serde_json::from_str(r#"{"metadata":{"name":"e"}}"#).unwrap();
        assert_eq!(endpoints.into_slices().count(), 0);
    }

    #[test]
    fn endpoints_become_slices_with_their_readiness() {
        let endpoints: Endpoints = serde_json::from_str(
            r#"{"metadata":{"name":"web"},"subsets":[{"addresses":[{"ip":"10.0.0.1"}],
                "notReadyAddresses":[{"ip":"10.0.0.2","nodeName":"n"}],"ports":[{"name":"m","port":1,"protocol":"TCP"}]}]}"#,
        )
        .unwrap();
        let slices: Vec<_> = endpoints.into_slices().collect();
        let ready: Vec<_> = slices[0].endpoints.iter().map(|e| (e.addresses[0].as_str(), e.conditions.ready)).collect();
        assert_eq!(ready, [("10.0.0.1", Some(true)), ("10.0.0.2", Some(false))]);
    }
}
