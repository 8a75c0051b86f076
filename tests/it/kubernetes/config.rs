//! The ConfigMap that is the configuration, and secrets read one by one.

use super::captures;
use super::server::{FakeApi, Fault};
use super::support::{InPod, Polling, addresses, labels, named, names, pod_job};
use base64::Engine as _;
use openagent::config::job::SecretKey;
use openagent::discovery::SecretStore as _;
use openagent::discovery::kubernetes::configmap::{ConfigMapText, ConfigMapWatch, INTERVAL, read};
use openagent::discovery::kubernetes::secrets::Secrets;
use serde_json::json;
use std::time::{Duration, Instant};

fn captured_text() -> String {
    captures::object("configmap-get")["data"]["scrape_config.yaml"].as_str().unwrap().to_owned()
}

fn present(text: &str) -> ConfigMapText {
    ConfigMapText::Present { name: "whatap-monitoring/whatap-open-agent-config".into(), text: text.into() }
}

fn set_text(api: &FakeApi, text: &str) {
    api.change(|state| {
        state.objects.get_mut("configmaps").unwrap()[0]["data"]["scrape_config.yaml"] = json!(text);
    });
}

#[test]
fn the_captured_configmap_is_read_in_the_agents_namespace() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    assert_eq!(read(&pod.client()), present(&captured_text()));
    let expected = "GET /api/v1/namespaces/whatap-monitoring/configmaps/whatap-open-agent-config";
    assert_eq!(api.take_requests(), [expected]);
}

#[test]
fn absent_forbidden_or_without_the_key_the_file_serves() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let client = pod.client();
    let absent = || match read(&client) {
        ConfigMapText::Absent(why) => why,
        other => panic!("{other:?}"),
    };
    api.change(|state| state.objects.get_mut("configmaps").unwrap()[0]["data"] = json!({ "other": "x" }));
    assert!(absent().contains("has no key scrape_config.yaml"));
    api.change(|state| state.objects.get_mut("configmaps").unwrap()[0]["data"] = json!(null));
    assert!(absent().contains("has no key scrape_config.yaml"));
    api.change(|state| state.objects.remove("configmaps"));
    assert_eq!(absent(), "there is no ConfigMap whatap-monitoring/whatap-open-agent-config");
    api.change(|state| state.forbidden.insert("get configmaps whatap-monitoring".into()));
    assert!(absent().contains("needs get on configmaps in namespace whatap-monitoring"));
    api.change(|state| state.down = true);
    assert!(matches!(read(&client), ConfigMapText::Unknown(why) if why.contains("did not answer")));
}

#[test]
fn changes_are_told_and_outages_are_not() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let (out, told) = crossbeam_channel::unbounded();
    let watch =
        ConfigMapWatch::start(pod.client(), Duration::from_millis(20), None, move |text| out.send(text).unwrap())
            .unwrap();
    let next = || told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(next(), present(&captured_text()));
    api.change(|state| state.down = true);
    let unreachable = &openagent::telemetry::counters::COUNTERS.kubernetes.no_answer;
    let enough = unreachable.value() + 3;
    crate::support::wait_for("three refused polls", Duration::from_secs(20), || {
        (unreachable.value() >= enough).then_some(())
    });
    set_text(&api, "a: 1");
    api.change(|state| state.down = false);
    assert_eq!(next(), present("a: 1"));
    let kept = api.change(|state| state.objects.remove("configmaps")).unwrap();
    assert!(matches!(next(), ConfigMapText::Absent(_)));
    api.change(|state| state.objects.insert("configmaps", kept));
    assert_eq!(next(), present("a: 1"), "it is looked for again");
    api.fail("/configmaps/", Fault::Silence, 1);
    let started = Instant::now();
    crate::support::wait_for("the silent request", Duration::from_secs(20), || {
        api.change(|s| s.faults.is_empty()).then_some(())
    });
    watch.stop();
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_changed_configmap_changes_the_targets_within_ten_seconds() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    set_text(&api, "web-metrics");
    // the text stands for the configuration: the port of the one job
    let job = |text: &str| pod_job("web", names(&["staging"]), labels(&[("app", "web")]), named(text));
    let (out, told) = crossbeam_channel::unbounded();
    let watch = ConfigMapWatch::start(pod.client(), INTERVAL, None, move |text| out.send(text).unwrap()).unwrap();
    let mut polling = Polling::start(pod.client(), Duration::from_secs(15), Vec::new());
    let follow = |polling: &Polling| match told.recv_timeout(Duration::from_secs(20)).unwrap() {
        ConfigMapText::Present { text, .. } => polling.set_jobs(vec![job(&text)]),
        other => panic!("{other:?}"),
    };
    follow(&polling);
    polling.until("the first targets", |d| d.jobs.first().is_some_and(|job| job.targets.len() == 3));
    api.change(|state| {
        let pods = state.objects.get_mut("pods").unwrap();
        let web = pods.iter_mut().find(|p| p["metadata"]["name"] == "web-1" && p["metadata"]["namespace"] == "staging");
        web.unwrap()["spec"]["containers"][0]["ports"][0]["name"] = json!("other");
    });
    let changed = Instant::now();
    set_text(&api, "other");
    follow(&polling);
    polling.until("the new target", |d| addresses(&d.jobs[0]) == ["127.0.0.26:8080"]);
    eprintln!("ConfigMap changed → targets changed: {:.1} s", changed.elapsed().as_secs_f64());
    assert!(changed.elapsed() < Duration::from_secs(10));
    watch.stop();
    polling.stop();
}

fn key(name: &str, key: &str, namespace: Option<&str>) -> SecretKey {
    SecretKey { name: name.into(), key: key.into(), namespace: namespace.map(str::to_owned) }
}

#[test]
fn secrets_are_read_alone_decoded_and_kept() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let store = Secrets::new(pod.client(), Duration::from_secs(3600));
    let production = Some("production");
    assert_eq!(store.secret(&key("basic-auth", "username", production)).unwrap().expose(), "scraper");
    assert_eq!(store.secret(&key("basic-auth", "password", production)).unwrap().expose(), "p@ss:wörd");
    assert_eq!(api.take_requests(), ["GET /api/v1/namespaces/production/secrets/basic-auth"]);
    for (wanted, text) in [
        (key("basic-auth", "token", production), "has no key \"token\", only: password, username"),
        (key("nosuch", "x", production), "404, secrets \"nosuch\" not found"),
        (key("basic-auth", "x", None), "get of secrets whatap-monitoring/basic-auth: 404"),
        (key("basic-auth", "x", Some("")), "get of secrets whatap-monitoring/basic-auth: 404"),
    ] {
        let error = store.secret(&wanted).unwrap_err();
        assert!(error.contains(text) && !error.contains("cEBzczp3w7ZyZA"), "{error}");
    }
    assert_eq!(api.take_requests().len(), 2, "failures are remembered too");
    api.change(|state| {
        state.objects.get_mut("secrets").unwrap()[0]["data"] = json!({ "bytes": "/w==", "broken": "*" });
    });
    let fresh = Secrets::new(pod.client(), Duration::ZERO);
    for name in ["bytes", "broken"] {
        assert!(fresh.secret(&key("basic-auth", name, production)).unwrap_err().contains("is no UTF-8 text"));
    }
    api.change(|state| state.forbidden.insert("get secrets production".into()));
    let error = fresh.secret(&key("basic-auth", "bytes", production)).unwrap_err();
    assert!(error.contains("needs get on secrets in namespace production"), "{error}");
}

#[test]
fn a_changed_secret_is_seen_and_an_outage_is_not() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let store = Secrets::new(pod.client(), Duration::ZERO);
    let wanted = key("basic-auth", "password", Some("production"));
    assert!(store.secret(&wanted).is_ok());
    let encoded = base64::prelude::BASE64_STANDARD.encode("changed");
    api.change(|state| state.objects.get_mut("secrets").unwrap()[0]["data"] = json!({ "password": encoded }));
    assert_eq!(store.secret(&wanted).unwrap().expose(), "changed");
    api.change(|state| state.down = true);
    assert_eq!(store.secret(&wanted).unwrap().expose(), "changed");
    api.change(|state| {
        state.down = false;
        state.objects.remove("secrets");
    });
    assert!(store.secret(&wanted).unwrap_err().contains("404"));
}

#[test]
fn a_secret_does_not_wait_for_a_list() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let client = pod.client();
    let store = Secrets::new(std::sync::Arc::new(client.sibling()), Duration::from_secs(60));
    api.fail("/pods", Fault::Silence, 1);
    let job = pod_job("web", names(&["production"]), labels(&[("app", "web")]), None);
    let polling = Polling::start(client, Duration::from_secs(15), vec![job]);
    crate::support::wait_for("the silent list", Duration::from_secs(20), || {
        api.change(|s| s.faults.is_empty()).then_some(())
    });
    assert!(store.secret(&key("basic-auth", "username", Some("production"))).is_ok());
    polling.stop();
}
