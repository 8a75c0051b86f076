//! From jobs and what was found to targets, as tables.

use super::resolve::{Candidate, Resolver, explain};
use super::*;
use crate::config::job::{Credentials, Discover, Scheme, ScrapeJob, SecretSource, TlsSettings};
use crate::labels::{LabelBuf, Labels};
use crate::relabel::{Anchoring, RuleConfig, Rules};
use std::sync::Arc;
use std::time::Duration;

fn job(addresses: &[&str], change: impl FnOnce(&mut ScrapeJob)) -> Arc<ScrapeJob> {
    let mut job = ScrapeJob::new("node", Discover::Static(addresses.iter().map(|a| (*a).to_owned()).collect()));
    change(&mut job);
    Arc::new(job)
}

/// A rule of `key=value` words: `action=drop source_labels=a,b regex=x`.
fn rule(words: &str) -> RuleConfig {
    let mut rule = RuleConfig::default();
    for (key, value) in words.split_whitespace().filter_map(|word| word.split_once('=')) {
        let text = Some(value.to_owned());
        match key {
            "action" => rule.action = text,
            "source_labels" => rule.source_labels = value.split(',').map(str::to_owned).collect(),
            "regex" => rule.regex = text,
            "target_label" => rule.target_label = text,
            "replacement" => rule.replacement = text,
            other => panic!("{other}"),
        }
    }
    rule
}

fn rules(lines: &[&str]) -> Arc<Rules> {
    let configs: Vec<RuleConfig> = lines.iter().map(|line| rule(line)).collect();
    Arc::new(Rules::compile(&configs, Anchoring::Full).unwrap())
}

/// The URLs and labels of the targets, then the reasons of the dropped.
fn shown(found: &Discovered) -> Vec<String> {
    let targets = found.targets.iter().map(|target| format!("{} {}", target.url(), target.labels));
    targets.chain(found.dropped.iter().map(|dropped| dropped.reason.to_string())).collect()
}

fn relabelled(lines: &[&str]) -> Vec<String> {
    shown(&static_::targets(&job(&["10.0.0.1:9100"], |job| job.relabel = rules(lines))))
}

#[test]
fn a_static_target_has_job_instance_and_its_labels() {
    let job =
        job(&["a:1", "[::1]:2", "plain"], |job| job.labels = [("team", "x"), ("__tmp", "y")].into_iter().collect());
    assert_eq!(
        shown(&static_::targets(&job)),
        [
            r#"http://a:1/metrics {instance="a:1",job="node",team="x"}"#,
            r#"http://[::1]:2/metrics {instance="[::1]:2",job="node",team="x"}"#,
            r#"http://plain/metrics {instance="plain",job="node",team="x"}"#,
        ]
    );
}

#[test]
fn labels_of_the_job_win_over_defaults() {
    let job = job(&["a:1"], |job| {
        job.labels = [("job", "mine"), ("instance", "db"), ("__metrics_path__", "/m"), ("__scheme__", "https")]
            .into_iter()
            .collect();
    });
    assert_eq!(shown(&static_::targets(&job)), [r#"https://a:1/m {instance="db",job="mine"}"#]);
}

#[test]
fn what_relabelling_leaves_makes_the_url() {
    for (lines, expected) in [
        (&["target_label=__address__ replacement=b:2"][..], r#"http://b:2/metrics {instance="b:2",job="node"}"#),
        (
            &["target_label=__scheme__ replacement=https"],
            r#"https://10.0.0.1:9100/metrics {instance="10.0.0.1:9100",job="node"}"#,
        ),
        (
            &["target_label=__metrics_path__ replacement=m?x=1"],
            r#"http://10.0.0.1:9100/m?x=1 {instance="10.0.0.1:9100",job="node"}"#,
        ),
        (
            &["target_label=__param_q replacement=a&b"],
            r#"http://10.0.0.1:9100/metrics?q=a%26b {instance="10.0.0.1:9100",job="node"}"#,
        ),
        // the probe pattern: the address becomes a parameter and the instance, then the prober takes its place
        (
            &[
                "source_labels=__address__ target_label=__param_target",
                "source_labels=__param_target target_label=instance",
                "target_label=__address__ replacement=prober:9115",
            ],
            r#"http://prober:9115/metrics?target=10.0.0.1%3A9100 {instance="10.0.0.1:9100",job="node"}"#,
        ),
        // instance follows the address unless a rule said otherwise, even when that rule changed nothing
        (
            &["source_labels=instance regex=(.*):.* target_label=host", "target_label=__address__ replacement=b:2"],
            r#"http://b:2/metrics {host="10.0.0.1",instance="b:2",job="node"}"#,
        ),
        (&["action=labeldrop regex=instance"], r#"http://10.0.0.1:9100/metrics {instance="10.0.0.1:9100",job="node"}"#),
        (
            &["action=labeldrop regex=job|__scheme__|__metrics_path__|__scrape_.*"],
            r#"http://10.0.0.1:9100/metrics {instance="10.0.0.1:9100"}"#,
        ),
        (
            &["source_labels=job,instance target_label=both"],
            r#"http://10.0.0.1:9100/metrics {both="node;10.0.0.1:9100",instance="10.0.0.1:9100",job="node"}"#,
        ),
        (
            &["target_label=__tmp_x replacement=gone"],
            r#"http://10.0.0.1:9100/metrics {instance="10.0.0.1:9100",job="node"}"#,
        ),
    ] {
        assert_eq!(relabelled(lines), [expected], "{lines:?}");
    }
}

#[test]
fn what_is_no_target_says_why() {
    for (lines, reason) in [
        (
            &["action=keep", "action=drop source_labels=job regex=no.*"][..],
            "rule 2 of relabelConfigs dropped it: drop source_labels=[\"job\"] regex=\"no.*\"",
        ),
        (&["action=labeldrop regex=__address__"], "relabelConfigs left no __address__"),
        (&["target_label=__address__ replacement=http://x"], "\"http://x\" is no address: it holds a scheme"),
        (&["target_label=__scheme__ replacement=ftp"], "__scheme__ is \"ftp\"; it must be http or https"),
        (&["target_label=__scrape_interval__ replacement=fast"], "__scrape_interval__: \"fast\" is no duration"),
        (&["target_label=__scrape_timeout__ replacement=0s"], "__scrape_timeout__: it must be longer than 0"),
        (&["target_label=__scrape_timeout__ replacement=2m"], "its timeout 2m is longer than its interval 1m;"),
    ] {
        let found = relabelled(lines);
        assert!(found.len() == 1 && found[0].starts_with(reason), "{lines:?}: {found:?}");
    }
    let found = static_::targets(&job(&["a:x"], |_| {}));
    assert_eq!(
        found.dropped[0].to_string(),
        "target \"node\" at a:x is not scraped: \"a:x\" is no address: port \"x\" is no number from 1 to 65535"
    );
}

#[test]
fn times_come_from_their_labels() {
    let job = job(&["a:1"], |job| {
        job.relabel = rules(&[
            "target_label=__scrape_interval__ replacement=30s",
            "target_label=__scrape_timeout__ replacement=500ms",
        ]);
    });
    let target = &static_::targets(&job).targets[0];
    assert_eq!((target.interval, target.timeout), (Duration::from_secs(30), Duration::from_millis(500)));
}

#[test]
fn each_value_of_a_parameter_is_sent_and_the_first_can_be_relabelled() {
    let job = job(&["a:1"], |job| {
        let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        job.params = vec![("match[]".to_owned(), list(&["up", "{a=\"b\"}"])), ("a".to_owned(), list(&["1"]))];
        job.relabel = rules(&["target_label=__param_a replacement=2"]);
    });
    assert_eq!(
        static_::targets(&job).targets[0].path_and_query,
        "/metrics?a=2&match%5B%5D=up&match%5B%5D=%7Ba%3D%22b%22%7D"
    );
}

#[test]
fn the_scheme_follows_setting_port_name_tls() {
    let tls = || Some(TlsSettings::default());
    for (written, port_name, tls, expected) in [
        (None, None, None, Scheme::Http),
        (None, Some("http"), None, Scheme::Http),
        (None, Some("https"), None, Scheme::Https),
        (None, None, tls(), Scheme::Https),
        (Some(Scheme::Http), Some("https"), tls(), Scheme::Http),
        (Some(Scheme::Https), None, None, Scheme::Https),
    ] {
        let job = job(&[], |job| (job.scheme, job.tls) = (written, tls));
        let candidate = Candidate {
            address: "10.1.1.1:80".to_owned(),
            port_name: port_name.map(str::to_owned),
            ..Candidate::default()
        };
        assert_eq!(Resolver::new(job).resolve(candidate).unwrap().scheme, expected, "{written:?} {port_name:?}");
    }
}

#[test]
fn a_kubernetes_candidate_brings_its_meta_labels_node_and_namespace() {
    let candidate = || Candidate {
        address: "10.1.1.1:80".to_owned(),
        labels: [("__meta_kubernetes_pod_name", "web-1"), ("__meta_kubernetes_pod_label_app", "web")]
            .into_iter()
            .collect::<LabelBuf>(),
        namespace: Some("shop".into()),
        node: Some("n1".to_owned()),
        port_name: None,
    };
    let lines = [
        "source_labels=__meta_kubernetes_pod_name target_label=pod",
        "action=labelmap regex=__meta_kubernetes_pod_label_(.+)",
    ];
    let with_node = job(&[], |job| (job.add_node_label, job.relabel) = (true, rules(&lines)));
    let target = Resolver::new(with_node).resolve(candidate()).unwrap();
    let labels = r#"{app="web",instance="10.1.1.1:80",job="node",node="n1",pod="web-1"}"#;
    assert_eq!((target.labels.to_string().as_str(), target.namespace.as_deref()), (labels, Some("shop")));
    assert_eq!(target.discovered.value("__meta_kubernetes_pod_name"), Some("web-1"));
    assert_eq!(target.discovered.value("instance"), Some("10.1.1.1:80"));
    let steps = explain(&target.job, &target.discovered).steps;
    assert_eq!(steps.iter().map(|step| &*step.set[0].name).collect::<Vec<_>>(), ["pod", "app"]);

    let own_node =
        job(&[], |job| (job.add_node_label, job.relabel) = (true, rules(&["target_label=node replacement=mine"])));
    assert_eq!(Resolver::new(own_node).resolve(candidate()).unwrap().labels.value("node"), Some("mine"));
    assert_eq!(Resolver::new(job(&[], |_| {})).resolve(candidate()).unwrap().labels.value("node"), None);
}

#[test]
fn of_targets_that_send_the_same_the_first_is_scraped() {
    let named = |name: &str, change: fn(&mut ScrapeJob)| {
        job(&["a:1", "b:1"], |job| {
            job.name = name.into();
            job.labels = [("job", "shared")].into_iter().collect();
            change(job);
        })
    };
    let first = named("first", |_| {});
    let faster = named("faster", |job| job.interval = Duration::from_secs(15));
    let other_metrics = named("other metrics", |job| job.keep_names = Some(Arc::new(["up".to_owned()].into())));
    let other_path = named("other path", |job| job.path = "/m".to_owned());
    let found = static_::all_targets(&[first, faster, other_metrics, other_path]);
    let names: Vec<_> = found.targets.iter().map(|target| &*target.job.name).collect();
    assert_eq!(names, ["first", "first", "other metrics", "other metrics", "other path", "other path"]);
    assert_eq!(
        found.dropped.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["a:1", "b:1"].map(|address| format!(
            "target \"faster\" at {address} is not scraped: target \"first\" already scrapes http://{address}/metrics \
             with the same labels; give one of them a label of its own"
        ))
    );
    assert_eq!(shown(&static_::targets(&job(&["a:1", "a:1"], |_| {}))).len(), 2, "one target, one reason");
}

#[test]
fn a_target_limit_keeps_the_first() {
    let found = static_::targets(&job(&["a:1", "a:1", "b:1", "c:1"], |job| job.limits.targets = 2));
    assert_eq!(found.targets.iter().map(|target| &*target.address).collect::<Vec<_>>(), ["a:1", "b:1"]);
    let reasons: Vec<_> = found.dropped.iter().map(|dropped| &dropped.reason).collect();
    assert!(matches!(reasons[..], [DropReason::Duplicate { .. }, DropReason::TargetLimit { limit: 2 }]), "{reasons:?}");
}

#[test]
fn kubernetes_targets_join_in_the_order_of_the_jobs() {
    let pods = Arc::new(ScrapeJob::new("pods", Discover::Pods(selection())));
    let jobs = [pods, job(&["a:1"], |_| {})];
    let found = Discovered::of(&jobs, |job| vec![Arc::new(Target::example(job, "10.1.1.1:80", Labels::default()))]);
    assert_eq!(found.targets.iter().map(|target| &*target.address).collect::<Vec<_>>(), ["10.1.1.1:80", "a:1"]);
}

fn selection() -> crate::config::job::KubernetesSelection {
    crate::config::job::KubernetesSelection {
        namespaces: crate::config::job::NamespaceSelection::Any,
        selector: crate::selector::Selector::default(),
        port: None,
    }
}

#[test]
fn an_id_is_stable_and_every_setting_counts() {
    let id = |change: fn(&mut ScrapeJob)| static_::targets(&job(&["a:1"], change)).targets[0].id();
    let basic = |password: &str| Credentials::Basic {
        username: SecretSource::Env("U".to_owned()),
        password: SecretSource::Plain(password.to_owned().into()),
    };
    // a change of this number moves every target's place inside its interval: let it be on purpose
    assert_eq!(format!("{:016x}", id(|_| {}).0), "5ead46b973a9849b");
    assert_eq!(id(|_| {}), id(|job| job.relabel = rules(&["action=keep"])), "what had no effect does not count");
    let changes: [fn(&mut ScrapeJob); 17] = [
        |_| {},
        |job| job.path = "/m".to_owned(),
        |job| job.scheme = Some(Scheme::Https),
        |job| job.params = vec![("a".to_owned(), vec!["b".to_owned()])],
        |job| job.interval = Duration::from_secs(61),
        |job| job.timeout = Duration::from_secs(11),
        |job| job.honor_labels = true,
        |job| job.honor_timestamps = false,
        |job| job.labels = [("a", "b")].into_iter().collect(),
        |job| job.external_labels = [("a", "b")].into_iter().collect(),
        |job| job.keep_names = Some(Arc::default()),
        |job| job.metric_relabel = rules(&["action=keep"]),
        |job| job.tls = Some(TlsSettings { insecure_skip_verify: true, ..TlsSettings::default() }),
        |job| job.limits.samples = 9,
        |job| job.adaptive_timeout = None,
        |job| job.follow_redirects = false,
        |job| job.proxy_url = Some("http://p:1".to_owned()),
    ];
    let mut ids: Vec<_> = changes.map(id).to_vec();
    for password in ["one", "other"] {
        ids.push(static_::targets(&job(&["a:1"], |job| job.credentials = basic(password))).targets[0].id());
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
