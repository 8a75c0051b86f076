//! Bodies made up for benchmarks and allocation tests: what a node_exporter of a large machine answers.

#![allow(dead_code, reason = "each user takes what it needs")]

use std::fmt::Write as _;

/// A body of node_exporter's shape: CPUs, disks, file systems, interfaces, many plain gauges.
pub fn node_exporter(cpus: usize, disks: usize) -> String {
    let mut out = String::new();
    cpu_seconds(&mut out, cpus);
    for family in ["read_bytes_total", "written_bytes_total", "io_time_seconds_total", "reads_completed_total"] {
        head(&mut out, &format!("node_disk_{family}"), "The work done by the disk since it was attached.", "counter");
        for disk in 0..disks {
            let value = (disk as f64 + 1.0) * 48_211.375;
            let _ = writeln!(out, "node_disk_{family}{{device=\"nvme{disk}n1\"}} {value}");
        }
    }
    for family in ["avail_bytes", "size_bytes", "files_free"] {
        head(&mut out, &format!("node_filesystem_{family}"), "What is left to users without root.", "gauge");
        for disk in 0..disks {
            let value = disk as f64 * 1.024e7 + 7.366_410_239e10;
            let _ = writeln!(
                out,
                "node_filesystem_{family}{{device=\"/dev/nvme{disk}n1p2\",fstype=\"ext4\",mountpoint=\"/srv/data/{disk}\"}} {value:e}"
            );
        }
    }
    for n in 0..400 {
        let name = format!("node_memory_Field{n}_bytes");
        head(&mut out, &name, "Memory information field.", "gauge");
        let _ = writeln!(out, "{name} {:e}", f64::from(n) * 4096.0 + 1.234_567e9);
    }
    out
}

/// The same as OpenMetrics.
pub fn openmetrics(cpus: usize) -> String {
    let mut out = String::new();
    let name = "node_cpu_seconds";
    let _ = writeln!(out, "# TYPE {name} counter\n# UNIT {name} seconds\n# HELP {name} Seconds the CPUs spent.");
    for cpu in 0..cpus {
        for mode in MODES {
            let value = cpu as f64 * 17.25 + 88_231.5;
            let _ = writeln!(out, "{name}_total{{cpu=\"{cpu}\",mode=\"{mode}\"}} {value} 1700000000.123");
        }
    }
    out + "# EOF\n"
}

/// The same as protobuf, with a histogram family behind it.
pub fn protobuf(cpus: usize) -> Vec<u8> {
    let labelled = |cpu: usize, mode: &str, value: Vec<u8>| {
        let label =
            |name: &str, value: &str| field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat());
        field(4, &[label("cpu", &cpu.to_string()), label("mode", mode), value].concat())
    };
    let counter = |cpu: usize| field(3, &double(1, cpu as f64 * 17.25));
    let bucket = |n: u8| field(3, &[vec![1 << 3, n], double(2, f64::from(n) * 0.25)].concat());
    let buckets: Vec<u8> = (1..12).flat_map(bucket).collect();
    let histogram = || field(7, &[vec![1 << 3, 100], double(2, 12.5), buckets.clone()].concat());
    let family = |name: &str, kind: u8, metrics: Vec<Vec<u8>>| {
        let head = [field(1, name.as_bytes()), field(2, b"Seconds the CPUs spent."), vec![3 << 3, kind]];
        let body = [head.concat(), metrics.concat()].concat();
        [length(body.len()), body].concat()
    };
    let every = |value: &dyn Fn(usize) -> Vec<u8>| -> Vec<Vec<u8>> {
        (0..cpus).flat_map(|cpu| MODES.map(|mode| labelled(cpu, mode, value(cpu)))).collect()
    };
    let counters = family("node_cpu_seconds_total", 0, every(&counter));
    [counters, family("node_wait_seconds", 4, every(&|_| histogram()))].concat()
}

fn field(number: u8, body: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2], length(body.len()), body.to_vec()].concat()
}

fn double(number: u8, value: f64) -> Vec<u8> {
    [vec![number << 3 | 1], value.to_le_bytes().to_vec()].concat()
}

fn length(mut length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out
}

const MODES: [&str; 8] = ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"];

fn cpu_seconds(out: &mut String, cpus: usize) {
    head(out, "node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", "counter");
    for cpu in 0..cpus {
        for (mode, offset) in MODES.iter().zip(1..) {
            let value = cpu as f64 * 17.25 + f64::from(offset) * 88_231.51;
            let _ = writeln!(out, "node_cpu_seconds_total{{cpu=\"{cpu}\",mode=\"{mode}\"}} {value:.2}");
        }
    }
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}
