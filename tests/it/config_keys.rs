//! Every key of whatap.conf and of both formats of scrape_config.yaml: read, and seen where it is used. One row a key.

use openagent::config::job::{Credentials, Discover, NamespaceSelection, PemSource, Port, Scheme, SecretSource};
use openagent::config::keys::KEYS;
use openagent::config::scrape_file::Context;
use openagent::config::value::{LogFormat, SpoolOrder, TokenPolicy};
use openagent::config::{ConfFile, ScrapeFile, ScrapeJob, Settings};
use openagent::relabel::Anchoring;
use openagent::selector::Operator;
use std::time::Duration;

type Sees = fn(&Settings) -> bool;

/// Key, value, and what the settings are then.
const CONF: &[(&str, &str, Sees)] = &[
    ("WHATAP_LICENSE", "x41", |s| s.licence.expose() == "x41"),
    ("license", "x42", |s| s.licence.expose() == "x42"),
    ("WHATAP_HOST", "a/b,c", |s| s.hosts == ["a", "b", "c"]),
    ("whatap.server.host", "a", |s| s.hosts == ["a"]),
    ("WHATAP_SERVER_HOST", "b", |s| s.hosts == ["b"]),
    ("WHATAP_PORT", "7000", |s| s.port == 7000),
    ("whatap.server.port", "7001", |s| s.port == 7001),
    ("WHATAP_SERVER_PORT", "7002", |s| s.port == 7002),
    ("whatap.oname", "me", |s| s.oname.as_deref() == Some("me")),
    ("WHATAP_ONAME", "me", |s| s.oname.as_deref() == Some("me")),
    ("whatap.name", "{ip3}", |s| s.name_pattern == "{ip3}"),
    ("WHATAP_NAME", "{ip2}", |s| s.name_pattern == "{ip2}"),
    ("object_name", "{ip1}", |s| s.name_pattern == "{ip1}"),
    ("whatap.okind", "k", |s| s.okind.as_deref() == Some("k")),
    ("WHATAP_OKIND", "k", |s| s.okind.as_deref() == Some("k")),
    ("OKIND", "k", |s| s.okind.as_deref() == Some("k")),
    ("whatap.onode", "n", |s| s.onode.as_deref() == Some("n")),
    ("WHATAP_ONODE", "n", |s| s.onode.as_deref() == Some("n")),
    ("NODE_IP", "n", |s| s.onode.as_deref() == Some("n")),
    ("app_name", "app", |s| s.app_name.as_deref() == Some("app")),
    ("app_process_name", "p", |s| s.app_process_name.as_deref() == Some("p")),
    ("debug", "1", |s| s.debug),
    ("log_level", "ERROR", |s| s.log_level.0 == log::LevelFilter::Error),
    ("log_keep_days", "3", |s| s.log_keep_days == 3),
    ("log_rotation_enabled", "no", |s| !s.log_rotation_enabled),
    ("log_stdout_enabled", "yes", |s| s.log_stdout_enabled),
    ("log_max_bytes", "1MiB", |s| s.log_max_bytes == 1 << 20),
    ("log_format", "json", |s| s.log_format == LogFormat::Json),
    ("debug_tcpsend_enabled", "true", |s| s.debug_tcp),
    ("openagent_enable_protobuf", "true", |s| s.openagent_enable_protobuf),
    ("tag_counter_enabled", "true", |s| s.tag_counter_enabled),
    ("endpoint_metering_enabled", "true", |s| s.endpoint_metering_enabled),
    ("scrape_report_enabled", "false", |s| !s.scrape_report_enabled),
    ("extra_scrape_metrics", "true", |s| s.extra_scrape_metrics),
    ("cypher_level", "256", |s| s.cypher_level == 256),
    ("encrypt_level", "3", |s| s.encrypt_level == 3),
    ("tcp_connection_timeout", "1000", |s| s.tcp_connection_timeout == Duration::from_secs(1)),
    ("tcp_so_timeout", "60s", |s| s.tcp_so_timeout == Duration::from_secs(60)),
    ("tcp_so_send_timeout", "1500", |s| s.tcp_so_send_timeout == Duration::from_millis(1500)),
    ("time_sync_interval_ms", "30000", |s| s.time_sync_interval == Duration::from_secs(30)),
    ("net_send_max_bytes", "1048576", |s| s.net_send_max_bytes == 1 << 20),
    ("net_write_buffer_size", "65536", |s| s.net_write_buffer_size == 1 << 16),
    ("send_queue_bytes", "1MiB", |s| s.send_queue_bytes == 1 << 20),
    ("net_send_queue1_size", "7", |s| s.net_send_queue1_size == 7),
    ("net_send_queue2_size", "8", |s| s.net_send_queue2_size == 8),
    ("queue_tcp_sender_thread_count", "3", |s| s.queue_tcp_sender_thread_count == 3),
    ("net_failover_retry_send_data_enabled", "false", |s| !s.net_failover_retry_send_data_enabled),
    ("retry_window_bytes", "0", |s| s.retry_window_bytes == 0),
    ("replay_bytes_per_second", "2MiB", |s| s.replay_bytes_per_second == 2 << 20),
    ("spool_dir", "/spool", |s| s.spool_dir.as_deref() == Some("/spool".as_ref())),
    ("spool_max_bytes", "1GiB", |s| s.spool_max_bytes == 1 << 30),
    ("spool_fsync", "0", |s| s.spool_fsync.is_zero()),
    ("spool_order", "newest", |s| s.spool_order == SpoolOrder::Newest),
    ("scrape_threads", "9", |s| s.scrape_threads == 9),
    ("slow_scrape_threads", "2", |s| s.slow_scrape_threads == 2),
    ("scrape_connect_timeout", "500ms", |s| s.scrape_connect_timeout == Duration::from_millis(500)),
    ("strict_text", "true", |s| s.strict_text),
    ("max_line_bytes", "64KiB", |s| s.max_line_bytes == 64 << 10),
    ("relabel_regex_anchored", "false", |s| s.relabel_anchoring == Anchoring::None),
    ("service_account_token", "never", |s| s.service_account_token == TokenPolicy::Never),
    ("body_size_limit", "1MB", |s| s.limits().body_bytes == 1 << 20),
    ("sample_limit", "5", |s| s.limits().samples == 5),
    ("label_limit", "30", |s| s.limits().labels == 30),
    ("label_name_length_limit", "40", |s| s.limits().label_name_bytes == 40),
    ("label_value_length_limit", "50", |s| s.limits().label_value_bytes == 50),
    ("target_limit", "60", |s| s.limits().targets == 60),
    ("kubernetes_poll_interval", "30s", |s| s.kubernetes_poll_interval == Duration::from_secs(30)),
    ("node_local", "true", |s| s.node_local),
    ("NODE_NAME", "n", |s| s.node_name.as_deref() == Some("n") && s.onode.as_deref() == Some("n")),
    ("POD_NAME", "p-3", |s| s.pod_name.as_deref() == Some("p-3")),
    ("PODNAME", "p", |s| s.pod_name.as_deref() == Some("p")),
    ("POD_NAMESPACE", "ns", |s| s.pod_namespace.as_deref() == Some("ns")),
    ("cluster_members", "3", |s| s.cluster_members == 3),
    ("cluster_member", "2", |s| s.cluster_member == Some(2)),
    ("status_listen", "0.0.0.0:9527", |s| s.status_listen.as_deref() == Some("0.0.0.0:9527")),
    ("heartbeat_timeout", "5s", |s| s.heartbeat_timeout == Duration::from_secs(5)),
];

#[test]
fn every_key_of_whatap_conf_is_read_from_the_file_and_from_the_environment() {
    for (key, value, sees) in CONF {
        let none: [(&str, &str); 0] = [];
        let (settings, faults) = Settings::resolve(&ConfFile::parse(&format!("{key} = {value}\n")), "f", &none);
        assert!(sees(&settings) && faults.is_empty(), "{key}={value} in the file: {faults:?}");
        assert!(!sees(&Settings::defaults()), "{key}={value} shows nothing: it is the default");
        // a family is known by its first part in the environment
        let name = if key.starts_with("debug_tcp") { "debug_tcp" } else { key };
        let (settings, faults) = Settings::resolve(&ConfFile::default(), "f", &[(name, *value)]);
        assert!(sees(&settings) && faults.is_empty(), "{key}={value} in the environment: {faults:?}");
    }
    let named = |name: &str| {
        CONF.iter().any(|(key, ..)| *key == name || name.ends_with('*') && key.starts_with(&name[..name.len() - 1]))
    };
    let missing: Vec<_> = KEYS.iter().flat_map(|key| key.names()).filter(|name| !named(name)).collect();
    assert_eq!(missing, [""; 0], "keys without a row in this table");
}

type Shows = fn(&ScrapeJob) -> bool;

fn the_job(text: &str) -> ScrapeJob {
    let file = ScrapeFile::parse(text, "s.yaml", &Context::default()).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
    let errors: Vec<_> = file.faults.iter().filter(|fault| fault.is_error()).map(ToString::to_string).collect();
    assert_eq!((errors.join("\n").as_str(), file.jobs.len()), ("", 1), "{text}");
    (*file.jobs[0]).clone()
}

/// Keys of an endpoint as they are written in both styles, and what the job is then.
const ENDPOINT: &[(&str, &str, Shows)] = &[
    ("path", "/m", |j| j.path == "/m"),
    ("interval", "15", |j| j.interval == Duration::from_secs(15)),
    ("interval", "\"1m30s\"", |j| j.interval == Duration::from_secs(90)),
    ("timeout", "500ms", |j| j.timeout == Duration::from_millis(500)),
    ("scheme", "https", |j| j.scheme == Some(Scheme::Https)),
    ("params", "{a: x, b: [y, z]}", |j| {
        j.params == [("a".to_owned(), vec!["x".to_owned()]), ("b".to_owned(), vec!["y".to_owned(), "z".to_owned()])]
    }),
    ("honorLabels", "true", |j| j.honor_labels),
    ("honorTimestamps", "false", |j| !j.honor_timestamps),
    ("metricSelector", "[up, down]", |j| j.keep_names.as_ref().is_some_and(|names| names.len() == 2)),
    ("relabelConfigs", "[{action: drop, regex: x, sourceLabels: [a]}]", |j| j.relabel.configs().len() == 1),
    ("metricRelabelConfigs", "[{source_labels: a, target_label: b}]", |j| {
        let Some(rule) = j.metric_relabel.configs().next() else { return false };
        rule.source_labels == ["a"] && rule.target_label.as_deref() == Some("b")
    }),
    (
        "metricRelabelConfigs",
        "[{separator: '|', regex: 1, modulus: 8, targetLabel: t, replacement: '', action: hashmod, sourceLabels: [a]}]",
        |j| {
            let Some(rule) = j.metric_relabel.configs().next() else { return false };
            (rule.separator.as_deref(), rule.regex.as_deref(), rule.modulus) == (Some("|"), Some("1"), Some(8))
                && (rule.replacement.as_deref(), rule.action.as_deref()) == (Some(""), Some("hashmod"))
        },
    ),
    ("addNodeLabel", "true", |j| j.add_node_label),
    ("tlsConfig", "{insecureSkipVerify: true, serverName: s}", |j| {
        j.tls.as_ref().is_some_and(|tls| tls.insecure_skip_verify && tls.server_name.as_deref() == Some("s"))
    }),
    ("tlsConfig", "{caFile: /ca, certFile: /c, keyFile: /k}", |j| {
        let Some(tls) = &j.tls else { return false };
        let file = |path: &str| PemSource::File(path.into());
        tls.ca == Some(file("/ca")) && tls.identity == Some((file("/c"), file("/k")))
    }),
    (
        "tlsConfig",
        "{caSecret: {name: n, key: k, namespace: s}, cert_secret: {name: n, key: c}, keySecret: {name: n, key: p}}",
        |j| {
            let Some(tls) = &j.tls else { return false };
            matches!(&tls.ca, Some(PemSource::Secret(key)) if key.namespace.as_deref() == Some("s"))
                && matches!(&tls.identity, Some((PemSource::Secret(_), PemSource::Secret(key))) if key.key == "p" && key.namespace.is_none())
        },
    ),
    ("basicAuth", "{username: u, password: {name: n, key: k, namespace: ''}}", |j| {
        matches!(&j.credentials, Credentials::Basic { username: SecretSource::Plain(u), password: SecretSource::Kubernetes(key) }
            if u.expose() == "u" && key.namespace.is_none())
    }),
    (
        "basicAuth",
        "{usernameFile: /u, passwordFile: /p}",
        |j| matches!(&j.credentials, Credentials::Basic { username: SecretSource::File(u), password: SecretSource::File(_) } if u.ends_with("u")),
    ),
    (
        "bearerTokenFile",
        "/token",
        |j| matches!(&j.credentials, Credentials::Authorization { kind, credentials: SecretSource::File(_) } if kind == "Bearer"),
    ),
    (
        "authorization",
        "{type: Token, credentials: c}",
        |j| matches!(&j.credentials, Credentials::Authorization { kind, credentials: SecretSource::Plain(_) } if kind == "Token"),
    ),
    (
        "authorization",
        "{credentialsFile: /c}",
        |j| matches!(&j.credentials, Credentials::Authorization { kind, credentials: SecretSource::File(_) } if kind == "Bearer"),
    ),
    (
        "authorization",
        "{credentialsEnv: C}",
        |j| matches!(&j.credentials, Credentials::Authorization { credentials: SecretSource::Env(name), .. } if name == "C"),
    ),
    ("authorization", "{credentialsSecret: {name: n, key: k}}", |j| {
        matches!(&j.credentials, Credentials::Authorization { credentials: SecretSource::Kubernetes(_), .. })
    }),
    ("adaptiveTimeout", "{failureThreshold: 3, multiplier: 1.5}", |j| {
        j.adaptive_timeout.is_some_and(|on| on.failure_threshold == 3 && on.multiplier == 1.5)
    }),
    ("adaptiveTimeout", "{enabled: false}", |j| j.adaptive_timeout.is_none()),
    ("sampleLimit", "7", |j| j.limits.samples == 7),
    ("labelLimit", "'8'", |j| j.limits.labels == 8),
    ("bodySizeLimit", "10MB", |j| j.limits.body_bytes == 10 << 20),
    ("labelNameLengthLimit", "9", |j| j.limits.label_name_bytes == 9),
    ("labelValueLengthLimit", "10", |j| j.limits.label_value_bytes == 10),
    ("targetLimit", "11", |j| j.limits.targets == 11),
    ("labels", "{env: 1.10, team: on}", |j| j.labels.to_string() == r#"{env="1.10",team="on"}"#),
    ("followRedirects", "false", |j| !j.follow_redirects),
    ("proxyUrl", "http://p:3128", |j| j.proxy_url.as_deref() == Some("http://p:3128")),
];

fn snake(name: &str) -> String {
    name.chars()
        .flat_map(|c| if c.is_ascii_uppercase() { vec!['_', c.to_ascii_lowercase()] } else { vec![c] })
        .collect()
}

fn in_target(keys: &str) -> String {
    format!("features: {{openAgent: {{enabled: true, targets: [{{targetName: t, {keys}}}]}}}}\n")
}

#[test]
fn every_key_of_an_endpoint_is_read_there_and_at_its_target_in_both_styles() {
    for (key, value, shows) in ENDPOINT {
        for key in [(*key).to_owned(), snake(key)] {
            let endpoint =
                in_target(&format!("type: StaticEndpoints, endpoints: [{{address: 'a:1', {key}: {value}}}]"));
            let pods = in_target(&format!("type: PodMonitor, endpoints: [{{port: 1, {key}: {value}}}]"));
            let target = in_target(&format!("type: StaticEndpoints, endpoints: [{{address: 'a:1'}}], {key}: {value}"));
            let older = in_target(&format!("type: StaticEndpoints, addresses: ['a:1'], {key}: {value}"));
            for text in [endpoint, pods, target, older] {
                assert!(shows(&the_job(&text)), "{text}");
            }
        }
        let without = the_job(&in_target("type: StaticEndpoints, endpoints: [{address: 'a:1'}]"));
        assert!(!shows(&without), "{key}: {value} shows nothing: it is the default");
    }
}

#[test]
fn every_key_of_prometheus_is_read_in_scrape_configs() {
    let renamed = [("path", "metricsPath"), ("interval", "scrapeInterval"), ("timeout", "scrapeTimeout")];
    for (key, value, shows) in ENDPOINT {
        let key = renamed.iter().find(|(cr, _)| cr == key).map_or(*key, |(_, prometheus)| prometheus);
        for key in [key.to_owned(), snake(key)] {
            for statics in [
                "static_config: {targets: ['a:1']}",
                "static_configs: [{targets: ['a:1']}]",
                "staticConfigs: [{targets: ['a:1']}]",
            ] {
                let text = format!("scrape_configs:\n- job_name: j\n  {statics}\n  {key}: {value}\n");
                assert!(shows(&the_job(&text)), "{text}");
            }
        }
    }
}

/// Whole files, and what their one job is.
const WHOLE: &[(&str, Shows)] = &[
    ("global: {scrape_interval: 15s}\nscrape_configs: [{job_name: j, static_config: {targets: ['a:1']}}]", |j| {
        j.interval.as_secs() == 15
    }),
    ("global: {scrape_timeout: 5s}\nscrape_configs: [{job_name: j, static_config: {targets: ['a:1']}}]", |j| {
        j.timeout.as_secs() == 5
    }),
    ("global: {external_labels: {c: x}}\nscrape_configs: [{job_name: j, static_config: {targets: ['a:1']}}]", |j| {
        j.external_labels.value("c") == Some("x")
    }),
    (
        "global: {sample_limit: 3, body_size_limit: 0}\nscrape_configs: [{job_name: j, static_config: {targets: ['a:1']}}]",
        |j| (j.limits.samples, j.limits.body_bytes) == (3, u64::MAX),
    ),
    ("scrape_configs: [{job_name: j, scrape_interval: 5s, static_config: {targets: ['a:1']}}]", |j| {
        j.timeout.as_secs() == 5
    }),
    ("scrape_configs: [{job_name: j, static_configs: [{targets: [a, 'b:2', '[::1]:3'], labels: {l: v}}]}]", |j| {
        matches!(&j.discover, Discover::Static(list) if list.join(" ") == "a b:2 [::1]:3")
            && j.labels.value("l") == Some("v")
    }),
    (
        "scrape_configs: [{job_name: j, static_config: {targets: ['a:1'], filter: {enabled: true, whitelist: [up]}}}]",
        |j| j.keep_names.as_ref().is_some_and(|names| names.contains("up")),
    ),
    (
        "scrape_configs: [{job_name: j, static_config: {targets: ['a:1'], filter: {enabled: false, whitelist: [up]}}}]",
        |j| j.keep_names.is_none(),
    ),
    (
        "features: {openAgent: {enabled: true, globalInterval: 90, globalPath: /g, targets: [{targetName: t, type: StaticEndpoints, addresses: ['a:1']}]}}",
        |j| j.interval.as_secs() == 90 && j.path == "/g",
    ),
    (
        "features: {openAgent: {enabled: 'true', minimumInterval: 20s, targets: [{targetName: t, type: StaticEndpoints, addresses: ['a:1'], interval: 5s}]}}",
        |j| j.interval.as_secs() == 20,
    ),
    (
        "features: {openAgent: {enabled: true, globalInterval: 90s, targets: [{targetName: t, type: StaticEndpoints, interval: 50s, path: /t, endpoints: [{address: 'a:1', interval: 40s}]}]}}",
        |j| j.interval.as_secs() == 40 && j.path == "/t",
    ),
    (
        "features: {openAgent: {enabled: true, targets: [{targetName: t, type: StaticEndpoints, labels: {a: t, b: t}, endpoints: [{address: 'a:1', labels: {b: e, c: e}}]}]}}",
        |j| j.labels.to_string() == r#"{a="t",b="e",c="e"}"#,
    ),
    (
        "features: {openAgent: {enabled: true, targets: [{targetName: t, type: PodMetrics, endpoints: [{port: 8080}]}]}}",
        |j| {
            matches!(&j.discover, Discover::Pods(s) if s.port == Some(Port::Number(8080))
            && s.namespaces == NamespaceSelection::Names(["default".to_owned()].into()) && s.selector.requirements.is_empty())
        },
    ),
    (
        "features: {openAgent: {enabled: true, targets: [{targetName: t, type: ServiceMetrics, endpoints: [{port: '9090'}]}]}}",
        |j| matches!(&j.discover, Discover::Services(s) if s.port == Some(Port::Number(9090))),
    ),
    (
        "features: {openAgent: {enabled: true, targets: [{targetName: t, type: ServiceMonitor, namespaceSelector: {any: true}, endpoints: [{port: web}]}]}}",
        |j| matches!(&j.discover, Discover::Services(s) if s.port == Some(Port::Name("web".into())) && s.namespaces == NamespaceSelection::Any),
    ),
    (
        "features: {openAgent: {enabled: true, targets: [{targetName: t, type: PodMonitor, namespaceSelector: {matchNames: [a, b], matchLabels: {team: x}, matchExpressions: [{key: k, operator: Exists}]}, endpoints: [{}]}]}}",
        |j| {
            matches!(&j.discover, Discover::Pods(s) if s.port.is_none()
            && matches!(&s.namespaces, NamespaceSelection::Matching { names: Some(names), selector } if names.len() == 2 && selector.to_query() == "team=x,k"))
        },
    ),
    (
        "features: {openAgent: {enabled: true, targets: [{targetName: t, type: PodMonitor, selector: {matchLabels: {app: x}, matchExpressions: [{key: a, operator: In, values: [1, 2]}, {key: b, operator: NotIn, values: [c]}, {key: d, operator: DoesNotExist}]}, endpoints: [{port: p}]}]}}",
        |j| {
            matches!(&j.discover, Discover::Pods(s) if s.selector.to_query() == "app=x,a in (1,2),b notin (c),!d"
            && matches!(s.selector.requirements[3].operator, Operator::DoesNotExist))
        },
    ),
    (
        "features: {openAgent: {enabled: true, targets: [{targetName: t, enabled: false, type: StaticEndpoints, addresses: ['a:1']}, {targetName: u, type: StaticEndpoints, addresses: ['a:1']}]}}",
        |j| &*j.name == "u",
    ),
    (
        "base: &base {type: StaticEndpoints, path: /merged}\nfeatures: {openAgent: {enabled: true, targets: [{<<: *base, targetName: t, addresses: ['a:1']}]}}",
        |j| j.path == "/merged",
    ),
];

#[test]
fn every_key_around_the_targets_is_read() {
    for (text, shows) in WHOLE {
        let file =
            ScrapeFile::parse(text, "s.yaml", &Context::default()).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        assert_eq!(file.jobs.len(), 1, "{text}: {:?}", file.faults);
        assert!(shows(&file.jobs[0]), "{text}\n{:#?}", file.jobs[0]);
    }
}

#[test]
fn anything_but_enabled_true_means_no_targets() {
    for enabled in ["enabled: false,", "enabled: maybe,", ""] {
        let target = "targets: [{targetName: t, type: StaticEndpoints, addresses: ['a:1']}]";
        let text = format!("features: {{openAgent: {{{enabled} {target}}}}}");
        let file = ScrapeFile::parse(&text, "s.yaml", &Context::default()).unwrap();
        assert_eq!((file.jobs.len(), file.faults.len()), (0, 1), "{text}");
        assert!(file.faults[0].to_string().contains("warning"), "{}", file.faults[0]);
    }
}
