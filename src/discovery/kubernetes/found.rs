//! What looking through the cluster gives: a scrape address with everything known of it, or the reason why not.

use super::objects::Meta;
use crate::config::job::Port;
use crate::labels::LabelBuf;
use std::fmt;

/// An address to scrape, before relabelling.
#[derive(Debug, Clone)]
pub struct Found {
    /// `host:port`, IPv6 in brackets.
    pub address: String,
    /// `__address__` and every `__meta_kubernetes_` label.
    pub labels: LabelBuf,
    /// Name of the port, when the port has one; `https` decides the scheme.
    pub port_name: Option<String>,
    /// Namespace of the pod or service.
    pub namespace: String,
    /// Node of the pod behind it, when known.
    pub node: Option<String>,
}

/// A pod, service or endpoint that the job selects and yet is no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// `pod production/web-5`.
    pub what: String,
    /// Why.
    pub reason: Reason,
}

/// Why something selected is no target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The pod's phase is not Running.
    Phase(String),
    /// The Ready condition is not true, or the endpoint is not ready.
    NotReady,
    /// It has no address yet.
    NoAddress,
    /// It has no such port; which it has.
    NoPort {
        /// As the endpoint asks.
        wanted: String,
        /// What is declared, `name=number` each.
        declared: String,
    },
    /// It declares no port, and the endpoint names none.
    NoPorts,
    /// The port is UDP or SCTP.
    NotTcp(String),
    /// An ExternalName service stands for a DNS name, it has no endpoints.
    ExternalName(String),
    /// The service has no EndpointSlice.
    NoSlices,
    /// It runs on another node, or on none, and `node_local` is on.
    OtherNode(String),
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phase(phase) if phase.is_empty() => f.write_str("it has no phase yet, only Running is scraped"),
            Self::Phase(phase) => write!(f, "it is {phase}, only Running is scraped"),
            Self::NotReady => f.write_str("it is not ready"),
            Self::NoAddress => f.write_str("it has no IP address yet"),
            Self::NoPort { wanted, declared } if declared.is_empty() => {
                write!(f, "it has no port {wanted:?} and declares none; give the port as a number or declare it")
            }
            Self::NoPort { wanted, declared } => {
                write!(f, "it has no port {wanted:?} among {declared}; name one of these or give a number")
            }
            Self::NoPorts => f.write_str("it declares no port; give one in the endpoint"),
            Self::NotTcp(port) => write!(f, "port {port} is not TCP"),
            Self::ExternalName(name) => {
                write!(f, "an ExternalName service has no endpoints; scrape {name} with StaticEndpoints")
            }
            Self::NoSlices => f.write_str("it has no endpoints: no pod matches its selector, or none is there yet"),
            Self::OtherNode(node) if node.is_empty() => f.write_str("its node is unknown and node_local is on"),
            Self::OtherNode(node) => write!(f, "it runs on node {node} and node_local is on"),
        }
    }
}

/// Where a look-through puts what it finds.
pub trait Sink {
    /// An address to scrape.
    fn found(&mut self, found: Found);
    /// Something selected that is no target.
    fn missed(&mut self, missed: Missed);
}

/// `pod namespace/name`.
pub(super) fn what(kind: &str, meta: &Meta) -> String {
    format!("{kind} {}/{}", meta.namespace, meta.name)
}

/// `host:port`, an IPv6 address in brackets.
pub(super) fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Whether ports of this protocol can be scraped; an absent protocol is TCP.
pub(super) fn is_tcp(protocol: &str) -> bool {
    protocol.is_empty() || protocol == "TCP"
}

/// The port as the endpoint gives it.
pub(super) fn wanted(port: &Port) -> String {
    match port {
        Port::Name(name) => name.clone(),
        Port::Number(number) => number.to_string(),
    }
}

/// `name=number` of each declared port, for the reason.
pub(super) fn declared<'a>(ports: impl Iterator<Item = (&'a str, u16)>) -> String {
    let one = |(name, number): (&str, u16)| match name {
        "" => number.to_string(),
        name => format!("{name}={number}"),
    };
    ports.map(one).collect::<Vec<_>>().join(", ")
}
