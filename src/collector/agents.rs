//! The connections of the moment: to send commands on, to close all of them.

use crate::wire::cypher::Level;
use crate::wire::handshake::Hello;
use crate::wire::session::Session;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An agent that ended its key exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its number.
    pub oid: i32,
    /// Its name.
    pub oname: String,
    /// Its own address as it sees it.
    pub ip: Ipv4Addr,
    /// Its address as the collector sees it.
    pub peer: SocketAddr,
    /// How its session is covered.
    pub level: Level,
}

impl Agent {
    pub(super) fn new(hello: Hello, peer: SocketAddr) -> Self {
        let Hello { oid, oname, ip, level, .. } = hello;
        Self { oid, oname, ip, peer, level }
    }
}

/// A connected agent: what is needed to write to it.
#[derive(Debug)]
pub(super) struct Link {
    /// Number of the connection.
    pub(super) id: u64,
    pub(super) agent: Arc<Agent>,
    pub(super) session: Session,
    stream: Arc<TcpStream>,
    writing: Mutex<()>,
}

impl Link {
    pub(super) fn new(id: u64, agent: Agent, session: Session, stream: Arc<TcpStream>) -> Self {
        Self { id, agent: Arc::new(agent), session, stream, writing: Mutex::new(()) }
    }

    /// Writes a frame; frames of several threads don't mix.
    pub(super) fn write(&self, frame: &[u8]) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        (&*self.stream).write_all(frame)
    }
}

/// All connections, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Agents(Mutex<BTreeMap<u64, Entry>>);

#[derive(Debug)]
struct Entry {
    stream: Arc<TcpStream>,
    link: Option<Arc<Link>>,
}

impl Agents {
    /// Takes a new connection in, unless there are `most` already.
    pub(super) fn enter(&self, id: u64, stream: &Arc<TcpStream>, most: usize) -> bool {
        let mut entries = self.lock();
        let room = entries.len() < most;
        if room {
            entries.insert(id, Entry { stream: Arc::clone(stream), link: None });
        }
        room
    }

    /// Notes that a connection's key exchange has ended.
    pub(super) fn connected(&self, link: &Arc<Link>) {
        if let Some(entry) = self.lock().get_mut(&link.id) {
            entry.link = Some(Arc::clone(link));
        }
    }

    pub(super) fn leave(&self, id: u64) {
        self.lock().remove(&id);
    }

    pub(super) fn all(&self) -> Vec<Arc<Agent>> {
        self.lock().values().filter_map(|entry| entry.link.as_ref()).map(|link| Arc::clone(&link.agent)).collect()
    }

    /// The newest connection of an agent: after a reconnect the old one may not have ended yet.
    pub(super) fn latest(&self, oid: i32) -> Option<Arc<Link>> {
        let entries = self.lock();
        let links = entries.values().rev().filter_map(|entry| entry.link.as_ref());
        links.into_iter().find(|link| link.agent.oid == oid).map(Arc::clone)
    }

    pub(super) fn close_all(&self) {
        for entry in self.lock().values() {
            let _ = entry.stream.shutdown(Shutdown::Both);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
