//! build-docker.sh and create-whatap-secret.sh, with stand-ins for docker and kubectl that write down what they get.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// A folder with a program that writes its arguments, one a line, and its input into the folder.
struct StandIn {
    folder: tempfile::TempDir,
}

impl StandIn {
    fn of(program: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(program);
        let script = "#!/bin/sh\nfolder=$(dirname \"$0\")\n[ \"$2\" = version ] && exit 0\n\
                      printf '%s\\n' \"$@\" > \"$folder/args\"\n[ \"$1\" = apply ] && cat > \"$folder/input\"\nexit 0\n";
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn run(&self, script: &str, args: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(script));
        command.args(args).env("PATH", format!("{}:{path}", self.folder.path().display()));
        command.output().unwrap()
    }

    /// What was written down, without the commit of the checkout.
    fn got(&self, what: &str) -> String {
        let text = std::fs::read_to_string(self.folder.path().join(what)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let kept = lines.iter().enumerate().filter(|(at, line)| {
            let next_is_commit = lines.get(at + 1).is_some_and(|next| next.starts_with("OPENAGENT_COMMIT="));
            !line.starts_with("OPENAGENT_COMMIT=") && !next_is_commit
        });
        kept.map(|(_, line)| *line).collect::<Vec<_>>().join(if what == "args" { " " } else { "\n" })
    }
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn the_image_is_built_as_the_options_say() {
    for (args, wanted) in [
        (&[][..], "buildx build --platform linux/amd64,linux/arm64 --tag openagent:latest ."),
        (&["--arch", "amd64"], "buildx build --platform linux/amd64 --tag openagent:latest --load ."),
        (&["--arch", "arm64", "--tag", "v1"], "buildx build --platform linux/arm64 --tag openagent:v1 --load ."),
        (
            &["--registry", "docker.io/username", "--tag", "v1.0.0", "--push"],
            "buildx build --platform linux/amd64,linux/arm64 --tag docker.io/username/openagent:v1.0.0 --push .",
        ),
    ] {
        let docker = StandIn::of("docker");
        let output = docker.run("build-docker.sh", args);
        assert_eq!(code(&output), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(docker.got("args"), wanted);
    }
}

#[test]
fn options_that_make_no_sense_are_told_before_anything_is_built() {
    for args in [&["--arch", "mips"][..], &["--arch"], &["--tga", "x"], &["--tag", ""]] {
        let docker = StandIn::of("docker");
        let output = docker.run("build-docker.sh", args);
        assert_eq!(code(&output), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("build-docker.sh: "), "{args:?}");
        assert_eq!(docker.got("args"), "", "{args:?}");
    }
    let help = StandIn::of("docker").run("build-docker.sh", &["--help"]);
    let text = String::from_utf8(help.stdout.clone()).unwrap();
    assert_eq!(code(&help), Some(0));
    for option in ["--arch", "--tag", "--registry", "--prebuilt", "--push", "--help"] {
        assert!(text.contains(option), "{option} is not in the help:\n{text}");
    }
}

#[test]
fn the_secret_goes_to_kubectl_on_its_input_alone() {
    let kubectl = StandIn::of("kubectl");
    let output = kubectl.run("k8s/create-whatap-secret.sh", &["x41-licence", "10.0.0.1/10.0.0.2", "6600"]);
    assert_eq!(code(&output), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(kubectl.got("args"), "apply -f -");
    let manifest = kubectl.got("input");
    for line in [
        "kind: Secret",
        "  name: whatap-credentials",
        "  namespace: whatap-monitoring",
        "  license: eDQxLWxpY2VuY2U=",
        "  host: MTAuMC4wLjEvMTAuMC4wLjI=",
        "  port: NjYwMA==",
    ] {
        assert!(manifest.lines().any(|found| found == line), "{line} is not in\n{manifest}");
    }
    let few = kubectl.run("k8s/create-whatap-secret.sh", &["x41-licence"]);
    assert_eq!(code(&few), Some(2));
    assert!(String::from_utf8_lossy(&few.stderr).contains("LICENSE HOST PORT"));
}

/// The file's lines without the spaces around them.
fn lines_of(path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_steps_on_kubernetes_use_files_that_are_there_and_all_of_them() {
    let readme = lines_of("k8s/README.md");
    let named: Vec<&str> = readme.iter().flat_map(|line| line.split([' ', '`', '(', ')'])).collect();
    for word in named.iter().filter(|word| word.starts_with("k8s/") || word.starts_with("./k8s/")) {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(word).exists(), "{word}");
    }
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || named.contains(&name.as_str()), "k8s/README.md does not name {name}");
    }
    for step in [
        "./build-docker.sh --registry docker.io/username --tag v2.0.0 --push",
        "kubectl apply -f k8s/namespace.yaml -f k8s/rbac.yaml -f k8s/configmaps.yaml",
        "./k8s/create-whatap-secret.sh <WHATAP_LICENSE> <WHATAP_HOST> <WHATAP_PORT>",
        "export WHATAP_LICENSE=<WHATAP_LICENSE>",
        "export WHATAP_HOST=<WHATAP_HOST>",
        "export WHATAP_PORT=<WHATAP_PORT>",
        "--from-literal=license=$WHATAP_LICENSE --from-literal=host=$WHATAP_HOST --from-literal=port=$WHATAP_PORT",
        "kubectl apply -f k8s/deployment.yaml",
        "kubectl -n whatap-monitoring get pods -l app=whatap-open-agent",
    ] {
        assert!(readme.iter().any(|line| line == step), "k8s/README.md has no step {step}");
    }
}

#[test]
fn every_workload_takes_the_credentials_from_the_secret_that_the_script_makes() {
    for workload in ["deployment", "daemonset", "statefulset"] {
        let lines = lines_of(&format!("k8s/{workload}.yaml"));
        for (variable, key) in [("WHATAP_LICENSE", "license"), ("WHATAP_HOST", "host"), ("WHATAP_PORT", "port")] {
            let at = lines.iter().position(|line| *line == format!("- name: {variable}"));
            let at = at.unwrap_or_else(|| panic!("{workload} sets no {variable}"));
            let from = format!("secretKeyRef: {{name: whatap-credentials, key: {key}}}");
            assert_eq!(lines[at + 1..at + 3], ["valueFrom:".to_owned(), from], "{workload}");
        }
    }
}
