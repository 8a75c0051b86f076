//! The resources this agent reads, and the URL paths they have.

use std::fmt;

/// A resource of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    /// Namespaces.
    Namespaces,
    /// Services.
    Services,
    /// EndpointSlices of discovery.k8s.io/v1.
    Slices,
    /// Endpoints, for clusters without slices.
    Endpoints,
    /// Pods.
    Pods,
    /// ConfigMaps.
    ConfigMaps,
    /// Secrets; only ever one by its name.
    Secrets,
}

impl Resource {
    /// Its name as a right is written: `endpointslices.discovery.k8s.io`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slices => "endpointslices.discovery.k8s.io",
            other => other.path(),
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Services => "services",
            Self::Slices => "endpointslices",
            Self::Endpoints => "endpoints",
            Self::Pods => "pods",
            Self::ConfigMaps => "configmaps",
            Self::Secrets => "secrets",
        }
    }

    fn group(self) -> &'static str {
        if self == Self::Slices { "/apis/discovery.k8s.io/v1" } else { "/api/v1" }
    }
}

/// What is asked of the API: a list, or one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call {
    /// The resource.
    pub resource: Resource,
    /// In this namespace; `None` is all of them.
    pub namespace: Option<String>,
    /// One object by its name; `None` lists.
    pub name: Option<String>,
}

impl Call {
    /// A list.
    pub fn list(resource: Resource, namespace: Option<&str>) -> Self {
        Self { resource, namespace: namespace.map(str::to_owned), name: None }
    }

    /// One object.
    pub fn one(resource: Resource, namespace: &str, name: &str) -> Self {
        Self { resource, namespace: Some(namespace.to_owned()), name: Some(name.to_owned()) }
    }

    /// The path of its URL, percent-encoded.
    pub fn path(&self) -> String {
        let mut path = self.resource.group().to_owned();
        if let Some(namespace) = &self.namespace {
            path.push_str("/namespaces/");
            escape(namespace, &mut path);
        }
        path.push('/');
        path.push_str(self.resource.path());
        if let Some(name) = &self.name {
            path.push('/');
            escape(name, &mut path);
        }
        path
    }

    /// `list on pods in namespace production`, the right it takes.
    pub fn right(&self) -> String {
        let verb = if self.name.is_some() { "get" } else { "list" };
        match &self.namespace {
            Some(namespace) => format!("{verb} on {} in namespace {namespace}", self.resource.name()),
            None => format!("{verb} on {} in all namespaces", self.resource.name()),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.resource.path();
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => write!(f, "get of {resource} {namespace}/{name}"),
            (Some(namespace), None) => write!(f, "list of {resource} in namespace {namespace}"),
            (None, _) => write!(f, "list of {resource} in all namespaces"),
        }
    }
}

/// What narrows a list down.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// `labelSelector`, empty for none.
    pub label_selector: String,
    /// `fieldSelector`, empty for none.
    pub field_selector: String,
    /// Items of a page at most, where the server pages.
    pub limit: u32,
    /// The page to go on with; without one the list comes from the server's cache (`resourceVersion=0`).
    pub next: Option<String>,
}

impl ListQuery {
    /// The query of its URL, percent-encoded.
    pub(super) fn text(&self) -> String {
        let mut text = format!("limit={}", self.limit);
        match &self.next {
            Some(next) => push(&mut text, "continue", next),
            None => text.push_str("&resourceVersion=0"),
        }
        push(&mut text, "labelSelector", &self.label_selector);
        push(&mut text, "fieldSelector", &self.field_selector);
        text
    }
}

fn push(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        text.push('&');
        text.push_str(name);
        text.push('=');
        escape(value, text);
    }
}

/// Appends a text percent-encoded, as a path segment or a query value bears it.
pub(super) fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_rights() {
        let slices = Call::list(Resource::Slices, Some("production"));
        assert_eq!(slices.path(), "/apis/discovery.k8s.io/v1/namespaces/production/endpointslices");
        assert_eq!(slices.right(), "list on endpointslices.discovery.k8s.io in namespace production");
        assert_eq!(Call::list(Resource::Pods, None).path(), "/api/v1/pods");
        let secret = Call::one(Resource::Secrets, "a b/..", "x?y");
        assert_eq!(secret.path(), "/api/v1/namespaces/a%20b%2F../secrets/x%3Fy");
        assert_eq!(secret.right(), "get on secrets in namespace a b/..");
    }

    #[test]
    fn query_values_are_escaped_whole() {
        let mut out = String::new();
        escape("app in (web,api),!x=é", &mut out);
        assert_eq!(out, "app%20in%20%28web%2Capi%29%2C%21x%3D%C3%A9");
    }
}
