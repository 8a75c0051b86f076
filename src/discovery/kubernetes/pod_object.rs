//! A pod as the API gives it, cut down to the fields discovery uses.
//!
//! # Invariants
//! A field that is absent or `null` reads as its default, as in [`super::objects`].

use super::objects::{Meta, or_default};

/// A pod.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Name, labels, …
    #[serde(rename = "metadata")]
    pub meta: Meta,
    /// What was asked for.
    #[serde(deserialize_with = "or_default")]
    pub spec: PodSpec,
    /// What became of it.
    #[serde(deserialize_with = "or_default")]
    pub status: PodStatus,
}

/// What a pod is made of.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct PodSpec {
    /// Where it runs, empty until it is scheduled.
    #[serde(rename = "nodeName", deserialize_with = "or_default")]
    pub node_name: String,
    /// Its containers.
    #[serde(deserialize_with = "or_default")]
    pub containers: Vec<Container>,
    /// Containers that run first, or beside the others when they restart always (sidecars).
    #[serde(rename = "initContainers", deserialize_with = "or_default")]
    pub init_containers: Vec<Container>,
}

/// A container of a pod.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    #[serde(deserialize_with = "or_default")]
    pub image: String,
    /// Its ports.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<ContainerPort>,
    /// `Always` makes an init container a sidecar.
    #[serde(rename = "restartPolicy", deserialize_with = "or_default")]
    pub restart_policy: String,
}

/// A declared port of a container.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct ContainerPort {
    /// Its name, empty when it has none.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Its number.
    #[serde(rename = "containerPort")]
    pub number: u16,
    /// TCP, UDP or SCTP; empty means TCP.
    #[serde(deserialize_with = "or_default")]
    pub protocol: String,
}

/// What became of a pod.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct PodStatus {
    /// Pending, Running, Succeeded, Failed or Unknown.
    #[serde(deserialize_with = "or_default")]
    pub phase: String,
    /// Its first address, empty before it has one.
    #[serde(rename = "podIP", deserialize_with = "or_default")]
    pub pod_ip: String,
    /// Its node's address.
    #[serde(rename = "hostIP", deserialize_with = "or_default")]
    pub host_ip: String,
    /// `Ready` and others.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
    /// State of the containers.
    #[serde(rename = "containerStatuses", deserialize_with = "or_default")]
    pub containers: Vec<ContainerStatus>,
    /// State of the init containers.
    #[serde(rename = "initContainerStatuses", deserialize_with = "or_default")]
    pub init_containers: Vec<ContainerStatus>,
}

impl PodStatus {
    /// `True`, `False` or `Unknown`; `None` when the condition is absent.
    pub fn ready(&self) -> Option<&str> {
        self.conditions.iter().find(|condition| condition.kind == "Ready").map(|condition| condition.status.as_str())
    }
}

/// A condition of a pod.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Condition {
    /// Its name.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
}

/// State of one container.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct ContainerStatus {
    /// The container's name.
    pub name: String,
    /// The runtime's id, `containerd://…`.
    #[serde(rename = "containerID", deserialize_with = "or_default")]
    pub id: String,
}
