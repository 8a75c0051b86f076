//! A sample's labels meet its target's.

use super::prepared::Prepared;
use crate::labels::{LabelBuf, LabelView, NAME};

/// What Prometheus puts before a sample's label that clashes with the target's.
const EXPORTED: &str = "exported_";

/// Joins a sample's labels with its target's, as Prometheus does: with honorLabels the sample's own label wins,
/// without it the sample's becomes `exported_<name>`, again and again while that clashes too.
pub(crate) fn join(
    joined: &mut LabelBuf,
    exported: &mut String,
    name: &str,
    labels: LabelView<'_>,
    prepared: &Prepared,
) {
    joined.clear();
    joined.push(NAME, name);
    let honor = prepared.target.job.honor_labels;
    for (label, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
        if honor || prepared.labels.value(label).is_none() {
            joined.push(label, value);
            continue;
        }
        exported.clear();
        exported.push_str(EXPORTED);
        exported.push_str(label);
        while prepared.labels.value(exported).is_some()
            || labels.value(exported).is_some_and(|value| !value.is_empty())
            || joined.value(exported).is_some()
        {
            exported.insert_str(0, EXPORTED);
        }
        joined.push(exported, value);
    }
    for (label, value) in prepared.labels.iter() {
        if !honor || joined.value(label).is_none() {
            joined.push(label, value);
        }
    }
}
