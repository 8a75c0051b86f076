//! How many processors the container may use, from cgroup v2 or v1.
//!
//! # Invariants
//! A limit that is absent, unlimited or unreadable is `None`. The files and their meaning are the kernel's:
//! `cpu.max` holds `QUOTA PERIOD` or `max PERIOD`; v1 has one file each, with -1 for no limit.

use std::fs;
use std::path::Path;

/// Where both versions are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// The processors this process may use: the container's limit (0.5 is half of one), otherwise the machine's count.
pub fn cpu_cores() -> f64 {
    let machine = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    cpu_limit(Path::new(MOUNT)).unwrap_or(machine as f64)
}

/// The limit under a cgroup mount.
pub fn cpu_limit(mount: &Path) -> Option<f64> {
    let read = |name: &str| fs::read_to_string(mount.join(name)).ok();
    if let Some(text) = read("cpu.max") {
        let (quota, period) = text.trim().split_once(' ')?;
        return cores(quota, period);
    }
    let dir = ["cpu", "cpu,cpuacct"].into_iter().find(|dir| mount.join(dir).join("cpu.cfs_quota_us").exists())?;
    cores(&read(&format!("{dir}/cpu.cfs_quota_us"))?, &read(&format!("{dir}/cpu.cfs_period_us"))?)
}

/// Quota over period when both are positive numbers.
fn cores(quota: &str, period: &str) -> Option<f64> {
    let (quota, period): (u64, u64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(files: &[(&str, &str)]) -> Option<f64> {
        let mount = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = mount.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        cpu_limit(mount.path())
    }

    #[test]
    fn version_2_has_both_numbers_in_one_file() {
        assert_eq!(mount(&[("cpu.max", "200000 100000\n")]), Some(2.0));
        assert_eq!(mount(&[("cpu.max", "50000 100000\n")]), Some(0.5));
        assert_eq!(mount(&[("cpu.max", "max 100000\n")]), None);
        assert_eq!(mount(&[("cpu.max", "100000 0\n")]), None);
        assert_eq!(mount(&[("cpu.max", "")]), None);
    }

    #[test]
    fn version_1_has_two_files_in_either_folder() {
        for dir in ["cpu", "cpu,cpuacct"] {
            let quota = format!("{dir}/cpu.cfs_quota_us");
            let period = format!("{dir}/cpu.cfs_period_us");
            assert_eq!(mount(&[(&quota, "150000\n"), (&period, "100000\n")]), Some(1.5));
            assert_eq!(mount(&[(&quota, "-1\n"), (&period, "100000\n")]), None);
            assert_eq!(mount(&[(&quota, "1000\n")]), None);
        }
    }

    #[test]
    fn without_a_limit_the_machine_counts() {
        assert_eq!(mount(&[]), None);
        assert!(cpu_cores() > 0.0);
    }
}
