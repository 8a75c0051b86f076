//! A collection server for the sender's tests: speaks the server's side, keeps what arrives, breaks on demand.

use crate::support::wait_for;
use openagent::wire::cypher::Key;
use openagent::wire::frame::{Code, FrameReader};
use openagent::wire::handshake::Hello;
use openagent::wire::licence::Licence;
use openagent::wire::pack::{Body, EncodedPack, Header, Pack};
use openagent::wire::session::{Session, SessionKeys};
use openagent::wire::time_sync;
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How the server treats the sessions that begin from now on.
#[derive(Debug, Clone)]
pub struct Mode {
    /// Closes a session after so many packs, whatever else has arrived.
    pub close_after: Option<u64>,
    /// Closes a session when this pack comes, and keeps it not.
    pub choke_on: Option<u64>,
    /// Whether time syncs are answered.
    pub echo: bool,
    /// Reads nothing after the key exchange.
    pub stall: bool,
    /// Closes as soon as the connection is accepted.
    pub refuse: bool,
    /// Rests after each read, so that its kernel's buffer fills.
    pub rest: Duration,
    /// How far its clock is ahead, in milliseconds.
    pub clock_ahead_ms: i64,
    /// Sent as they are right after the key exchange.
    pub garbage: Vec<u8>,
}

impl Default for Mode {
    fn default() -> Self {
        Self {
            close_after: None,
            choke_on: None,
            echo: true,
            stall: false,
            refuse: false,
            rest: Duration::ZERO,
            clock_ahead_ms: 0,
            garbage: Vec::new(),
        }
    }
}

/// A running server; ends when dropped.
pub struct Server {
    pub port: u16,
    shared: Arc<Shared>,
    accepting: Option<thread::JoinHandle<()>>,
}

struct Shared {
    licence: Licence,
    mode: Mutex<Mode>,
    packs: Mutex<Vec<(Header, u16, Vec<u8>)>>,
    sessions: AtomicU64,
    transfer_key: AtomicI32,
    closing: AtomicBool,
    /// The session that is up: its connection for writing.
    present: Mutex<Option<(TcpStream, Arc<Session>)>>,
    hellos: Mutex<Vec<Hello>>,
}

impl Server {
    pub fn start(licence: &Licence) -> Self {
        Self::on_port(0, licence, Mode::default())
    }

    pub fn on_port(port: u16, licence: &Licence, mode: Mode) -> Self {
        let listener = wait_for("the port", Duration::from_secs(5), || TcpListener::bind(("127.0.0.1", port)).ok());
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            licence: licence.clone(),
            mode: Mutex::new(mode),
            packs: Mutex::default(),
            sessions: AtomicU64::new(0),
            transfer_key: AtomicI32::new(77),
            closing: AtomicBool::new(false),
            present: Mutex::default(),
            hellos: Mutex::default(),
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming() {
                    if shared.closing.load(SeqCst) {
                        return;
                    }
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || drop(shared.serve(stream.unwrap())));
                }
            }
        });
        Self { port, shared, accepting: Some(accepting) }
    }

    /// Changes how sessions that begin from now on are treated.
    pub fn set(&self, change: impl FnOnce(&mut Mode)) {
        change(&mut self.shared.mode.lock().unwrap());
    }

    /// Closes the session that is up.
    pub fn close_session(&self) {
        if let Some((stream, _)) = lock(&self.shared.present).take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Sends a pack to the agent of the session that is up.
    pub fn send(&self, pack: &EncodedPack) {
        let present = lock(&self.shared.present);
        let (stream, session) = present.as_ref().expect("a session is up");
        let mut out = Vec::new();
        let header = Header { pcode: session.pcode(), oid: session.oid(), ..Header::default() };
        session.seal(Code::SecureHide, &mut out, |out| pack.write(&header, out));
        (&*stream).write_all(&out).unwrap();
    }

    /// Sends these bytes to the agent of the session that is up.
    pub fn send_raw(&self, bytes: &[u8]) {
        let present = lock(&self.shared.present);
        let (mut stream, _) = present.as_ref().map(|(stream, session)| (stream, session)).expect("a session is up");
        stream.write_all(bytes).unwrap();
    }

    pub fn sessions(&self) -> u64 {
        self.shared.sessions.load(SeqCst)
    }

    pub fn hellos(&self) -> Vec<Hello> {
        lock(&self.shared.hellos).clone()
    }

    /// Every pack that arrived so far: header, type, body.
    pub fn packs(&self) -> Vec<(Header, u16, Vec<u8>)> {
        lock(&self.shared.packs).clone()
    }

    /// The numbers of the numbered packs that arrived, in that order.
    pub fn numbers(&self) -> Vec<u64> {
        lock(&self.shared.packs).iter().filter_map(|(_, kind, body)| number_of(*kind, body)).collect()
    }

    /// How often each number arrived.
    pub fn tally(&self) -> BTreeMap<u64, u64> {
        let mut tally = BTreeMap::new();
        self.numbers().into_iter().for_each(|number| *tally.entry(number).or_default() += 1);
        tally
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.closing.store(true, SeqCst);
        self.close_session();
        // wakes the accepting thread, which then gives the port back
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.accepting.take().map(thread::JoinHandle::join);
    }
}

/// Type of the numbered packs: one that the agent's protocol reader takes as it is.
const NUMBERED: u16 = 0x1400;

/// A pack of about `bytes` that carries a number.
pub fn numbered(number: u64, bytes: usize) -> EncodedPack {
    let mut body = number.to_be_bytes().to_vec();
    body.resize(bytes.max(8), number as u8);
    EncodedPack { pack_type: NUMBERED, body, records: 1 }
}

/// The number in a pack's body, when it is a numbered one; panics when it arrived damaged.
pub fn number_of(kind: u16, body: &[u8]) -> Option<u64> {
    let number = u64::from_be_bytes(*body.first_chunk()?);
    assert!(body[8..].iter().all(|byte| *byte == number as u8 || *byte == 0), "pack {number} arrived damaged");
    (kind == NUMBERED).then_some(number)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mode = lock(&self.mode).clone();
        if mode.refuse {
            return Ok(());
        }
        let Some((session, early)) = self.greet(&stream)? else { return Ok(()) };
        let session = Arc::new(session);
        (&stream).write_all(&mode.garbage)?;
        *lock(&self.present) = Some((stream.try_clone()?, Arc::clone(&session)));
        self.sessions.fetch_add(1, SeqCst);
        if mode.stall {
            let deadline = Instant::now() + Duration::from_secs(60);
            while !self.closing.load(SeqCst) && Instant::now() < deadline && lock(&self.mode).stall {
                thread::sleep(Duration::from_millis(20));
            }
            return Ok(());
        }
        self.receive(&stream, &session, &mode, early)?;
        // closed with bytes unread it ends in a reset, and those bytes are lost
        *lock(&self.present) = None;
        Ok(())
    }

    fn greet(&self, mut stream: &TcpStream) -> io::Result<Option<(Session, Vec<u8>)>> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match Hello::read(&self.licence, &bytes) {
                Err(_) => return Ok(None),
                Ok(Some((hello, len))) => {
                    let keys = SessionKeys {
                        transfer_key: self.transfer_key.fetch_add(1, SeqCst),
                        secure_key: Key::new(*b"sessionkey-0123456789abcdefghijk"),
                        hide_key: 0x1234_5678,
                        public_ip: Ipv4Addr::LOCALHOST,
                    };
                    let (reply, session) = hello.reply(&self.licence, keys);
                    lock(&self.hellos).push(hello);
                    stream.write_all(&reply)?;
                    return Ok(Some((session, bytes.split_off(len))));
                }
                Ok(None) => match stream.read(&mut buffer)? {
                    0 => return Ok(None),
                    n => bytes.extend_from_slice(&buffer[..n]),
                },
            }
        }
    }

    /// Reads until the agent or the mode ends it.
    fn receive(&self, mut stream: &TcpStream, session: &Session, mode: &Mode, early: Vec<u8>) -> io::Result<()> {
        let mut frames = FrameReader::new();
        frames.push(&early);
        let mut count = 0;
        loop {
            while let Some(frame) = frames.next().expect("the agent sends frames") {
                let opened = session.open(frame).expect("the agent's frames open");
                if opened.code == Code::TimeSync {
                    let request = time_sync::Request::read(opened.payload).unwrap();
                    self.answer(stream, session, mode, request.agent_ms)?;
                    continue;
                }
                let pack = opened.pack().expect("the agent's packs decode");
                if let Body::Other { pack_type, bytes } = &pack.body
                    && mode.choke_on.is_some_and(|number| number_of(*pack_type, bytes) == Some(number))
                {
                    return Ok(());
                }
                self.keep(pack);
                count += 1;
                if mode.close_after == Some(count) {
                    return Ok(());
                }
            }
            if frames.read_from(&mut stream)? == 0 {
                return Ok(());
            }
            thread::sleep(mode.rest);
        }
    }

    fn answer(&self, mut stream: &TcpStream, session: &Session, mode: &Mode, agent_ms: i64) -> io::Result<()> {
        if !mode.echo {
            return Ok(());
        }
        let reply = time_sync::Reply { agent_ms, server_ms: now_ms() + mode.clock_ahead_ms };
        let mut out = Vec::new();
        session.seal(Code::TimeSync, &mut out, |out| reply.write(out));
        stream.write_all(&out)
    }

    fn keep(&self, pack: Pack) {
        let (kind, body) = match pack.body {
            Body::Other { pack_type, bytes } => (pack_type, bytes),
            Body::Param(param) => {
                let encoded = EncodedPack::param(&param);
                (encoded.pack_type, encoded.body)
            }
            other => panic!("{other:?}"),
        };
        lock(&self.packs).push((pack.header, kind, body));
    }
}
