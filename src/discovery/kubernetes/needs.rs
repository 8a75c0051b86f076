//! What jobs need of the cluster: which resources, and narrowed down by which selectors.

use super::collect::Collector;
use super::namespaces;
use super::objects::Pairs;
use super::readers::Id;
use super::slices::SERVICE_NAME;
use crate::config::ScrapeJob;
use crate::config::job::{Discover, KubernetesSelection};
use crate::relabel::RuleConfig;
use crate::selector::{Operator, Requirement, Selector};
use std::collections::BTreeSet;

/// Requests of a round at most, where merging can keep to that and no list has pages.
pub const REQUESTS: usize = 6;

/// Names of services that a list of slices is narrowed down to at most, in bytes: more would strain the URL.
const MAX_NAMES_BYTES: usize = 2 << 10;

/// Lists of one resource that a round may have, so that all its resources together keep to [`REQUESTS`].
pub(super) fn most(collectors: &[Collector<'_>]) -> usize {
    let any = |test: &dyn Fn(&ScrapeJob) -> bool| usize::from(collectors.iter().any(|c| test(c.job())));
    let namespaces = any(&|job| selection(job).is_some_and(|s| namespaces::needs_list(&s.namespaces)));
    let services = any(&|job| matches!(job.discover, Discover::Services(_)));
    let pods = any(&|job| matches!(job.discover, Discover::Pods(_)) || wants_pods(job));
    ((REQUESTS - namespaces) / (2 * services + pods).max(1)).max(1)
}

/// What a job selects in the cluster, if that is where its targets come from.
pub(super) fn selection(job: &ScrapeJob) -> Option<&KubernetesSelection> {
    match &job.discover {
        Discover::Static(_) => None,
        Discover::Pods(selection) | Discover::Services(selection) => Some(selection),
    }
}

/// Whether a service job's rules look at labels of the pods behind, beyond those that slices give.
pub(super) fn wants_pods(job: &ScrapeJob) -> bool {
    let of_pod = |name: &String| {
        let known = ["__meta_kubernetes_pod_name", "__meta_kubernetes_pod_node_name"];
        name.starts_with("__meta_kubernetes_pod_") && !known.contains(&name.as_str())
    };
    let looks = |rule: &RuleConfig| {
        let any_name = rule.action.as_deref().is_some_and(|action| action.eq_ignore_ascii_case("labelmap"));
        any_name || rule.source_labels.iter().chain(&rule.target_label).any(of_pod)
    };
    matches!(job.discover, Discover::Services(_)) && job.relabel.configs().any(looks)
}

/// The label selector of the slices of these services.
pub(super) fn of_services<'a>(ids: impl Iterator<Item = &'a Id>) -> Selector {
    let names: BTreeSet<&str> = ids.map(|(_, name)| name.as_str()).collect();
    let operator = if names.iter().map(|name| name.len() + 3).sum::<usize>() <= MAX_NAMES_BYTES {
        Operator::In(names.into_iter().map(str::to_owned).collect())
    } else {
        Operator::Exists
    };
    Selector { requirements: vec![Requirement { key: SERVICE_NAME.to_owned(), operator }] }
}

/// The selector that pairs of a service stand for.
pub(super) fn equalities(pairs: &Pairs) -> Selector {
    let requirement = |(key, value): (&str, &str)| Requirement {
        key: key.to_owned(),
        operator: Operator::In(vec![value.to_owned()]),
    };
    Selector { requirements: pairs.iter().map(requirement).collect() }
}
