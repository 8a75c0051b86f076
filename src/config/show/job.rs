//! One job as a target of the CR format.

use super::credentials::{write_credentials, write_tls};
use super::yaml::{Yaml, quoted};
use crate::config::job::{Discover, KubernetesSelection, Limits, NamespaceSelection, Port, ScrapeJob};
use crate::duration;
use crate::labels::Labels;
use crate::relabel::Rules;
use crate::secret::MASK;
use crate::selector::{Operator, Selector};
use std::collections::BTreeSet;
use std::fmt;

/// Writes a job as one target.
pub(super) fn write_job(yaml: &mut Yaml<'_>, job: &ScrapeJob) -> fmt::Result {
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
    let names = |namespaces: &mut Yaml<'_>, names: &BTreeSet<String>| {
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

/// Writes labels under a key, if there are any.
pub(super) fn write_labels(yaml: &mut Yaml<'_>, key: &str, labels: &Labels) -> fmt::Result {
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
