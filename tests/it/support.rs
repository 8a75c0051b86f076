//! What the tests share: the program as a child process, a collector that receives, waiting for a condition.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A licence of the right form; `wire` knows its project code.
pub const LICENCE: &str = "x41pl22ek7jhv-z43cebasdv4il7-z62p3l35fj5502";
/// The project code of [`LICENCE`].
pub const PCODE: &str = "1845";
/// How long a test waits for what should take a second or two; two busy cores are slow.
pub const LONG: Duration = Duration::from_secs(30);

/// The program under test: the one built along with the tests, or an optimised one that `OPENAGENT_PROGRAM` names.
pub fn program() -> PathBuf {
    std::env::var_os("OPENAGENT_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_openagent").into(), PathBuf::from)
}

/// Whether the program under test is optimised, so that bounds of time hold that users see.
pub fn is_optimised() -> bool {
    !cfg!(debug_assertions) || std::env::var_os("OPENAGENT_PROGRAM").is_some()
}

/// The program under test, without any setting of the machine it runs on.
pub fn openagent() -> Command {
    let mut command = Command::new(program());
    let ours = |name: &str| name.starts_with("WHATAP") || name.starts_with("KUBE") || name.starts_with("POD_");
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command
}

/// A file or folder of the conformance data beside the project, or `None` with a message where it is missing.
///
/// # Panics
/// When `OPENAGENT_REQUIRE_ALL` is set and it is missing: a check that must be whole may not skip.
pub fn shared(path: &str) -> Option<PathBuf> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if file.exists() {
        return Some(file);
    }
    skip(&format!("{} is not there", file.display()));
    None
}

/// A program of the system, or `None` with a message where it is missing.
///
/// # Panics
/// As [`shared`].
pub fn system_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        skip(&format!("{name} is not installed"));
    }
    found
}

/// Says that a test is skipped and why.
///
/// # Panics
/// When `OPENAGENT_REQUIRE_ALL` is set: a check that must be whole may not skip.
pub fn skip(why: &str) {
    assert!(std::env::var_os("OPENAGENT_REQUIRE_ALL").is_none(), "{why}, and everything is required");
    eprintln!("skipped: {why}");
}

/// Waits until `condition` gives a value.
///
/// # Panics
/// When `within` has passed, naming `what`.
pub fn wait_for<T>(what: &str, within: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {within:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A child process whose output is read as it comes; killed when dropped.
pub struct Running {
    child: Child,
    /// Lines of standard output so far.
    pub stdout: Lines,
    /// Lines of standard error so far.
    pub stderr: Lines,
}

/// Lines that a thread collects.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// All lines so far.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The first line that `pick` takes, waited for.
    ///
    /// # Panics
    /// When it does not come, with all that came.
    pub fn wait<T>(&self, what: &str, mut pick: impl FnMut(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(found) = self.all().iter().find_map(|line| pick(line)) {
                return found;
            }
            assert!(Instant::now() < deadline, "{what} did not come; output:\n{}", self.all().join("\n"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The last line that `pick` takes; looks through them where they are, for outputs too large to be copied.
    pub fn last<T>(&self, mut pick: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.0.lock().unwrap().iter().rev().find_map(|line| pick(line))
    }

    fn collect(source: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let sink = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                sink.0.lock().unwrap().push(line);
            }
        });
        lines
    }
}

impl Running {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stdout = Lines::collect(child.stdout.take().unwrap());
        let stderr = Lines::collect(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success(), "kill -{name} {}", self.pid());
    }

    /// Its exit status, waited for.
    pub fn exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_for("the end of the process", LONG, || child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `openagent collector` on a port of its choice or a given one.
pub struct Collector {
    /// The process; its standard output is the records.
    pub process: Running,
    /// Where it listens.
    pub address: String,
}

impl Collector {
    /// Starts one; `listen` is `127.0.0.1:0` for any free port.
    pub fn start(listen: &str, more: &[&str]) -> Self {
        let mut command = openagent();
        command.args(["collector", "--listen", listen, "--license", LICENCE]).args(more);
        let process = Running::start(&mut command);
        let address = process.stderr.wait("the collector's address", |line| {
            line.split_once("listening on ").map(|(_, rest)| rest.split_whitespace().next().unwrap_or("").to_owned())
        });
        Self { process, address }
    }

    /// The records so far, each a JSON object.
    pub fn records(&self) -> Vec<serde_json::Value> {
        self.process.stdout.all().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The sample records of one metric so far.
    pub fn samples(&self, name: &str) -> Vec<serde_json::Value> {
        let is_sample = |record: &serde_json::Value| record["type"] == "openmx" && record["name"] == name;
        self.records().into_iter().filter(is_sample).collect()
    }
}

/// A home for the agent: a folder with its two files.
pub struct Home(tempfile::TempDir);

impl Home {
    /// A home that sends to `server` and scrapes as `scrape_config` says; `conf` are more lines of whatap.conf.
    pub fn new(server: &str, conf: &str, scrape_config: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let (host, port) = server.rsplit_once(':').expect("host:port");
        home.write(
            "whatap.conf",
            &format!(
                "license={LICENCE}\nwhatap.server.host={host}\nwhatap.server.port={port}\nstatus_listen=\n{conf}\n"
            ),
        );
        home.write("scrape_config.yaml", scrape_config);
        home
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes one of its files.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// Starts the worker in it.
    pub fn agent(&self) -> Running {
        Running::start(openagent().args(["foreground", "standalone"]).env("WHATAP_HOME", self.path()))
    }
}

/// A CR configuration of static endpoints, one target a line: `(name, address, more YAML of the endpoint)`.
pub fn static_config(interval: &str, targets: &[(&str, &str, &str)]) -> String {
    let mut yaml =
        format!("features:\n  openAgent:\n    enabled: true\n    globalInterval: {interval}\n    targets:\n");
    for (name, address, more) in targets {
        yaml += &format!(
            "    - targetName: {name}\n      type: StaticEndpoints\n      endpoints:\n      - address: \"{address}\"\n"
        );
        for line in more.lines() {
            yaml += &format!("        {line}\n");
        }
    }
    yaml
}
