//! The thread of one session, from its first look-up to its last byte: it connects, exchanges keys, hands the
//! connection to the sender thread for writing, and reads until it ends.
//!
//! # Invariants
//! - Its last message is [`SessionEvent::Lost`], whatever happened.
//! - It never writes after the key exchange; the sender thread never reads.
//! - Whatever the server sends, it ends with a reason and takes no more memory than a frame's bound.

use super::fault::SessionFault;
use super::settings::SenderSettings;
use super::state::SenderState;
use crate::os;
use crate::wire::frame::{Code, Frame, FrameReader};
use crate::wire::identity::Identity;
use crate::wire::pack::{Body, Param};
use crate::wire::session::{OpenError, Session};
use crate::wire::time_sync;
use crossbeam_channel::{Sender, TrySendError};
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Name look-ups of the C library need the most of it.
const STACK_BYTES: usize = 256 << 10;

/// What a session's thread tells the sender thread.
pub(super) enum SessionEvent {
    /// Keys are exchanged: frames may be written.
    Up(Box<Connected>),
    /// The server echoed a time sync.
    Echo { agent_ms: i64, server_ms: i64, at: Instant },
    /// It is over.
    Lost(SessionFault),
}

/// A session that was set up.
pub(super) struct Connected {
    pub(super) stream: TcpStream,
    pub(super) session: Arc<Session>,
    pub(super) identity: Identity,
    pub(super) address: SocketAddr,
}

/// Where a session's thread tells what happens: the number of the attempt stands before each event.
pub(super) type Events = Sender<(u64, SessionEvent)>;

/// A session's thread, as the sender thread holds it.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Its number.
    pub(super) number: u64,
    /// The server as configured: `host:port`.
    pub(super) server: String,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Attempt {
    /// Starts a session with that host.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(
        number: u64,
        host: &str,
        settings: &SenderSettings,
        outlets: Outlets,
    ) -> Result<Self, SessionFault> {
        let stop = Arc::new(AtomicBool::new(false));
        let server = server_name(host, settings.port);
        let run = Run { number, host: host.to_owned(), settings: settings.clone(), outlets, stop: Arc::clone(&stop) };
        let builder = thread::Builder::new().name("session".to_owned()).stack_size(STACK_BYTES);
        let thread = builder.spawn(move || run.run()).map_err(SessionFault::Thread)?;
        Ok(Self { number, server, stop, thread })
    }

    /// Tells the thread to end; it does when what it waits for comes or times out. What it still says is not wanted.
    pub(super) fn abandon(self) -> JoinHandle<()> {
        self.stop.store(true, Relaxed);
        self.thread
    }
}

/// Where a session's thread puts what it has.
#[derive(Clone)]
pub(super) struct Outlets {
    pub(super) events: Events,
    pub(super) commands: Sender<Param>,
    pub(super) state: Arc<SenderState>,
}

/// One session's thread.
pub(super) struct Run {
    number: u64,
    pub(super) host: String,
    pub(super) settings: SenderSettings,
    outlets: Outlets,
    stop: Arc<AtomicBool>,
}

impl Run {
    fn run(self) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.session()));
        let fault = ended.map_or(SessionFault::Panicked, |Err(fault)| fault);
        self.tell(SessionEvent::Lost(fault));
    }

    /// The whole session; ends with the reason only.
    fn session(&self) -> Result<Infallible, SessionFault> {
        let stream = self.connect()?;
        let (identity, session, early) = self.exchange_keys(&stream)?;
        let session = Arc::new(session);
        let connected = self.connected(&stream, &session, identity).map_err(SessionFault::KeyExchange)?;
        self.tell(SessionEvent::Up(Box::new(connected)));
        self.receive(stream, &session, &early)
    }

    fn connected(&self, stream: &TcpStream, session: &Arc<Session>, identity: Identity) -> io::Result<Connected> {
        stream.set_read_timeout(Some(self.settings.read_timeout))?;
        if let Err(error) = os::keep_alive(stream) {
            log::debug!("TCP keep-alive could not be set: {error}");
        }
        let address = stream.peer_addr()?;
        Ok(Connected { stream: stream.try_clone()?, session: Arc::clone(session), identity, address })
    }

    fn receive(&self, mut stream: TcpStream, session: &Session, early: &[u8]) -> Result<Infallible, SessionFault> {
        let mut frames = FrameReader::new();
        frames.push(early);
        loop {
            while let Some(frame) = frames.next().map_err(SessionFault::Frame)? {
                self.take(session, frame)?;
            }
            self.check_wanted()?;
            match frames.read_from(&mut stream) {
                Ok(0) => return Err(SessionFault::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Err(SessionFault::Silent(self.settings.read_timeout)),
                Err(error) => return Err(SessionFault::Read(error)),
            }
        }
    }

    fn take(&self, session: &Session, frame: Frame<'_>) -> Result<(), SessionFault> {
        let opened = match session.open(frame) {
            Ok(opened) => opened,
            Err(fault @ OpenError::Torn(_)) => return Err(SessionFault::Torn(fault)),
            Err(reason) => {
                log::debug!("{}: ignored {reason}", self.host);
                self.outlets.state.frames_ignored.add(1);
                return Ok(());
            }
        };
        match opened.code {
            Code::TimeSync => {
                let reply = time_sync::Reply::read(opened.payload).map_err(SessionFault::Pack)?;
                let time_sync::Reply { agent_ms, server_ms } = reply;
                self.tell(SessionEvent::Echo { agent_ms, server_ms, at: Instant::now() });
            }
            Code::SecureHide | Code::SecureCypher | Code::OneWay => {
                if let Body::Param(param) = opened.pack().map_err(SessionFault::Pack)?.body {
                    self.command(param);
                }
            }
            Code::KeyExtension | Code::KeyReset | Code::Other(_) => {}
        }
        Ok(())
    }

    /// A Param pack is a command when it asks for an answer.
    fn command(&self, param: Param) {
        if param.request == 0 {
            return;
        }
        if let Err(TrySendError::Full(param) | TrySendError::Disconnected(param)) =
            self.outlets.commands.try_send(param)
        {
            log::warn!("command {} of the server is dropped: too many wait", param.id);
            self.outlets.state.commands_lost.add(1);
        }
    }

    /// Whether the session is still wanted.
    pub(super) fn check_wanted(&self) -> Result<(), SessionFault> {
        if self.stop.load(Relaxed) { Err(SessionFault::Ended) } else { Ok(()) }
    }

    /// Nobody listens any more only when the agent ends.
    fn tell(&self, event: SessionEvent) {
        let _ = self.outlets.events.send((self.number, event));
    }
}

/// `host:port`, IPv6 addresses bracketed.
fn server_name(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A deadline of a blocking socket shows as either.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
