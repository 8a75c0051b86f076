//! The agent's own metrics, as its status endpoint tells them.

use std::collections::BTreeMap;

/// A reading of `/metrics`: each series as it is written, with its value.
#[derive(Debug, Clone)]
pub struct Own(BTreeMap<String, f64>);

impl Own {
    /// Reads the text format.
    pub fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let split =
            |line: &str| line.rsplit_once(' ').and_then(|(series, value)| Some((series.into(), value.parse().ok()?)));
        Self(samples.filter_map(split).collect())
    }

    /// All series of a counter together.
    pub fn sum(&self, name: &str) -> f64 {
        self.family(name).map(|(_, value)| value).sum()
    }

    /// Scrapes that failed, for whatever reason.
    pub fn failed(&self) -> f64 {
        let ended = self.family("openagent_scrapes_total");
        ended.filter(|(labels, _)| *labels != "{result=\"ok\"}").map(|(_, value)| value).sum()
    }

    /// Packs given up, for whatever reason.
    pub fn dropped(&self) -> f64 {
        self.sum("openagent_packs_dropped_total")
    }

    /// How late scrapes began since an earlier reading.
    pub fn lateness_since(&self, earlier: &Self) -> Lateness {
        let name = "openagent_scrape_lateness_seconds_bucket";
        let mut buckets: Vec<(f64, f64)> = self
            .family(name)
            .map(|(labels, value)| (bound(labels), value - earlier.0.get(&format!("{name}{labels}")).unwrap_or(&0.0)))
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        Lateness(buckets)
    }

    /// The series of a name, as their labels and values.
    fn family<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let series = self.0.iter().filter_map(move |(series, value)| Some((series.strip_prefix(name)?, *value)));
        series.filter(|(labels, _)| labels.is_empty() || labels.starts_with('{'))
    }
}

fn bound(labels: &str) -> f64 {
    let text = labels.trim_start_matches("{le=\"").trim_end_matches("\"}");
    text.parse().unwrap_or(f64::INFINITY) // +Inf, which is the same
}

/// A histogram: upper bounds in seconds with all observations up to them.
#[derive(Debug, Clone, Default)]
pub struct Lateness(Vec<(f64, f64)>);

impl Lateness {
    /// The bound of the bucket that holds a quantile; 1 asks for the worst.
    pub fn quantile(&self, quantile: f64) -> f64 {
        let all = self.0.last().map_or(0.0, |(_, count)| *count);
        let holds = |(_, count): &&(f64, f64)| *count >= all * quantile;
        self.0.iter().find(holds).map_or(0.0, |(bound, _)| *bound)
    }
}
