//! Exec credential plugins: a program of the kubeconfig that prints a token or a client certificate.
//!
//! # Invariants
//! The program is asked again only once what it gave has expired, or was refused; it has [`MAX_RUN`] to answer and
//! [`MAX_OUTPUT`] bytes to do so, and never a terminal.
//! Rule: Kubernetes, "client-go credential plugins", client.authentication.k8s.io/v1 and v1beta1.

use super::access::Access;
use super::objects::or_default;
use crate::secret::Secret;
use base64::Engine as _;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

/// How long a plugin may take; cloud providers' take a few seconds.
pub const MAX_RUN: Duration = Duration::from_secs(30);
/// The most a plugin may print.
pub const MAX_OUTPUT: u64 = 1 << 20;

/// Pause between two looks at a program.
const STEP: Duration = Duration::from_millis(20);
/// How often a program that is being replaced is started again.
const BUSY_RETRIES: u32 = 10;

const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/// A plugin, ready to run.
#[derive(Clone)]
pub struct ExecPlugin {
    version: String,
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    cluster: Option<serde_json::Value>,
    hint: Option<String>,
}

/// Arguments and variables may hold secrets.
impl std::fmt::Debug for ExecPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExecPlugin({}, {})", self.program.display(), self.version)
    }
}

/// What a plugin gave.
#[derive(Debug, Clone)]
pub struct ExecCredential {
    /// A bearer token.
    pub token: Option<Secret>,
    /// A client certificate and its key, PEM.
    pub identity: Option<(Arc<[u8]>, Secret)>,
    /// When it ends; `None` holds until it is refused.
    pub expires: Option<SystemTime>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawCredential {
    kind: String,
    api_version: String,
    #[serde(deserialize_with = "or_default")]
    status: RawStatus,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawStatus {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

impl ExecPlugin {
    /// A plugin without a hint or cluster information.
    ///
    /// # Errors
    /// The version, when it is neither v1 nor v1beta1.
    pub fn new(
        version: String,
        program: PathBuf,
        args: Vec<String>,
        env: Vec<(String, String)>,
    ) -> Result<Self, String> {
        if !VERSIONS.contains(&version.as_str()) {
            let [v1, v1beta1] = VERSIONS;
            return Err(format!("exec apiVersion {version:?} is not supported, only {v1} and {v1beta1}"));
        }
        Ok(Self { version, program, args, env, cluster: None, hint: None })
    }

    /// What to do when the program is missing.
    pub fn with_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }

    /// Tells the program about the cluster, as `provideClusterInfo` asks.
    pub fn with_cluster(self, access: &Access) -> Self {
        let ca = access.ca.as_ref().and_then(|pem| pem.read().ok());
        let cluster = serde_json::json!({
            "server": access.server,
            "tls-server-name": access.server_name,
            "insecure-skip-tls-verify": access.insecure,
            "certificate-authority-data": ca.map(|pem| base64::prelude::BASE64_STANDARD.encode(pem)),
            "proxy-url": access.proxy,
        });
        Self { cluster: Some(cluster), ..self }
    }

    /// Runs the program and reads what it prints.
    ///
    /// # Errors
    /// One line: the program, what went wrong, its last line on stderr.
    pub fn run(&self) -> Result<ExecCredential, String> {
        let what = |fault: String| format!("exec credential plugin {}: {fault}", self.program.display());
        let mut child = self.spawn().map_err(what)?;
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let status = wait(&mut child).map_err(what)?;
        let (stdout, stderr) = (drained(stdout), drained(stderr));
        if !status.success() {
            return Err(what(format!("ended with {status}: {}", last_line(&stderr))));
        }
        self.read(&stdout).map_err(what)
    }

    fn spawn(&self) -> Result<Child, String> {
        let mut spec = serde_json::json!({ "interactive": false });
        if let Some(cluster) = &self.cluster {
            spec["cluster"] = cluster.clone();
        }
        let info = serde_json::json!({ "apiVersion": self.version, "kind": "ExecCredential", "spec": spec });
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().cloned()).env("KUBERNETES_EXEC_INFO", info.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let hint = || self.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
        for _ in 0..BUSY_RETRIES {
            match command.spawn() {
                // the file is being replaced this very moment
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::sleep(STEP),
                started => return started.map_err(|error| format!("cannot be started: {error}{}", hint())),
            }
        }
        Err("is being written and cannot be started yet".to_owned())
    }

    fn read(&self, stdout: &[u8]) -> Result<ExecCredential, String> {
        // the text of a JSON error could show a piece of the token, its place cannot
        let place =
            |e: serde_json::Error| format!("printed no ExecCredential (line {}, column {})", e.line(), e.column());
        let raw: RawCredential = serde_json::from_slice(stdout).map_err(place)?;
        if raw.kind != "ExecCredential" || raw.api_version != self.version {
            let (kind, version) = (&raw.kind, &raw.api_version);
            return Err(format!("printed kind {kind:?} of {version:?}, expected ExecCredential of {:?}", self.version));
        }
        raw.status.resolve()
    }
}

impl RawStatus {
    fn resolve(self) -> Result<ExecCredential, String> {
        let identity = match (self.client_certificate_data, self.client_key_data) {
            (Some(certificate), Some(key)) => Some((Arc::from(certificate.into_bytes()), Secret::new(key))),
            (None, None) => None,
            _ => return Err("gave a certificate without its key, or a key without its certificate".into()),
        };
        let token = self.token.filter(|token| !token.is_empty()).map(Secret::new);
        if token.is_none() && identity.is_none() {
            return Err("gave neither a token nor a client certificate".into());
        }
        let expires = self.expiration_timestamp.as_deref().map(|text| {
            super::time::parse(text).ok_or_else(|| format!("gave an expirationTimestamp {text:?} that is no time"))
        });
        Ok(ExecCredential { token, identity, expires: expires.transpose()? })
    }
}

/// The last line of a text, no more than a message bears.
fn last_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).lines().last().unwrap_or_default().chars().take(200).collect()
}

type Drain = Option<mpsc::Receiver<Vec<u8>>>;

/// Reads a pipe to its end beside the waiting, so that a talkative program does not stop at a full pipe.
fn drain(pipe: Option<impl Read + Send + 'static>) -> Drain {
    let pipe = pipe?;
    let (sender, receiver) = mpsc::sync_channel(1);
    let read = move || {
        let mut bytes = Vec::new();
        // a read error is an early end: what is missing shows when the output is parsed
        let _ = Read::take(pipe, MAX_OUTPUT).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    };
    let thread = std::thread::Builder::new().name("k8s-exec".into()).stack_size(128 << 10).spawn(read);
    thread.ok().map(|_| receiver)
}

/// What was read. A program that left a child behind keeps its pipe open: nobody waits for that one.
fn drained(drain: Drain) -> Vec<u8> {
    drain.and_then(|receiver| receiver.recv_timeout(Duration::from_secs(1)).ok()).unwrap_or_default()
}

/// Waits for the program, and ends it when it takes too long.
fn wait(child: &mut Child) -> Result<std::process::ExitStatus, String> {
    let deadline = Instant::now() + MAX_RUN;
    loop {
        if let Some(status) = child.try_wait().map_err(|error| format!("cannot be waited for: {error}"))? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("did not end within {} s", MAX_RUN.as_secs()));
        }
        std::thread::sleep(STEP); // std has no wait with a deadline
    }
}
