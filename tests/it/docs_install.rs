//! scripts/install.sh in a folder of its own: installing, installing again, taking away.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Another root to install into.
struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn script(&self, args: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/install.sh");
        Command::new(script).args(args).env("DESTDIR", self.0.path()).output().unwrap()
    }

    fn install(&self) -> String {
        done(&self.script(&["--binary", env!("CARGO_BIN_EXE_openagent")]))
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Every file with its mode, sorted.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
                    files.push(format!("{} {mode:o}", path.strip_prefix(self.0.path()).unwrap().display()));
                }
            }
        }
        files.sort();
        files
    }
}

fn done(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

const INSTALLED: [&str; 5] = [
    "etc/systemd/system/whatap-openagent.service 644",
    "opt/whatap/openagent/openagent 755",
    "opt/whatap/openagent/scrape_config.yaml 644",
    "opt/whatap/openagent/whatap.conf 640",
    "opt/whatap/openagent/whatap.conf.example 644",
];

#[test]
fn installs_updates_and_takes_away() {
    let root = Root::new();
    let told = root.install();
    assert!(told.contains("installed openagent 2.") && told.contains("next: set WHATAP_LICENSE"), "{told}");
    assert_eq!(root.files(), INSTALLED);
    let home = root.path("opt/whatap/openagent");
    let version = Command::new(home.join("openagent")).arg("version").output().unwrap();
    assert!(done(&version).starts_with("openagent "));

    std::fs::write(home.join("whatap.conf"), "license=mine\n").unwrap();
    std::fs::write(home.join("openagent"), "an older program").unwrap();
    root.install();
    assert_eq!(root.files(), INSTALLED);
    assert_eq!(std::fs::read_to_string(home.join("whatap.conf")).unwrap(), "license=mine\n", "the configuration stays");
    assert_ne!(std::fs::read(home.join("openagent")).unwrap(), b"an older program");

    done(&root.script(&["--uninstall"]));
    done(&root.script(&["--uninstall"]));
    assert_eq!(root.files(), [INSTALLED[2], INSTALLED[3]], "configuration is left");
    done(&root.script(&["--uninstall", "--purge"]));
    assert_eq!(root.files(), [""; 0]);
}

#[test]
fn refuses_what_it_does_not_understand_before_it_touches_anything() {
    let root = Root::new();
    for (args, code, wanted) in [
        (["--purge", "--uninstal"], 2, "unknown option --uninstal"),
        (["--purge", "--purge"], 2, "--purge goes with --uninstall"),
        (["--binary", "/nowhere/openagent"], 1, "/nowhere/openagent is no program"),
    ] {
        let output = root.script(&args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(wanted), "{stderr}");
    }
    assert_eq!(root.files(), [""; 0]);
}

#[test]
fn the_unit_starts_what_is_installed() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/whatap-openagent.service");
    let unit = std::fs::read_to_string(unit).unwrap();
    for line in [
        "Type=exec",
        "ExecStart=/opt/whatap/openagent/openagent",
        "Environment=WHATAP_HOME=/opt/whatap/openagent",
        "ReadWritePaths=/opt/whatap/openagent",
        "Restart=always",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line} is not in the unit");
    }
}
