//! Answers of a real API server, for the tests beside the code.

use super::found::{Found, Missed, Sink};
use super::list::read_list;
use super::objects::{Namespace, Service};
use super::pod_object::Pod;
use super::slices::{Endpoints, Slice};
use crate::config::job::{KubernetesSelection, NamespaceSelection, Port};
use crate::selector::{Operator, Requirement, Selector};
use serde::de::DeserializeOwned;

/// The bytes of a captured answer.
pub(super) fn capture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/k8s/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn items<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let mut items = Vec::new();
    read_list(capture(name).as_slice(), &mut |item| items.push(item)).expect("captured lists are whole");
    items
}

pub(super) fn pods() -> Vec<Pod> {
    items("pods-all.body")
}

pub(super) fn services() -> Vec<Service> {
    items("services-all.body")
}

pub(super) fn slices() -> Vec<Slice> {
    items("endpointslices-all.body")
}

pub(super) fn endpoints() -> Vec<Endpoints> {
    items("endpoints-all.body")
}

pub(super) fn namespaces() -> Vec<Namespace> {
    items("namespaces.body")
}

/// A selection in any namespace.
pub(super) fn selection(requirements: &[(&str, Operator)], port: Option<Port>) -> KubernetesSelection {
    let requirement =
        |(key, operator): &(&str, Operator)| Requirement { key: (*key).into(), operator: operator.clone() };
    let selector = Selector { requirements: requirements.iter().map(requirement).collect() };
    KubernetesSelection { namespaces: NamespaceSelection::Any, selector, port }
}

/// Everything that was found and missed.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) found: Vec<Found>,
    pub(super) missed: Vec<Missed>,
}

impl Looked {
    /// The addresses in order of their text.
    pub(super) fn addresses(&self) -> Vec<String> {
        let mut addresses: Vec<_> = self.found.iter().map(|found| found.address.clone()).collect();
        addresses.sort_unstable();
        addresses
    }

    /// The reasons in order of their text.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<_> = self.missed.iter().map(ToString::to_string).collect();
        reasons.sort_unstable();
        reasons
    }

    /// The value of one label of each, ordered by address.
    pub(super) fn values(&self, name: &str) -> Vec<String> {
        let mut found: Vec<_> = self.found.iter().collect();
        found.sort_by_key(|found| found.address.as_str());
        found.iter().filter_map(|found| found.labels.value(name)).map(str::to_owned).collect()
    }
}

impl Sink for Looked {
    fn found(&mut self, found: Found) {
        self.found.push(found);
    }

    fn missed(&mut self, missed: Missed) {
        self.missed.push(missed);
    }
}
