//! `POST /-/reload`: the one request that changes anything, so the one that asks who is there.
//!
//! # Invariants
//! Only this machine may ask, and no web page through its visitor's browser: a page from elsewhere shows itself by
//! `Origin` or `Sec-Fetch-Site`, and one whose name was bent to this machine by a `Host` that is no loopback name.

use super::http::{Request, Response};
use std::net::{IpAddr, SocketAddr};

/// Answers a request for a reload; `now` asks for one without waiting.
pub fn answer(now: Option<&(dyn Fn() + Send + Sync)>, request: &Request, peer: SocketAddr) -> Response {
    if request.method != "POST" {
        return Response::method_not_allowed("POST");
    }
    if let Some(why) = refusal(request, peer) {
        return Response::text(403, &format!("no reload: {why}\n"));
    }
    let Some(now) = now else { return Response::text(404, "no reload: this agent has a fixed configuration\n") };
    now();
    Response::text(200, "the configuration is read again; /api/v1/status/agent tells how that went\n")
}

fn refusal(request: &Request, peer: SocketAddr) -> Option<&'static str> {
    if !peer.ip().to_canonical().is_loopback() {
        return Some("only from this machine; send SIGHUP instead, or wait: changed files are noticed within 5 s");
    }
    if !is_loopback_host(&request.host) {
        return Some("the Host header must be localhost or a loopback address");
    }
    let same_origin = |origin: &str| origin.split_once("://").is_some_and(|(_, authority)| authority == request.host);
    if request.origin.as_deref().is_some_and(|origin| !same_origin(origin)) {
        return Some("a page from elsewhere may not ask for it");
    }
    let same_site = |site: &str| matches!(site, "same-origin" | "none");
    if request.fetch_site.as_deref().is_some_and(|site| !same_site(site)) {
        return Some("a page from elsewhere may not ask for it");
    }
    None
}

fn is_loopback_host(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().to_canonical().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let ip = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    ip.map_or(name.eq_ignore_ascii_case("localhost"), |ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn post(host: &str, origin: Option<&str>, site: Option<&str>, peer: &str) -> (u16, u32) {
        let asked = AtomicU32::new(0);
        let request = Request {
            method: "POST".into(),
            host: host.into(),
            origin: origin.map(str::to_owned),
            fetch_site: site.map(str::to_owned),
            ..Request::default()
        };
        let now = || {
            asked.fetch_add(1, Ordering::Relaxed);
        };
        let status = answer(Some(&now), &request, peer.parse().unwrap()).status;
        (status, asked.load(Ordering::Relaxed))
    }

    #[test]
    fn this_machine_may_ask() {
        for host in ["127.0.0.1:9527", "localhost:9527", "localhost", "[::1]:9527", "[::1]", "127.0.0.1"] {
            assert_eq!(post(host, None, None, "127.0.0.1:1"), (200, 1), "{host}");
        }
        assert_eq!(post("localhost:1", Some("http://localhost:1"), Some("same-origin"), "[::1]:1"), (200, 1));
        assert_eq!(post("localhost:1", None, None, "[::ffff:127.0.0.1]:1"), (200, 1));
    }

    #[test]
    fn other_machines_and_pages_from_elsewhere_may_not() {
        assert_eq!(post("127.0.0.1:1", None, None, "10.0.0.1:1"), (403, 0));
        assert_eq!(post("127.0.0.1:1", Some("http://evil.example"), None, "127.0.0.1:1"), (403, 0));
        assert_eq!(post("127.0.0.1:1", Some("null"), None, "127.0.0.1:1"), (403, 0));
        assert_eq!(post("127.0.0.1:1", None, Some("cross-site"), "127.0.0.1:1"), (403, 0));
        let rebound = Some("http://evil.example:1");
        assert_eq!(post("evil.example:1", rebound, Some("same-origin"), "127.0.0.1:1"), (403, 0));
        assert_eq!(post("", None, None, "127.0.0.1:1"), (403, 0));
    }

    #[test]
    fn only_by_post_and_only_where_there_is_something_to_reload() {
        let called = Cell::new(false);
        let request = Request { method: "GET".into(), host: "localhost".into(), ..Request::default() };
        let response = answer(None, &request, "127.0.0.1:1".parse().unwrap());
        assert_eq!((response.status, response.allow, called.get()), (405, Some("POST"), false));
        let request = Request { method: "POST".into(), ..request };
        assert_eq!(answer(None, &request, "127.0.0.1:1".parse().unwrap()).status, 404);
    }
}
