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
