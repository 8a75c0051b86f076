//! Which host comes next, and when.
//!
//! # Invariants
//! Every attempt takes the next host. A round of hosts is tried without a pause, then comes one of full jitter.

use super::backoff::Backoff;
use std::time::Duration;

/// The hosts of the server in turn.
#[derive(Debug)]
pub(super) struct Route {
    hosts: Vec<String>,
    next: usize,
    /// Attempts in this round.
    tried: usize,
    backoff: Backoff,
}

impl Route {
    /// A route that begins with the first host.
    pub(super) fn new(hosts: Vec<String>, (base, cap): (Duration, Duration)) -> Self {
        Self { hosts, next: 0, tried: 0, backoff: Backoff::new(base, cap) }
    }

    /// The host to try now; `None` when there is none at all.
    pub(super) fn host(&mut self) -> Option<&str> {
        let index = self.next % self.hosts.len().max(1);
        self.next = index + 1;
        self.tried += 1;
        self.hosts.get(index).map(String::as_str)
    }

    /// How long to wait after an attempt that failed or a session that broke.
    pub(super) fn pause(&mut self) -> Duration {
        if self.tried < self.hosts.len() {
            return Duration::ZERO;
        }
        self.tried = 0;
        self.backoff.next_delay()
    }

    /// The session did its work: when it breaks, one short pause (all agents of this server lose it at once) and a
    /// new round.
    pub(super) fn proved_good(&mut self) {
        self.tried = self.hosts.len();
        self.backoff.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(hosts: &[&str]) -> Route {
        let second = Duration::from_secs(1);
        Route::new(hosts.iter().map(|host| (*host).to_owned()).collect(), (second, 30 * second))
    }

    #[test]
    fn hosts_come_in_turn_and_a_round_has_no_pause() {
        let mut route = route(&["a", "b", "c"]);
        let mut pauses = Vec::new();
        for host in ["a", "b", "c", "a", "b", "c"] {
            assert_eq!(route.host(), Some(host));
            pauses.push(!route.pause().is_zero());
        }
        assert_eq!(pauses, [false, false, true, false, false, true]);
    }

    #[test]
    fn a_good_session_is_followed_by_one_short_pause() {
        let mut route = route(&["a", "b"]);
        for _ in 0..10 {
            route.host();
            route.pause();
        }
        route.host();
        route.proved_good();
        let pause = route.pause();
        assert!(!pause.is_zero() && pause <= Duration::from_secs(1), "{pause:?}");
        assert_eq!(route.host(), Some("b"));
        assert_eq!(route.pause(), Duration::ZERO);
    }

    #[test]
    fn no_host_is_no_panic() {
        let mut route = route(&[]);
        assert_eq!(route.host(), None);
        assert!(route.pause() <= Duration::from_secs(1));
    }
}
