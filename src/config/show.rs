//! The configuration in force as text: for `check --show` and the status page.
//!
//! # Invariants
//! Secrets are masked. What is shown of a job reads back as the same job, masked secrets apart.

use super::job::{
    Credentials, Discover, KubernetesSelection, Limits, NamespaceSelection, PemSource, Port, ScrapeJob, SecretKey,
    SecretSource, TlsSettings,
};
use super::jobs::Jobs;
use super::settings::{Origin, Settings};
use crate::duration;
use crate::labels::Labels;
use crate::relabel::Rules;
use crate::secret::MASK;
use crate::selector::{Operator, Selector};
use std::fmt::{self, Write as _};

/// Every key of whatap.conf with its value in force and where that came from.
pub fn settings(settings: &Settings) -> String {
    let line = |entry: super::settings::Entry| {
        let origin = match entry.origin {
            Origin::Default => "default".to_owned(),
            Origin::File(name) => format!("whatap.conf: {name}"),
            Origin::Environment(name) => format!("environment: {name}"),
        };
        format!("{:<64} # {origin}\n", format!("{}={}", entry.name, entry.value))
    };
    settings.entries().map(line).collect()
}

/// Every job in the CR format, complete.
pub fn jobs(jobs: &Jobs) -> String {
    let mut out = "features:\n  openAgent:\n    enabled: true\n    targets:\n".to_owned();
    if jobs.0.is_empty() {
        out.push_str("      []\n");
    }
    for job in &jobs.0 {
        let _ = write_job(&mut Yaml { out: &mut out, depth: 3 }, job); // writing to a String does not fail
    }
    let external = jobs.0.first().map(|job| &job.external_labels).filter(|labels| !labels.is_empty());
    if let Some(labels) = external {
        let _ = write_labels(&mut Yaml { out: &mut out, depth: 0 }.under("global"), "external_labels", labels);
    }
    out
}

/// Indented YAML; texts are written as JSON writes them, which is YAML too.
struct Yaml<'a> {
    out: &'a mut String,
    depth: usize,
}

impl Yaml<'_> {
    fn line(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        writeln!(self.out, "{:1$}{text}", "", self.depth * 2)
    }

    fn text(&mut self, key: &str, text: &str) -> fmt::Result {
        self.line(format_args!("{key}: {}", quoted(text)))
    }

    fn plain(&mut self, key: &str, value: impl fmt::Display) -> fmt::Result {
        self.line(format_args!("{key}: {value}"))
    }

    fn list<'t>(&mut self, key: &str, texts: impl IntoIterator<Item = &'t str>) -> fmt::Result {
        let texts: Vec<String> = texts.into_iter().map(quoted).collect();
        self.line(format_args!("{key}: [{}]", texts.join(", ")))
    }

    /// The inside of a mapping.
    fn under(&mut self, key: &str) -> Yaml<'_> {
        let _ = self.line(format_args!("{key}:"));
        Yaml { out: self.out, depth: self.depth + 1 }
    }

    /// The inside of a list's item, whose first line the caller writes with a dash.
    fn item(&mut self, first: fmt::Arguments<'_>) -> Yaml<'_> {
        let _ = self.line(format_args!("- {first}"));
        Yaml { out: self.out, depth: self.depth + 1 }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_job(yaml: &mut Yaml<'_>, job: &ScrapeJob) -> fmt::Result {
    let mut target = yaml.item(format_args!("targetName: {}", quoted(&job.name)));
    target.plain("type", job.discover.type_name())?;
    match &job.discover {
        Discover::Static(addresses) => {
            target.list("addresses", addresses.iter().map(String::as_str))?;
            write_options(&mut target, job)
        }
        Discover::Pods(selection) | Discover::Services(selection) => {
            write_selection(&mut target, selection)?;
            let mut endpoints = target.under("endpoints");
            let mut endpoint = match &selection.port {
                Some(Port::Name(name)) => endpoints.item(format_args!("port: {}", quoted(name))),
                Some(Port::Number(number)) => endpoints.item(format_args!("port: {number}")),
                None => endpoints.item(format_args!("port:")),
            };
            write_options(&mut endpoint, job)
        }
    }
}

fn write_selection(yaml: &mut Yaml<'_>, selection: &KubernetesSelection) -> fmt::Result {
    let mut namespaces = yaml.under("namespaceSelector");
    let names = |namespaces: &mut Yaml<'_>, names: &std::collections::BTreeSet<String>| {
        namespaces.list("matchNames", names.iter().map(String::as_str))
    };
    match &selection.namespaces {
        NamespaceSelection::Any => namespaces.plain("any", true)?,
        NamespaceSelection::Names(list) => names(&mut namespaces, list)?,
        NamespaceSelection::Matching { names: list, selector } => {
            list.iter().try_for_each(|list| names(&mut namespaces, list))?;
            write_selector(&mut namespaces, selector)?;
        }
    }
    if !selection.selector.requirements.is_empty() {
        write_selector(&mut yaml.under("selector"), &selection.selector)?;
    }
    Ok(())
}

fn write_selector(yaml: &mut Yaml<'_>, selector: &Selector) -> fmt::Result {
    let mut expressions = yaml.under("matchExpressions");
    for requirement in &selector.requirements {
        let mut expression = expressions.item(format_args!("key: {}", quoted(&requirement.key)));
        let (operator, values) = match &requirement.operator {
            Operator::In(values) => ("In", Some(values)),
            Operator::NotIn(values) => ("NotIn", Some(values)),
            Operator::Exists => ("Exists", None),
            Operator::DoesNotExist => ("DoesNotExist", None),
        };
        expression.plain("operator", operator)?;
        values.iter().try_for_each(|values| expression.list("values", values.iter().map(String::as_str)))?;
    }
    Ok(())
}

fn write_options(yaml: &mut Yaml<'_>, job: &ScrapeJob) -> fmt::Result {
    if let Some(scheme) = job.scheme {
        yaml.plain("scheme", scheme.as_str())?;
    }
    yaml.text("path", &job.path)?;
    if !job.params.is_empty() {
        let mut params = yaml.under("params");
        for (name, values) in &job.params {
            params.list(&quoted(name), values.iter().map(String::as_str))?;
        }
    }
    yaml.plain("interval", duration::format(job.interval))?;
    yaml.plain("timeout", duration::format(job.timeout))?;
    yaml.plain("honorLabels", job.honor_labels)?;
    yaml.plain("honorTimestamps", job.honor_timestamps)?;
    yaml.plain("addNodeLabel", job.add_node_label)?;
    yaml.plain("followRedirects", job.follow_redirects)?;
    write_labels(yaml, "labels", &job.labels)?;
    if let Some(names) = &job.keep_names {
        yaml.list("metricSelector", names.iter().map(String::as_str))?;
    }
    write_rules(yaml, "relabelConfigs", &job.relabel)?;
    write_rules(yaml, "metricRelabelConfigs", &job.metric_relabel)?;
    job.tls.iter().try_for_each(|tls| write_tls(&mut yaml.under("tlsConfig"), tls))?;
    write_credentials(yaml, &job.credentials)?;
    write_limits(yaml, &job.limits)?;
    let mut adaptive = yaml.under("adaptiveTimeout");
    match job.adaptive_timeout {
        None => adaptive.plain("enabled", false)?,
        Some(on) => {
            adaptive.plain("failureThreshold", on.failure_threshold)?;
            adaptive.plain("multiplier", on.multiplier)?;
        }
    }
    job.proxy_url.iter().try_for_each(|url| yaml.text("proxyUrl", &without_user(url)))
}

/// A URL whose user and password are masked.
fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{MASK}@{host}"),
        None => url.to_owned(),
    }
}

fn write_labels(yaml: &mut Yaml<'_>, key: &str, labels: &Labels) -> fmt::Result {
    if labels.is_empty() {
        return Ok(());
    }
    let mut map = yaml.under(key);
    labels.iter().try_for_each(|(name, value)| map.text(&quoted(name), value))
}

fn write_limits(yaml: &mut Yaml<'_>, limits: &Limits) -> fmt::Result {
    yaml.plain("bodySizeLimit", if limits.body_bytes == u64::MAX { 0 } else { limits.body_bytes })?;
    yaml.plain("sampleLimit", limits.samples)?;
    yaml.plain("labelLimit", limits.labels)?;
    yaml.plain("labelNameLengthLimit", limits.label_name_bytes)?;
    yaml.plain("labelValueLengthLimit", limits.label_value_bytes)?;
    yaml.plain("targetLimit", limits.targets)
}

fn write_tls(yaml: &mut Yaml<'_>, tls: &TlsSettings) -> fmt::Result {
    yaml.plain("insecureSkipVerify", tls.insecure_skip_verify)?;
    tls.server_name.iter().try_for_each(|name| yaml.text("serverName", name))?;
    let ca = tls.ca.iter().map(|ca| ("ca", ca));
    let identity = tls.identity.iter().flat_map(|(cert, key)| [("cert", cert), ("key", key)]);
    ca.chain(identity).collect::<Vec<_>>().into_iter().try_for_each(|(name, source)| match source {
        PemSource::File(path) => yaml.text(&format!("{name}File"), &path.to_string_lossy()),
        PemSource::Secret(key) => write_secret_key(&mut yaml.under(&format!("{name}Secret")), key),
    })
}

fn write_credentials(yaml: &mut Yaml<'_>, credentials: &Credentials) -> fmt::Result {
    match credentials {
        Credentials::None => Ok(()),
        Credentials::Basic { username, password } => {
            let mut basic = yaml.under("basicAuth");
            write_source(&mut basic, "username", username)?;
            write_source(&mut basic, "password", password)
        }
        Credentials::Authorization { kind, credentials } => {
            let mut authorization = yaml.under("authorization");
            authorization.text("type", kind)?;
            write_source(&mut authorization, "credentials", credentials)
        }
    }
}

fn write_source(yaml: &mut Yaml<'_>, key: &str, source: &SecretSource) -> fmt::Result {
    match source {
        SecretSource::Plain(secret) => yaml.text(key, &secret.to_string()),
        SecretSource::File(path) => yaml.text(&format!("{key}File"), &path.to_string_lossy()),
        SecretSource::Env(name) => yaml.text(&format!("{key}Env"), name),
        SecretSource::Kubernetes(secret) => write_secret_key(&mut yaml.under(key), secret),
    }
}

fn write_secret_key(yaml: &mut Yaml<'_>, secret: &SecretKey) -> fmt::Result {
    yaml.text("name", &secret.name)?;
    yaml.text("key", &secret.key)?;
    secret.namespace.iter().try_for_each(|namespace| yaml.text("namespace", namespace))
}

fn write_rules(yaml: &mut Yaml<'_>, key: &str, rules: &Rules) -> fmt::Result {
    if rules.is_empty() {
        return Ok(());
    }
    let mut list = yaml.under(key);
    for rule in rules.configs() {
        let action = rule.action.as_deref().unwrap_or("replace");
        let mut item = list.item(format_args!("action: {}", quoted(action)));
        item.list("sourceLabels", rule.source_labels.iter().map(String::as_str))?;
        let texts = [
            ("separator", &rule.separator),
            ("regex", &rule.regex),
            ("targetLabel", &rule.target_label),
            ("replacement", &rule.replacement),
        ];
        for (key, text) in texts {
            text.iter().try_for_each(|text| item.text(key, text))?;
        }
        rule.modulus.iter().try_for_each(|modulus| item.plain("modulus", modulus))?;
    }
    Ok(())
}
