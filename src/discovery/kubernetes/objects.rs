//! The API server's objects, cut down to the fields discovery uses.
//!
//! # Invariants
//! A field that is absent or `null` reads as its default: the API writes `"endpoints":null`, `"ports":null` and leaves
//! `ready` out. Items of a list carry no `kind`, so the caller says which type it asked for.
//! Rule: the Kubernetes API reference, v1 and discovery.k8s.io/v1.

use crate::labels::LabelBuf;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;

/// What every object has.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Meta {
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Its namespace, empty for a namespace itself.
    #[serde(deserialize_with = "or_default")]
    pub namespace: String,
    /// What tells it from an earlier object of the same name.
    #[serde(deserialize_with = "or_default")]
    pub uid: String,
    /// Its labels.
    #[serde(deserialize_with = "or_default")]
    pub labels: Pairs,
    /// Its annotations.
    #[serde(deserialize_with = "or_default")]
    pub annotations: Pairs,
    /// Who made it.
    #[serde(rename = "ownerReferences", deserialize_with = "or_default")]
    pub owners: Vec<Owner>,
}

/// One entry of `ownerReferences`.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Owner {
    /// ReplicaSet, DaemonSet, StatefulSet, Job, …
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether it is the one that controls the object.
    #[serde(deserialize_with = "or_default")]
    pub controller: bool,
}

/// Labels or annotations: names with values, empty values among them.
#[derive(Debug, Clone, Default)]
pub struct Pairs(LabelBuf);

impl Pairs {
    /// The value of a name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.value(name)
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.view().iter()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut buf = LabelBuf::new();
        for (name, value) in pairs {
            buf.push(name, value);
        }
        Self(buf)
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut buf = LabelBuf::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    buf.push(&name, &value);
                }
                Ok(Pairs(buf))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

/// A service.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Service {
    /// Name, labels, …
    #[serde(rename = "metadata")]
    pub meta: Meta,
    /// Its kind and address.
    #[serde(deserialize_with = "or_default")]
    pub spec: ServiceSpec,
}

/// What a service is.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    /// ClusterIP, NodePort, LoadBalancer or ExternalName.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// Its address, `None` for a headless one.
    #[serde(rename = "clusterIP", deserialize_with = "or_default")]
    pub cluster_ip: String,
    /// The DNS name an ExternalName stands for.
    #[serde(rename = "externalName", deserialize_with = "or_default")]
    pub external_name: String,
    /// Which pods are behind it.
    #[serde(deserialize_with = "or_default")]
    pub selector: Pairs,
}

/// A namespace.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Name and labels.
    #[serde(rename = "metadata")]
    pub meta: Meta,
}

/// A ConfigMap; its binary data is of no use here.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct ConfigMap {
    /// Its keys with their texts.
    #[serde(deserialize_with = "or_default")]
    pub data: Pairs,
}

/// A secret as the API gives it: base64 behind each key. Never printed.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct SecretObject {
    /// Its keys with base64 of their bytes.
    #[serde(deserialize_with = "or_default")]
    pub data: Pairs,
}

/// What the API answers instead of an object when it refuses.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Status {
    /// Why, for people.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
}

/// `null` reads as the type's default.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
