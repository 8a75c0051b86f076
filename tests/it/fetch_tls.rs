//! TLS and credentials of scrapes: who is trusted, who is told what, and what an operator reads when it fails.

use crate::fetch::{NoSecrets, read, target};
use crate::hostile::{BODY, Manner, Server, ok, ok_with};
use crate::pki::{Authority, Certified, Presents, self_signed, serve, serve_as};
use openagent::config::ScrapeJob;
use openagent::config::job::{
    Credentials, Discover, KubernetesSelection, NamespaceSelection, PemSource, Scheme, SecretKey, SecretSource,
    TlsSettings,
};
use openagent::config::value::TokenPolicy;
use openagent::discovery::{SecretStore, Target};
use openagent::scrape::auth::ServiceAccount;
use openagent::scrape::fetch::{FetchError, FetchSettings, Fetcher, Phase};
use openagent::secret::Secret;
use rcgen::{BasicConstraints, CertificateParams, IsCa, date_time_ymd};
use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);
const LOOPBACK: &[&str] = &["127.0.0.1"];

/// Secrets that a test holds, and can change.
#[derive(Default)]
struct Secrets(Mutex<HashMap<String, String>>);

impl Secrets {
    fn put(&self, name: &str, text: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), text.to_owned());
    }
}

impl SecretStore for Secrets {
    fn secret(&self, key: &SecretKey) -> Result<Secret, String> {
        let text = self.0.lock().unwrap().get(&key.name).cloned();
        text.map(Secret::new).ok_or_else(|| "there is no such secret; create it".to_owned())
    }
}

fn secret(name: &str) -> SecretKey {
    SecretKey { name: name.to_owned(), key: "k".to_owned(), namespace: None }
}

fn answering() -> Manner {
    Manner::Answer(BODY.into())
}

fn fetcher() -> Fetcher {
    Fetcher::new(FetchSettings::default(), Arc::new(NoSecrets))
}

fn https(server: &Server, tls: TlsSettings) -> Target {
    target(&server.address(), |job| {
        job.scheme = Some(Scheme::Https);
        job.tls = Some(tls);
    })
}

fn trusting(folder: &Path, pem: &str) -> TlsSettings {
    let path = folder.join("ca.pem");
    fs::write(&path, pem).unwrap();
    TlsSettings { ca: Some(PemSource::File(path)), ..TlsSettings::default() }
}

/// Scrapes once with a client of its own.
fn scrape(server: &Server, tls: TlsSettings) -> Result<(), FetchError> {
    read(&fetcher(), &https(server, tls), LONG).map(|(body, _)| assert_eq!(body, BODY))
}

/// The text of a TLS error.
#[track_caller]
fn tls_fault(result: Result<(), FetchError>) -> String {
    let error = result.expect_err("it must not be trusted");
    assert!(matches!(error, FetchError::Tls { .. }) && error.class() == 4, "{error:?}");
    error.to_string()
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[test]
fn a_certificate_of_the_configured_authority_is_trusted_and_of_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let server = serve(&ours.issue(LOOPBACK), answering());
    assert_eq!(scrape(&server, trusting(folder.path(), &ours.pem)), Ok(()));
    let both = format!("{}{}", theirs.pem, ours.pem);
    assert_eq!(scrape(&server, trusting(folder.path(), &both)), Ok(()));
    for tls in [trusting(folder.path(), &theirs.pem), TlsSettings::default()] {
        assert_says(&tls_fault(scrape(&server, tls)), &[&server.address(), "authority", "not trusted", "caFile"]);
    }
}

#[test]
fn the_name_must_fit_or_be_overridden() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("ca");
    let server = serve(&ca.issue(&["node.example", "other.example"]), answering());
    let tls = trusting(folder.path(), &ca.pem);
    let fault = tls_fault(scrape(&server, tls.clone()));
    assert_says(&fault, &["node.example", "other.example", "127.0.0.1", "serverName"]);
    let named = |name: &str| TlsSettings { server_name: Some(name.to_owned()), ..tls.clone() };
    assert_eq!(scrape(&server, named("node.example")), Ok(()));
    assert_says(&tls_fault(scrape(&server, named("wrong.example"))), &["wrong.example"]);
    assert_says(&tls_fault(scrape(&server, named("not a name"))), &["serverName", "not a name"]);
}

#[test]
fn the_time_must_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("ca");
    let between = |from: i32, to: i32| {
        move |params: &mut CertificateParams| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        }
    };
    let tls = trusting(folder.path(), &ca.pem);
    let expired = serve(&ca.issue_with(LOOPBACK, between(2019, 2020)), answering());
    assert_says(&tls_fault(scrape(&expired, tls.clone())), &["expired", "days ago", "renew"]);
    let future = serve(&ca.issue_with(LOOPBACK, between(2120, 2121)), answering());
    assert_says(&tls_fault(scrape(&future, tls)), &["not valid yet", "clock"]);
}

#[test]
fn insecure_skips_the_certificate_but_not_the_proof_of_its_key() {
    let insecure = || TlsSettings { insecure_skip_verify: true, ..TlsSettings::default() };
    let (certificate, other) = (self_signed(&["elsewhere"], |_| {}), self_signed(&["elsewhere"], |_| {}));
    for version in rustls::ALL_VERSIONS {
        let presents = Presents { certificate: Some(&certificate), only: Some(version), ..Presents::default() };
        assert_eq!(scrape(&serve_as(&presents, answering()), insecure()), Ok(()));
        let liar = Presents { wrong_key: Some(&other), ..presents };
        let fault = tls_fault(scrape(&serve_as(&liar, answering()), insecure()));
        assert_says(&fault, &["signature"]);
    }
}

#[test]
fn a_self_signed_certificate_is_trusted_when_it_is_the_configured_one() {
    let folder = tempfile::tempdir().unwrap();
    let kinds: [fn(&mut CertificateParams); 3] = [
        |_| {},
        |params| params.is_ca = IsCa::ExplicitNoCa,
        |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
    ];
    for kind in kinds {
        let certificate = self_signed(LOOPBACK, kind);
        let server = serve(&certificate, answering());
        assert_eq!(scrape(&server, trusting(folder.path(), &certificate.pem)), Ok(()));
        let twin = self_signed(LOOPBACK, kind);
        tls_fault(scrape(&server, trusting(folder.path(), &twin.pem)));

        let elsewhere = self_signed(&["elsewhere"], kind);
        let fault = tls_fault(scrape(&serve(&elsewhere, answering()), trusting(folder.path(), &elsewhere.pem)));
        assert_says(&fault, &["elsewhere", "127.0.0.1"]);

        let old = self_signed(LOOPBACK, |params| {
            kind(params);
            params.not_after = date_time_ymd(2020, 1, 1);
        });
        let fault = tls_fault(scrape(&serve(&old, answering()), trusting(folder.path(), &old.pem)));
        assert_says(&fault, &["expired"]);
    }
}

fn identity(folder: &Path, client: &Certified) -> Option<(PemSource, PemSource)> {
    let (certificate, key) = (folder.join("client.pem"), folder.join("client.key"));
    fs::write(&certificate, &client.pem).unwrap();
    fs::write(&key, &client.key).unwrap();
    Some((PemSource::File(certificate), PemSource::File(key)))
}

#[test]
fn a_server_that_wants_a_client_certificate_gets_it_or_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, clients) = (Authority::new("ca"), Authority::new("clients"));
    let certificate = ca.issue(LOOPBACK);
    let stranger = Authority::new("stranger").issue(&["agent"]);
    for version in rustls::ALL_VERSIONS {
        let presents = Presents {
            certificate: Some(&certificate),
            clients: Some(&clients),
            only: Some(version),
            ..Presents::default()
        };
        let server = serve_as(&presents, answering());
        let tls = trusting(folder.path(), &ca.pem);
        let with = |client: &Certified| TlsSettings { identity: identity(folder.path(), client), ..tls.clone() };
        assert_eq!(scrape(&server, with(&clients.issue(&["agent"]))), Ok(()));
        assert_says(&tls_fault(scrape(&server, tls.clone())), &["refused", "client certificate", "certFile"]);
        assert_says(&tls_fault(scrape(&server, with(&stranger))), &["refused", "certFile"]);
    }
}

#[test]
fn files_that_change_count_at_the_next_scrape_with_new_connections() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let certificate = old.issue(LOOPBACK);
    let presents = Presents { certificate: Some(&certificate), clients: Some(&new), ..Presents::default() };
    let server = serve_as(&presents, answering());
    let outdated = old.issue(&["agent"]);
    let tls = TlsSettings { identity: identity(folder.path(), &outdated), ..trusting(folder.path(), &old.pem) };
    let (fetcher, target) = (fetcher(), https(&server, tls));
    let scrape = || read(&fetcher, &target, LONG).map(|(_, response)| response.reused);

    assert_says(&scrape().unwrap_err().to_string(), &["certFile"]);
    identity(folder.path(), &new.issue(&["agent"]));
    assert_eq!(scrape(), Ok(false), "the renewed client certificate is used");
    assert_eq!(scrape(), Ok(true));
    // written anew with the same text: nothing to renew
    trusting(folder.path(), &old.pem);
    assert_eq!(scrape(), Ok(true));

    let text = fs::read_to_string(folder.path().join("client.key")).unwrap();
    fs::remove_file(folder.path().join("client.key")).unwrap();
    assert_says(&scrape().unwrap_err().to_string(), &["keyFile", "client.key", "No such file"]);
    fs::write(folder.path().join("client.key"), text).unwrap();
    assert_eq!(scrape(), Ok(true), "the connection outlived the moment between two files");

    trusting(folder.path(), &new.pem);
    assert_says(&scrape().unwrap_err().to_string(), &["not trusted"]);
    trusting(folder.path(), &old.pem);
    assert_eq!(scrape(), Ok(false));
}

#[test]
fn a_mounted_volume_swaps_its_folder_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    for (version, ca) in [("v1", &old), ("v2", &new)] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("ca.pem"), &ca.pem).unwrap();
    }
    std::os::unix::fs::symlink("v1", at("..data")).unwrap();
    let tls = TlsSettings { ca: Some(PemSource::File(at("..data/ca.pem"))), ..TlsSettings::default() };
    let server = serve(&new.issue(LOOPBACK), answering());
    let (fetcher, target) = (fetcher(), https(&server, tls));
    assert!(read(&fetcher, &target, LONG).is_err());
    std::os::unix::fs::symlink("v2", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    read(&fetcher, &target, LONG).unwrap();
}

#[test]
fn a_file_that_cannot_be_used_is_named_and_nothing_falls_back() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, other) = (Authority::new("ca"), Authority::new("other"));
    // insecure would accept the server: only the broken part keeps it from being scraped
    let server = serve(&ca.issue(LOOPBACK), answering());
    let client = ca.issue(&["agent"]);
    let stranger = other.issue(&["stranger"]);
    let garbled = client.pem.replace('M', "?");
    for (name, text, words) in [
        ("ca.pem", None, &["caFile", "No such file"][..]),
        ("ca.pem", Some(""), &["caFile", "no certificate"]),
        ("ca.pem", Some("hello"), &["caFile", "no certificate"]),
        ("ca.pem", Some(client.key.as_str()), &["caFile", "no certificate"]),
        ("ca.pem", Some(garbled.as_str()), &["caFile"]),
        ("ca.pem", Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), &["caFile", "X.509"]),
        ("client.pem", None, &["certFile", "No such file"]),
        ("client.pem", Some("hello"), &["certFile", "no certificate"]),
        ("client.key", None, &["keyFile", "No such file"]),
        ("client.key", Some(client.pem.as_str()), &["keyFile", "private key"]),
        ("client.key", Some(stranger.key.as_str()), &["keyFile", "not the key of", "client.pem"]),
    ] {
        let tls = TlsSettings {
            insecure_skip_verify: name != "ca.pem",
            identity: identity(folder.path(), &client),
            ..trusting(folder.path(), &ca.pem)
        };
        let path = folder.path().join(name);
        match text {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let fault = tls_fault(scrape(&server, tls));
        assert_says(&fault, &[path.to_str().unwrap()]);
        assert_says(&fault, words);
        assert!(!fault.contains("PRIVATE"), "{fault}");
    }
    assert!(server.seen().is_empty(), "nothing was sent to anybody");
}

#[test]
fn certificates_come_from_secrets_as_well_and_are_renewed() {
    let (ca, other) = (Authority::new("ca"), Authority::new("other"));
    let certificate = ca.issue(LOOPBACK);
    let presents = Presents { certificate: Some(&certificate), clients: Some(&ca), ..Presents::default() };
    let server = serve_as(&presents, answering());
    let secrets = Arc::new(Secrets::default());
    let tls = TlsSettings {
        ca: Some(PemSource::Secret(secret("ca"))),
        identity: Some((PemSource::Secret(secret("cert")), PemSource::Secret(secret("key")))),
        ..TlsSettings::default()
    };
    let fetcher = Fetcher::new(FetchSettings::default(), Arc::clone(&secrets) as Arc<dyn SecretStore>);
    let target = https(&server, tls);
    let scrape = || read(&fetcher, &target, LONG).map(|(_, response)| response.reused);
    assert_says(&tls_fault(scrape().map(drop)), &["caSecret", "ca", "no such secret"]);
    let client = ca.issue(&["agent"]);
    for (name, text) in [("ca", &other.pem), ("cert", &client.pem), ("key", &client.key)] {
        secrets.put(name, text);
    }
    assert_says(&tls_fault(scrape().map(drop)), &["not trusted"]);
    secrets.put("ca", &ca.pem);
    assert_eq!((scrape(), scrape()), (Ok(false), Ok(true)));
}

#[test]
fn a_session_is_kept_like_any_connection() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("ca");
    let certificate = ca.issue(LOOPBACK);
    for version in rustls::ALL_VERSIONS {
        let presents = Presents { certificate: Some(&certificate), only: Some(version), ..Presents::default() };
        let server = serve_as(&presents, Manner::Answer(BODY.repeat(10_000).into()));
        let (fetcher, target) = (fetcher(), https(&server, trusting(folder.path(), &ca.pem)));
        for round in 0..20 {
            let (body, response) = read(&fetcher, &target, LONG).unwrap();
            assert_eq!((body.len(), response.reused), (BODY.len() * 10_000, round > 0));
            assert_eq!(response.timings.tls.is_zero(), round > 0);
        }
        assert_eq!(server.connections(), 1);
    }
}

#[test]
fn what_goes_wrong_below_or_after_the_handshake_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("ca");
    let certificate = ca.issue(LOOPBACK);
    let tls = trusting(folder.path(), &ca.pem);

    let plain = Server::start(answering());
    let fault = scrape(&plain, tls.clone()).unwrap_err();
    assert!(matches!(fault, FetchError::Tls { .. } | FetchError::Timeout { phase: Phase::Tls, .. }), "{fault:?}");
    let talking = Server::start_wrapped(answering(), |mut stream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
        Ok(Box::new(stream))
    });
    assert_says(&tls_fault(scrape(&talking, tls.clone())), &["does not speak TLS", "http"]);

    // a session that ends without saying so: no clean end for a body without a length
    let cut = serve(&certificate, Manner::RawClose(ok_with("", BODY.as_bytes())));
    let error = scrape(&cut, tls.clone()).unwrap_err();
    assert!(matches!(error, FetchError::Truncated { .. }), "{error:?}");
    let whole = serve(&certificate, Manner::RawClose(ok(BODY.as_bytes())));
    assert_eq!(scrape(&whole, tls.clone()), Ok(()));

    let timeout = Duration::from_secs(1);
    let silent = Server::start_wrapped(Manner::Hang, |mut stream| {
        io::copy(&mut stream, &mut io::sink())?;
        Err(io::ErrorKind::UnexpectedEof.into())
    });
    for (server, phase) in [
        (&silent, Phase::Tls),
        (&serve(&certificate, Manner::Hang), Phase::Head),
        (&serve(&certificate, Manner::RawHang(ok_with("Content-Length: 9\r\n", b"abc"))), Phase::Body),
    ] {
        let began = Instant::now();
        let error = read(&fetcher(), &https(server, tls.clone()), timeout).map(drop).unwrap_err();
        assert_eq!(error, FetchError::Timeout { phase, after: timeout });
        assert!(began.elapsed() < timeout + Duration::from_millis(500), "{:?}", began.elapsed());
    }

    let https_only = serve(&certificate, answering());
    let error = read(&fetcher(), &target(&https_only.address(), |_| {}), LONG).map(drop).unwrap_err();
    assert_says(&error.to_string(), &["scheme"]);
}

/// A proxy that tunnels to where it is asked to and remembers the heads of the requests.
fn proxy(heads: &Arc<Mutex<Vec<String>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heads = Arc::clone(heads);
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            let head = String::from_utf8(head).unwrap();
            let target = head.split(' ').nth(1).unwrap().to_owned();
            heads.lock().unwrap().push(head);
            let Ok(mut server) = TcpStream::connect(target) else {
                client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").unwrap();
                continue;
            };
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut from_client, &mut to_server));
            thread::spawn(move || io::copy(&mut server, &mut client));
        }
    });
    address
}

#[test]
fn a_proxy_tunnels_and_is_the_only_one_asked() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("ca");
    let heads = Arc::default();
    let proxy = proxy(&heads);
    let url = format!("http://u:p@{proxy}");
    let through = |mut target: Target| {
        let mut job = (*target.job).clone();
        job.proxy_url = Some(url.clone());
        target.job = Arc::new(job);
        target
    };
    let plain = Server::start(answering());
    let secured = serve(&ca.issue(LOOPBACK), answering());
    for scraped in [target(&plain.address(), |_| {}), https(&secured, trusting(folder.path(), &ca.pem))] {
        let fetcher = fetcher();
        for round in 0..3 {
            let (body, response) = read(&fetcher, &through(scraped.clone()), LONG).unwrap();
            assert_eq!((body.as_str(), response.reused), (BODY, round > 0));
            assert_eq!(response.peer.map(|peer| peer.to_string()), Some(proxy.clone()));
        }
        let seen = heads.lock().unwrap().pop().unwrap();
        assert_says(&seen, &[&format!("CONNECT {} HTTP/1.1", scraped.address), "Proxy-Authorization: Basic dTpw"]);
    }
    assert!(heads.lock().unwrap().is_empty());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let error = fetcher().fetch(&through(target(&closed, |_| {})), LONG).map(drop).unwrap_err();
    assert_says(&error.to_string(), &["the proxy", "502"]);
}

#[test]
fn a_step_up_to_https_keeps_the_credentials_and_a_step_down_drops_them() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("ca");
    let certificate = ca.issue(LOOPBACK);
    let (plain, secured) = (Server::start(answering()), serve(&certificate, answering()));
    let up = Server::start(Manner::Redirect(format!("https://{}/", secured.address())));
    let down = serve(&certificate, Manner::Redirect(format!("http://{}/", plain.address())));
    for (from, scheme, to, kept) in [(&up, Scheme::Http, &secured, true), (&down, Scheme::Https, &plain, false)] {
        let credentials = SecretSource::Plain(Secret::new("abc"));
        let tls = trusting(folder.path(), &ca.pem);
        let target = target(&from.address(), |job| {
            job.scheme = Some(scheme);
            job.tls = Some(tls);
            job.credentials = Credentials::Authorization { kind: "Bearer".into(), credentials };
        });
        assert_eq!(read(&fetcher(), &target, LONG).unwrap().1.redirects, 1);
        assert_eq!(from.seen()[0].header("authorization"), Some("Bearer abc"));
        assert_eq!(to.seen()[0].header("authorization").is_some(), kept);
    }
}

#[test]
fn the_systems_store_is_trusted_and_the_environment_may_name_another() {
    if let Ok(address) = std::env::var("OPENAGENT_TEST_ADDRESS") {
        let target = target(&address, |job| job.scheme = Some(Scheme::Https));
        read(&fetcher(), &target, LONG).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("the company's own");
    let store = folder.path().join("bundle.pem");
    fs::write(&store, format!("{}{}", Authority::new("another").pem, ca.pem)).unwrap();
    let server = serve(&ca.issue(LOOPBACK), answering());
    let test = "fetch_tls::the_systems_store_is_trusted_and_the_environment_may_name_another";
    let run = |file: &Path| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact"]).env("OPENAGENT_TEST_ADDRESS", server.address()).env("SSL_CERT_FILE", file);
        command.env_remove("SSL_CERT_DIR").output().unwrap()
    };
    let output = run(&store);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let output = run(&folder.path().join("none.pem"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("not trusted"), "without a store nobody is trusted");
}

/// One situation of the service account's token.
struct Situation {
    name: &'static str,
    discover: Discover,
    scheme: Scheme,
    insecure: bool,
    policy: TokenPolicy,
    api_server: bool,
    credentials: Credentials,
    sent: bool,
}

fn selection() -> KubernetesSelection {
    let namespaces = NamespaceSelection::Any;
    KubernetesSelection { namespaces, selector: openagent::selector::Selector::default(), port: None }
}

fn situations() -> Vec<Situation> {
    let pods = || Discover::Pods(selection());
    let usual = || Situation {
        name: "a pod over verified https",
        discover: pods(),
        scheme: Scheme::Https,
        insecure: false,
        policy: TokenPolicy::Verified,
        api_server: false,
        credentials: Credentials::None,
        sent: true,
    };
    let missing = SecretSource::File(PathBuf::from("/nowhere/token"));
    vec![
        usual(),
        Situation { name: "a service over verified https", discover: Discover::Services(selection()), ..usual() },
        Situation { name: "a static target", discover: Discover::Static(Vec::new()), sent: false, ..usual() },
        Situation {
            name: "a static target at the API server's address",
            discover: Discover::Static(Vec::new()),
            api_server: true,
            sent: false,
            ..usual()
        },
        Situation { name: "plain http", scheme: Scheme::Http, sent: false, ..usual() },
        Situation {
            name: "plain http to the API server",
            scheme: Scheme::Http,
            api_server: true,
            sent: false,
            ..usual()
        },
        Situation { name: "unverified", insecure: true, sent: false, ..usual() },
        Situation { name: "the API server, unverified", insecure: true, api_server: true, ..usual() },
        Situation { name: "policy never", policy: TokenPolicy::Never, sent: false, ..usual() },
        Situation { name: "policy always, unverified", policy: TokenPolicy::Always, insecure: true, ..usual() },
        Situation {
            name: "policy always, plain http",
            policy: TokenPolicy::Always,
            scheme: Scheme::Http,
            sent: false,
            ..usual()
        },
        Situation {
            name: "policy always, a static target",
            policy: TokenPolicy::Always,
            discover: Discover::Static(Vec::new()),
            sent: false,
            ..usual()
        },
        Situation {
            name: "credentials that fail",
            policy: TokenPolicy::Always,
            credentials: Credentials::Authorization { kind: "Bearer".into(), credentials: missing },
            sent: false,
            ..usual()
        },
    ]
}

#[test]
fn the_service_account_token_goes_where_it_may_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("cluster");
    let (token, cluster_ca) = (folder.path().join("token"), folder.path().join("ca.crt"));
    fs::write(&token, "service-account-token\n").unwrap();
    fs::write(&cluster_ca, &ca.pem).unwrap();
    let certificate = ca.issue(LOOPBACK);
    let elsewhere = serve(&certificate, answering());
    for situation in situations() {
        let manner = Manner::Paths(vec![
            ("/metrics", answering()),
            ("/stay", Manner::Redirect("/metrics".into())),
            ("/away", Manner::Redirect(format!("https://{}/", elsewhere.address()))),
        ]);
        let server = match situation.scheme {
            Scheme::Https => serve(&certificate, manner),
            Scheme::Http => Server::start(manner),
        };
        let api_servers = if situation.api_server { vec![server.address()] } else { Vec::new() };
        let service_account = ServiceAccount { policy: situation.policy, token_file: Some(token.clone()), api_servers };
        let settings =
            FetchSettings { service_account, cluster_ca: Some(cluster_ca.clone()), ..FetchSettings::default() };
        let fetcher = Fetcher::new(settings, Arc::new(NoSecrets));
        for path in ["/metrics", "/stay", "/away"] {
            let change = |job: &mut ScrapeJob| {
                job.discover = situation.discover.clone();
                job.scheme = Some(situation.scheme);
                job.path = path.to_owned();
                job.credentials = situation.credentials.clone();
                let insecure_skip_verify = situation.insecure;
                job.tls = Some(TlsSettings { insecure_skip_verify, ..TlsSettings::default() });
            };
            let result = read(&fetcher, &target(&server.address(), change), LONG).map(drop);
            let fails = situation.credentials != Credentials::None;
            assert_eq!(result.is_err(), fails, "{}: {result:?}", situation.name);
        }
        let expected = situation.sent.then_some("Bearer service-account-token");
        for seen in server.seen() {
            assert_eq!(seen.header("authorization"), expected, "{} {}", situation.name, seen.path());
        }
    }
    assert!(elsewhere.seen().len() >= 12);
    assert!(elsewhere.seen().iter().all(|seen| seen.header("authorization").is_none()), "a redirect carried it away");
}

#[test]
fn a_rotated_token_is_sent_at_the_next_scrape_and_a_missing_one_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("cluster");
    let (token, cluster_ca) = (folder.path().join("token"), folder.path().join("ca.crt"));
    fs::write(&cluster_ca, &ca.pem).unwrap();
    let server = serve(&ca.issue(LOOPBACK), answering());
    let service_account =
        ServiceAccount { policy: TokenPolicy::Verified, token_file: Some(token.clone()), api_servers: Vec::new() };
    let settings = FetchSettings { service_account, cluster_ca: Some(cluster_ca), ..FetchSettings::default() };
    let fetcher = Fetcher::new(settings, Arc::new(NoSecrets));
    let target = target(&server.address(), |job| {
        job.discover = Discover::Pods(selection());
        job.scheme = Some(Scheme::Https);
    });
    read(&fetcher, &target, LONG).unwrap();
    for text in ["one", "two"] {
        fs::write(&token, text).unwrap();
        read(&fetcher, &target, LONG).unwrap();
    }
    fetcher.set_service_account(ServiceAccount::none());
    read(&fetcher, &target, LONG).unwrap();
    let sent: Vec<Option<String>> =
        server.seen().iter().map(|seen| seen.header("authorization").map(str::to_owned)).collect();
    assert_eq!(sent, [None, Some("Bearer one".to_owned()), Some("Bearer two".to_owned()), None]);
}

#[test]
fn credentials_come_from_everywhere_and_their_faults_tell_where() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        SecretSource::File(path)
    };
    let secrets = Arc::new(Secrets::default());
    secrets.put("login", "kube-pass\n");
    let fetcher = Fetcher::new(FetchSettings::default(), Arc::clone(&secrets) as Arc<dyn SecretStore>);
    let server = Server::start(answering());
    let plain = |text: &str| SecretSource::Plain(Secret::new(text));
    let basic = |username, password| Credentials::Basic { username, password };
    let bearer = |credentials| Credentials::Authorization { kind: "Bearer".to_owned(), credentials };
    let attempt = |credentials: Credentials| {
        read(&fetcher, &target(&server.address(), |job| job.credentials = credentials), LONG).map(drop)
    };
    // a test may not change its own environment
    let path = std::env::var("PATH").unwrap();
    for (credentials, header) in [
        (basic(plain("Aladdin"), plain("open sesame")), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned()),
        (basic(at("user", "u\n"), SecretSource::Kubernetes(secret("login"))), "Basic dTprdWJlLXBhc3M=".to_owned()),
        (bearer(at("token", "file-token \n")), "Bearer file-token".to_owned()),
        (bearer(SecretSource::Env("PATH".into())), format!("Bearer {path}")),
        (Credentials::Authorization { kind: "Token".into(), credentials: plain("abc") }, "Token abc".to_owned()),
    ] {
        assert_eq!(attempt(credentials), Ok(()));
        assert_eq!(server.seen().last().unwrap().header("authorization"), Some(header.as_str()));
    }
    let requests = server.seen().len();
    for (credentials, words) in [
        (bearer(SecretSource::File("/nowhere/token".into())), &["authorization", "/nowhere/token", "No such file"][..]),
        (bearer(SecretSource::File("/dev/zero".into())), &["/dev/zero", "regular"]),
        (bearer(at("big", &"x".repeat(70_000))), &["big", "64 KiB"]),
        (bearer(SecretSource::Env("OPENAGENT_NO_SUCH".into())), &["OPENAGENT_NO_SUCH", "not set"]),
        (basic(plain("u"), SecretSource::Kubernetes(secret("gone"))), &["password", "gone", "no such secret"]),
        (bearer(plain("line\nbreak")), &["line break"]),
    ] {
        let error = attempt(credentials).unwrap_err();
        assert!(matches!(error, FetchError::Credentials { .. }) && error.class() == 99, "{error:?}");
        assert_says(&error.to_string(), words);
    }
    assert_eq!(server.seen().len(), requests, "without its credentials nothing is asked");
}

#[test]
fn nothing_secret_shows_in_errors_or_debug_output() {
    const SECRETS: [&str; 4] = ["hunter2", "aHVudGVyMg", "dTpodW50ZXIy", "PRIVATE KEY"];
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("ca");
    let client = ca.issue(&["agent"]);
    let echo = ok_with("Content-Length: 7\r\nX-Echo: hunter2\r\n", b"hunter2");
    let mut shown = Vec::new();
    let mut show = |text: String| shown.push(text);
    let plain = |text: &str| SecretSource::Plain(Secret::new(text));
    let kinds = [
        Credentials::Basic { username: plain("u"), password: plain("hunter2") },
        Credentials::Authorization { kind: "Bearer".into(), credentials: plain("hunter2") },
        Credentials::Authorization { kind: "Bearer".into(), credentials: plain("hunter2\n") },
    ];
    let manners = [
        Manner::Raw(echo.clone()),
        Manner::RawClose(b"HTTP/1.1 401 hunter2\r\nX-Echo: hunter2\r\nContent-Length: 7\r\n\r\nhunter2".to_vec()),
        Manner::RawClose(b"hunter2 hunter2 hunter2\r\n\r\n".to_vec()),
        Manner::Redirect("http://u:hunter2@127.0.0.1/".into()),
        Manner::Redirect("ftp://hunter2/".into()),
        Manner::RawClose(ok_with("Content-Encoding: hunter2\r\n", b"")),
        Manner::RawClose(ok_with("Transfer-Encoding: chunked\r\n", b"hunter2\r\n")),
        Manner::RawClose(ok_with("Content-Length: hunter2\r\n", b"")),
    ];
    let fetcher = fetcher();
    for credentials in kinds {
        for manner in &manners {
            let server = Server::start(manner.clone());
            let target = target(&server.address(), |job| {
                job.credentials = credentials.clone();
                job.proxy_url = None;
            });
            show(format!("{target:?}"));
            match read(&fetcher, &target, LONG) {
                Ok((_, response)) => show(format!("{response:?}")),
                Err(error) => show(format!("{error} {error:?}")),
            }
        }
    }
    let server = serve(&ca.issue(LOOPBACK), Manner::Raw(echo));
    let tls = TlsSettings { identity: identity(folder.path(), &client), ..trusting(folder.path(), &ca.pem) };
    let (_, response) = read(&fetcher, &https(&server, tls), LONG).unwrap();
    show(format!("{response:?} {fetcher:?}"));
    let proxied = target(&server.address(), |job| job.proxy_url = Some("socks5://u:hunter2@h:1".into()));
    let error = read(&fetcher, &proxied, LONG).map(drop).unwrap_err();
    show(format!("{error} {error:?}"));
    for text in &shown {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} shows in {text}");
        }
    }
    assert!(shown.len() > 40);
}

/// Prints every record of every crate.
struct Loud;

impl log::Log for Loud {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        eprintln!("{} {}", record.target(), record.args());
    }

    fn flush(&self) {}
}

#[test]
fn nothing_secret_shows_in_the_log_at_any_level() {
    if let Ok(given) = std::env::var("OPENAGENT_TEST_ADDRESS") {
        log::set_boxed_logger(Box::new(Loud)).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let (address, ca) = given.split_once(' ').unwrap();
        let tls = TlsSettings { ca: Some(PemSource::File(ca.into())), ..TlsSettings::default() };
        let plain = |text: &str| SecretSource::Plain(Secret::new(text));
        for credentials in [
            Credentials::Basic { username: plain("u"), password: plain("hunter2") },
            Credentials::Authorization { kind: "Bearer".into(), credentials: plain("hunter2") },
        ] {
            let target = target(address, |job| {
                job.scheme = Some(Scheme::Https);
                job.tls = Some(tls.clone());
                job.credentials = credentials;
            });
            read(&fetcher(), &target, LONG).unwrap();
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("ca");
    let path = folder.path().join("ca.pem");
    fs::write(&path, &ca.pem).unwrap();
    let server = serve(&ca.issue(LOOPBACK), answering());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["fetch_tls::nothing_secret_shows_in_the_log_at_any_level", "--exact", "--nocapture"]);
    command.env("OPENAGENT_TEST_ADDRESS", format!("{} {}", server.address(), path.display()));
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(log.contains("ureq"), "the log was on: {log}");
    for secret in ["hunter2", "dTpodW50ZXIy"] {
        assert!(!log.contains(secret), "{secret} shows in {log}");
    }
}
