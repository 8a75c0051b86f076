//! The stable hash behind a [`super::target::TargetId`].
//!
//! # Invariants
//! - The same in every process and on every run of one version: no random seed, no pointer, no order of a hash map.
//! - Every setting that a scrape depends on counts; a new field of [`ScrapeJob`] does not compile until it is named
//!   here. Secrets count too, so a changed password makes another target; they cannot be read from the hash.

use super::Target;
use crate::config::job::{AdaptiveTimeout, ScrapeJob};
use crate::relabel::Rules;
use foldhash::quality::FixedState;
use std::hash::{BuildHasher as _, Hash, Hasher};

/// The hash of a target: its URL, its labels, its times, its job's settings.
pub(super) fn of_target(target: &Target) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    let Target { job, scheme, address, path_and_query, labels, discovered: _, interval, timeout, namespace } = target;
    (scheme, address, path_and_query, labels, interval, timeout, namespace).hash(&mut hasher);
    hash_job(job, &mut hasher);
    hasher.finish()
}

fn hash_job(job: &ScrapeJob, hasher: &mut impl Hasher) {
    let ScrapeJob {
        name,
        honor_labels,
        honor_timestamps,
        external_labels,
        keep_names,
        metric_relabel,
        add_node_label,
        tls,
        credentials,
        limits,
        adaptive_timeout,
        follow_redirects,
        proxy_url,
        discover,
        // these have done their work once there is a target: its URL, labels and times came of them
        scheme: _,
        path: _,
        params: _,
        interval: _,
        timeout: _,
        labels: _,
        relabel: _,
    } = job;
    // where it was found decides about the service account token; what selected it is past
    discover.type_name().hash(hasher);
    (name, honor_labels, honor_timestamps, external_labels, keep_names).hash(hasher);
    (add_node_label, tls, credentials, limits, follow_redirects, proxy_url).hash(hasher);
    let adaptive = |AdaptiveTimeout { failure_threshold, multiplier }| (failure_threshold, f64::to_bits(multiplier));
    adaptive_timeout.map(adaptive).hash(hasher);
    hash_rules(metric_relabel, hasher);
}

fn hash_rules(rules: &Rules, hasher: &mut impl Hasher) {
    rules.options().hash(hasher);
    rules.configs().for_each(|config| config.hash(hasher));
}
