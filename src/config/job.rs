//! The one model: every way of writing a scrape configuration ends as [`ScrapeJob`]s, and all rooms behind the
//! configuration know only those.
//!
//! # Invariants
//! A `ScrapeJob` is valid, complete (every default filled in) and immutable. Two jobs that compare equal behave the
//! same, so a reload leaves an equal job's targets alone.

use crate::labels::Labels;
use crate::relabel::Rules;
use crate::secret::Secret;
use crate::selector::Selector;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One source of targets and how they are scraped: a target's endpoint of the CR format, or a `scrape_configs` entry.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapeJob {
    /// `targetName` or `job_name`; the `job` label.
    pub name: Arc<str>,
    /// Where its targets come from.
    pub discover: Discover,
    /// As written; `None` is decided per target (see [`crate::discovery::target`]).
    pub scheme: Option<Scheme>,
    /// Path of the URL, beginning with `/`; may hold a query.
    pub path: String,
    /// Query parameters, each name with its values in order.
    pub params: Vec<(String, Vec<String>)>,
    /// Time between scrapes, at least `minimumInterval`.
    pub interval: Duration,
    /// Bound of one scrape, from connecting to the last byte; at most the interval.
    pub timeout: Duration,
    /// Whether a sample's own label wins over the target's of the same name.
    pub honor_labels: bool,
    /// Whether a sample's own timestamp is used.
    pub honor_timestamps: bool,
    /// Labels added to every target.
    pub labels: Labels,
    /// Labels added to every sample last, unless there already.
    pub external_labels: Labels,
    /// `metricSelector` or `filter.whitelist`: only these metric names are kept; `None` keeps all.
    pub keep_names: Option<Arc<BTreeSet<String>>>,
    /// Rules over the target's labels.
    pub relabel: Arc<Rules>,
    /// Rules over each sample's labels, `__name__` among them.
    pub metric_relabel: Arc<Rules>,
    /// Whether samples carry a `node` label.
    pub add_node_label: bool,
    /// TLS settings; `None` when there was no tlsConfig.
    pub tls: Option<TlsSettings>,
    /// Credentials sent with each scrape.
    pub credentials: Credentials,
    /// Bounds whose breach fails a scrape.
    pub limits: Limits,
    /// How the timeout grows for a target that does not keep it; `None` when switched off.
    pub adaptive_timeout: Option<AdaptiveTimeout>,
    /// Whether redirects are followed (5 at most).
    pub follow_redirects: bool,
    /// HTTP proxy for these scrapes.
    pub proxy_url: Option<String>,
}

/// Where a job's targets come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Discover {
    /// Addresses as written, `host:port` each.
    Static(Vec<String>),
    /// Ready pods.
    Pods(KubernetesSelection),
    /// Ready addresses of services.
    Services(KubernetesSelection),
}

impl Discover {
    /// The type's name in the CR format, as `openagent_scrape_target` and messages give it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Static(_) => "StaticEndpoints",
            Self::Pods(_) => "PodMonitor",
            Self::Services(_) => "ServiceMonitor",
        }
    }
}

/// Which pods or services, in which namespaces, at which port.
#[derive(Debug, Clone, PartialEq)]
pub struct KubernetesSelection {
    /// The namespaces.
    pub namespaces: NamespaceSelection,
    /// Labels of the pods or services.
    pub selector: Selector,
    /// The port to scrape; `None` takes every declared port.
    pub port: Option<Port>,
}

/// Which namespaces.
#[derive(Debug, Clone, PartialEq)]
pub enum NamespaceSelection {
    /// `any: true`.
    Any,
    /// These, by name; without a namespaceSelector it is `default` alone.
    Names(BTreeSet<String>),
    /// Those whose labels match and, when `names` is given, whose name is among them.
    Matching {
        /// matchNames beside the label selector.
        names: Option<BTreeSet<String>>,
        /// matchLabels and matchExpressions.
        selector: Selector,
    },
}

/// A port as an endpoint gives it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Port {
    /// Resolved through the pod's containers or the slice's ports.
    Name(String),
    /// Used as it is.
    Number(u16),
}

/// The scheme of a scrape URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// tlsConfig; each part comes from a file or a Kubernetes secret, never from both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TlsSettings {
    /// Accept any certificate and any name; handshake signatures are still checked.
    pub insecure_skip_verify: bool,
    /// The name the certificate must be for, and the SNI sent; default the URL's host.
    pub server_name: Option<String>,
    /// CA certificates beside the system's.
    pub ca: Option<PemSource>,
    /// Client certificate and its key.
    pub identity: Option<(PemSource, PemSource)>,
}

/// Where PEM text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PemSource {
    /// A file, read again when it changes.
    File(PathBuf),
    /// A key of a Kubernetes secret.
    Secret(SecretKey),
}

/// A key of a Kubernetes secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretKey {
    /// The secret's name.
    pub name: String,
    /// The key inside it.
    pub key: String,
    /// Its namespace; `None` is the agent's own.
    pub namespace: Option<String>,
}

/// Where a secret text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// Written in the configuration.
    Plain(Secret),
    /// A file, read again when it changes; white space at its end is cut off.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A key of a Kubernetes secret.
    Kubernetes(SecretKey),
}

/// Credentials of a scrape. Anything but `None` keeps the service account token away, even when it fails to resolve.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Credentials {
    /// None configured.
    #[default]
    None,
    /// basicAuth.
    Basic {
        /// User name.
        username: SecretSource,
        /// Password.
        password: SecretSource,
    },
    /// authorization, or bearerTokenFile with the type `Bearer`.
    Authorization {
        /// The scheme word before the credentials.
        kind: String,
        /// What follows it.
        credentials: SecretSource,
    },
}

/// Bounds of one scrape; a breach fails the scrape whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes of the body after inflation; default 64 MiB.
    pub body_bytes: u64,
    /// Samples after metric relabelling; 0 is no limit.
    pub samples: u64,
    /// Labels of a sample, 255 at most by protocol.
    pub labels: usize,
    /// Bytes of a label name; 0 is no limit.
    pub label_name_bytes: usize,
    /// Bytes of a label value; 0 is no limit.
    pub label_value_bytes: usize,
    /// Targets of the job; 0 is no limit.
    pub targets: usize,
}

impl Limits {
    /// Labels that a record can hold: its count is one byte.
    pub const MAX_LABELS: usize = 255;
    /// Body bytes without a setting.
    pub const DEFAULT_BODY_BYTES: u64 = 64 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: Self::DEFAULT_BODY_BYTES,
            samples: 0,
            labels: Self::MAX_LABELS,
            label_name_bytes: 0,
            label_value_bytes: 0,
            targets: 0,
        }
    }
}

/// adaptiveTimeout: after `failure_threshold` timeouts in a row the timeout grows by `multiplier`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaptiveTimeout {
    /// Timeouts in a row before it grows; at least 1.
    pub failure_threshold: u32,
    /// Factor of growth, above 1.
    pub multiplier: f64,
}

impl Default for AdaptiveTimeout {
    fn default() -> Self {
        Self { failure_threshold: 2, multiplier: 2.0 }
    }
}

impl ScrapeJob {
    /// A job with every default of SPEC: interval 60 s, timeout 10 s, path `/metrics`.
    pub fn new(name: &str, discover: Discover) -> Self {
        Self {
            name: name.into(),
            discover,
            scheme: None,
            path: "/metrics".to_owned(),
            params: Vec::new(),
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            honor_labels: false,
            honor_timestamps: true,
            labels: Labels::default(),
            external_labels: Labels::default(),
            keep_names: None,
            relabel: Arc::default(),
            metric_relabel: Arc::default(),
            add_node_label: false,
            tls: None,
            credentials: Credentials::None,
            limits: Limits::default(),
            adaptive_timeout: Some(AdaptiveTimeout::default()),
            follow_redirects: true,
            proxy_url: None,
        }
    }
}
