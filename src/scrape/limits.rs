//! The limits that fail a scrape, checked sample by sample.

use super::tally::LimitBreach;
use crate::config::job::Limits;

/// Bounds of one label's name and value.
#[inline]
pub(super) fn check_length(limits: &Limits, name: &str, value: &str) -> Result<(), LimitBreach> {
    if limits.label_name_bytes != 0 && name.len() > limits.label_name_bytes {
        let name = name.chars().take(64).collect();
        return Err(LimitBreach::LabelName { limit: limits.label_name_bytes, name });
    }
    if limits.label_value_bytes != 0 && value.len() > limits.label_value_bytes {
        let (limit, found) = (limits.label_value_bytes, value.len());
        return Err(LimitBreach::LabelValue { limit, found, name: name.to_owned() });
    }
    Ok(())
}

/// labelLimit counts as Prometheus counts: the metric name is a label too.
#[inline]
pub(super) fn check_count(limits: &Limits, metric: &str, labels: usize) -> Result<(), LimitBreach> {
    let found = labels + 1;
    if limits.labels < Limits::MAX_LABELS && found > limits.labels {
        return Err(LimitBreach::Labels { limit: limits.labels, found, metric: metric.to_owned() });
    }
    Ok(())
}

/// sampleLimit counts what relabelling left.
#[inline]
pub(super) fn check_samples(limits: &Limits, samples: u64) -> Result<(), LimitBreach> {
    if limits.samples != 0 && samples > limits.samples {
        return Err(LimitBreach::Samples { limit: limits.samples });
    }
    Ok(())
}
