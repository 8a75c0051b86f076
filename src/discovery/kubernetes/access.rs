//! How the API server is reached: from inside a pod, or by kubeconfig.
//!
//! # Invariants
//! An [`Access`] is what was found at one moment; what changes on disk under it (token, certificates) is read again by
//! those who use it.
//! Rule: in a pod `KUBERNETES_SERVICE_HOST` and `_PORT` with the service account's folder, then `KUBECONFIG` (several
//! files), then `~/.kube/config`.

use super::exec::ExecPlugin;
use super::kubeconfig;
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a pod finds its service account.
pub const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The API server and how to speak to it.
#[derive(Debug, Clone)]
pub struct Access {
    /// `https://host:port`, possibly with a path, without a slash at its end.
    pub server: String,
    /// The CAs that may have signed its certificate; `None` takes the system's.
    pub ca: Option<Pem>,
    /// Accept any certificate.
    pub insecure: bool,
    /// The name the certificate must be for, when it is not the URL's host.
    pub server_name: Option<String>,
    /// `http://` proxy.
    pub proxy: Option<String>,
    /// Client certificate and key.
    pub identity: Option<(Pem, Pem)>,
    /// What goes into the Authorization header.
    pub bearer: Bearer,
    /// The context's namespace, or the service account's.
    pub namespace: Option<String>,
}

/// Where PEM text is.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// Written in the kubeconfig.
    Data(Arc<[u8]>),
    /// In a file, which may change.
    File(PathBuf),
}

impl Pem {
    /// The text as it is now.
    ///
    /// # Errors
    /// The file that cannot be read.
    pub fn read(&self) -> Result<Arc<[u8]>, String> {
        match self {
            Self::Data(bytes) => Ok(bytes.clone()),
            Self::File(path) => std::fs::read(path)
                .map(Arc::from)
                .map_err(|error| format!("{} cannot be read: {error}", path.display())),
        }
    }
}

/// A private key may be among them, so the bytes stay out of sight.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(bytes) => write!(f, "Data({} bytes)", bytes.len()),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}

/// What goes into the Authorization header.
#[derive(Debug, Clone)]
pub enum Bearer {
    /// Nothing.
    None,
    /// A token that stays as it is.
    Token(Secret),
    /// A file that is read with each request; a service account's token changes hourly.
    File(PathBuf),
    /// User name and password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A program that makes tokens or certificates.
    Exec(Box<ExecPlugin>),
}

/// What the process's surroundings say of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The service account's folder.
    pub service_account: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        let names = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "KUBECONFIG", "HOME", "POD_NAMESPACE"];
        let variables = names.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
        Self { variables: variables.collect(), service_account: SERVICE_ACCOUNT.into() }
    }

    /// The same with `POD_NAMESPACE` as whatap.conf gives it.
    pub fn with_namespace(mut self, namespace: Option<&str>) -> Self {
        let namespace = namespace.map(|name| ("POD_NAMESPACE".to_owned(), name.to_owned()));
        self.variables.extend(namespace);
        self
    }

    /// A kubeconfig and nothing else.
    pub fn with_kubeconfig(path: &Path) -> Self {
        let variables = [("KUBECONFIG".to_owned(), path.display().to_string())].into();
        Self { variables, service_account: PathBuf::new() }
    }

    /// Whether this process runs in a pod, by the variables Kubernetes gives every pod.
    pub fn in_pod(&self) -> bool {
        self.value("KUBERNETES_SERVICE_HOST").is_some()
    }

    /// The namespace the agent's own objects are in: `POD_NAMESPACE`, the service account's, the context's, or
    /// `whatap-monitoring`.
    pub fn namespace(&self, access: Option<&Access>) -> String {
        let of_account = || std::fs::read_to_string(self.service_account.join("namespace")).ok();
        let named = self.value("POD_NAMESPACE").map(str::to_owned).or_else(of_account);
        let named = named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let of_context = || access.and_then(|access| access.namespace.clone());
        named.or_else(of_context).unwrap_or_else(|| "whatap-monitoring".to_owned())
    }

    /// Finds the API server.
    ///
    /// # Errors
    /// One line: which ways were tried, why none of them leads to a cluster.
    pub fn access(&self) -> Result<Access, String> {
        if let Some(host) = self.value("KUBERNETES_SERVICE_HOST") {
            return self.in_cluster(host);
        }
        if let Some(paths) = self.value("KUBECONFIG") {
            let paths: Vec<_> = std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect();
            return kubeconfig::load(&paths);
        }
        let home = self.value("HOME").map(|home| Path::new(home).join(".kube/config"));
        match home.filter(|path| path.exists()) {
            Some(path) => kubeconfig::load(&[path]),
            None => Err("no Kubernetes cluster is known: this is no pod (KUBERNETES_SERVICE_HOST is not set), \
                         KUBECONFIG is not set and there is no ~/.kube/config"
                .to_owned()),
        }
    }

    fn in_cluster(&self, host: &str) -> Result<Access, String> {
        let port = self.value("KUBERNETES_SERVICE_PORT").unwrap_or("443");
        let token = self.service_account.join("token");
        if !token.exists() {
            return Err(format!(
                "the service account has no token at {}; let the pod have one (automountServiceAccountToken)",
                token.display()
            ));
        }
        let ca = self.service_account.join("ca.crt");
        Ok(Access {
            server: format!("https://{}:{port}", bracketed(host)),
            ca: ca.exists().then_some(Pem::File(ca)),
            insecure: false,
            server_name: None,
            proxy: None,
            identity: None,
            bearer: Bearer::File(token),
            namespace: std::fs::read_to_string(self.service_account.join("namespace"))
                .ok()
                .map(|name| name.trim().to_owned()),
        })
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}
