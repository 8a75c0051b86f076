//! The status server: a listener thread and a thread per connection, few and bounded.
//!
//! # Invariants
//! - At most [`MAX_CONNECTIONS`] at once; a newcomer beyond that closes the oldest, so that slow or idle connections
//!   cannot keep a probe out.
//! - One request a connection, its head within [`HEAD_WITHIN`], its answer written within [`WRITE_WITHIN`].
//! - Nothing here waits on a scrape or on the sender.

use super::http::{self, Head, Request, Response};
use std::collections::VecDeque;
use std::io::{BufWriter, ErrorKind, Read as _, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Connections at once.
pub const MAX_CONNECTIONS: usize = 32;
/// A request head must be whole within this time.
pub const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// An answer must be taken within this time.
pub const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of an answer that are written at once.
const WRITE_BUFFER: usize = 16 << 10;
/// Bytes of stack of a connection's thread.
const STACK: usize = 256 << 10;

/// Answers requests; gets the request and the peer's address.
pub type Answer = dyn Fn(&Request, SocketAddr) -> Response + Send + Sync;

/// A running server; [`StatusServer::stop`] ends it.
#[derive(Debug)]
pub struct StatusServer {
    address: SocketAddr,
    open: Arc<Open>,
    listener: JoinHandle<()>,
}

/// The connections there are, oldest first.
#[derive(Debug, Default)]
struct Open {
    stopped: AtomicBool,
    connections: Mutex<VecDeque<Connection>>,
    /// Closed to make room, their threads about to end; joined at the stop.
    closing: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    thread: JoinHandle<()>,
}

impl StatusServer {
    /// Listens on `listen` and answers from then on.
    ///
    /// # Errors
    /// When the address cannot be listened on or a thread cannot be started.
    pub fn start(listen: SocketAddr, answer: Arc<Answer>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let address = listener.local_addr()?;
        let open = Arc::new(Open::default());
        let shared = Arc::clone(&open);
        let listener = std::thread::Builder::new()
            .name("status-listen".to_owned())
            .stack_size(STACK)
            .spawn(move || accept(&listener, &shared, &answer))?;
        Ok(Self { address, open, listener })
    }

    /// Where it listens, with the port the system chose when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections and joins all threads.
    pub fn stop(self) {
        self.open.stopped.store(true, Ordering::Release);
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)); // wakes the listener
        let _ = self.listener.join();
        for connection in std::mem::take(&mut *self.open.lock()) {
            connection.shut();
            let _ = connection.thread.join();
        }
        for thread in std::mem::take(&mut *self.open.closing()) {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, open: &Arc<Open>, answer: &Arc<Answer>) {
    loop {
        let accepted = listener.accept();
        if open.stopped.load(Ordering::Acquire) {
            return;
        }
        match accepted {
            Ok((stream, peer)) => open.take_in(stream, peer, answer),
            // Out of file descriptors: the next accept would fail at once again and spin.
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

impl Open {
    fn take_in(&self, stream: TcpStream, peer: SocketAddr, answer: &Arc<Answer>) {
        let mut connections = self.lock();
        connections.retain(|connection| !connection.thread.is_finished());
        if connections.len() >= MAX_CONNECTIONS
            && let Some(oldest) = connections.pop_front()
        {
            oldest.shut();
            self.retire(oldest.thread);
        }
        let (Ok(serving), answer) = (stream.try_clone(), Arc::clone(answer)) else { return };
        let thread = std::thread::Builder::new()
            .name("status".to_owned())
            .stack_size(STACK)
            .spawn(move || serve(serving, peer, &*answer));
        if let Ok(thread) = thread {
            connections.push_back(Connection { stream, thread });
        }
    }

    /// Keeps a thread that is about to end, without waiting: it may be in the midst of making a page.
    fn retire(&self, thread: JoinHandle<()>) {
        let mut closing = self.closing();
        closing.retain(|thread| !thread.is_finished());
        closing.push(thread);
    }

    fn closing(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn shut(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// Reads one request and answers it; an error of the connection just ends it.
fn serve(mut stream: TcpStream, peer: SocketAddr, answer: &Answer) {
    let (response, head_only) = match read_request(&mut stream) {
        Ok(Some(Head::Complete(request))) => (answer(&request, peer), request.method == "HEAD"),
        Ok(Some(Head::Refused(response))) => (response, false),
        _ => return,
    };
    if send(&stream, response, head_only).is_ok() {
        linger(&mut stream);
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn send(stream: &TcpStream, response: Response, head_only: bool) -> std::io::Result<()> {
    let timed = Timed { stream, deadline: Instant::now() + WRITE_WITHIN };
    let mut out = BufWriter::with_capacity(WRITE_BUFFER, timed);
    response.write_to(&mut out, head_only)?;
    out.flush()
}

/// A connection that must take all that is written before a deadline, however slowly it reads.
struct Timed<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_write_timeout(Some(left))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Head>> {
    let deadline = Instant::now() + HEAD_WITHIN;
    let mut bytes = Vec::new();
    let mut piece = [0; 2048];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece[..read]);
        match http::read_head(&bytes) {
            Head::Partial => {}
            head => return Ok(Some(head)),
        }
    }
}

/// Lets the peer take the answer before the socket closes: closing with unread bytes in the receive buffer would
/// reset the connection and lose the answer's end.
fn linger(stream: &mut TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
    let mut rest = [0; 1024];
    for _ in 0..16 {
        match stream.read(&mut rest) {
            Ok(read) if read > 0 => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> StatusServer {
        let answer = |request: &Request, _: SocketAddr| Response::text(200, &request.path);
        StatusServer::start("127.0.0.1:0".parse().unwrap(), Arc::new(answer)).unwrap()
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn answers_while_many_slow_connections_are_open() {
        let server = server();
        let slow: Vec<TcpStream> = (0..200)
            .map(|_| {
                let mut stream = TcpStream::connect(server.address()).unwrap();
                stream.write_all(b"GET / HT").unwrap();
                stream
            })
            .collect();
        let began = Instant::now();
        let answer = ask(server.address(), "GET /probe HTTP/1.1\r\n\r\n");
        assert!(answer.ends_with("/probe"), "{answer}");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(server.open.lock().len() <= MAX_CONNECTIONS);
        drop(slow);
        server.stop();
    }

    #[test]
    fn stops_with_connections_open() {
        let server = server();
        let _idle = TcpStream::connect(server.address()).unwrap();
        let began = Instant::now();
        server.stop();
        assert!(began.elapsed() < HEAD_WITHIN, "{:?}", began.elapsed());
    }
}
