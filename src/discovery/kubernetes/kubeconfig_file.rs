//! One kubeconfig file as written.
//!
//! # Invariants
//! Keys this agent has no use for are passed over, as kubectl does; a key written twice or of the wrong kind is a fault
//! with its line. A fault never holds a value: it may be a secret.

use crate::yaml::{self, Entry, Node, Position, Value, YamlError};
use std::path::{Path, PathBuf};

#[derive(Default)]
pub(super) struct RawConfig {
    pub current_context: Option<String>,
    pub clusters: Vec<RawNamed<RawCluster>>,
    pub users: Vec<RawNamed<RawUser>>,
    pub contexts: Vec<RawNamed<RawContext>>,
}

/// An entry of one of the three lists.
pub(super) struct RawNamed<T> {
    pub name: String,
    pub value: T,
    /// Folder of the file it stands in.
    pub folder: PathBuf,
}

pub(super) struct RawCluster {
    pub server: Option<String>,
    pub certificate_authority: Option<PathBuf>,
    pub certificate_authority_data: Option<String>,
    pub insecure_skip_tls_verify: bool,
    pub tls_server_name: Option<String>,
    pub proxy_url: Option<String>,
}

pub(super) struct RawUser {
    pub token: Option<String>,
    pub token_file: Option<PathBuf>,
    pub client_certificate: Option<PathBuf>,
    pub client_certificate_data: Option<String>,
    pub client_key: Option<PathBuf>,
    pub client_key_data: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub exec: Option<RawExec>,
    /// Whether there is one; what it says is of no use any more.
    pub auth_provider: bool,
}

pub(super) struct RawContext {
    pub cluster: Option<String>,
    pub user: Option<String>,
    pub namespace: Option<String>,
}

pub(super) struct RawExec {
    pub api_version: Option<String>,
    pub command: Option<String>,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub provide_cluster_info: bool,
    pub interactive_mode: Option<String>,
    pub install_hint: Option<String>,
}

type Read<T> = Result<T, YamlError>;

impl RawConfig {
    /// Reads a file's text; `folder` is what its relative paths start from.
    ///
    /// # Errors
    /// The first fault with its line and column.
    pub(super) fn parse(text: &str, folder: &Path) -> Read<Self> {
        let root = yaml::parse(text)?;
        let keys = Keys::of(&root)?;
        Ok(Self {
            current_context: keys.text("current-context")?,
            clusters: keys.named("clusters", "cluster", folder, RawCluster::read)?,
            users: keys.named("users", "user", folder, RawUser::read)?,
            contexts: keys.named("contexts", "context", folder, RawContext::read)?,
        })
    }
}

impl RawCluster {
    fn read(keys: &Keys<'_>) -> Read<Self> {
        Ok(Self {
            server: keys.text("server")?,
            certificate_authority: keys.path("certificate-authority")?,
            certificate_authority_data: keys.text("certificate-authority-data")?,
            insecure_skip_tls_verify: keys.flag("insecure-skip-tls-verify")?,
            tls_server_name: keys.text("tls-server-name")?,
            proxy_url: keys.text("proxy-url")?,
        })
    }
}

impl RawUser {
    fn read(keys: &Keys<'_>) -> Read<Self> {
        Ok(Self {
            token: keys.text("token")?,
            token_file: keys.path("tokenFile")?,
            client_certificate: keys.path("client-certificate")?,
            client_certificate_data: keys.text("client-certificate-data")?,
            client_key: keys.path("client-key")?,
            client_key_data: keys.text("client-key-data")?,
            username: keys.text("username")?,
            password: keys.text("password")?,
            exec: keys.get("exec").map(|node| RawExec::read(&Keys::of(node)?)).transpose()?,
            auth_provider: keys.get("auth-provider").is_some(),
        })
    }
}

impl RawContext {
    fn read(keys: &Keys<'_>) -> Read<Self> {
        Ok(Self { cluster: keys.text("cluster")?, user: keys.text("user")?, namespace: keys.text("namespace")? })
    }
}

impl RawExec {
    fn read(keys: &Keys<'_>) -> Read<Self> {
        let variable = |node: &Node| {
            let keys = Keys::of(node)?;
            Ok((keys.need("name")?, keys.need("value")?))
        };
        Ok(Self {
            api_version: keys.text("apiVersion")?,
            command: keys.text("command")?,
            args: keys.list("args")?.iter().map(|node| text("args", node)).collect::<Read<_>>()?,
            env: keys.list("env")?.iter().map(variable).collect::<Read<_>>()?,
            provide_cluster_info: keys.flag("provideClusterInfo")?,
            interactive_mode: keys.text("interactiveMode")?,
            install_hint: keys.text("installHint")?,
        })
    }
}

/// A mapping being read.
struct Keys<'a> {
    at: Position,
    entries: &'a [Entry],
}

impl<'a> Keys<'a> {
    fn of(node: &'a Node) -> Read<Self> {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            Value::Null => &[],
            other => return Err(fault(node.at, format!("here belongs a mapping, this is {}", other.kind()))),
        };
        for (index, entry) in entries.iter().enumerate() {
            if let Some(first) = entries[..index].iter().find(|first| first.key == entry.key) {
                return Err(fault(entry.at, format!("{} is already in line {}", entry.key, first.at.line)));
            }
        }
        Ok(Self { at: node.at, entries })
    }

    /// The value of a key; `None` when it is absent or null.
    fn get(&self, key: &str) -> Option<&'a Node> {
        let entry = self.entries.iter().find(|entry| &*entry.key == key)?;
        (entry.value.value != Value::Null).then_some(&entry.value)
    }

    fn text(&self, key: &str) -> Read<Option<String>> {
        self.get(key).map(|node| text(key, node)).transpose()
    }

    fn need(&self, key: &str) -> Read<String> {
        self.text(key)?.ok_or_else(|| fault(self.at, format!("{key} is missing")))
    }

    fn path(&self, key: &str) -> Read<Option<PathBuf>> {
        Ok(self.text(key)?.map(PathBuf::from))
    }

    fn flag(&self, key: &str) -> Read<bool> {
        let Some(node) = self.get(key) else { return Ok(false) };
        match &node.value {
            Value::Scalar(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::Scalar(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(fault(node.at, format!("{key} takes true or false"))),
        }
    }

    fn list(&self, key: &str) -> Read<&'a [Node]> {
        match self.get(key).map(|node| (node.at, &node.value)) {
            None => Ok(&[]),
            Some((_, Value::List(items))) => Ok(items),
            Some((at, other)) => Err(fault(at, format!("{key} takes a list, this is {}", other.kind()))),
        }
    }

    /// A list of names, each with a mapping under `inner`.
    fn named<T>(
        &self,
        key: &str,
        inner: &str,
        folder: &Path,
        read: fn(&Keys<'_>) -> Read<T>,
    ) -> Read<Vec<RawNamed<T>>> {
        let entry = |node: &Node| {
            let keys = Keys::of(node)?;
            let inside = keys.get(inner).map_or(Ok(Keys { at: node.at, entries: &[] }), Keys::of)?;
            Ok(RawNamed { name: keys.need("name")?, value: read(&inside)?, folder: folder.to_owned() })
        };
        self.list(key)?.iter().map(entry).collect()
    }
}

fn text(key: &str, node: &Node) -> Read<String> {
    match &node.value {
        Value::Scalar(text) => Ok(text.to_string()),
        other => Err(fault(node.at, format!("{key} takes a text, this is {}", other.kind()))),
    }
}

fn fault(at: Position, what: String) -> YamlError {
    YamlError { at, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(text: &str) -> String {
        RawConfig::parse(text, Path::new("")).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn faults_tell_their_place_and_no_value() {
        for (text, wanted) in [
            ("- a\n", "line 1 column 1: here belongs a mapping, this is a list"),
            ("users: x\n", "line 1 column 8: users takes a list, this is a text"),
            ("users:\n- user: {}\n", "line 2 column 3: name is missing"),
            ("users:\n- name: a\n  user: {token: [hunter2]}\n", "line 3 column 17: token takes a text, this is a list"),
            (
                "users:\n- name: a\n  user:\n    token: hunter2\n    token: b\n",
                "line 5 column 5: token is already in line 4",
            ),
            (
                "clusters: [{name: a, cluster: {insecure-skip-tls-verify: hunter2}}]",
                "line 1 column 58: insecure-skip-tls-verify takes true or false",
            ),
            ("users: [{name: a, user: {exec: {env: [{name: A}]}}}]", "line 1 column 39: value is missing"),
        ] {
            assert_eq!(fault_of(text), wanted);
        }
    }

    #[test]
    fn numbers_are_names_and_what_is_null_is_absent() {
        let text = "current-context: 5\nclusters:\nusers: [{name: 7, user: {token: 0123, exec: }}, {name: b}]\n";
        let config = RawConfig::parse(text, Path::new("/k")).unwrap();
        assert_eq!((config.current_context.as_deref(), config.clusters.len()), (Some("5"), 0));
        let user = &config.users[0];
        assert_eq!((user.name.as_str(), user.value.token.as_deref()), ("7", Some("0123")));
        assert!(user.value.exec.is_none() && config.users[1].value.token.is_none());
        assert_eq!(user.folder, Path::new("/k"));
        assert!(RawConfig::parse("", Path::new("")).unwrap().users.is_empty());
    }
}
