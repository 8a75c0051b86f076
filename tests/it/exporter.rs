//! A small exporter for the tests: answers each request with what a closure gives, one thread per connection.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An exporter on a free loopback port until it is dropped.
pub struct Exporter {
    /// Where it listens.
    pub address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Exporter {
    /// Serves text 0.0.4: `body` gets the path and gives the body.
    pub fn text(body: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::start(move |path| {
            let body = body(path);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n";
            format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        })
    }

    /// Serves whole answers, head and body: `answer` gets the path.
    pub fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let (stop, answer) = (Arc::clone(&stopped), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || serve(&stream, &*answer));
            }
        });
        Self { address, stopped }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address); // wakes the thread that accepts
    }
}

fn serve(mut stream: &TcpStream, answer: &dyn Fn(&str) -> Vec<u8>) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(request)) = lines.next() {
        let path = request.split_whitespace().nth(1).unwrap_or("/").to_owned();
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        if stream.write_all(&answer(&path)).is_err() {
            return;
        }
    }
}
