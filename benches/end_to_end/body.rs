//! Bodies as busy exporters answer them: histograms, counters with many labels, plain gauges, summaries; about 115 bytes
//! a sample with the lines of HELP and TYPE.
//!
//! # Invariants
//! A body holds exactly the samples that were asked for, in whole families; a later variant has larger counters.

use std::fmt::Write as _;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    OpenMetrics,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A family: its samples, and what writes it.
type Family = (usize, fn(&mut Body, usize));

const BOUNDS: [&str; 12] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"];
const QUANTILES: [&str; 5] = ["0.0", "0.25", "0.5", "0.75", "1.0"];
const ROUTES: [(&str, &str); 3] =
    [("/api/v2/orders", "GET"), ("/api/v2/orders/:id", "PATCH"), ("/api/v2/carts", "POST")];
const INTERFACES: usize = 10;

const GAUGE: Family = (1, Body::gauge);
const FAMILIES: [Family; 4] = [
    (ROUTES.len() * (BOUNDS.len() + 2), Body::histogram),
    (INTERFACES, Body::counter),
    GAUGE,
    (QUANTILES.len() + 2, Body::summary),
];

/// A body of `samples` samples.
pub fn body(samples: usize, variant: u64, format: Format) -> String {
    let mut body = Body { out: String::with_capacity(samples * 120 + 64), variant, format };
    let mut left = samples;
    for (number, usual) in FAMILIES.iter().cycle().enumerate() {
        if left == 0 {
            break;
        }
        let (size, write) = if usual.0 <= left { *usual } else { GAUGE };
        write(&mut body, number);
        left -= size;
    }
    if format == Format::OpenMetrics {
        body.out.push_str("# EOF\n");
    }
    body.out
}

struct Body {
    out: String,
    variant: u64,
    format: Format,
}

impl Body {
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// What a counter has come to in this variant.
    fn count(&self, family: usize, member: usize) -> u64 {
        (family as u64 + 3) * 1_009 + (member as u64 + 1) * 37 * (self.variant + 1)
    }

    fn histogram(&mut self, family: usize) {
        let name = format!("rpc_server_duration_seconds_{family}");
        self.head(&name, "How long calls took until their answer was written, by route.", "histogram");
        for (member, (route, method)) in ROUTES.iter().enumerate() {
            let each = self.count(family, member);
            let labels = format!("route=\"{route}\",method=\"{method}\",zone=\"seoul-2\"");
            for (bound, filled) in BOUNDS.iter().zip(1..) {
                let _ = writeln!(self.out, "{name}_bucket{{{labels},le=\"{bound}\"}} {}", each * filled);
            }
            let all = each * BOUNDS.len() as u64;
            let _ = writeln!(self.out, "{name}_sum{{{labels}}} {}", all as f64 * 0.043_7);
            let _ = writeln!(self.out, "{name}_count{{{labels}}} {all}");
        }
    }

    fn counter(&mut self, family: usize) {
        let name = format!("pod_network_receive_bytes_{family}");
        let told = if self.format == Format::Text { format!("{name}_total") } else { name.clone() };
        self.head(&told, "What the interfaces of the pod have received since it was started.", "counter");
        for member in 0..INTERFACES {
            let id = (member as u64 + 1) * 2_654_435_761 % 0xffff_fffb;
            let value = self.count(family, member) * 1_500;
            let _ = writeln!(
                self.out,
                "{name}_total{{pod=\"checkout-{id:08x}-{member}\",namespace=\"production\",node=\"worker-{}\",\
                 interface=\"eth{member}\",image=\"registry.example.com/pause:3.9\"}} {value}",
                member % 3
            );
        }
    }

    fn gauge(&mut self, family: usize) {
        let name = format!("node_memory_zone_bytes_{family}");
        self.head(&name, "Bytes of the zone that are in use.", "gauge");
        let value = 2.0e9 + (family as u64 * 4_096 * (self.variant + 1)) as f64;
        let (digits, exponent) = scientific(value);
        let _ = writeln!(self.out, "{name} {digits}e{exponent:+03}");
    }

    fn summary(&mut self, family: usize) {
        let name = format!("runtime_pause_seconds_{family}");
        self.head(&name, "How long the runtime stood still to collect its garbage.", "summary");
        for (quantile, place) in QUANTILES.iter().zip(1..) {
            let value = 2.9e-5 * f64::from(place) * (self.variant + 1) as f64;
            let _ = writeln!(self.out, "{name}{{quantile=\"{quantile}\"}} {value}");
        }
        let count = self.count(family, 0);
        let _ = writeln!(self.out, "{name}_sum {}\n{name}_count {count}", count as f64 * 0.000_121);
    }
}

/// The two halves of C's `%.9e`, as most exporters in C and Go print large floats.
fn scientific(value: f64) -> (String, i32) {
    let text = format!("{value:.9e}");
    let (digits, exponent) = text.split_once('e').expect("the form has an e");
    (digits.to_owned(), exponent.parse().expect("a number follows the e"))
}
