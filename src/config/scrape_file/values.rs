//! Values of single keys of a scrape: scheme, path, params, labels, metric names, adaptiveTimeout.

use super::cursor::Cursor;
use crate::config::job::{AdaptiveTimeout, Scheme};
use crate::labels::{LabelBuf, Labels};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `http` or `https`.
pub fn read_scheme(value: &Cursor<'_>) -> Option<Scheme> {
    let text = value.word()?;
    let found = [Scheme::Http, Scheme::Https].into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(text));
    if found.is_none() {
        value.error(format!("{text:?} is neither http nor https"));
    }
    found
}

/// A path, which begins with a slash.
pub fn read_path(value: &Cursor<'_>) -> Option<String> {
    let text = value.word()?;
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') || text.contains("://") {
        value.error(format!("{text:?} is no path; write /metrics, spaces as %20"));
        return None;
    }
    if !text.starts_with('/') {
        value.warning(format!("{text:?} is read as \"/{text}\""));
        return Some(format!("/{text}"));
    }
    Some(text.to_owned())
}

/// Query parameters, each a text or a list of texts.
pub fn read_params(map: &Cursor<'_>) -> Vec<(String, Vec<String>)> {
    let values = |value: &Cursor<'_>| value.items_or_one().iter().filter_map(Cursor::text).map(str::to_owned).collect();
    map.pairs().into_iter().map(|(name, value)| (name.to_owned(), values(&value))).collect()
}

/// Labels of one's own: names that are not empty, values of any text.
pub fn read_labels(map: &Cursor<'_>) -> Vec<(String, String)> {
    let labels = map.text_pairs();
    if labels.iter().any(|(name, _)| name.is_empty()) {
        map.error("a label has an empty name");
    }
    labels
}

/// Labels of pairs, of one name the first.
pub fn labels_of(pairs: &[(String, String)]) -> Labels {
    let mut buf = LabelBuf::new();
    for (i, (name, value)) in pairs.iter().enumerate() {
        if !pairs[..i].iter().any(|(earlier, _)| earlier == name) {
            buf.push(name, value);
        }
    }
    Labels::from(&buf)
}

/// Metric names that are kept; an empty list keeps all.
pub fn read_names(list: &Cursor<'_>) -> Option<Arc<BTreeSet<String>>> {
    let names: BTreeSet<String> = list.words().into_iter().collect();
    (!names.is_empty()).then(|| Arc::new(names))
}

/// adaptiveTimeout; `None` inside when it is switched off.
pub fn read_adaptive(map: &Cursor<'_>) -> Option<Option<AdaptiveTimeout>> {
    let fields = map.fields()?;
    let default = AdaptiveTimeout::default();
    let enabled = fields.take("enabled").and_then(|value| value.boolean()).unwrap_or(true);
    let threshold = fields.take("failureThreshold").and_then(|value| {
        let number = value.number()?;
        let checked = u32::try_from(number).ok().filter(|n| *n > 0);
        if checked.is_none() {
            value.error(format!("{number} is no count of timeouts; write 1 or more"));
        }
        checked
    });
    let multiplier = fields.take("multiplier").and_then(|value| {
        let factor = value.float()?;
        if factor <= 1.0 {
            value.error(format!("{factor} would not let the timeout grow; write more than 1"));
        }
        Some(factor)
    });
    fields.finish();
    let on = AdaptiveTimeout {
        failure_threshold: threshold.unwrap_or(default.failure_threshold),
        multiplier: multiplier.unwrap_or(default.multiplier),
    };
    Some(enabled.then_some(on))
}
