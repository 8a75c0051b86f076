//! Host names to addresses: cached, at most a few look-ups at a time, none for an IP literal.
//!
//! `getaddrinfo` cannot be interrupted and may take half a minute when a DNS server is away; so it runs on threads of
//! its own, few of them, and who waits for an answer waits no longer than his deadline.
//!
//! # Invariants
//! - A name is looked up once at a time, however many wait for it.
//! - Threads and memory are bounded, whatever names are asked for; idle, there is no thread.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long an answer is used.
const TTL: Duration = Duration::from_secs(30);
/// How long "no such name" is believed: long enough for a round of targets on the same host.
const TTL_FAILED: Duration = Duration::from_secs(5);
/// Look-ups at a time.
const THREADS: usize = 4;
/// Names waiting for a look-up at most.
const QUEUE: usize = 1024;
/// Names in the cache before the expired ones are thrown out.
const CACHE: usize = 4096;
/// `getaddrinfo` needs little; the default 2 MiB would be for nothing.
const STACK: usize = 256 << 10;

type Lookup = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Why a name gave no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolveError {
    /// No answer before the deadline; the look-up goes on and its answer will be there for the next who asks.
    Timeout,
    /// The resolver's own words.
    Failed(String),
}

/// A cache before the system's resolver.
pub struct Resolver {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    answered: Condvar,
    lookup: Box<Lookup>,
}

#[derive(Default)]
struct State {
    answers: HashMap<Box<str>, Answer>,
    waiting: VecDeque<Box<str>>,
    /// Waiting or being looked up.
    pending: HashSet<Box<str>>,
    threads: usize,
}

#[derive(Clone)]
struct Answer {
    result: Result<Arc<[IpAddr]>, String>,
    at: Instant,
}

impl Answer {
    fn is_fresh(&self) -> bool {
        self.at.elapsed() < if self.result.is_ok() { TTL } else { TTL_FAILED }
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::with_lookup(system_lookup)
    }
}

impl Resolver {
    /// A resolver over another source of answers than the system's.
    pub fn with_lookup(lookup: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared { state: Mutex::default(), answered: Condvar::new(), lookup: Box::new(lookup) }),
        }
    }

    /// The addresses of `host`, at least one; an IP literal (IPv6 with or without brackets) is its own answer.
    ///
    /// # Errors
    /// When there is no answer by `until`, or the answer is that there is none.
    pub fn resolve(&self, host: &str, port: u16, until: Instant) -> Result<Vec<SocketAddr>, ResolveError> {
        if let Some(literal) = literal(host) {
            return Ok(vec![SocketAddr::new(literal, port)]);
        }
        let mut state = self.shared.lock();
        loop {
            if let Some(answer) = state.answers.get(host).filter(|answer| answer.is_fresh()) {
                let addresses = answer.result.clone().map_err(ResolveError::Failed)?;
                return Ok(addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect());
            }
            self.request(&mut state, host)?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ResolveError::Timeout);
            }
            state = self.shared.answered.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sees to it that somebody looks the name up.
    fn request(&self, state: &mut State, host: &str) -> Result<(), ResolveError> {
        if state.pending.contains(host) {
            return Ok(());
        }
        if state.waiting.len() >= QUEUE {
            return Err(ResolveError::Failed(format!("{QUEUE} look-ups wait already; is the DNS server away?")));
        }
        if state.threads < THREADS {
            let shared = Arc::clone(&self.shared);
            let spawned = thread::Builder::new().name("dns".into()).stack_size(STACK).spawn(move || shared.work());
            match spawned {
                Ok(_) => state.threads += 1,
                Err(error) if state.threads == 0 => {
                    return Err(ResolveError::Failed(format!("starting a thread for the look-up: {error}")));
                }
                Err(_) => {}
            }
        }
        state.pending.insert(host.into());
        state.waiting.push_back(host.into());
        Ok(())
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A look-up thread: answers whoever waits, ends when nobody does.
    fn work(&self) {
        let mut state = self.lock();
        while let Some(host) = state.waiting.pop_front() {
            drop(state);
            let result = match (self.lookup)(&host) {
                Ok(addresses) if addresses.is_empty() => Err("the name has no address".to_owned()),
                Ok(addresses) => Ok(addresses.into()),
                Err(error) => Err(error.to_string()),
            };
            state = self.lock();
            if state.answers.len() >= CACHE {
                state.answers.retain(|_, answer| answer.is_fresh());
            }
            state.pending.remove(&host);
            state.answers.insert(host, Answer { result, at: Instant::now() });
            self.answered.notify_all();
        }
        state.threads -= 1;
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

fn system_lookup(host: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = (host, 0).to_socket_addrs()?.map(|address| address.ip()).collect();
    addresses.dedup();
    // a name with dozens of addresses would spend the whole budget on its dead ones
    addresses.truncate(16);
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn a_literal_needs_no_lookup() {
        let resolver = Resolver::with_lookup(|host| panic!("looked up {host}"));
        for (host, address) in [("10.1.2.3", "10.1.2.3:80"), ("[::1]", "[::1]:80"), ("::1", "[::1]:80")] {
            assert_eq!(resolver.resolve(host, 80, soon()), Ok(vec![address.parse().unwrap()]));
        }
    }

    #[test]
    fn an_answer_is_used_again_and_so_is_a_refusal() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let resolver = Resolver::with_lookup(move |host| {
            count.fetch_add(1, Ordering::SeqCst);
            if host == "good" { Ok(vec![IpAddr::from([1, 2, 3, 4])]) } else { Err(io::Error::other("no such name")) }
        });
        for port in 1..=3 {
            assert_eq!(resolver.resolve("good", port, soon()), Ok(vec![SocketAddr::from(([1, 2, 3, 4], port))]));
            assert_eq!(resolver.resolve("bad", port, soon()), Err(ResolveError::Failed("no such name".into())));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_silent_server_costs_few_threads_and_nobody_more_than_his_deadline() {
        let (release, blocked) = mpsc::channel::<()>();
        let blocked = Mutex::new(blocked);
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let (count, max) = (Arc::clone(&running), Arc::clone(&most));
        let resolver = Arc::new(Resolver::with_lookup(move |_| {
            max.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let _ = blocked.lock().unwrap().recv();
            count.fetch_sub(1, Ordering::SeqCst);
            Ok(vec![IpAddr::from([1, 1, 1, 1])])
        }));
        thread::scope(|scope| {
            for i in 0..50 {
                let resolver = Arc::clone(&resolver);
                scope.spawn(move || {
                    let started = Instant::now();
                    let answer = resolver.resolve(&format!("h{i}"), 1, started + Duration::from_millis(100));
                    assert_eq!(answer, Err(ResolveError::Timeout));
                    assert!(started.elapsed() < Duration::from_secs(5));
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= THREADS, "{most:?}");
        drop(release);
        assert!(resolver.resolve("h49", 1, soon()).is_ok(), "what nobody waited for any more is answered all the same");
    }

    #[test]
    fn threads_end_when_nobody_asks() {
        let resolver = Resolver::with_lookup(|_| Ok(vec![IpAddr::from([1, 1, 1, 1])]));
        assert!(resolver.resolve("a", 1, soon()).is_ok());
        let until = soon();
        while resolver.shared.lock().threads > 0 {
            assert!(Instant::now() < until, "the thread stayed");
            thread::yield_now();
        }
    }

    #[test]
    fn the_system_knows_localhost() {
        let addresses = Resolver::default().resolve("localhost", 9, soon()).unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
    }
}
