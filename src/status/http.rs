//! The little HTTP the status server speaks: a request head read from bytes, an answer written to bytes.
//!
//! # Invariants
//! - No sockets here. A head is at most [`MAX_HEAD`] bytes and [`MAX_HEADERS`] headers; what does not fit is refused,
//!   never buffered.
//! - A long page is written as it is made: the memory it takes does not grow with the targets it shows.

use std::fmt;
use std::io::{self, Write};

/// Bytes of a request head at most.
pub const MAX_HEAD: usize = 8 << 10;
/// Headers of a request at most.
pub const MAX_HEADERS: usize = 64;

/// What a page may load and run: this server's own style sheet, script and icon, nothing inline, nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// A request, as far as the status pages look at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// `GET`, `HEAD`, `POST`, …
    pub method: String,
    /// The path, percent-encoding undone.
    pub path: String,
    /// The query's pairs in order, percent-encoding undone.
    pub query: Vec<(String, String)>,
    /// The Accept header.
    pub accept: String,
    /// The Accept-Language header.
    pub accept_language: String,
    /// The Host header.
    pub host: String,
    /// The Origin header; a browser sends it with a POST from a page.
    pub origin: Option<String>,
    /// The Sec-Fetch-Site header: how the page that asks stands to this server.
    pub fetch_site: Option<String>,
}

impl Request {
    /// The first value of a query parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What reading a head came to.
#[derive(Debug)]
pub enum Head {
    /// More bytes are needed.
    Partial,
    /// The request, whole.
    Complete(Request),
    /// No request of ours; the answer to give.
    Refused(Response),
}

/// Reads a request head.
pub fn read_head(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => Head::Complete(resolve(&request)),
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => Head::Partial,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Head::Refused(Response::text(431, "request header fields too large\n"))
        }
        Err(_) => Head::Refused(Response::text(400, "bad request\n")),
    }
}

fn resolve(raw: &httparse::Request<'_, '_>) -> Request {
    let header = |name: &str| {
        let found = raw.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok().map(str::to_owned)
    };
    let target = raw.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    Request {
        method: raw.method.unwrap_or("").to_owned(),
        path: percent_decode(path, false),
        query: pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (percent_decode(key, true), percent_decode(value, true)))
            .collect(),
        accept: header("accept").unwrap_or_default(),
        accept_language: header("accept-language").unwrap_or_default(),
        host: header("host").unwrap_or_default(),
        origin: header("origin"),
        fetch_site: header("sec-fetch-site"),
    }
}

/// Undoes percent-encoding; a broken escape stays as it stands, bytes that are no UTF-8 become U+FFFD.
fn percent_decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, escape.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                at += 2;
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes a body piece by piece.
pub type Writer = dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send;

/// The body of an answer.
pub enum Body {
    /// Whole, its length known.
    Bytes(Vec<u8>),
    /// Made while it is written; it ends with the connection.
    Stream(Box<Writer>),
}

/// How long an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// Not at all.
    Never,
    /// An hour: its address changes with the version.
    Hour,
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The Content-Type.
    pub content_type: &'static str,
    /// The body.
    pub body: Body,
    /// The Allow header of a 405.
    pub allow: Option<&'static str>,
    /// The Location header of a redirect.
    pub location: Option<&'static str>,
    /// How long it may be kept.
    pub cache: Cache,
}

impl Response {
    /// A plain text answer.
    pub fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body.as_bytes().to_vec())
    }

    /// An answer of any type.
    pub fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, content_type, body: Body::Bytes(body), allow: None, location: None, cache: Cache::Never }
    }

    /// An answer of status 200 that is made while it is written.
    pub fn stream(
        content_type: &'static str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
    ) -> Self {
        Self { body: Body::Stream(Box::new(write)), ..Self::new(200, content_type, Vec::new()) }
    }

    /// A file of this program.
    pub fn asset(content_type: &'static str, text: &'static str) -> Self {
        Self { cache: Cache::Hour, ..Self::new(200, content_type, text.as_bytes().to_vec()) }
    }

    /// The answer to a method that a page does not take.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::text(405, "method not allowed\n") }
    }

    /// Leads to another page.
    pub fn redirect(location: &'static str) -> Self {
        Self { location: Some(location), ..Self::text(302, "") }
    }

    /// Writes it; a HEAD request gets the head alone.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_to(self, out: &mut dyn Write, head_only: bool) -> io::Result<()> {
        out.write_all(self.head().as_bytes())?;
        match self.body {
            _ if head_only => Ok(()),
            Body::Bytes(bytes) => out.write_all(&bytes),
            Body::Stream(write) => write(out),
        }
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        head += &format!("Content-Type: {}\r\n", self.content_type);
        if let Body::Bytes(bytes) = &self.body {
            head += &format!("Content-Length: {}\r\n", bytes.len());
        }
        if let Some(allow) = self.allow {
            head += &format!("Allow: {allow}\r\n");
        }
        if let Some(location) = self.location {
            head += &format!("Location: {location}\r\n");
        }
        let cache = if self.cache == Cache::Hour { "max-age=3600" } else { "no-store" };
        head += &format!(
            "Connection: close\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
             Cache-Control: {cache}\r\nContent-Security-Policy: {CONTENT_SECURITY_POLICY}\r\n\r\n"
        );
        head
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{:?}", String::from_utf8_lossy(bytes)),
            Self::Stream(_) => f.write_str("(a stream)"),
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_in_pieces_and_is_decoded() {
        let whole = b"GET /samples?target=a%3Db+c&x HTTP/1.1\r\nHost: h\r\nAccept-Language: ko\r\n\r\n";
        for end in 0..whole.len() {
            assert!(matches!(read_head(&whole[..end]), Head::Partial), "{end}");
        }
        let Head::Complete(request) = read_head(whole) else { panic!("not complete") };
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/samples"));
        assert_eq!(request.param("target"), Some("a=b c"));
        assert_eq!(request.param("x"), Some(""));
        assert_eq!(request.accept_language, "ko");
    }

    #[test]
    fn what_is_too_large_or_no_http_is_refused() {
        let status = |bytes: &[u8]| match read_head(bytes) {
            Head::Refused(response) => response.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(status(b"\x16\x03\x01 tls\r\n\r\n"), 400);
        assert_eq!(status(&[b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'a'; MAX_HEAD]].concat()), 431);
        let many: String = (0..=MAX_HEADERS).map(|n| format!("H{n}: v\r\n")).collect();
        assert_eq!(status(format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()), 431);
    }

    #[test]
    fn broken_escapes_stay_as_they_stand() {
        assert_eq!(percent_decode("100%&%zz%4", true), "100%&%zz%4");
        assert_eq!(percent_decode("%ed%95%9c+", false), "한+");
    }

    #[test]
    fn every_answer_carries_the_guards() {
        let mut bytes = Vec::new();
        Response::text(200, "x").write_to(&mut bytes, true).unwrap();
        let bytes = String::from_utf8(bytes).unwrap();
        for guard in ["nosniff", "Content-Security-Policy: default-src 'none'", "Content-Length: 1\r\n"] {
            assert!(bytes.contains(guard), "{bytes}");
        }
        assert!(bytes.ends_with("\r\n\r\n"), "a HEAD answer has no body");
    }
}
