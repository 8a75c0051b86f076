//! The program under test: a child process in a home of its own that ends with its value.

use crate::Outcome;
use crate::home;
use crate::own::Own;
use crate::sink::Sink;
use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
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

/// What it said on standard error.
#[derive(Default)]
struct Log {
    /// Where its status endpoint listens.
    status: Option<String>,
    last: VecDeque<String>,
}

/// A running agent; killed when dropped.
pub struct Program {
    child: Child,
    home: TempDir,
    status: String,
    log: Arc<Mutex<Log>>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts `bin` so that it scrapes as `scrape_config` says and sends to `sink`.
    pub fn start(bin: &Path, sink: &Sink, scrape_config: &str) -> Outcome<Self> {
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        home::write(folder.path(), "whatap.conf", &home::conf(sink, ""))?;
        home::write(folder.path(), "scrape_config.yaml", scrape_config)?;
        let mut command = Command::new(bin);
        command.args(["foreground", "standalone"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let foreign =
            |name: &str| ["WHATAP", "KUBE", "POD", "NODE_"].iter().any(|of_others| name.starts_with(of_others));
        for (name, _) in std::env::vars().filter(|(name, _)| foreign(name)) {
            command.env_remove(name);
        }
        command.env("WHATAP_HOME", folder.path());
        let mut child = command.spawn().map_err(|error| format!("{} can't be started: {error}", bin.display()))?;
        let stderr = child.stderr.take().expect("it is piped");
        let log = Arc::default();
        let reader = Some(read_log(stderr, Arc::clone(&log)));
        let mut program = Self { child, home: folder, status: String::new(), log, reader };
        program.status = program.wait("its status address", START, |program| program.told_status())?;
        Ok(program)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Changes what it scrapes.
    pub fn rewrite_targets(&self, scrape_config: &str) -> Outcome<()> {
        home::write(self.home.path(), "scrape_config.yaml", scrape_config)
    }

    /// Changes whatap.conf; `more` are lines of it.
    pub fn rewrite_conf(&self, sink: &Sink, more: &str) -> Outcome<()> {
        home::write(self.home.path(), "whatap.conf", &home::conf(sink, more))
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
        self.log.lock().unwrap().status.clone()
    }

    fn tail(&self) -> String {
        self.log.lock().unwrap().last.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
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

fn read_log(stderr: ChildStderr, log: Arc<Mutex<Log>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            log.lock().unwrap().take(line);
        }
    })
}

impl Log {
    fn take(&mut self, line: String) {
        if let Some((_, address)) = line.split_once("status pages at http://") {
            self.status = Some(address.trim_end_matches('/').to_owned());
        }
        if self.last.len() == TAIL {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}

fn get(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(START))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
