//! The program under test: a child process in a home of its own that ends with its value.

use crate::Outcome;
use crate::own::Own;
use crate::sink::Sink;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long the program may take to tell its status address; a busy machine is slow.
const START: Duration = Duration::from_secs(30);
/// How often conditions and the child's life are looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// Lines of its log kept for an error message.
const TAIL: usize = 15;

/// A running agent; killed when dropped.
pub struct Program {
    child: Child,
    home: TempDir,
    status: String,
    log: Arc<Mutex<VecDeque<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts `bin` so that it scrapes as `scrape_config` says and sends to `sink`.
    pub fn start(bin: &Path, sink: &Sink, scrape_config: &str) -> Outcome<Self> {
        let home = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        write(home.path(), "whatap.conf", &conf(sink, ""))?;
        write(home.path(), "scrape_config.yaml", scrape_config)?;
        let mut command = Command::new(bin);
        command.args(["foreground", "standalone"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let foreign =
            |name: &str| ["WHATAP", "KUBE", "POD", "NODE_"].iter().any(|of_others| name.starts_with(of_others));
        for (name, _) in std::env::vars().filter(|(name, _)| foreign(name)) {
            command.env_remove(name);
        }
        command.env("WHATAP_HOME", home.path());
        let mut child = command.spawn().map_err(|error| format!("{} can't be started: {error}", bin.display()))?;
        let stderr = child.stderr.take().expect("it is piped");
        let log = Arc::default();
        let reader = Some(read_log(stderr, Arc::clone(&log)));
        let mut program = Self { child, home, status: String::new(), log, reader };
        program.status = program.wait("its status address", START, |program| program.told_status())?;
        Ok(program)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Changes what it scrapes.
    pub fn rewrite_targets(&self, scrape_config: &str) -> Outcome<()> {
        write(self.home.path(), "scrape_config.yaml", scrape_config)
    }

    /// Changes whatap.conf; `more` are lines of it.
    pub fn rewrite_conf(&self, sink: &Sink, more: &str) -> Outcome<()> {
        write(self.home.path(), "whatap.conf", &conf(sink, more))
    }

    /// Waits until `condition` gives a value while the program lives.
    pub fn wait<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut condition: impl FnMut(&Self) -> Option<T>,
    ) -> Outcome<T> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(value) = condition(self) {
                return Ok(value);
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "{what} did not come within {within:?}; the last of the agent's log:\n{}",
                    self.tail()
                ));
            }
            self.pause(GLANCE)?;
        }
    }

    /// Lets it work for a time.
    pub fn let_run(&mut self, time: Duration) -> Outcome<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.pause(left.min(GLANCE * 4))?;
        }
        Ok(())
    }

    /// What it tells of itself.
    pub fn own(&self) -> Outcome<Own> {
        let answer = get(&self.status).map_err(|error| format!("http://{}/metrics: {error}", self.status))?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("the agent's /metrics has no head")?;
        Ok(Own::parse(body))
    }

    fn pause(&mut self, time: Duration) -> Outcome<()> {
        if let Some(exit) = self.child.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("the agent ended ({exit}); the last of its log:\n{}", self.tail()));
        }
        thread::sleep(time);
        Ok(())
    }

    fn told_status(&self) -> Option<String> {
        let told = |line: &String| Some(line.split_once("status pages at http://")?.1.trim_end_matches('/').to_owned());
        self.log.lock().unwrap().iter().find_map(told)
    }

    fn tail(&self) -> String {
        self.log.lock().unwrap().iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// A scrape configuration of the farm's exporters `numbers`.
pub fn scrape_config(farm: SocketAddr, numbers: Range<usize>, interval: Duration) -> String {
    let timeout = openagent::duration::format(interval.min(Duration::from_secs(10)));
    let interval = openagent::duration::format(interval);
    let mut yaml = "features:\n  openAgent:\n    enabled: true\n    targets:\n    - targetName: farm\n".to_owned();
    yaml += "      type: StaticEndpoints\n      endpoints:\n";
    for n in numbers {
        let _ = writeln!(
            yaml,
            "      - {{address: \"{farm}\", path: /t/{n}/metrics, interval: {interval}, timeout: {timeout}}}"
        );
    }
    yaml
}

fn conf(sink: &Sink, more: &str) -> String {
    let (licence, server) = (sink.licence(), sink.address());
    format!(
        "license={licence}\nwhatap.server.host={}\nwhatap.server.port={}\nstatus_listen=127.0.0.1:0\n{more}\n",
        server.ip(),
        server.port()
    )
}

/// Writes a file beside and renames it over the old one, as a careful editor does.
fn write(folder: &Path, name: &str, text: &str) -> Outcome<()> {
    let beside = folder.join(format!(".{name}.new"));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, folder.join(name)));
    written.map_err(|error| format!("{name} in {}: {error}", folder.display()))
}

fn read_log(stderr: ChildStderr, log: Arc<Mutex<VecDeque<String>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap();
            if log.len() == TAIL {
                log.pop_front();
            }
            log.push_back(line);
        }
    })
}

fn get(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(START))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
