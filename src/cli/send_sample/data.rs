//! The sample data: made-up metrics of a small shop, as exporters would give them, and a tag pack.
//!
//! # Invariants
//! Round 0 is always the same; later rounds move counters up and gauges about, the same way in every run.

use crate::encode::Encoder;
use crate::wire::pack::EncodedPack;
use crate::wire::value::{Map, Value};

/// A metric family: its name, type and help, and its series with a value each.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    series: &'static [(&'static [(&'static str, &'static str)], f64)],
}

/// What one round sends.
pub(super) struct Round {
    /// The packs, help first.
    pub(super) packs: Vec<EncodedPack>,
    /// Samples in them.
    pub(super) samples: usize,
    /// Help records in them.
    pub(super) helps: usize,
}

/// The basic metrics with their help.
pub(super) fn basic(now_ms: i64) -> Round {
    round(&[BASIC], 0, now_ms)
}

/// Many metrics and labels; the values are those of the round.
pub(super) fn promax(number: u64, now_ms: i64) -> Round {
    round(&[BASIC, MORE], number, now_ms)
}

/// A tag pack of the category `open_metric_test`.
pub(super) fn tags(number: u64) -> Round {
    let tags = Map::new().with("host", "server-1").with("region", "ap-northeast-2").with("environment", "test");
    let data = Map::new()
        .with("round", Value::Decimal(i64::try_from(number).unwrap_or(i64::MAX)))
        .with("cpu_percent", Value::Double(moved("gauge", 42.5, number, 1)))
        .with("memory_bytes", Value::Decimal(536_870_912))
        .with("message", "sent by openagent send-sample");
    Round { packs: vec![EncodedPack::tag_count("open_metric_test", &tags, &data)], samples: 1, helps: 0 }
}

fn round(groups: &[&[Family]], number: u64, now_ms: i64) -> Round {
    let mut encoder = Encoder::new();
    let (mut samples, mut helps) = (0, 0);
    for family in groups.iter().copied().flatten() {
        encoder.help(family.name, Some(family.help), family.kind);
        helps += 1;
        for (labels, value) in family.series {
            samples += 1;
            let mut sample = encoder.sample(family.name);
            labels.iter().for_each(|(name, value)| sample.label(name, value));
            let value = moved(family.kind, *value, number, samples as u64);
            sample.end_sample(now_ms, value).expect("these samples fit a record");
        }
    }
    Round { packs: encoder.finish(), samples, helps }
}

/// A value some rounds later: a counter has grown by less than a thousandth each round, a gauge has moved by up to a
/// tenth. `seed` makes the series differ.
fn moved(kind: &str, start: f64, round: u64, seed: u64) -> f64 {
    let noise = seed.wrapping_add(round.wrapping_mul(31)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let noise = noise as f64 / (1_u64 << 24) as f64;
    match kind {
        "gauge" if round > 0 => start * (0.9 + 0.2 * noise),
        "gauge" => start,
        _ => start + (start / 1_000.0).max(1.0).floor() * round as f64,
    }
}

macro_rules! families {
    ($($name:literal $kind:literal $help:literal { $($($label:literal = $value:literal),* => $number:literal;)+ })+) => {
        &[$(Family {
            name: $name,
            kind: $kind,
            help: $help,
            series: &[$((&[$(($label, $value)),*], $number)),+],
        }),+]
    };
}

/// Series with none, one and two labels.
const BASIC: &[Family] = families! {
    "http_requests_total" "counter" "Requests answered since the start." {
        => 1523.0;
        "method" = "GET" => 1023.0;
        "method" = "POST" => 500.0;
        "method" = "GET", "status" = "200" => 982.0;
        "method" = "GET", "status" = "404" => 41.0;
        "method" = "POST", "status" = "201" => 455.0;
        "method" = "POST", "status" = "500" => 45.0;
    }
    "http_requests_in_progress" "gauge" "Requests being answered." {
        => 37.0;
        "method" = "GET" => 31.0;
        "method" = "POST" => 6.0;
    }
    "http_response_size_bytes" "gauge" "Size of the last response." {
        => 3456.0;
        "path" = "/login" => 2093.0;
        "path" = "/user/info" => 4872.0;
    }
    "process_cpu_seconds_total" "counter" "Processor time used, in seconds." {
        => 9854.0;
        "app" = "shop" => 5321.0;
        "app" = "shop", "mode" = "user" => 4400.0;
        "app" = "shop", "mode" = "system" => 921.0;
    }
    "process_resident_memory_bytes" "gauge" "Resident memory." {
        => 786432000.0;
        "app" = "shop" => 298765432.0;
        "app" = "cart" => 104857600.0;
    }
    "process_open_fds" "gauge" "Open file descriptors." {
        => 231.0;
        "app" = "shop" => 112.0;
    }
    "node_load1" "gauge" "Load average over one minute." {
        => 2.5;
        "node" = "node-1" => 3.4;
        "node" = "node-1", "region" = "ap-northeast-2" => 1.8;
    }
    "node_temperature_celsius" "gauge" "Temperature of a sensor." {
        => 55.3;
        "sensor" = "cpu" => 61.0;
    }
    "node_disk_read_bytes_total" "counter" "Bytes read from a disk." {
        => 5832145.0;
        "device" = "sda" => 3214587.0;
        "device" = "sdb", "mount" = "/data" => 2617558.0;
    }
    "node_network_receive_bytes_total" "counter" "Bytes received over an interface." {
        => 175435678.0;
        "interface" = "eth0" => 65432100.0;
        "interface" = "eth1", "speed" = "1Gbps" => 110003578.0;
    }
    "database_queries_total" "counter" "Queries answered by a database." {
        => 56412.0;
        "db" = "production" => 47658.0;
        "db" = "staging" => 8754.0;
        "db" = "staging", "type" = "select" => 6128.0;
        "db" = "staging", "type" = "insert" => 2626.0;
    }
    "database_query_duration_seconds" "gauge" "Duration of the last query." {
        => 0.056;
        "db" = "production" => 0.041;
    }
    "queue_messages_total" "counter" "Messages taken from a queue." {
        => 152000.0;
        "topic" = "orders" => 72000.0;
        "topic" = "orders", "partition" = "0" => 36100.0;
        "topic" = "orders", "partition" = "1" => 35900.0;
    }
    "queue_lag_seconds" "gauge" "Age of the oldest message in a queue." {
        => 3.2;
        "topic" = "orders" => 1.7;
    }
    "cache_hit_ratio" "gauge" "Look-ups answered from the cache, 0 to 1." {
        => 0.89;
        "cache" = "sessions" => 0.97;
    }
    "jvm_memory_used_bytes" "gauge" "Memory used by a virtual machine." {
        => 786432000.0;
        "area" = "heap" => 456123987.0;
        "area" = "nonheap", "pool" = "Metaspace" => 298765432.0;
    }
    "jvm_threads_live" "gauge" "Live threads." {
        => 145.0;
        "type" = "daemon" => 98.0;
    }
};

/// More families, among them a histogram and a summary, with more labels.
const MORE: &[Family] = families! {
    "http_request_duration_seconds_bucket" "histogram" "How long requests took." {
        "le" = "0.05", "path" = "/login" => 640.0;
        "le" = "0.1", "path" = "/login" => 810.0;
        "le" = "0.5", "path" = "/login" => 940.0;
        "le" = "1", "path" = "/login" => 985.0;
        "le" = "+Inf", "path" = "/login" => 1000.0;
    }
    "http_request_duration_seconds_sum" "histogram" "How long requests took." {
        "path" = "/login" => 120.5;
    }
    "http_request_duration_seconds_count" "histogram" "How long requests took." {
        "path" = "/login" => 1000.0;
    }
    "rpc_duration_seconds" "summary" "How long calls of other services took." {
        "service" = "payment", "quantile" = "0.5" => 0.052;
        "service" = "payment", "quantile" = "0.9" => 0.187;
        "service" = "payment", "quantile" = "0.99" => 0.512;
    }
    "apiserver_requests_total" "counter" "Requests answered by the API server." {
        "verb" = "LIST", "resource" = "pods", "code" = "200", "instance" = "10.0.0.5:6443" => 2999.0;
        "verb" = "GET", "resource" = "configmaps", "code" = "200", "instance" = "10.0.0.5:6443" => 3333.0;
        "verb" = "WATCH", "resource" = "pods", "code" = "410", "instance" = "10.0.0.5:6443" => 12.0;
    }
    "container_memory_working_set_bytes" "gauge" "Memory a container cannot give back." {
        "namespace" = "shop", "pod" = "shop-6f9-abcde", "container" = "web", "node" = "node-1" => 150000000.0;
        "namespace" = "shop", "pod" = "shop-6f9-fghij", "container" = "web", "node" = "node-2" => 161000000.0;
        "namespace" = "shop", "pod" = "cart-7c4-klmno", "container" = "cart", "node" = "node-2" => 98000000.0;
    }
    "container_cpu_usage_seconds_total" "counter" "Processor time of a container." {
        "namespace" = "shop", "pod" = "shop-6f9-abcde", "container" = "web", "node" = "node-1" => 4210.0;
        "namespace" = "shop", "pod" = "shop-6f9-fghij", "container" = "web", "node" = "node-2" => 3987.0;
        "namespace" = "shop", "pod" = "cart-7c4-klmno", "container" = "cart", "node" = "node-2" => 1204.0;
    }
    "gpu_utilization_percent" "gauge" "Use of a graphics processor." {
        "gpu" = "0", "model" = "T4", "node" = "node-1" => 71.0;
        "gpu" = "1", "model" = "T4", "node" = "node-1" => 64.0;
    }
    "shop_orders_total" "counter" "Orders by country and way of payment." {
        "country" = "KR", "payment" = "카드" => 8123.0;
        "country" = "KR", "payment" = "계좌이체" => 1920.0;
        "country" = "JP", "payment" = "card" => 2240.0;
        "country" = "US", "payment" = "card" => 1313.0;
    }
    "shop_cart_value" "gauge" "Value of open carts, in thousands." {
        "country" = "KR" => 5120.0;
        "country" = "JP" => 780.0;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_move_as_their_kind_does_and_the_first_round_is_fixed() {
        for seed in 0..50 {
            assert_eq!(moved("gauge", 80.0, 0, seed), 80.0);
            assert_eq!(moved("counter", 80.0, 0, seed), 80.0);
            let gauge = moved("gauge", 80.0, seed + 1, seed);
            assert!((72.0..=88.0).contains(&gauge), "{gauge}");
            assert!(moved("counter", 5.0, seed + 1, seed) > moved("counter", 5.0, seed, seed));
        }
    }

    #[test]
    fn basic_has_series_with_none_one_and_two_labels() {
        let labels = |count| BASIC.iter().flat_map(|family| family.series).filter(|(l, _)| l.len() == count).count();
        assert!(labels(0) >= 15 && labels(1) >= 15 && labels(2) >= 10);
        let round = basic(0);
        assert_eq!((round.helps, round.samples), (BASIC.len(), labels(0) + labels(1) + labels(2)));
        assert!(promax(3, 0).samples > round.samples + 20);
    }
}
