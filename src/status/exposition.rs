//! Writes the agent's own metrics as text 0.0.4 or OpenMetrics 1.0, as the scraper's Accept header asks.
//!
//! # Invariants
//! A family's HELP and TYPE stand once, before all of its samples; OpenMetrics ends with `# EOF`.

use std::fmt::Write as _;

/// The Content-Type of each format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Families written one after another.
#[derive(Debug)]
pub struct Metrics {
    out: String,
    openmetrics: bool,
}

/// Labels of one sample, values unescaped.
pub type LabelPairs<'a> = &'a [(&'a str, &'a str)];

impl Metrics {
    /// Starts in the format that the Accept header prefers.
    pub fn for_accept(accept: &str) -> Self {
        Self { out: String::new(), openmetrics: accept.contains("application/openmetrics-text") }
    }

    /// A counter family with one sample per label set; `name` without `_total`.
    pub fn counter<'a>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (LabelPairs<'a>, f64)>) {
        let family = if self.openmetrics { name.to_owned() } else { format!("{name}_total") };
        self.head(&family, help, "counter");
        for (labels, value) in samples {
            self.sample(&format!("{name}_total"), labels, value);
        }
    }

    /// A gauge family with one sample per label set.
    pub fn gauge<'a>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (LabelPairs<'a>, f64)>) {
        self.head(name, help, "gauge");
        for (labels, value) in samples {
            self.sample(name, labels, value);
        }
    }

    /// A histogram: bucket counts not added up, the last beyond all bounds.
    pub fn histogram(&mut self, name: &str, help: &str, bounds: &[f64], buckets: &[u64], sum: f64) {
        self.head(name, help, "histogram");
        let mut below = 0;
        for (index, count) in buckets.iter().enumerate() {
            below += count;
            let bound = bounds.get(index).map_or_else(|| "+Inf".to_owned(), |bound| canonical(*bound));
            self.sample(&format!("{name}_bucket"), &[("le", &bound)], below as f64);
        }
        self.sample(&format!("{name}_sum"), &[], sum);
        self.sample(&format!("{name}_count"), &[], below as f64);
    }

    /// Content-Type and body.
    pub fn finish(mut self) -> (&'static str, Vec<u8>) {
        if self.openmetrics {
            self.out.push_str("# EOF\n");
        }
        (if self.openmetrics { OPENMETRICS } else { TEXT }, self.out.into_bytes())
    }

    fn head(&mut self, family: &str, help: &str, kind: &str) {
        let _ = writeln!(self.out, "# HELP {family} {help}\n# TYPE {family} {kind}");
    }

    fn sample(&mut self, name: &str, labels: LabelPairs<'_>, value: f64) {
        self.out.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let opening = if index == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.out, "{opening}{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }
}

/// A bucket bound as OpenMetrics wants it: with a decimal point.
fn canonical(bound: f64) -> String {
    if bound.fract() == 0.0 { format!("{bound:.1}") } else { bound.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(accept: &str) -> String {
        let mut metrics = Metrics::for_accept(accept);
        metrics.counter("a_things", "Things.", [(&[("why", "x\"y")] as LabelPairs<'_>, 3.0)]);
        metrics.histogram("a_seconds", "Time.", &[0.5, 1.0], &[1, 0, 2], 7.25);
        String::from_utf8(metrics.finish().1).unwrap()
    }

    #[test]
    fn openmetrics_names_the_family_without_total_and_ends_with_eof() {
        assert_eq!(
            written("application/openmetrics-text;version=1.0.0"),
            "# HELP a_things Things.\n# TYPE a_things counter\na_things_total{why=\"x\\\"y\"} 3\n\
             # HELP a_seconds Time.\n# TYPE a_seconds histogram\na_seconds_bucket{le=\"0.5\"} 1\n\
             a_seconds_bucket{le=\"1.0\"} 1\na_seconds_bucket{le=\"+Inf\"} 3\na_seconds_sum 7.25\na_seconds_count 3\n\
             # EOF\n"
        );
    }

    #[test]
    fn text_names_the_family_with_total() {
        assert!(written("text/plain").starts_with("# HELP a_things_total Things.\n# TYPE a_things_total counter\n"));
        assert!(!written("*/*").contains("# EOF"));
    }
}
