//! From what was found for a job to a target: labels, relabelling, the URL that comes of them.
//!
//! The steps and their order are Prometheus': discovered labels, the job's own, defaults for what is still missing,
//! relabelConfigs, checks, removal of what begins with `__`.
//!
//! # Invariants
//! Whatever was found becomes a [`Target`] or a [`Dropped`] with its reason; nothing is lost between.

use super::dropped::{DropReason, Dropped};
use super::packed::PackedLabels;
use super::target::Target;
use super::url;
use crate::config::job::{Scheme, ScrapeJob};
use crate::duration;
use crate::labels::{LabelBuf, Labels};
use crate::relabel::{Effect, Explanation, LabelNames, Outcome, Scratch};
use std::sync::Arc;
use std::time::Duration;

/// The label of the address; it becomes the URL's.
pub const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const PATH: &str = "__metrics_path__";
const PARAM: &str = "__param_";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const JOB: &str = "job";
const INSTANCE: &str = "instance";
const NODE: &str = "node";

/// Something found for a job, before relabelling.
#[derive(Debug, Clone, Default)]
pub struct Candidate {
    /// `host:port`, IPv6 in brackets.
    pub address: String,
    /// What is known of it: `__meta_` labels.
    pub labels: LabelBuf,
    /// The port's name, when it has one; `https` decides the scheme.
    pub port_name: Option<String>,
    /// Kubernetes namespace it was found in.
    pub namespace: Option<Arc<str>>,
    /// Node it runs on, for addNodeLabel.
    pub node: Option<String>,
}

/// Makes targets of what is found for one job.
#[derive(Debug)]
pub struct Resolver {
    job: Arc<ScrapeJob>,
    scratch: Scratch,
}

impl Resolver {
    /// For this job.
    pub fn new(job: Arc<ScrapeJob>) -> Self {
        Self { job, scratch: Scratch::default() }
    }

    /// Makes a target of a candidate.
    ///
    /// # Errors
    /// The reason why it is none.
    #[allow(clippy::result_large_err, reason = "both are kept, one of them for each candidate")]
    pub fn resolve(&mut self, candidate: Candidate) -> Result<Target, Dropped> {
        let Candidate { address, labels, port_name, namespace, node } = candidate;
        let scheme = scheme(&self.job, port_name.as_deref());
        let own_instance = labels.value(INSTANCE).is_some() || self.job.labels.value(INSTANCE).is_some();
        let mut labels = discovered(&self.job, &address, scheme, labels);
        let found = PackedLabels::from(&labels);
        match self.relabelled(&mut labels, scheme, own_instance, node.as_deref()) {
            Ok(end) => Ok(Target {
                job: Arc::clone(&self.job),
                scheme: end.scheme,
                address: end.address,
                path_and_query: end.path_and_query,
                labels: Labels::from(&labels),
                discovered: found,
                interval: end.interval,
                timeout: end.timeout,
                namespace,
            }),
            Err(reason) => Err(Dropped { job: Arc::clone(&self.job), address, namespace, discovered: found, reason }),
        }
    }

    /// Applies the rules and takes from the labels what is not a label of the series.
    fn relabelled(
        &mut self,
        labels: &mut LabelBuf,
        scheme: Scheme,
        own_instance: bool,
        node: Option<&str>,
    ) -> Result<Endpoint, DropReason> {
        let mut own_instance = own_instance;
        let outcome = self.job.relabel.apply_watched(labels, &mut self.scratch, |_, effect| match effect {
            Effect::Set { name: INSTANCE, .. } => own_instance = true,
            Effect::Removed { name: INSTANCE } => own_instance = false,
            _ => {}
        });
        if let Outcome::DroppedBy(index) = outcome {
            let text = self.job.relabel.configs().nth(index).map(ToString::to_string).unwrap_or_default();
            return Err(DropReason::Rule { index, text });
        }
        let endpoint = Endpoint::of(&self.job, labels, scheme)?;
        if !own_instance {
            labels.set(INSTANCE, &endpoint.address);
        }
        labels.retain(|name, _| !name.starts_with("__") && LabelNames::Utf8.allow(name));
        if let Some(node) = node.filter(|_| self.job.add_node_label && labels.value(NODE).is_none()) {
            labels.set(NODE, node);
        }
        Ok(endpoint)
    }
}

/// What each rule of a job does to a candidate, from the labels it was discovered with.
pub fn explain(job: &ScrapeJob, discovered: &PackedLabels) -> Explanation {
    let mut labels = LabelBuf::new();
    labels.extend(discovered.unpack().view());
    job.relabel.explain(&mut labels, &mut Scratch::default()).1
}

/// The scheme before relabelling: as written, else by the port's name, else by whether there are TLS settings.
fn scheme(job: &ScrapeJob, port_name: Option<&str>) -> Scheme {
    let implied = if port_name == Some("https") || job.tls.is_some() { Scheme::Https } else { Scheme::Http };
    job.scheme.unwrap_or(implied)
}

/// All labels that the rules see.
fn discovered(job: &ScrapeJob, address: &str, scheme: Scheme, mut labels: LabelBuf) -> LabelBuf {
    labels.set(ADDRESS, address);
    let mut add = |name: &str, value: &str| {
        if labels.value(name).is_none() {
            labels.set(name, value);
        }
    };
    job.labels.iter().for_each(|(name, value)| add(name, value));
    add(JOB, &job.name);
    add(INSTANCE, address);
    add(SCHEME, scheme.as_str());
    add(PATH, &job.path);
    add(INTERVAL, &duration::format(job.interval));
    add(TIMEOUT, &duration::format(job.timeout));
    for (name, values) in &job.params {
        if let Some(first) = values.first() {
            add(&format!("{PARAM}{name}"), first);
        }
    }
    labels
}

/// What the labels say of how to scrape.
struct Endpoint {
    scheme: Scheme,
    address: String,
    path_and_query: String,
    interval: Duration,
    timeout: Duration,
}

impl Endpoint {
    /// Reads the labels after relabelling; what rules removed falls back to the job's own, but for the address.
    fn of(job: &ScrapeJob, labels: &LabelBuf, scheme: Scheme) -> Result<Self, DropReason> {
        let address = labels.value(ADDRESS).ok_or(DropReason::NoAddress)?.to_owned();
        url::check_address(&address).map_err(|what| DropReason::Address { address: address.clone(), what })?;
        let interval = time(labels, INTERVAL, job.interval)?;
        let timeout = time(labels, TIMEOUT, job.timeout)?;
        if timeout > interval {
            return Err(DropReason::TimeoutOverInterval { timeout, interval });
        }
        let path = labels.value(PATH).unwrap_or(&job.path);
        Ok(Self {
            scheme: labels.value(SCHEME).map_or(Ok(scheme), read_scheme)?,
            address,
            path_and_query: url::path_and_query(path, &params(job, labels)),
            interval,
            timeout,
        })
    }
}

fn read_scheme(written: &str) -> Result<Scheme, DropReason> {
    let known = [Scheme::Http, Scheme::Https].into_iter().find(|scheme| written.eq_ignore_ascii_case(scheme.as_str()));
    known.ok_or_else(|| DropReason::Scheme(written.to_owned()))
}

fn time(labels: &LabelBuf, label: &'static str, default: Duration) -> Result<Duration, DropReason> {
    let Some(written) = labels.value(label) else { return Ok(default) };
    match duration::parse(written) {
        Ok(Duration::ZERO) => Err(DropReason::Time { label, what: "it must be longer than 0".to_owned() }),
        Ok(time) => Ok(time),
        Err(error) => Err(DropReason::Time { label, what: error.to_string() }),
    }
}

/// The job's parameters, the first value of each as its label has it, and those that only a label gives; by name.
fn params(job: &ScrapeJob, labels: &LabelBuf) -> Vec<(String, Vec<String>)> {
    let mut params = job.params.clone();
    for (label, value) in labels.view().iter() {
        let Some(name) = label.strip_prefix(PARAM).filter(|name| !name.is_empty()) else { continue };
        match params.iter_mut().find(|(known, values)| known == name && !values.is_empty()) {
            Some((_, values)) => value.clone_into(&mut values[0]),
            None => params.push((name.to_owned(), vec![value.to_owned()])),
        }
    }
    params.sort_by(|(a, _), (b, _)| a.cmp(b));
    params
}
