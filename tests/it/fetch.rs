//! Fetching: what goes out, what comes back, and what a hostile target can do about it.

use crate::hostile::{BODY, Manner, Seen, Server, bomb, gzip, ok, ok_with};
use openagent::config::ScrapeJob;
use openagent::config::job::{Credentials, Discover, Scheme, SecretKey, SecretSource};
use openagent::discovery::{SecretStore, Target};
use openagent::scrape::fetch::{FetchError, FetchSettings, Fetcher, Phase, Response};
use openagent::secret::Secret;
use std::io::Read as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// No secrets outside a cluster.
pub struct NoSecrets;

impl SecretStore for NoSecrets {
    fn secret(&self, _: &SecretKey) -> Result<Secret, String> {
        Err("there is no Kubernetes here".to_owned())
    }
}

/// A target of its own job.
pub fn target(address: &str, change: impl FnOnce(&mut ScrapeJob)) -> Target {
    let mut job = ScrapeJob::new("test", Discover::Static(vec![address.to_owned()]));
    change(&mut job);
    Target {
        scheme: job.scheme.unwrap_or(Scheme::Http),
        address: address.to_owned(),
        path_and_query: job.path.clone(),
        labels: job.labels.clone(),
        discovered: (&job.labels).into(),
        interval: job.interval,
        timeout: job.timeout,
        namespace: None,
        job: Arc::new(job),
    }
}

/// A fetcher without a cluster.
pub fn fetcher() -> Fetcher {
    Fetcher::new(FetchSettings::default(), Arc::new(NoSecrets))
}

/// The whole body, or why there is none.
pub fn read(fetcher: &Fetcher, target: &Target, timeout: Duration) -> Result<(String, Response), FetchError> {
    let mut response = fetcher.fetch(target, timeout)?;
    let mut body = Vec::new();
    response.body.read_to_end(&mut body).map_err(FetchError::from_io)?;
    Ok((String::from_utf8_lossy(&body).into_owned(), response))
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_secs(2);

/// Whether an error is the one expected.
type Expected = fn(&FetchError) -> bool;

/// A manner by name, and what a scrape of it must end as.
type Case = (&'static str, Manner, Expected);

fn length(n: usize) -> String {
    format!("Content-Length: {n}\r\n")
}

const GZIP: &str = "Content-Encoding: gzip\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// Manners that only the deadline ends.
pub fn endless_manners() -> Vec<Case> {
    let packed = gzip(BODY.repeat(100).as_bytes());
    let half = &packed[..packed.len() / 2];
    let head: Expected = |e| matches!(e, FetchError::Timeout { phase: Phase::Head, after } if *after == SHORT);
    let body: Expected = |e| matches!(e, FetchError::Timeout { phase: Phase::Body, after } if *after == SHORT);
    vec![
        ("hang on accept", Manner::Hang, head),
        ("hang in the head", Manner::RawHang(b"HTTP/1.1 200 OK\r\nX: ".to_vec()), head),
        ("hang after the head", Manner::RawHang(ok_with(&length(100), b"")), body),
        ("hang in a chunk", Manner::RawHang(ok_with(CHUNKED, b"10\r\nabc")), body),
        ("hang in gzip", Manner::RawHang(ok_with(&format!("{GZIP}{}", length(packed.len())), half)), body),
        ("one byte each 200 ms", Manner::Drip(Duration::from_millis(200)), head),
        ("slow 9 s", Manner::Slow(Duration::from_secs(9)), head),
        ("a second interim answer", Manner::RawHang(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(3)), head),
        ("early hints and then nothing", Manner::RawHang(b"HTTP/1.1 103 Early\r\nA: b\r\n\r\n".to_vec()), |e| {
            e.is_timeout() || *e == FetchError::Status(103)
        }),
        ("switching protocols", Manner::RawHang(b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n".to_vec()), |e| {
            e.is_timeout() || *e == FetchError::Status(101)
        }),
    ]
}

/// Manners that fail by themselves.
pub fn faulty_manners() -> Vec<Case> {
    let packed = gzip(BODY.repeat(100).as_bytes());
    let half = &packed[..packed.len() / 2];
    let mut broken = packed.clone();
    let middle = broken.len() / 2;
    broken[middle..middle + 8].fill(0xff);
    let mut bad_trailer = packed.clone();
    *bad_trailer.last_mut().unwrap() ^= 1;
    let headers: String = (0..100_000).map(|i| format!("X-{i}: y\r\n")).collect();
    let truncated: Expected = |e| matches!(e, FetchError::Truncated { .. });
    let protocol: Expected = |e| matches!(e, FetchError::Protocol { .. });
    let closed: Expected = |e| matches!(e, FetchError::Closed { .. });
    let limit: Expected = |e| matches!(e, FetchError::BodyLimit { limit: 0x10_0000 });
    vec![
        ("endless chunks", Manner::EndlessChunks, limit),
        ("endless head", Manner::EndlessHead, protocol),
        ("gzip bomb of 10 GB", bomb(10 << 30), limit),
        ("length over the limit", Manner::RawHang(ok_with(&length(1 << 40), b"abc")), limit),
        ("truncated", Manner::RawClose(ok_with(&length(100), b"up 1\n")), truncated),
        ("truncated by a reset", Manner::RawReset(ok_with(&length(100), b"up 1\n")), truncated),
        ("reset without a length", Manner::RawReset(ok_with("", b"up 1\n")), truncated),
        ("truncated chunk", Manner::RawClose(ok_with(CHUNKED, b"10\r\nabc")), truncated),
        ("no last chunk", Manner::RawClose(ok_with(CHUNKED, b"3\r\nabc\r\n")), truncated),
        ("truncated gzip", Manner::RawClose(ok_with(GZIP, half)), truncated),
        (
            "truncated gzip of right length",
            Manner::Raw(ok_with(&format!("{GZIP}{}", length(half.len())), half)),
            truncated,
        ),
        ("no gzip at all", Manner::RawClose(ok_with(GZIP, b"")), truncated),
        ("corrupt gzip", Manner::RawClose(ok_with(GZIP, &broken)), protocol),
        ("gzip with a wrong sum", Manner::RawClose(ok_with(GZIP, &bad_trailer)), protocol),
        ("text called gzip", Manner::RawClose(ok_with(GZIP, BODY.as_bytes())), protocol),
        ("brotli", Manner::RawClose(ok_with("Content-Encoding: br\r\n", b"abc")), protocol),
        ("chunk length is no number", Manner::RawClose(ok_with(CHUNKED, b"zz\r\nabc\r\n0\r\n\r\n")), protocol),
        ("chunk length overflows", Manner::RawClose(ok_with(CHUNKED, b"fffffffffffffffff\r\nabc")), protocol),
        ("chunk line without end", Manner::RawHang(ok_with(CHUNKED, &[b'1'; 64 << 10])), protocol),
        ("length is no number", Manner::RawClose(ok_with("Content-Length: many\r\n", b"abc")), protocol),
        ("length is negative", Manner::RawClose(ok_with("Content-Length: -1\r\n", b"abc")), protocol),
        ("garbage", Manner::RawClose(b"\x00\x16\x03 nonsense \xff\xfe\r\n\r\n".to_vec()), protocol),
        ("garbage without end", Manner::RawHang(vec![b'x'; 64 << 10]), protocol),
        ("100 000 headers", Manner::RawClose(ok_with(&headers, b"abc")), protocol),
        ("1000 short headers", Manner::RawClose(ok_with(&"a:\r\n".repeat(1000), b"abc")), protocol),
        ("one long header", Manner::RawClose(ok_with(&format!("A: {}\r\n", "x".repeat(64 << 10)), b"abc")), protocol),
        ("nothing", Manner::RawClose(Vec::new()), closed),
        ("reset at once", Manner::RawReset(Vec::new()), closed),
        ("half a head", Manner::RawClose(b"HTTP/1.1 200 OK\r\nConte".to_vec()), closed),
        ("500", Manner::RawClose(b"HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\nabc".to_vec()), |e| {
            *e == FetchError::Status(500) && e.class() == 6
        }),
        ("404 that hangs", Manner::RawHang(b"HTTP/1.1 404 No\r\nContent-Length: 100\r\n\r\n".to_vec()), |e| {
            *e == FetchError::Status(404) && e.class() == 5
        }),
        ("204", Manner::RawClose(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()), |e| *e == FetchError::Status(204)),
        ("redirect loop", Manner::Redirect("/metrics".into()), |e| *e == FetchError::TooManyRedirects { limit: 5 }),
        ("redirect to nowhere", Manner::Redirect("gopher://h/".into()), |e| matches!(e, FetchError::Redirect { .. })),
        ("redirect without Location", Manner::RawClose(b"HTTP/1.1 302 Found\r\n\r\n".to_vec()), |e| {
            matches!(e, FetchError::Redirect { .. })
        }),
    ]
}

/// A target whose body may have 1 MiB.
pub fn hostile_target(address: &str) -> Target {
    target(address, |job| job.limits.body_bytes = 1 << 20)
}

fn check(fetcher: &Fetcher, (name, manner, expected): Case, timeout: Duration) {
    let server = Server::start(manner);
    let target = hostile_target(&server.address());
    for round in 1..=2 {
        let began = Instant::now();
        let error = read(fetcher, &target, timeout).map(|(body, _)| body).expect_err(name);
        let took = began.elapsed();
        assert!(expected(&error), "{name}, round {round}: {error:?}");
        assert!(took < timeout + Duration::from_millis(500), "{name}: took {took:?}");
    }
}

#[test]
fn the_deadline_ends_what_a_target_never_ends() {
    let fetcher = &fetcher();
    thread::scope(|scope| {
        for case in endless_manners() {
            scope.spawn(|| check(fetcher, case, SHORT));
        }
    });
}

#[test]
fn each_faulty_answer_fails_for_its_own_reason() {
    let fetcher = &fetcher();
    thread::scope(|scope| {
        for case in faulty_manners() {
            scope.spawn(|| check(fetcher, case, LONG));
        }
    });
}

#[test]
fn a_good_body_comes_whole_in_every_wrapping() {
    let text = BODY.repeat(20_000);
    let bytes = text.as_bytes();
    let packed = gzip(bytes);
    let two_members = [gzip(&bytes[..1000]), gzip(&bytes[1000..])].concat();
    let length = |n: usize| format!("Content-Length: {n}\r\n");
    let chunks: Vec<u8> = bytes
        .chunks(7777)
        .flat_map(|chunk| [format!("{:x};ext=1\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
        .chain(*b"0\r\nTrailer: x\r\n\r\n")
        .collect();
    let fetcher = fetcher();
    for (name, manner) in [
        ("length", Manner::Raw(ok(bytes))),
        ("chunks", Manner::Raw(ok_with("Transfer-Encoding: chunked\r\n", &chunks))),
        ("until close", Manner::RawClose(ok_with("", bytes))),
        ("HTTP/1.0", Manner::RawClose([b"HTTP/1.0 200 OK\r\n\r\n", bytes].concat())),
        ("gzip", Manner::Raw(ok_with(&format!("Content-Encoding: gzip\r\n{}", length(packed.len())), &packed))),
        ("GZIP", Manner::RawClose(ok_with("Content-Encoding: GZIP\r\n", &packed))),
        ("two members", Manner::RawClose(ok_with("Content-Encoding: gzip\r\n", &two_members))),
        ("identity", Manner::RawClose(ok_with("Content-Encoding: identity\r\n", bytes))),
        ("after 100", Manner::Raw([b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), ok(bytes)].concat())),
    ] {
        let server = Server::start(manner);
        let target = target(&server.address(), |job| job.limits.body_bytes = bytes.len() as u64);
        let (body, response) = read(&fetcher, &target, LONG).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(body == text, "{name}: {} bytes of {}", body.len(), text.len());
        assert!(response.body.is_complete(), "{name}");
        assert_eq!(response.body.inflated_bytes(), bytes.len() as u64, "{name}");
        let wire = response.body.wire_bytes();
        let packed = ["gzip", "GZIP", "two members"].contains(&name);
        assert!(if packed { wire < 10_000 } else { wire == bytes.len() as u64 }, "{name}: {wire}");
        let tight = Target { job: Arc::new(tighter(&target)), ..target };
        let error = read(&fetcher, &tight, LONG).map(drop).unwrap_err();
        assert_eq!(error, FetchError::BodyLimit { limit: bytes.len() as u64 - 1 }, "{name}");
    }
}

fn tighter(target: &Target) -> ScrapeJob {
    let mut job = (*target.job).clone();
    job.limits.body_bytes -= 1;
    job
}

#[test]
fn the_request_says_what_it_wants() {
    let server = Server::start(Manner::Answer(BODY.into()));
    let target = Target { path_and_query: "/federate?match[]=a&match[]=b".into(), ..target(&server.address(), |_| {}) };
    let fetcher = fetcher();
    let (_, response) = read(&fetcher, &target, Duration::from_millis(12_500)).unwrap();
    assert_eq!((response.status, response.content_type.as_str()), (200, "text/plain; version=0.0.4"));
    assert_eq!(response.peer.map(|peer| peer.to_string()), Some(server.address()));
    fetcher.set_protobuf(true);
    read(&fetcher, &target, LONG).unwrap();
    let seen = server.seen();
    let plain = &seen[0];
    assert_eq!(plain.path(), "/federate?match[]=a&match[]=b");
    assert_eq!(plain.header("host"), Some(server.address().as_str()));
    assert_eq!(plain.header("user-agent"), Some(concat!("openagent/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(plain.header("x-prometheus-scrape-timeout-seconds"), Some("12.5"));
    assert_eq!(plain.header("accept-encoding"), None, "loopback needs no packing");
    assert_eq!(plain.header("authorization"), None);
    let accept = plain.header("accept").unwrap();
    assert!(
        accept.starts_with("application/openmetrics-text;version=1.0.0") && accept.contains("text/plain;version=0.0.4")
    );
    let accept = seen[1].header("accept").unwrap();
    assert!(accept.starts_with("application/vnd.google.protobuf") && accept.contains("openmetrics"), "{accept}");
}

#[test]
fn an_error_tells_refused_from_no_such_name_from_no_url() {
    let fetcher = fetcher();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = fetcher.fetch(&target(&port.to_string(), |_| {}), LONG).unwrap_err();
    assert_eq!((&error, error.class()), (&FetchError::Refused { on: port.to_string() }, 2));
    let error = fetcher.fetch(&target("no..such.name:80", |_| {}), LONG).unwrap_err();
    assert!(matches!(error, FetchError::Dns { .. }) && error.class() == 3, "{error:?}");
    for address in ["", ":80", "user:hunter2@h:80", "h:80/x", "h h:80", "h:99999", "[::1:80"] {
        let error = fetcher.fetch(&target(address, |_| {}), LONG).expect_err(address);
        assert!(matches!(error, FetchError::Url { .. }), "{address}: {error:?}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

fn basic(job: &mut ScrapeJob) {
    let plain = |text: &str| SecretSource::Plain(Secret::new(text));
    job.credentials = Credentials::Basic { username: plain("u"), password: plain("p") };
}

#[test]
fn redirects_are_followed_with_credentials_for_their_own_host_alone() {
    let other = Server::start(Manner::Answer(BODY.into()));
    let server = Server::start(Manner::Paths(vec![
        ("/metrics", Manner::Redirect("moved/here".into())),
        ("/moved/here", Manner::Answer(BODY.into())),
        ("/away", Manner::Redirect(format!("http://{}/x?y=1", other.address()))),
    ]));
    let fetcher = fetcher();
    let (_, response) = read(&fetcher, &target(&server.address(), basic), LONG).unwrap();
    assert_eq!((response.redirects, response.reused), (1, true), "the redirect's own connection is used again");
    let away = Target { path_and_query: "/away".into(), ..target(&server.address(), basic) };
    let (_, response) = read(&fetcher, &away, LONG).unwrap();
    assert_eq!(response.peer.map(|peer| peer.to_string()), Some(other.address()));
    let credentials: Vec<bool> = server.seen().iter().map(|seen| seen.header("authorization").is_some()).collect();
    assert_eq!(credentials, [true, true, true]);
    assert_eq!(other.seen().iter().map(Seen::path).collect::<Vec<_>>(), ["/x?y=1"]);
    assert_eq!(other.seen()[0].header("authorization"), None);

    let stay = target(&server.address(), |job| job.follow_redirects = false);
    assert_eq!(fetcher.fetch(&stay, LONG).map(drop), Err(FetchError::Status(302)));
}

#[test]
fn five_redirects_are_followed_and_a_sixth_is_not() {
    let hop = |n: usize| Manner::Redirect(format!("/{n}"));
    let paths = vec![("/0", hop(1)), ("/1", hop(2)), ("/2", hop(3)), ("/3", hop(4)), ("/4", hop(5)), ("/5", hop(6))];
    let end = |at: &'static str| [paths.clone(), vec![(at, Manner::Answer(BODY.into()))]].concat();
    let start = |server: &Server| Target { path_and_query: "/0".into(), ..target(&server.address(), |_| {}) };
    let mut five = end("/5");
    five.remove(5);
    let five = Server::start(Manner::Paths(five));
    assert_eq!(read(&fetcher(), &start(&five), LONG).unwrap().1.redirects, 5);
    let six = Server::start(Manner::Paths(end("/6")));
    assert_eq!(read(&fetcher(), &start(&six), LONG).map(drop), Err(FetchError::TooManyRedirects { limit: 5 }));
}

#[test]
fn a_connection_is_used_again_and_replaced_when_the_server_closed_it() {
    let server = Server::start(Manner::Answer(BODY.into()));
    let (fetcher, target) = (fetcher(), target(&server.address(), |_| {}));
    for round in 0..20 {
        assert_eq!(read(&fetcher, &target, LONG).unwrap().1.reused, round > 0);
    }
    assert_eq!(server.connections(), 1);
    fetcher.forget(&target);
    assert!(!read(&fetcher, &target, LONG).unwrap().1.reused);

    // closes after each answer without having said so: the idle connection is dead when it is wanted
    let closing = Server::start(Manner::RawClose(ok(BODY.as_bytes())));
    let target = self::target(&closing.address(), |_| {});
    for _ in 0..20 {
        read(&fetcher, &target, LONG).unwrap();
    }
    assert_eq!(closing.connections(), 20);
}

#[test]
fn an_error_answer_of_usual_size_keeps_the_connection() {
    let server = Server::start(Manner::Paths(Vec::new()));
    let (fetcher, target) = (fetcher(), target(&server.address(), |_| {}));
    for _ in 0..10 {
        assert_eq!(fetcher.fetch(&target, LONG).map(drop), Err(FetchError::Status(404)));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn shutdown_interrupts_what_is_under_way_and_refuses_what_is_new() {
    let manners = [
        Manner::Hang,
        Manner::RawHang(ok_with("Content-Length: 10\r\n", b"abc")),
        // without a length the closed socket would look like the body's end
        Manner::RawHang(ok_with("", b"up 1\n")),
    ];
    let fetcher = &fetcher();
    let servers: Vec<Server> = manners.into_iter().map(Server::start).collect();
    thread::scope(|scope| {
        let scrapes: Vec<_> = servers
            .iter()
            .map(|server| scope.spawn(|| read(fetcher, &target(&server.address(), |_| {}), LONG).map(drop)))
            .collect();
        let until = Instant::now() + LONG;
        while servers.iter().any(|server| server.seen().is_empty()) {
            assert!(Instant::now() < until);
            thread::yield_now();
        }
        let began = Instant::now();
        fetcher.shutdown();
        for scrape in scrapes {
            assert_eq!(scrape.join().unwrap(), Err(FetchError::Interrupted));
        }
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    });
    let late = fetcher.fetch(&target(&servers[0].address(), |_| {}), LONG).map(drop);
    assert_eq!(late, Err(FetchError::Interrupted));
}
