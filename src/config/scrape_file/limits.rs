//! Limits of a scrape as far as one place of the file says them.

use super::cursor::Cursor;
use super::fields::Fields;
use crate::config::job::Limits;

/// Limits as written; 0 is no limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct LimitOptions {
    body_bytes: Option<u64>,
    samples: Option<u64>,
    labels: Option<u64>,
    label_name_bytes: Option<u64>,
    label_value_bytes: Option<u64>,
    targets: Option<u64>,
}

impl LimitOptions {
    /// Takes the limits' keys out of a mapping.
    pub fn read(fields: &Fields<'_>) -> Self {
        let number = |name| fields.take(name).and_then(|value| value.number());
        Self {
            body_bytes: fields.take("bodySizeLimit").and_then(|value| value.size()),
            samples: number("sampleLimit"),
            labels: number("labelLimit"),
            label_name_bytes: number("labelNameLengthLimit"),
            label_value_bytes: number("labelValueLengthLimit"),
            targets: number("targetLimit"),
        }
    }

    /// Completes what is not said here from what is said there.
    pub fn or(self, other: Self) -> Self {
        Self {
            body_bytes: self.body_bytes.or(other.body_bytes),
            samples: self.samples.or(other.samples),
            labels: self.labels.or(other.labels),
            label_name_bytes: self.label_name_bytes.or(other.label_name_bytes),
            label_value_bytes: self.label_value_bytes.or(other.label_value_bytes),
            targets: self.targets.or(other.targets),
        }
    }

    /// The limits in force where these are written.
    pub fn over(self, defaults: Limits, place: &Cursor<'_>) -> Limits {
        let most = Limits::MAX_LABELS as u64;
        if self.labels.is_some_and(|labels| labels > most) {
            place.warning(format!("labelLimit is taken as {most}, more the protocol cannot carry"));
        }
        let bytes = |limit: Option<u64>, default| limit.map_or(default, |n| usize::try_from(n).unwrap_or(usize::MAX));
        Limits {
            body_bytes: self.body_bytes.map_or(defaults.body_bytes, |n| if n == 0 { u64::MAX } else { n }),
            samples: self.samples.unwrap_or(defaults.samples),
            labels: self.labels.map_or(defaults.labels, |n| if n == 0 { most } else { n.min(most) } as usize),
            label_name_bytes: bytes(self.label_name_bytes, defaults.label_name_bytes),
            label_value_bytes: bytes(self.label_value_bytes, defaults.label_value_bytes),
            targets: bytes(self.targets, defaults.targets),
        }
    }
}
