//! Polling: what is found, how few requests it takes, and what faults of the API server do to it.

use super::server::{FakeApi, Fault, busy};
use super::support::{InPod, Polling, addresses, alone, faults, labels, named, names, once, pod_job, service_job};
use openagent::config::ScrapeJob;
use openagent::config::job::{Discover, KubernetesSelection, NamespaceSelection, Port};
use openagent::discovery::kubernetes::ask::Learned;
use openagent::discovery::kubernetes::round::{RoundSettings, round};
use openagent::discovery::shard::Shard;
use openagent::relabel::{Anchoring, RuleConfig, Rules};
use openagent::selector::{Operator, Requirement, Selector};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WEB: [&str; 6] = [
    "127.0.0.11:8080",
    "127.0.0.12:8080",
    "127.0.0.13:8080",
    "127.0.0.14:8080",
    "127.0.0.15:8080",
    "127.0.0.22:8080", // terminating, yet ready
];

fn web_pods() -> Arc<ScrapeJob> {
    pod_job("web", names(&["production"]), labels(&[("app", "web")]), named("web-metrics"))
}

#[test]
fn targets_of_the_captured_cluster_equal_the_table() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let staging = NamespaceSelection::Matching { names: None, selector: labels(&[("env", "staging")]) };
    let table: Vec<(Arc<ScrapeJob>, Vec<&str>)> = vec![
        (web_pods(), WEB.to_vec()),
        (
            pod_job("staging", staging, labels(&[("app", "web")]), Some(Port::Number(8080))),
            vec!["127.0.0.25:8080", "127.0.0.26:8080", "127.0.0.27:8080"],
        ),
        (pod_job("v6", NamespaceSelection::Any, labels(&[("app", "v6")]), None), vec!["[fd00::a:2]:8080"]),
        (
            service_job("svc", names(&["production"]), labels(&[("app", "web")]), named("web-metrics")),
            WEB[..5].to_vec(),
        ),
        (
            service_job("dual", names(&["production"]), labels(&[("app", "dual")]), named("web-metrics")),
            vec!["127.0.0.24:8080", "[fd00::a:1]:8080"],
        ),
        (
            service_job("headless", names(&["default"]), labels(&[("app", "db")]), named("metrics")),
            vec!["127.0.0.31:9104", "127.0.0.32:9104", "127.0.0.33:9104"],
        ),
        (
            service_job("manual", names(&["default"]), labels(&[("app", "noselector")]), named("metrics")),
            vec!["127.0.0.200:9100"],
        ),
        (service_job("external", names(&["default"]), labels(&[("app", "external")]), named("https")), vec![]),
        (pod_job("nowhere", names(&["nosuch"]), Selector::default(), None), vec![]),
    ];
    let jobs: Vec<_> = table.iter().map(|(job, _)| job.clone()).collect();
    let found = once(&pod.client(), &jobs);
    assert!(!found.outage && !found.interrupted);
    for ((job, expected), found) in table.iter().zip(&found.jobs) {
        assert_eq!(addresses(found), *expected, "{}", job.name);
        assert_eq!(faults(found), Vec::<String>::new(), "{}", job.name);
    }
    let external = found.jobs.iter().find(|found| &*found.job.name == "external").unwrap();
    assert!(external.missed[0].to_string().contains("metrics.example.com"), "{:?}", external.missed);
    let target = &found.jobs[0].targets.iter().find(|target| target.address == "127.0.0.12:8080").unwrap();
    assert_eq!(target.discovered.value("__meta_kubernetes_pod_node_name"), Some("node-2"));
    assert_eq!(target.namespace.as_deref(), Some("production"));
}

#[test]
fn fifty_targets_over_three_namespaces_take_six_requests_at_most() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let spaces = ["default", "production", "staging"];
    let app = |i: usize| labels(&[("app", ["web", "api", "db", "v6", "native-sidecar"][i % 5])]);
    let one = |i: usize| {
        let space = match i % 4 {
            3 => names(&spaces),
            n => names(&[spaces[n]]),
        };
        let name = format!("job-{i}");
        if i.is_multiple_of(2) { pod_job(&name, space, app(i), None) } else { service_job(&name, space, app(i), None) }
    };
    let jobs: Vec<_> = (0..50).map(one).collect();
    let client = pod.client();
    let merged = once(&client, &jobs);
    let requests = api.take_requests();
    eprintln!("requests of a poll for 50 targets over 3 namespaces: {}", requests.len());
    assert!(requests.len() <= 6, "{requests:#?}");
    assert!(requests.iter().all(|request| request.contains("resourceVersion=0")));
    // asked one by one the same is found
    for (job, merged) in jobs.iter().zip(&merged.jobs) {
        let alone = once(&client, std::slice::from_ref(job));
        assert_eq!(addresses(&alone.jobs[0]), addresses(merged), "{}", job.name);
        assert_eq!(alone.jobs[0].missed, merged.missed, "{}", job.name);
    }
}

#[test]
fn one_list_is_shared_and_narrowed_by_the_server() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let ports = [named("web-metrics"), Some(Port::Number(9100)), None];
    let web = |port: &Option<Port>| pod_job("web", names(&["production"]), labels(&[("app", "web")]), port.clone());
    let jobs: Vec<_> = ports.iter().map(web).collect();
    once(&pod.client(), &jobs);
    let expected = "GET /api/v1/namespaces/production/pods?limit=500&resourceVersion=0&labelSelector=app=web";
    assert_eq!(api.take_requests(), [expected]);
}

#[test]
fn every_operator_reaches_the_server_and_its_answer_is_checked_again() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let values = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect();
    let requirement = |key: &str, operator| Requirement { key: key.to_owned(), operator };
    let selector = Selector {
        requirements: vec![
            requirement("app", Operator::In(values(&["web", "api"]))),
            requirement("version", Operator::NotIn(values(&["v2"]))),
            requirement("tier", Operator::Exists),
            requirement("canary", Operator::DoesNotExist),
        ],
    };
    let job = pod_job("all", names(&["production"]), selector, Some(Port::Number(1)));
    let found = once(&pod.client(), &[job]);
    assert_eq!(addresses(&found.jobs[0]), ["127.0.0.11:1", "127.0.0.13:1", "127.0.0.15:1", "127.0.0.22:1"]);
    let request = &api.take_requests()[0];
    assert!(request.ends_with("labelSelector=app in (web,api),version notin (v2),tier,!canary"), "{request}");
}

#[test]
fn pages_are_followed_and_an_expired_token_begins_the_list_again() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let client = pod.client();
    let job = pod_job("all", NamespaceSelection::Any, Selector::default(), Some(Port::Number(1)));
    let whole = addresses(&once(&client, std::slice::from_ref(&job)).jobs[0]);
    assert_eq!(api.take_requests().len(), 1);

    api.change(|state| state.page = 10);
    assert_eq!(addresses(&once(&client, std::slice::from_ref(&job)).jobs[0]), whole);
    let requests = api.take_requests();
    assert_eq!(requests.len(), 4, "{requests:#?}");
    assert!(requests[1..].iter().all(|r| r.contains("continue=") && !r.contains("resourceVersion")), "{requests:#?}");

    api.change(|state| state.expired = 1); // 410 at the second page
    let again = once(&client, std::slice::from_ref(&job));
    assert_eq!((addresses(&again.jobs[0]), faults(&again.jobs[0])), (whole, vec![]));
    assert_eq!(api.take_requests().len(), 2 + 4);

    api.change(|state| state.expired = 100); // 410 for ever
    let never = once(&client, std::slice::from_ref(&job));
    assert!(
        never.jobs[0].targets.is_empty() && faults(&never.jobs[0])[0].contains("410"),
        "{:?}",
        never.jobs[0].faults
    );
    assert_eq!(api.take_requests().len(), 6);
}

#[test]
fn a_busy_server_is_waited_for_as_long_as_it_asks() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    api.fail("/pods", busy(1), 1);
    let started = Instant::now();
    let found = once(&pod.client(), &[web_pods()]);
    assert_eq!(addresses(&found.jobs[0]), WEB);
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(api.take_requests().len(), 2);
    api.fail("/pods", busy(3600), 1);
    let found = once(&pod.client(), &[web_pods()]);
    assert!(found.outage && faults(&found.jobs[0])[0].contains("asks to wait 3600 s"), "{:?}", found.jobs[0].faults);
}

#[test]
fn long_lists_are_asked_for_compressed() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let all = pod_job("all", NamespaceSelection::Any, Selector::default(), None);
    assert!(!once(&pod.client(), &[all]).jobs[0].targets.is_empty());
    assert_eq!(api.change(|state| state.compressed), 1);
}

#[test]
fn a_missing_right_is_named_and_the_rest_goes_on() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    api.change(|state| state.forbidden.insert("list pods production".into()));
    let both = pod_job("both", names(&["production", "staging"]), labels(&[("app", "web")]), named("web-metrics"));
    let found = once(&pod.client(), &[both]);
    assert_eq!(addresses(&found.jobs[0]), ["127.0.0.25:8080", "127.0.0.26:8080", "127.0.0.27:8080"]);
    assert_eq!(
        faults(&found.jobs[0]),
        ["production: pods is forbidden: User \"system:serviceaccount:whatap-monitoring:whatap-open-agent\" cannot \
          list resource \"pods\" in API group \"\" in the namespace \"production\": the agent needs list on pods in \
          namespace production; grant it in its ClusterRole or in a Role"]
    );
}

#[test]
fn merged_lists_fall_back_to_single_namespaces_where_the_cluster_may_not_be_listed() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    api.change(|state| state.forbidden.insert("list pods *".into()));
    let spaces = ["default", "production", "staging", "empty", "kube-system", "kube-public", "whatap-monitoring"];
    let job = pod_job("many", names(&spaces), labels(&[("app", "web")]), named("web-metrics"));
    let (client, mut learned) = (pod.client(), Learned::default());
    let mut poll = || round(&client, &mut learned, &alone(), std::slice::from_ref(&job), &[]);
    let first = poll();
    assert_eq!((first.jobs[0].targets.len(), faults(&first.jobs[0])), (9, vec![]));
    assert_eq!(api.take_requests().len(), 1 + 7);
    assert_eq!(poll().jobs[0].targets.len(), 9);
    assert_eq!(api.take_requests().len(), 7, "the refusal is remembered");
    let any = pod_job("any", NamespaceSelection::Any, labels(&[("app", "web")]), None);
    assert!(faults(&once(&client, &[any]).jobs[0])[0].contains("needs list on pods in all namespaces"));
}

#[test]
fn without_slices_the_older_endpoints_serve() {
    for refusal in ["missing", "forbidden"] {
        let api = FakeApi::with_captures();
        let pod = InPod::of(&api);
        api.change(|state| {
            if refusal == "missing" {
                state.missing.insert("endpointslices");
            } else {
                state.forbidden.insert("list endpointslices production".into());
            }
        });
        let job = service_job("web", names(&["production"]), labels(&[("app", "web")]), named("web-metrics"));
        let (client, mut learned) = (pod.client(), Learned::default());
        let mut poll = || round(&client, &mut learned, &alone(), std::slice::from_ref(&job), &[]);
        let first = poll();
        assert_eq!(
            (addresses(&first.jobs[0]), faults(&first.jobs[0])),
            (WEB[..5].iter().map(|a| (*a).to_owned()).collect(), vec![])
        );
        assert_eq!(api.take_requests().len(), 3);
        poll();
        assert_eq!(api.take_requests().len(), 2, "{refusal} is remembered");
        api.change(|state| state.forbidden.insert("list endpoints production".into()));
        let none = once(&client, std::slice::from_ref(&job));
        let wanted =
            if refusal == "missing" { "list on endpoints in" } else { "list on endpointslices.discovery.k8s.io in" };
        assert!(faults(&none.jobs[0])[0].contains(wanted), "{:?}", none.jobs[0].faults);
    }
}

#[test]
fn rules_of_a_service_job_see_the_pods_behind() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let plain = service_job("api", names(&["production"]), labels(&[("app", "api")]), named("metrics"));
    let rule = |source: &str| RuleConfig {
        source_labels: vec![source.to_owned()],
        target_label: Some("x".into()),
        ..RuleConfig::default()
    };
    let with = |rule: RuleConfig| {
        let rules = Rules::compile(&[rule], Anchoring::Full).unwrap();
        Arc::new(ScrapeJob { relabel: Arc::new(rules), ..(*plain).clone() })
    };
    let ruled = with(rule("__meta_kubernetes_pod_container_name"));
    let client = pod.client();
    for job in [plain.clone(), with(rule("__meta_kubernetes_pod_name"))] {
        once(&client, &[job]);
        assert_eq!(api.take_requests().len(), 2, "nobody looks at pods");
    }
    let found = once(&client, std::slice::from_ref(&plain));
    api.take_requests();
    assert_eq!(found.jobs[0].targets[0].discovered.value("__meta_kubernetes_pod_uid"), None);
    let found = once(&client, std::slice::from_ref(&ruled));
    assert!(api.take_requests()[2].ends_with("/pods?limit=500&resourceVersion=0&labelSelector=app=api"));
    for target in &found.jobs[0].targets {
        let label = |name: &str| target.discovered.value(&format!("__meta_kubernetes_pod_{name}"));
        assert_eq!(label("container_name"), Some("sidecar"));
        assert_eq!(label("controller_name"), Some("api"));
        assert_eq!(target.labels.value("x"), Some("sidecar"));
    }
    api.change(|state| state.forbidden.insert("list pods production".into()));
    let found = once(&client, &[ruled]);
    assert_eq!(found.jobs[0].targets.len(), 3, "targets are found all the same");
    assert!(faults(&found.jobs[0])[0].contains("needs list on pods"));
}

#[test]
fn rules_drop_rename_and_redirect_targets() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let rule = |action: &str, source: &str, regex: &str, target: &str, replacement: &str| RuleConfig {
        source_labels: vec![source.to_owned()],
        regex: Some(regex.to_owned()),
        target_label: Some(target.to_owned()).filter(|name| !name.is_empty()),
        replacement: Some(replacement.to_owned()).filter(|text| !text.is_empty()),
        action: Some(action.to_owned()),
        ..RuleConfig::default()
    };
    let rules = [
        rule("keep", "__meta_kubernetes_pod_label_version", "v1", "", ""),
        rule("replace", "__meta_kubernetes_pod_annotation_prometheus_io_path", "(.+)", "__metrics_path__", "/x$1"),
        rule("replace", "__meta_kubernetes_pod_node_name", "(.+)", "node", "$1"),
    ];
    let rules = Arc::new(Rules::compile(&rules, Anchoring::Full).unwrap());
    let job = Arc::new(ScrapeJob { relabel: rules, ..(*web_pods()).clone() });
    let found = once(&pod.client(), &[job]).jobs.remove(0);
    assert_eq!(addresses(&found), ["127.0.0.11:8080", "127.0.0.13:8080", "127.0.0.15:8080"]);
    let target = found.targets.iter().find(|target| target.address == "127.0.0.11:8080").unwrap();
    assert_eq!(target.url(), "http://127.0.0.11:8080/x/metrics");
    assert_eq!(target.labels.to_string(), r#"{instance="127.0.0.11:8080",job="web",node="node-1"}"#);
    let mut dropped: Vec<_> = found.dropped.iter().map(|dropped| dropped.address.as_str()).collect();
    dropped.sort_unstable();
    assert_eq!(dropped, ["127.0.0.12:8080", "127.0.0.14:8080", "127.0.0.22:8080"]);
    let text = found.dropped[0].to_string();
    assert!(text.contains("rule 1 of relabelConfigs dropped it"), "{text}");
}

#[test]
fn node_local_asks_for_the_pods_of_its_node_alone() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let settings = RoundSettings { node: Some("node-2".into()), shard: Shard::ALONE };
    let nodes = service_job("nodes", names(&["default"]), labels(&[("app.kubernetes.io/name", "node-exporter")]), None);
    let found = round(&pod.client(), &mut Learned::default(), &settings, &[web_pods(), nodes], &[]);
    assert_eq!(addresses(&found.jobs[0]), ["127.0.0.12:8080", "127.0.0.14:8080"]);
    assert_eq!(addresses(&found.jobs[1]), ["127.0.0.2:9100"]);
    let requests = api.take_requests();
    assert!(requests.iter().any(|r| r.ends_with("&fieldSelector=spec.nodeName=node-2")), "{requests:#?}");
}

#[test]
fn replicas_share_the_targets_among_them() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let client = pod.client();
    let job = pod_job("all", NamespaceSelection::Any, Selector::default(), Some(Port::Number(1)));
    let all: BTreeSet<String> = addresses(&once(&client, std::slice::from_ref(&job)).jobs[0]).into_iter().collect();
    let mut shared = Vec::new();
    for member in 0..3 {
        let settings = RoundSettings { node: None, shard: Shard::new(member, 3).unwrap() };
        let found = round(&client, &mut Learned::default(), &settings, std::slice::from_ref(&job), &[]);
        assert_eq!(found.jobs[0].targets.len() + found.jobs[0].elsewhere, all.len());
        shared.extend(addresses(&found.jobs[0]));
    }
    assert_eq!(shared.len(), all.len(), "no target twice");
    assert_eq!(shared.into_iter().collect::<BTreeSet<_>>(), all);
}

#[test]
fn a_pod_recreated_under_its_name_gets_its_new_address() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let mut polling = Polling::start(pod.client(), Duration::from_millis(50), vec![web_pods()]);
    let first = polling.until("the first targets", |d| addresses(&d.jobs[0]) == WEB);
    api.change(|state| {
        let pods = state.objects.get_mut("pods").unwrap();
        let web =
            pods.iter_mut().find(|p| p["metadata"]["name"] == "web-0" && p["metadata"]["namespace"] == "production");
        let web = web.unwrap();
        web["metadata"]["uid"] = json!("another");
        web["status"]["podIP"] = json!("127.0.0.99");
    });
    let second = polling.until("the new address", |d| addresses(&d.jobs[0]).contains(&"127.0.0.99:8080".to_owned()));
    assert!(!addresses(&second.jobs[0]).contains(&"127.0.0.11:8080".to_owned()));
    let kept = second.jobs[0].targets.iter().filter(|t| first.jobs[0].targets.iter().any(|f| Arc::ptr_eq(f, t)));
    assert_eq!(kept.count(), 5, "the others are the very same targets");
}

#[test]
fn the_server_may_be_away_for_ten_polls() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let mut polling = Polling::start(pod.client(), Duration::from_millis(20), vec![web_pods()]);
    polling.until("targets", |d| addresses(&d.jobs[0]) == WEB);
    api.change(|state| state.down = true);
    let away = polling.until("the reason", |d| !d.jobs[0].faults.is_empty());
    assert_eq!(addresses(&away.jobs[0]), WEB, "the last good targets stay");
    assert!(
        away.jobs[0].faults[0].keeps && away.jobs[0].faults[0].what.contains("did not answer"),
        "{:?}",
        away.jobs[0].faults
    );
    let polls = &openagent::telemetry::counters::COUNTERS.kubernetes.polls;
    let enough = polls.value() + 10;
    crate::support::wait_for("ten polls", Duration::from_secs(30), || (polls.value() >= enough).then_some(()));
    assert_eq!(addresses(&polling.last.clone().unwrap().jobs[0]), WEB);
    api.change(|state| state.down = false);
    let back = polling.until("the end of the fault", |d| d.jobs[0].faults.is_empty());
    assert_eq!(addresses(&back.jobs[0]), WEB);
}

#[test]
fn nothing_new_is_not_told() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let mut polling = Polling::start(pod.client(), Duration::from_millis(10), vec![web_pods()]);
    polling.until("targets", |d| !d.jobs[0].targets.is_empty());
    api.take_requests();
    crate::support::wait_for("ten polls", Duration::from_secs(20), || {
        (api.change(|state| state.requests.len()) >= 10).then_some(())
    });
    assert!(polling.is_silent());
}

#[test]
fn every_fault_keeps_the_last_targets_and_says_why() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let (client, mut learned) = (pod.client(), Learned::default());
    let job = web_pods();
    let good = round(&client, &mut learned, &alone(), std::slice::from_ref(&job), &[]);
    let answer = |status, body: &[u8]| Fault::Answer(status, Vec::new(), body.to_vec());
    for (fault, times, outage, text) in [
        (answer(500, b"{\"message\":\"etcd is away\"}"), 1, true, "500, etcd is away"),
        (answer(504, &super::captures::body("err-rv-future")), 1, true, "Too large resource version"),
        (answer(400, &super::captures::body("err-400-continue")), 1, false, "400, invalid continue token"),
        (answer(200, b"<html>a proxy's page</html>"), 1, true, "no whole list"),
        (answer(200, b""), 1, true, "no whole list"),
        (answer(302, b""), 1, false, "302"),
        (answer(401, &super::captures::body("err-401")), 2, false, "401, the API server does not accept the token"),
        (Fault::CutBody, 1, true, "no whole list"),
        (Fault::HangUp, 2, true, "did not answer"),
    ] {
        api.change(|state| state.faults.clear());
        api.fail("/pods", fault, times);
        let bad = round(&client, &mut learned, &alone(), std::slice::from_ref(&job), &good.jobs);
        assert_eq!(addresses(&bad.jobs[0]), WEB, "{text}");
        assert!(faults(&bad.jobs[0])[0].contains(text), "{:?}", bad.jobs[0].faults);
        assert_eq!(bad.outage, outage, "{text}");
        api.change(|state| state.faults.clear());
        let mended = round(&client, &mut learned, &alone(), std::slice::from_ref(&job), &bad.jobs);
        assert!(mended.jobs[0].faults.is_empty() && mended.jobs == good.jobs);
    }
}

#[test]
fn a_silent_server_does_not_hold_up_the_end() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    api.fail("/pods", Fault::Silence, 1);
    let polling = Polling::start(pod.client(), Duration::from_secs(15), vec![web_pods()]);
    crate::support::wait_for("the request", Duration::from_secs(10), || {
        (!api.change(|state| state.requests.is_empty())).then_some(())
    });
    let started = Instant::now();
    polling.stop();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn a_rotated_token_is_used_at_once() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let mut polling = Polling::start(pod.client(), Duration::from_millis(50), vec![web_pods()]);
    polling.until("targets", |d| addresses(&d.jobs[0]) == WEB);
    // the new token is there before the old one ends, as the kubelet does it
    pod.write("token", "the-next-token\n");
    api.change(|state| {
        state.tokens = ["the-next-token".to_owned()].into();
        let pods = state.objects.get_mut("pods").unwrap();
        pods.retain(|pod| pod["metadata"]["name"] != "web-4");
    });
    let after = polling.until("the change seen with the new token", |d| d.jobs[0].targets.len() == 5);
    assert!(after.jobs[0].faults.is_empty(), "{:?}", after.jobs[0].faults);
}

#[test]
fn new_jobs_are_looked_up_at_once_and_static_ones_are_none_of_ours() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let fixed = Arc::new(ScrapeJob::new("fixed", Discover::Static(vec!["localhost:1".into()])));
    let mut polling = Polling::start(pod.client(), Duration::from_secs(3600), vec![fixed.clone()]);
    let none = polling.until("the first snapshot", |_| true);
    assert!(none.jobs.is_empty() && api.take_requests().is_empty());
    let selection = KubernetesSelection {
        namespaces: names(&["default"]),
        selector: labels(&[("app", "db")]),
        port: named("metrics"),
    };
    let db = Arc::new(ScrapeJob::new("db", Discover::Pods(selection)));
    polling.set_jobs(vec![fixed.clone(), db]);
    let found = polling.until("the new job's targets", |d| d.jobs.iter().any(|job| job.targets.len() == 3));
    assert_eq!(found.jobs.len(), 1);
    polling.set_jobs(vec![fixed]);
    polling.until("the job's end", |d| d.jobs.is_empty());
}

#[test]
fn no_cluster_is_a_reason_not_a_failure() {
    let surroundings = openagent::discovery::kubernetes::access::Surroundings::default();
    let client = Arc::new(openagent::discovery::kubernetes::api::Client::new(surroundings, Arc::default()));
    let mut polling = Polling::start(client, Duration::from_millis(10), vec![web_pods()]);
    let told = polling.until("the reason", |d| !d.jobs[0].faults.is_empty());
    assert!(told.jobs[0].faults[0].what.contains("no Kubernetes cluster is known"), "{:?}", told.jobs[0].faults);
}

#[test]
fn a_cluster_that_comes_later_is_found() {
    let api = FakeApi::with_captures();
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("config");
    let surroundings = openagent::discovery::kubernetes::access::Surroundings::with_kubeconfig(&path);
    let client = openagent::discovery::kubernetes::api::Client::new(surroundings, Arc::default());
    let client = Arc::new(client.looking_every(Duration::from_millis(200)));
    let mut polling = Polling::start(client, Duration::from_millis(10), vec![web_pods()]);
    polling.until("the reason", |d| d.jobs[0].faults.iter().any(|fault| fault.what.contains("there is no kubeconfig")));
    super::support::kubeconfig(&api, folder.path());
    let found = polling.until("the targets", |d| !d.jobs[0].targets.is_empty());
    assert_eq!(
        (addresses(&found.jobs[0]), faults(&found.jobs[0])),
        (WEB.iter().map(|a| (*a).to_owned()).collect(), vec![])
    );
}
