//! What became of a scrape's samples: kept, or dropped for a named reason; and the limits that fail a scrape.

use crate::telemetry::counters::DROP_REASONS;
use std::fmt;

/// Why a sample was not sent though its scrape went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// metricSelector or filter.whitelist does not name its metric.
    MetricSelector,
    /// A metricRelabelConfigs rule dropped it, or took its name away.
    Relabelling,
    /// Its value is NaN, which the server does not take.
    NotANumber,
    /// Its value is infinite, which the server does not take.
    Infinite,
    /// The same series came before in the same scrape.
    Duplicate,
    /// Its record would be larger than a frame can carry.
    TooLarge,
    /// Its line could not be read (text format, lenient), or its kind has no record on the wire.
    Unreadable,
}

impl DropReason {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; DROP_REASONS] = [
        Self::MetricSelector,
        Self::Relabelling,
        Self::NotANumber,
        Self::Infinite,
        Self::Duplicate,
        Self::TooLarge,
        Self::Unreadable,
    ];

    /// The label value under which it is counted.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MetricSelector => "metric_selector",
            Self::Relabelling => "relabelling",
            Self::NotANumber => "nan",
            Self::Infinite => "infinite",
            Self::Duplicate => "duplicate",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
        }
    }

    /// What it means, for people.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::MetricSelector => "not named by metricSelector or filter.whitelist",
            Self::Relabelling => "dropped by metricRelabelConfigs",
            Self::NotANumber => "NaN, which the server does not take",
            Self::Infinite => "an infinite value, which the server does not take",
            Self::Duplicate => "the same series twice in one scrape; the first one was kept",
            Self::TooLarge => "larger than a frame can carry",
            Self::Unreadable => "a line that could not be read",
        }
    }
}

/// Counts of one scrape's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Samples and native histograms read from the body.
    pub scraped: u64,
    /// Those left after metric relabelling.
    pub post_relabel: u64,
    /// Those written into packs.
    pub kept: u64,
    dropped: [u64; DROP_REASONS],
}

impl Tally {
    /// Counts a dropped sample.
    #[inline]
    pub fn drop_for(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }

    /// How many were dropped for a reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// The reasons for which any was dropped, with their counts.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.into_iter().map(|reason| (reason, self.dropped(reason))).filter(|(_, count)| *count > 0)
    }
}

/// A limit that a scrape passed; it fails the scrape whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitBreach {
    /// More samples after metric relabelling than sampleLimit.
    Samples {
        /// The limit.
        limit: u64,
    },
    /// A sample with more labels than labelLimit.
    Labels {
        /// The limit.
        limit: usize,
        /// How many it has.
        found: usize,
        /// Its metric name.
        metric: String,
    },
    /// A label name longer than labelNameLengthLimit.
    LabelName {
        /// The limit in bytes.
        limit: usize,
        /// The name, cut short.
        name: String,
    },
    /// A label value longer than labelValueLengthLimit.
    LabelValue {
        /// The limit in bytes.
        limit: usize,
        /// The length found.
        found: usize,
        /// The label's name.
        name: String,
    },
}

impl fmt::Display for LimitBreach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Samples { limit } => write!(
                f,
                "more than sampleLimit {limit} samples; raise sampleLimit or drop series with metricRelabelConfigs"
            ),
            Self::Labels { limit, found, metric } => write!(
                f,
                "a sample of {metric:?} has {found} labels, labelLimit is {limit}; raise labelLimit (255 at most) or \
                 drop labels with metricRelabelConfigs"
            ),
            Self::LabelName { limit, name } => write!(
                f,
                "label name {name:?} is longer than labelNameLengthLimit {limit}; raise it or drop the label with \
                 metricRelabelConfigs"
            ),
            Self::LabelValue { limit, found, name } => write!(
                f,
                "a value of label {name:?} has {found} bytes, labelValueLengthLimit is {limit}; raise it or drop the \
                 label with metricRelabelConfigs"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_each_in_its_place() {
        let mut tally = Tally::default();
        for (n, reason) in DropReason::ALL.into_iter().enumerate() {
            (0..=n).for_each(|_| tally.drop_for(reason));
        }
        let counts: Vec<u64> = DropReason::ALL.iter().map(|reason| tally.dropped(*reason)).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(tally.drops().count(), 7);
    }

    #[test]
    fn a_breach_says_what_was_found_and_how_to_mend_it() {
        let text = LimitBreach::Labels { limit: 30, found: 31, metric: "http_requests_total".into() }.to_string();
        assert_eq!(
            text,
            "a sample of \"http_requests_total\" has 31 labels, labelLimit is 30; raise labelLimit (255 at most) or \
             drop labels with metricRelabelConfigs"
        );
    }
}
