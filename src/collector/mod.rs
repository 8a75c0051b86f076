//! The server's side of the wire: for `openagent try`, `openagent collector` and tests.
//!
//! # Invariants
//! - One thread accepts, each agent has one thread; [`Collector::shutdown`] (or dropping it) ends and joins them all.
//! - Memory is bounded: agents by [`Options::max_agents`], each by one frame. The sink runs on the agent's thread, so a
//!   slow sink slows its agent down by TCP's own means and nothing queues up.

mod agents;
mod command;
mod connection;
mod event;
mod faults;
pub mod json;
mod keys;

pub use agents::Agent;
pub use command::CommandError;
pub use event::{End, Event};
pub use faults::Faults;

use crate::wire::licence::Licence;
use crate::wire::pack::Param;
use crate::wire::value::Map;
use agents::Agents;
use command::Requests;
use connection::Connection;
use faults::Gate;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Stack of each thread, in bytes; the deepest is the reading of nested values.
const STACK: usize = 256 << 10;

/// How a collector behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// What goes wrong on purpose; changed later by [`Collector::set_faults`].
    pub faults: Faults,
    /// Most agents at a time; further ones are closed at once.
    pub max_agents: usize,
    /// How long an agent may be silent before its connection is taken for dead; agents send their clock every 5 s.
    pub silence: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { faults: Faults::default(), max_agents: 64, silence: Duration::from_secs(120) }
    }
}

/// A collection server.
pub struct Collector {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What the threads share.
struct Shared {
    licence: Licence,
    options: Options,
    gate: Gate,
    agents: Agents,
    requests: Requests,
    sink: Box<dyn Fn(Event) + Send + Sync>,
}

impl Collector {
    /// Listens, and hands everything that happens to `sink`, which may be called from several threads at once.
    ///
    /// # Errors
    /// When the address can't be listened on.
    pub fn bind(
        address: impl ToSocketAddrs,
        licence: Licence,
        options: Options,
        sink: impl Fn(Event) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let gate = Gate::new(options.faults);
        let (agents, requests) = (Agents::default(), Requests::default());
        let shared = Arc::new(Shared { licence, options, gate, agents, requests, sink: Box::new(sink) });
        let acceptor = Builder::new().name("collector".to_owned()).stack_size(STACK).spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        })?;
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// Where it listens; the real port when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The agents that are connected.
    pub fn agents(&self) -> Vec<Arc<Agent>> {
        self.shared.agents.all()
    }

    /// Changes what goes wrong, for connections that are open too.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.gate.set(faults);
    }

    /// Sends a command to an agent and waits for its reply.
    ///
    /// # Errors
    /// When the agent is not connected, goes away, or doesn't answer within `timeout`.
    pub fn command(&self, oid: i32, id: i32, arguments: Map, timeout: Duration) -> Result<Param, CommandError> {
        let link = self.shared.agents.latest(oid).ok_or(CommandError::NotConnected(oid))?;
        self.shared.requests.ask(&link, id, arguments, timeout)
    }

    /// Closes every connection and waits for the threads.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        let Some(acceptor) = self.acceptor.take() else {
            return;
        };
        self.shared.gate.stop();
        self.shared.agents.close_all();
        // the acceptor waits in accept(2); a connection of our own wakes it
        let _ = TcpStream::connect_timeout(&reachable(self.address), Duration::from_secs(5));
        let _ = acceptor.join();
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Accepts until told to stop; returns when every connection's thread has ended.
fn accept(listener: &TcpListener, shared: &Shared) {
    std::thread::scope(|scope| {
        for id in 0.. {
            let accepted = listener.accept();
            if shared.gate.is_stopped() {
                break;
            }
            let Ok((stream, peer)) = accepted else {
                // out of descriptors, most likely: those of agents that leave come back
                if shared.gate.pause(Duration::from_millis(100)).is_err() {
                    break;
                }
                continue;
            };
            let connection = Connection::new(id, stream, peer, shared);
            let thread = Builder::new().name(format!("collector-{id}")).stack_size(STACK);
            if let Err(error) = thread.spawn_scoped(scope, move || connection.run()) {
                (shared.sink)(Event::Ended { peer, agent: None, end: End::Broken(error) });
            }
        }
    });
}

/// An address to connect to for one that was listened on.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
