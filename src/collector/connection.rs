//! One connection, from its first byte to its end.

use super::Shared;
use super::agents::{Agent, Link};
use super::command::now_ms;
use super::event::{End, Event, Refusal};
use super::faults::{Faults, Stopped};
use super::keys::{garble, session_keys};
use crate::os;
use crate::wire::frame::{Code, Frame, FrameReader};
use crate::wire::handshake::Hello;
use crate::wire::pack::{Body, Pack};
use crate::wire::session::Opened;
use crate::wire::time_sync;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a key exchange may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a frame may take to be written.
const WRITE: Duration = Duration::from_secs(20);
/// How long an agent may take to close its end after a drop on purpose.
const FAREWELL: Duration = Duration::from_secs(5);
/// A slow reader reads this often.
const SLOW_STEP: Duration = Duration::from_millis(50);

/// One accepted connection.
pub(super) struct Connection<'c> {
    id: u64,
    stream: Arc<TcpStream>,
    peer: SocketAddr,
    shared: &'c Shared,
}

impl<'c> Connection<'c> {
    pub(super) fn new(id: u64, stream: TcpStream, peer: SocketAddr, shared: &'c Shared) -> Self {
        Self { id, stream: Arc::new(stream), peer, shared }
    }

    /// Serves it to its end and tells of it.
    pub(super) fn run(self) {
        let mut agent = None;
        let end = match self.serve(&mut agent) {
            Ok(never) => match never {},
            Err(_) if self.shared.gate.is_stopped() => End::Stopped,
            Err(end) => end,
        };
        self.shared.agents.leave(self.id);
        self.shared.requests.ended(self.id);
        let _ = self.finish(&end);
        let Self { peer, stream, shared, .. } = self;
        drop(stream); // the peer is told before the sink is
        (shared.sink)(Event::Ended { peer, agent, end });
    }

    fn serve(&self, agent: &mut Option<Arc<Agent>>) -> Result<std::convert::Infallible, End> {
        if !self.shared.agents.enter(self.id, &self.stream, self.shared.options.max_agents) {
            return Err(End::Full);
        }
        let faults = self.faults();
        if self.shared.gate.is_stopped() {
            return Err(End::Stopped);
        }
        if faults.refuse {
            return Err(End::Refused);
        }
        let (link, frames) = self.shake_hands(&faults)?;
        *agent = Some(Arc::clone(&link.agent));
        self.shared.agents.connected(&link);
        (self.shared.sink)(Event::Connected(Arc::clone(&link.agent)));
        Reading { connection: self, link, frames, packs: 0 }.run()
    }

    /// How the end is told to the peer.
    fn finish(&self, end: &End) -> io::Result<()> {
        match end {
            End::Reset => os::reset_on_close(&self.stream),
            End::Dropped => Ok(()), // the end was told when the drop began
            _ => self.stream.shutdown(Shutdown::Both),
        }
    }

    /// Reads the hello, answers it; the session begins, with the frames that came along with the hello.
    fn shake_hands(&self, faults: &Faults) -> Result<(Arc<Link>, FrameReader), End> {
        let deadline = Instant::now() + HANDSHAKE;
        self.stream.set_write_timeout(Some(WRITE)).map_err(End::Broken)?;
        let _ = self.stream.set_nodelay(true); // a time sync's round trip is measured
        let licence = &self.shared.licence;
        let mut arrived = Vec::new();
        let (hello, used) = loop {
            if let Some(read) = Hello::read(licence, &arrived).map_err(End::Handshake)? {
                break read;
            }
            self.read_some(&mut arrived, deadline)?;
        };
        let (mut reply, session) = hello.reply(licence, session_keys(hello.level, self.peer));
        if faults.bad_key {
            garble(&mut reply, &hello, licence);
        }
        (&*self.stream).write_all(&reply).map_err(broken)?;
        let mut frames = FrameReader::new();
        frames.push(&arrived[used..]);
        let agent = Agent::new(hello, self.peer);
        Ok((Arc::new(Link::new(self.id, agent, session, Arc::clone(&self.stream))), frames))
    }

    fn read_some(&self, arrived: &mut Vec<u8>, deadline: Instant) -> Result<(), End> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(End::Silent);
        }
        self.stream.set_read_timeout(Some(left)).map_err(End::Broken)?;
        let mut piece = [0; 1024];
        match (&*self.stream).read(&mut piece).map_err(broken)? {
            0 => Err(End::Closed),
            n => {
                arrived.extend_from_slice(&piece[..n]);
                Ok(())
            }
        }
    }

    fn faults(&self) -> Faults {
        self.shared.gate.faults()
    }
}

/// A session's reading loop.
struct Reading<'c> {
    connection: &'c Connection<'c>,
    link: Arc<Link>,
    frames: FrameReader,
    packs: u64,
}

impl Reading<'_> {
    fn run(mut self) -> Result<std::convert::Infallible, End> {
        let silence = self.connection.shared.options.silence;
        loop {
            self.take_frames()?;
            let faults = self.connection.faults();
            if self.is_over(&faults) {
                return Err(self.end_on_purpose(&faults));
            }
            self.connection.shared.gate.wait_while_stalled().map_err(|Stopped| End::Stopped)?;
            self.connection.stream.set_read_timeout(Some(silence)).map_err(End::Broken)?;
            if self.read(faults.slow_read)? == 0 {
                return Err(End::Closed);
            }
        }
    }

    fn is_over(&self, faults: &Faults) -> bool {
        faults.drop_after.map_or(faults.reset, |most| self.packs >= most)
    }

    /// Ends the session by a fault. What TCP has acknowledged to the agent counts as delivered there, so it is read
    /// first; only a reset can lose what arrives in its very moment.
    fn end_on_purpose(&mut self, faults: &Faults) -> End {
        let stream = Arc::clone(&self.connection.stream);
        let (end, prepared) = if faults.reset {
            (End::Reset, stream.set_nonblocking(true))
        } else {
            (End::Dropped, stream.shutdown(Shutdown::Write))
        };
        let deadline = Instant::now() + FAREWELL;
        let mut more = prepared.is_ok();
        while more && Instant::now() < deadline {
            let _ = stream.set_read_timeout(Some(FAREWELL));
            more = matches!(self.frames.read_from(&mut &*stream), Ok(1..)) && self.take_frames().is_ok();
        }
        end
    }

    fn read(&mut self, slow: Option<u32>) -> Result<usize, End> {
        let stream = &*self.connection.stream;
        let Some(rate) = slow else {
            return retried(|| self.frames.read_from(&mut &*stream));
        };
        self.connection.shared.gate.pause(SLOW_STEP).map_err(|Stopped| End::Stopped)?;
        let step = (u64::from(rate) * SLOW_STEP.as_millis() as u64 / 1000).max(1);
        retried(|| self.frames.read_from(&mut stream.take(step)))
    }

    fn take_frames(&mut self) -> Result<(), End> {
        while let Some(frame) = self.frames.next().map_err(End::Garbage)? {
            match take_frame(frame, &self.link, self.connection.shared) {
                Ok(packs) => self.packs += packs,
                Err(Fault::Refused(refusal)) => {
                    (self.connection.shared.sink)(Event::Dropped(Arc::clone(&self.link.agent), refusal));
                }
                Err(Fault::Broken(error)) => return Err(broken(error)),
            }
        }
        Ok(())
    }
}

enum Fault {
    Refused(Refusal),
    Broken(io::Error),
}

/// Takes one frame; how many packs it was.
fn take_frame(frame: Frame<'_>, link: &Link, shared: &Shared) -> Result<u64, Fault> {
    let opened = link.session.open(frame).map_err(|error| Fault::Refused(Refusal::Frame(error)))?;
    match opened.code {
        Code::TimeSync => answer_time_sync(&opened, link).map(|()| 0),
        Code::KeyReset | Code::KeyExtension => Err(Fault::Refused(Refusal::Unexpected(opened.code.into()))),
        _ => {
            let pack = opened.pack().map_err(|error| Fault::Refused(Refusal::Payload(error)))?;
            take_pack(pack, link, shared);
            Ok(1)
        }
    }
}

fn take_pack(pack: Pack, link: &Link, shared: &Shared) {
    if let Body::Param(param) = &pack.body
        && param.response != 0
    {
        shared.requests.answered(link, param);
    }
    (shared.sink)(Event::Pack(Arc::clone(&link.agent), Box::new(pack)));
}

fn answer_time_sync(opened: &Opened<'_>, link: &Link) -> Result<(), Fault> {
    let request = time_sync::Request::read(opened.payload).map_err(|error| Fault::Refused(Refusal::Payload(error)))?;
    let reply = time_sync::Reply { agent_ms: request.agent_ms, server_ms: now_ms() };
    let mut frame = Vec::new();
    link.session.seal(Code::TimeSync, &mut frame, |out| reply.write(out));
    link.write(&frame).map_err(Fault::Broken)
}

fn retried(mut read: impl FnMut() -> io::Result<usize>) -> Result<usize, End> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map_err(broken),
        }
    }
}

fn broken(error: io::Error) -> End {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => End::Silent,
        _ => End::Broken(error),
    }
}
