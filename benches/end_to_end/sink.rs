//! The server: takes what the agent sends and only counts it, so that the measured machine is the agent's.

use crate::Outcome;
use openagent::collector::{Collector, Event, Options};
use openagent::telemetry::counters::Counter;
use openagent::wire::licence::Licence;
use openagent::wire::pack::{Body, OpenMx};
use openagent::wire::record;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of an inflated block at most.
const MOST_PLAIN: usize = 64 << 20;
/// How long a port that was just closed may stay taken.
const REOPEN: Duration = Duration::from_secs(10);

/// What arrived.
#[derive(Debug, Default)]
pub struct Arrived {
    /// Packs of samples.
    pub packs: Counter,
    /// Their samples' bytes as they came, gzipped.
    pub bytes: Counter,
    /// Samples; counted by [`Sink::inflating`] alone.
    pub samples: Counter,
}

/// A collector on a free port that keeps it over restarts.
pub struct Sink {
    collector: Option<Collector>,
    address: SocketAddr,
    licence: String,
    inflate: bool,
    arrived: Arc<Arrived>,
}

impl Sink {
    /// One that leaves the samples packed.
    pub fn start() -> Outcome<Self> {
        Self::with(false)
    }

    /// One that looks into the packs and counts the samples.
    pub fn inflating() -> Outcome<Self> {
        Self::with(true)
    }

    fn with(inflate: bool) -> Outcome<Self> {
        let licence = Licence::generate(7, b"end-to-end-bench");
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let mut sink = Self { collector: None, address, licence, inflate, arrived: Arc::default() };
        sink.open()?;
        Ok(sink)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The licence it takes.
    pub fn licence(&self) -> &str {
        &self.licence
    }

    pub fn arrived(&self) -> &Arrived {
        &self.arrived
    }

    /// Goes away: every connection breaks and no new one is taken.
    pub fn close(&mut self) {
        drop(self.collector.take());
    }

    /// Listens, on the same port after [`Self::close`].
    pub fn open(&mut self) -> Outcome<()> {
        let deadline = Instant::now() + REOPEN;
        let collector = loop {
            match self.bind() {
                Ok(collector) => break collector,
                Err(error) if Instant::now() > deadline => {
                    return Err(format!("the collector can't listen on {}: {error}", self.address));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        self.address = collector.address();
        self.collector = Some(collector);
        Ok(())
    }

    fn bind(&self) -> std::io::Result<Collector> {
        let licence = Licence::parse(&self.licence).expect("a licence of our own making");
        let (arrived, inflate) = (Arc::clone(&self.arrived), self.inflate);
        Collector::bind(self.address, licence, Options::default(), move |event| {
            if let Event::Pack(_, pack) = event
                && let Body::OpenMx(samples) = &pack.body
            {
                arrived.packs.add(1);
                arrived.bytes.add(samples.records.bytes.len() as u64);
                if inflate {
                    arrived.samples.add(count(samples) as u64);
                }
            }
        })
    }
}

/// The samples of a pack.
fn count(samples: &OpenMx) -> usize {
    let plain = samples.records.plain(MOST_PLAIN).expect("what the agent zipped can be unzipped");
    record::samples(&plain).expect("the agent writes blocks of samples").map_while(Result::ok).count()
}
