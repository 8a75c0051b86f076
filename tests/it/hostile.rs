//! A test server for everything a target may do wrong (and a few things right), on loopback.
//!
//! A manner is what it does with one request. Nothing here sleeps to pass time but the slow manners, whose slowness is
//! what is tested; a server that "hangs" reads until its client gives up.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A body in the text format.
pub const BODY: &str = "# TYPE up gauge\nup 1\n";

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Manner {
    /// Answers 200 with this body.
    Answer(Vec<u8>),
    /// Sends these bytes as they are, then goes on with the connection.
    Raw(Vec<u8>),
    /// Sends these bytes and closes.
    RawClose(Vec<u8>),
    /// Sends these bytes and resets the connection; for a whole server, not for one path.
    RawReset(Vec<u8>),
    /// Sends these bytes and hangs.
    RawHang(Vec<u8>),
    /// Takes the connection and never answers.
    Hang,
    /// A good answer, one byte each time this has passed.
    Drip(Duration),
    /// A good answer after this time.
    Slow(Duration),
    /// Chunks without end.
    EndlessChunks,
    /// A head without end.
    EndlessHead,
    /// This gzip member again and again; see [`bomb`].
    Bomb {
        /// 4 MiB of zeros, packed.
        member: Vec<u8>,
        /// How often.
        times: u64,
    },
    /// Redirects to this location.
    Redirect(String),
    /// By path, the first that fits; else 404.
    Paths(Vec<(&'static str, Manner)>),
}

/// What a client sent.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Request line and header lines.
    pub head: Vec<String>,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        self.head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default()
    }
}

/// A listening server; its port is closed when it is dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Serves every request in this manner.
    pub fn start(manner: Manner) -> Self {
        Self::start_wrapped(manner, |stream| Ok(Box::new(stream)))
    }

    /// Like [`Server::start`], each connection wrapped (in TLS) first.
    pub fn start_wrapped(
        manner: Manner,
        wrap: impl Fn(TcpStream) -> io::Result<Box<dyn Stream>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            connections: Arc::default(),
            stop: Arc::default(),
        };
        let (seen, connections, stop) =
            (Arc::clone(&server.seen), Arc::clone(&server.connections), Arc::clone(&server.stop));
        let wrap = Arc::new(wrap);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                connections.fetch_add(1, Ordering::SeqCst);
                let (manner, seen, wrap) = (manner.clone(), Arc::clone(&seen), Arc::clone(&wrap));
                let serve = move || {
                    if let Manner::RawReset(bytes) = &manner {
                        let _ = reset(stream, bytes);
                    } else if let Ok(stream) = wrap(stream) {
                        let _ = converse(stream, &manner, &seen);
                    }
                };
                thread::Builder::new().stack_size(256 << 10).spawn(serve).unwrap();
            }
        });
        server
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Connections taken so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Requests read so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// A connection, plain or TLS.
pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

fn converse(stream: Box<dyn Stream>, manner: &Manner, seen: &Mutex<Vec<Seen>>) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(4 << 10, stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim_end() {
                "" => break,
                text => head.push(text.to_owned()),
            }
        }
        let request = Seen { head };
        let path = request.path().to_owned();
        seen.lock().unwrap().push(request);
        if !answer(stream.get_mut(), manner, &path)? {
            return Ok(());
        }
    }
}

/// Whether the connection may go on.
fn answer(stream: &mut Box<dyn Stream>, manner: &Manner, path: &str) -> io::Result<bool> {
    match manner {
        Manner::Answer(body) => stream.write_all(&ok(body))?,
        Manner::Raw(bytes) => stream.write_all(bytes)?,
        Manner::RawClose(bytes) => {
            stream.write_all(bytes)?;
            return Ok(false);
        }
        Manner::RawReset(_) => return Ok(false),
        Manner::RawHang(bytes) => {
            stream.write_all(bytes)?;
            return hang(stream);
        }
        Manner::Hang => return hang(stream),
        Manner::Drip(pause) => {
            for byte in ok(BODY.as_bytes()) {
                stream.write_all(&[byte])?;
                thread::sleep(*pause);
            }
        }
        Manner::Slow(pause) => {
            thread::sleep(*pause);
            stream.write_all(&ok(BODY.as_bytes()))?;
        }
        Manner::EndlessChunks => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            loop {
                stream.write_all(chunk.as_bytes())?;
            }
        }
        Manner::EndlessHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            for i in 0.. {
                stream.write_all(format!("X-Header-{i}: {i}\r\n").as_bytes())?;
            }
        }
        Manner::Bomb { member, times } => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n")?;
            for _ in 0..*times {
                stream.write_all(member)?;
            }
            return Ok(false);
        }
        Manner::Redirect(location) => stream.write_all(
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 4\r\n\r\ngone").as_bytes(),
        )?,
        Manner::Paths(paths) => {
            let Some((_, manner)) = paths.iter().find(|(known, _)| *known == path) else {
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
                return Ok(true);
            };
            return answer(stream, manner, path);
        }
    }
    Ok(true)
}

/// Reads until the client has gone.
fn hang(stream: &mut Box<dyn Stream>) -> io::Result<bool> {
    io::copy(stream, &mut io::sink())?;
    Ok(false)
}

/// Closes with the request unread, which makes the kernel send a reset.
fn reset(mut stream: TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.peek(&mut [0])?;
    stream.write_all(bytes)
}

/// A whole good answer.
pub fn ok(body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A good answer with these header lines more.
pub fn ok_with(lines: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{lines}\r\n").as_bytes(), body].concat()
}

/// Gzip of some bytes.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Gzip of so many bytes of zeros: a thousandth of that on the wire.
pub fn bomb(bytes: u64) -> Manner {
    let member = 4 << 20;
    Manner::Bomb { member: gzip(&vec![0; member]), times: bytes / member as u64 }
}
