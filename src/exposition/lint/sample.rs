//! What a sample's type demands of its value, its labels and its exemplar.

use super::Owned;
use super::family::at;
use crate::exposition::{FamilyKind, Fault, number};

/// Judges a sample whose name is `family` and `suffix`.
pub(super) fn judge(
    kind: FamilyKind,
    family: &str,
    suffix: &str,
    sample: &Owned,
    line: u64,
    breaches: &mut Vec<Fault>,
) {
    let found = [value(kind, suffix, sample), label(kind, family, suffix, sample), exemplar(kind, suffix, sample)];
    for what in found.into_iter().flatten() {
        breaches.push(at(line, format!("{}: {what}", sample.name)));
    }
}

fn value(kind: FamilyKind, suffix: &str, sample: &Owned) -> Option<String> {
    let value = sample.value;
    match (kind, suffix) {
        (FamilyKind::Info, _) if value != 1.0 => return Some(format!("the value of an info is 1, not {value}")),
        (FamilyKind::StateSet, _) if value != 0.0 && value != 1.0 => {
            return Some(format!("the value of a state is 0 or 1, not {value}"));
        }
        (FamilyKind::Summary, "") if value < 0.0 => return Some("a quantile's value must not be negative".to_owned()),
        _ => {}
    }
    if !matches!(suffix, "_total" | "_sum" | "_count" | "_bucket" | "_gcount" | "_gsum") {
        return None;
    }
    if value.is_nan() {
        return Some("a count or sum must not be NaN".to_owned());
    }
    if value < 0.0 && suffix != "_gsum" {
        return Some("a count or sum must not be negative".to_owned());
    }
    let counts = matches!(suffix, "_count" | "_bucket" | "_gcount");
    (counts && value.fract() != 0.0).then(|| format!("a count is a whole number, not {value}"))
}

fn label(kind: FamilyKind, family: &str, suffix: &str, sample: &Owned) -> Option<String> {
    let of = |name: &str| sample.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str());
    match (kind, suffix) {
        (FamilyKind::Histogram | FamilyKind::GaugeHistogram, "_bucket") => match of("le") {
            None => Some("a bucket needs the label le".to_owned()),
            Some(bound) if is_bound(bound) => None,
            Some(bound) => Some(format!("le={bound:?} is no bound; infinity is written +Inf")),
        },
        (FamilyKind::Summary, "") => match of("quantile") {
            None => Some("a quantile needs the label quantile".to_owned()),
            Some(text) if number::float(text).is_some_and(|quantile| (0.0..=1.0).contains(&quantile)) => None,
            Some(text) => Some(format!("quantile={text:?} is not between 0 and 1")),
        },
        (FamilyKind::StateSet, _) if of(family).is_none() => Some(format!("a state needs the label {family}")),
        _ => None,
    }
}

/// A bound is a number, and infinity has one spelling.
fn is_bound(text: &str) -> bool {
    number::float(text).is_some_and(|bound| bound.is_finite() || text == "+Inf" || text == "-Inf")
}

fn exemplar(kind: FamilyKind, suffix: &str, sample: &Owned) -> Option<String> {
    let may_have = matches!(
        (kind, suffix),
        (FamilyKind::Counter, "_total") | (FamilyKind::Histogram | FamilyKind::GaugeHistogram, "_bucket")
    );
    (sample.has_exemplar && !may_have).then(|| "only counters' totals and buckets may have an exemplar".to_owned())
}
