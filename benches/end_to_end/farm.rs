//! A farm of exporters in this process: one listener, each target a path `/t/N/metrics` and, since the agent keeps one
//! connection for each target, a thread.
//!
//! # Invariants
//! - Answers are made beforehand: serving is a read, a look at the path and one write.
//! - To be dropped after the program that scrapes it: connections end by being closed at the other side.

use crate::Outcome;
use crate::body::{self, Format};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Builder, JoinHandle};

/// Bytes of stack of a connection; it holds one request head.
const STACK: usize = 64 << 10;
/// Bytes of a request head at most.
const HEAD: usize = 4 << 10;
/// Different bodies; a target answers one after the other.
const VARIANTS: u64 = 4;

/// The farm, serving until dropped.
pub struct Farm {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    /// Whole answers, head and body.
    answers: Vec<Vec<u8>>,
    series: u64,
    stopped: AtomicBool,
    /// Answers of each target.
    served: Vec<AtomicU64>,
    scrapes: AtomicU64,
    /// Targets that have answered at all.
    reached: AtomicUsize,
}

impl Farm {
    /// Starts exporters 0 to `targets`, each with `series` samples.
    pub fn start(targets: usize, series: usize, format: Format) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no port for the farm: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("the farm's port: {error}"))?;
        let shared = Arc::new(Shared {
            answers: (0..VARIANTS).map(|variant| answer(series, variant, format)).collect(),
            series: series as u64,
            stopped: AtomicBool::new(false),
            served: (0..targets).map(|_| AtomicU64::new(0)).collect(),
            scrapes: AtomicU64::new(0),
            reached: AtomicUsize::new(0),
        });
        let acceptor = Builder::new().name("farm".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        let acceptor = acceptor.map_err(|error| format!("no thread for the farm: {error}"))?;
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers so far.
    pub fn scrapes(&self) -> u64 {
        self.shared.scrapes.load(Ordering::Relaxed)
    }

    /// Samples in one answer.
    pub fn series(&self) -> u64 {
        self.shared.series
    }

    /// Targets that were scraped at least once.
    pub fn reached(&self) -> usize {
        self.shared.reached.load(Ordering::Relaxed)
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address); // wakes it out of accept(2)
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn answer(series: usize, variant: u64, format: Format) -> Vec<u8> {
    let body = body::body(series, variant, format);
    let (kind, length) = (format.content_type(), body.len());
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// Returns when the farm is stopped and every connection closed.
fn accept(listener: &TcpListener, shared: &Shared) {
    thread::scope(|scope| {
        for stream in listener.incoming() {
            if shared.stopped.load(Ordering::Relaxed) {
                break;
            }
            let stream = stream.unwrap_or_else(|error| panic!("the farm can't accept a connection: {error}"));
            let serving = Builder::new().stack_size(STACK).spawn_scoped(scope, move || serve(stream, shared));
            serving.unwrap_or_else(|error| panic!("no thread for one more target: {error}; use fewer --targets"));
        }
    });
}

/// Answers until the agent closes the connection.
fn serve(mut stream: TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let mut head = [0; HEAD];
    while let Ok(Some(length)) = read_head(&mut stream, &mut head) {
        let answer = target(&head[..length]).and_then(|number| shared.next(number));
        let sent = stream.write_all(answer.unwrap_or(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
        if sent.is_err() {
            return;
        }
    }
}

impl Shared {
    /// The next answer of a target; it counts.
    fn next(&self, target: usize) -> Option<&[u8]> {
        let before = self.served.get(target)?.fetch_add(1, Ordering::Relaxed);
        self.scrapes.fetch_add(1, Ordering::Relaxed);
        if before == 0 {
            self.reached.fetch_add(1, Ordering::Relaxed);
        }
        Some(&self.answers[(before % VARIANTS) as usize])
    }
}

/// The length of a whole request head; `None` at the end of the connection.
fn read_head(stream: &mut TcpStream, head: &mut [u8; HEAD]) -> io::Result<Option<usize>> {
    let mut filled = 0;
    while filled < HEAD {
        match stream.read(&mut head[filled..])? {
            0 => return Ok(None),
            n => filled += n,
        }
        if head[..filled].ends_with(b"\r\n\r\n") {
            return Ok(Some(filled));
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "a request head of more than 4 KiB"))
}

/// N of `GET /t/N/metrics`.
fn target(head: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let path = line.strip_prefix("GET /t/")?;
    path.split_once("/metrics")?.0.parse().ok()
}
