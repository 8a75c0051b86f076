//! A fake API server: TLS, bearer tokens, lists with selectors and pages, single objects, rights, injected faults.
//!
//! Its answers have the shape of the captures in tests/data/k8s: items without kind, `resourceVersion=0` that ignores
//! `limit`, 410 with a new continue token, 429 in plain text, gzip from 128 KiB on, chunks for long lists.

use super::{captures, select};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// An answer that a test puts in place of the server's own.
#[derive(Clone)]
pub enum Fault {
    /// This status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The connection ends without an answer.
    HangUp,
    /// The body ends in the middle.
    CutBody,
    /// Nothing comes for as long as the test lasts.
    Silence,
}

/// What the server knows and does; a test changes it at any time.
#[derive(Default)]
pub struct State {
    /// Objects by resource.
    pub objects: BTreeMap<&'static str, Vec<Value>>,
    /// Tokens that are accepted.
    pub tokens: BTreeSet<String>,
    /// Whether a client certificate is accepted in place of a token.
    pub accept_certificate: bool,
    /// `verb resource namespace` without which a call is forbidden; the namespace `*` is all at once.
    pub forbidden: BTreeSet<String>,
    /// Resources this server has not.
    pub missing: BTreeSet<&'static str>,
    /// Items of a page even with `resourceVersion=0`; 0 pages only as a real server does.
    pub page: usize,
    /// How many continue tokens are too old from now on.
    pub expired: usize,
    /// Faults for the next requests whose path contains the text.
    pub faults: VecDeque<(&'static str, Fault)>,
    /// `METHOD path?query` of each request answered.
    pub requests: Vec<String>,
    /// How many answers were compressed.
    pub compressed: usize,
    /// Whether the server is there at all.
    pub down: bool,
}

/// The server; it ends when it is dropped.
pub struct FakeApi {
    pub address: SocketAddr,
    /// The CA that signed its certificate, PEM.
    pub ca: String,
    /// A client certificate and key it knows, PEM.
    pub client: (String, String),
    state: Arc<Mutex<State>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The token of the service account of the tests.
pub const TOKEN: &str = "token-of-the-service-account";

impl FakeApi {
    /// A server with the captured cluster.
    pub fn with_captures() -> Self {
        let api = Self::empty();
        api.change(|state| {
            for (resource, capture) in [
                ("pods", "pods-all"),
                ("services", "services-all"),
                ("endpointslices", "endpointslices-all"),
                ("endpoints", "endpoints-all"),
                ("namespaces", "namespaces"),
            ] {
                state.objects.insert(resource, captures::items(capture));
            }
            state.objects.insert("secrets", vec![captures::object("secret-get")]);
            state.objects.insert("configmaps", vec![captures::object("configmap-get")]);
        });
        api
    }

    /// A server without objects, that knows [`TOKEN`].
    pub fn empty() -> Self {
        let identity = Identity::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { tokens: [TOKEN.to_owned()].into(), ..State::default() }));
        let stopping = Arc::new(AtomicBool::new(false));
        let accept = Accept { listener, tls: identity.server, state: state.clone(), stopping: stopping.clone() };
        let thread = std::thread::Builder::new().name("fake-api".into()).spawn(move || accept.run()).unwrap();
        Self { address, ca: identity.ca, client: identity.client, state, stopping, thread: Some(thread) }
    }

    /// Changes what the server knows or does.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// The next requests whose path contains the text meet this fault.
    pub fn fail(&self, path: &'static str, fault: Fault, times: usize) {
        self.change(|state| state.faults.extend(std::iter::repeat_n((path, fault), times)));
    }

    /// The requests so far; forgets them.
    pub fn take_requests(&self) -> Vec<String> {
        self.change(|state| std::mem::take(&mut state.requests))
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // wakes the accepting thread
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A CA, the server's certificate of it, and a client's.
struct Identity {
    ca: String,
    client: (String, String),
    server: Arc<ServerConfig>,
}

impl Identity {
    fn new() -> Self {
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca = parameters.self_signed(&ca_key).unwrap();
        let issuer = rcgen::Issuer::new(parameters, ca_key);
        let leaf = |names: &[&str]| {
            let key = rcgen::KeyPair::generate().unwrap();
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            (rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap(), key)
        };
        let (server, server_key) = leaf(&["127.0.0.1", "kubernetes.default.svc"]);
        let (client, client_key) = leaf(&["agent"]);
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .build()
            .unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![server.der().clone()], PrivateKeyDer::Pkcs8(server_key.serialize_der().into()))
            .unwrap();
        Self { ca: ca.pem(), client: (client.pem(), client_key.serialize_pem()), server: Arc::new(config) }
    }
}

struct Accept {
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    state: Arc<Mutex<State>>,
    stopping: Arc<AtomicBool>,
}

impl Accept {
    fn run(self) {
        let mut connections = Vec::new();
        while let Ok((stream, _)) = self.listener.accept() {
            if self.stopping.load(Ordering::SeqCst) {
                break;
            }
            if self.state.lock().unwrap().down {
                continue; // closed at once
            }
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let connection = Connection { state: self.state.clone(), stopping: self.stopping.clone() };
            let tls = ServerConnection::new(self.tls.clone()).unwrap();
            let serve = move || connection.serve(StreamOwned::new(tls, stream));
            connections.push(std::thread::spawn(serve));
        }
        connections.into_iter().for_each(|connection| drop(connection.join()));
    }
}

struct Connection {
    state: Arc<Mutex<State>>,
    stopping: Arc<AtomicBool>,
}

type Stream = StreamOwned<ServerConnection, TcpStream>;

/// Reads on until the server stops: the socket's timeout is short.
struct Patient<'a>(&'a mut Stream, &'a Connection);

impl Read for Patient<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buf) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if self.1.stopping.load(Ordering::SeqCst) || self.1.state.lock().unwrap().down {
                        return Ok(0);
                    }
                }
                other => return other,
            }
        }
    }
}

struct Request {
    line: String,
    path: String,
    query: BTreeMap<String, String>,
    authorization: Option<String>,
    gzip: bool,
    certificate: bool,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Connection {
    fn serve(&self, mut stream: Stream) {
        while let Some(request) = self.read(&mut stream) {
            let fault = {
                let mut state = self.state.lock().unwrap();
                if state.down {
                    return;
                }
                state.requests.push(request.line.clone());
                let at = state.faults.iter().position(|(text, _)| request.line.contains(text));
                at.and_then(|at| state.faults.remove(at)).map(|(_, fault)| fault)
            };
            let answer = match fault {
                Some(Fault::Answer(status, headers, body)) => Answer { status, headers, body },
                Some(Fault::HangUp) => return,
                Some(Fault::Silence) => {
                    let _ = Patient(&mut stream, self).read(&mut [0]);
                    return;
                }
                Some(Fault::CutBody) => {
                    let whole = self.answer(&request).body;
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", whole.len());
                    let _ =
                        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&whole[..whole.len() / 2]));
                    return;
                }
                None => self.answer(&request),
            };
            if self.write(&mut stream, &request, answer).is_err() {
                return;
            }
        }
    }

    fn read(&self, stream: &mut Stream) -> Option<Request> {
        let mut head = String::new();
        {
            let mut reader = BufReader::with_capacity(1, Patient(stream, self));
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).ok()? == 0 {
                    return None;
                }
            }
        }
        let mut lines = head.lines();
        let first = lines.next()?;
        let (method, target) = first.trim_end_matches(" HTTP/1.1").split_once(' ')?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header = |name: &str| {
            head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)))
        };
        let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), unescape(value)));
        Some(Request {
            line: format!("{method} {}", unescape(target)),
            path: unescape(path),
            query: query.split('&').filter_map(pair).collect(),
            authorization: header("authorization").map(|(_, value)| value.to_owned()),
            gzip: header("accept-encoding").is_some_and(|(_, value)| value.contains("gzip")),
            certificate: stream.conn.peer_certificates().is_some(),
        })
    }

    fn answer(&self, request: &Request) -> Answer {
        let mut state = self.state.lock().unwrap();
        let token = request.authorization.as_deref().and_then(|value| value.strip_prefix("Bearer "));
        let certified = state.accept_certificate && request.certificate;
        if !certified && token.is_none_or(|token| !state.tokens.contains(token)) {
            let capture = if request.authorization.is_some() { "err-401" } else { "err-403-cluster" };
            let status = if request.authorization.is_some() { 401 } else { 403 };
            return Answer { status, headers: Vec::new(), body: captures::body(capture) };
        }
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let parts = match parts.as_slice() {
            ["api", "v1", rest @ ..] | ["apis", "discovery.k8s.io", "v1", rest @ ..] => rest,
            _ => return failure(404, "the server could not find the requested resource", json!({})),
        };
        match parts {
            ["namespaces", namespace, resource] => state.list(request, resource, Some(namespace)),
            ["namespaces", namespace, resource, name] => state.object(resource, namespace, name),
            [resource] => state.list(request, resource, None),
            _ => failure(404, "the server could not find the requested resource", json!({})),
        }
    }

    /// Long bodies go out in chunks, compressed where that is asked for; short ones with their length.
    fn write(&self, stream: &mut Stream, request: &Request, mut answer: Answer) -> io::Result<()> {
        let long = answer.body.len() > 128 << 10;
        let mut head = format!("HTTP/1.1 {} X\r\nAudit-Id: x\r\n", answer.status);
        if long && request.gzip && answer.headers.is_empty() {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&answer.body)?;
            answer.body = encoder.finish()?;
            head.push_str("Content-Encoding: gzip\r\n");
            self.state.lock().unwrap().compressed += 1;
        }
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !long {
            head.push_str(&format!("Content-Length: {}\r\n\r\n", answer.body.len()));
            stream.write_all(head.as_bytes())?;
            stream.write_all(&answer.body)?;
            return stream.flush();
        }
        head.push_str("Transfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        for chunk in answer.body.chunks(16 << 10) {
            stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
            stream.write_all(chunk)?;
            stream.write_all(b"\r\n")?;
        }
        stream.write_all(b"0\r\n\r\n")?;
        stream.flush()
    }
}

impl State {
    fn list(&mut self, request: &Request, resource: &str, namespace: Option<&str>) -> Answer {
        if let Some(refusal) = self.refusal("list", resource, namespace) {
            return refusal;
        }
        let parameter = |name: &str| request.query.get(name).map_or("", String::as_str);
        let mut items = Vec::new();
        for item in self.objects.get(resource).into_iter().flatten() {
            let of_namespace = namespace.is_none_or(|namespace| item["metadata"]["namespace"] == namespace);
            match select::by_labels(item, parameter("labelSelector")) {
                Err(message) => return failure(400, &message, json!({})),
                Ok(by_labels) if by_labels && of_namespace && select::by_fields(item, parameter("fieldSelector")) => {
                    items.push(item.clone());
                }
                Ok(_) => {}
            }
        }
        items.sort_by_key(key);
        let from = parameter("continue");
        let start = if from.is_empty() {
            0
        } else {
            if self.expired > 0 {
                self.expired -= 1;
                let metadata = json!({ "continue": token("") });
                return failure(
                    410,
                    "The provided continue parameter is too old to display a consistent list",
                    metadata,
                );
            }
            let after = token_key(from);
            items.iter().position(|item| key(item) > after).unwrap_or(items.len())
        };
        let cached = from.is_empty() && parameter("resourceVersion") == "0";
        let limit = if cached && self.page == 0 { 0 } else { parameter("limit").parse().unwrap_or(0) };
        let limit = if self.page > 0 { self.page } else { limit };
        page(&items[start..], limit)
    }

    fn object(&mut self, resource: &str, namespace: &str, name: &str) -> Answer {
        if let Some(refusal) = self.refusal("get", resource, Some(namespace)) {
            return refusal;
        }
        let meta = |item: &&Value| item["metadata"]["namespace"] == namespace && item["metadata"]["name"] == name;
        match self.objects.get(resource).into_iter().flatten().find(meta) {
            Some(object) => ok(object),
            None => failure(404, &format!("{resource} \"{name}\" not found"), json!({})),
        }
    }

    fn refusal(&self, verb: &str, resource: &str, namespace: Option<&str>) -> Option<Answer> {
        if self.missing.contains(resource) {
            return Some(failure(404, "the server could not find the requested resource", json!({})));
        }
        if !self.forbidden.contains(&format!("{verb} {resource} {}", namespace.unwrap_or("*"))) {
            return None;
        }
        let scope = namespace.map_or("at the cluster scope".to_owned(), |name| format!("in the namespace \"{name}\""));
        let message = format!(
            "{resource} is forbidden: User \"system:serviceaccount:whatap-monitoring:whatap-open-agent\" \
             cannot {verb} resource \"{resource}\" in API group \"\" {scope}"
        );
        Some(failure(403, &message, json!({})))
    }
}

/// The order of keys in the server's store.
fn key(item: &Value) -> String {
    let text = |name: &str| item["metadata"][name].as_str().unwrap_or_default().to_owned();
    format!("/{}/{}\0", text("namespace"), text("name"))
}

fn page(items: &[Value], limit: usize) -> Answer {
    let whole = limit == 0 || items.len() <= limit;
    let shown = if whole { items } else { &items[..limit] };
    let mut metadata = json!({ "resourceVersion": "323" });
    if !whole {
        metadata["continue"] = token(&key(&shown[limit - 1])).into();
        metadata["remainingItemCount"] = (items.len() - limit).into();
    }
    ok(&json!({ "kind": "List", "apiVersion": "v1", "metadata": metadata, "items": shown }))
}

fn ok(value: &Value) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: serde_json::to_vec(value).unwrap() }
}

fn failure(status: u16, message: &str, metadata: Value) -> Answer {
    let body = json!({ "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure",
        "message": message, "code": status });
    Answer { status, headers: Vec::new(), body: serde_json::to_vec(&body).unwrap() }
}

/// The answer of a server that has too much to do, as captured.
pub fn busy(seconds: u32) -> Fault {
    Fault::Answer(429, vec![("Retry-After", seconds.to_string())], captures::body("err-429"))
}

/// A continue token in the shape of the real ones.
fn token(start: &str) -> String {
    use base64::Engine as _;
    let text = json!({ "v": "meta.k8s.io/v1", "rv": 323, "start": start }).to_string();
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(text)
}

fn token_key(token: &str) -> String {
    use base64::Engine as _;
    let text = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(token).unwrap();
    let token: Value = serde_json::from_slice(&text).unwrap();
    token["start"].as_str().unwrap().to_owned()
}

fn unescape(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            }
            b'+' => out.push(b' '),
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap()
}
