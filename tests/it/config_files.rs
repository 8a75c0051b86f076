//! scrape_config.yaml through the library: both formats, the seed's examples, faulty files and their messages.

use crate::support::{is_optimised, program, shared};
use openagent::config::job::{Discover, NamespaceSelection, Port};
use openagent::config::scrape_file::Context;
use openagent::config::{ScrapeFile, ScrapeJob};
use openagent::duration;
use std::sync::Arc;

fn parse(text: &str) -> ScrapeFile {
    ScrapeFile::parse(text, "s.yaml", &Context::default()).unwrap_or_else(|fault| panic!("{fault}\n{text}"))
}

/// The jobs of a text without a fault.
fn sound(text: &str) -> Vec<Arc<ScrapeJob>> {
    let file = parse(text);
    assert_eq!(file.faults.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0], "{text}");
    file.jobs
}

/// A job as one line: what differs from the defaults.
fn line(job: &ScrapeJob) -> String {
    let mut words = vec![job.name.to_string(), job.discover.type_name().to_owned(), sources(&job.discover)];
    words.push(format!("{}/{}", duration::format(job.interval), duration::format(job.timeout)));
    words.extend(job.scheme.map(|scheme| scheme.as_str().to_owned()));
    words.push(job.path.clone());
    words.extend(
        job.keep_names.iter().map(|names| format!("keep={}", names.iter().cloned().collect::<Vec<_>>().join("|"))),
    );
    words.extend((!job.labels.is_empty()).then(|| job.labels.to_string()));
    words.extend(job.tls.as_ref().map(|tls| format!("tls(insecure={})", tls.insecure_skip_verify)));
    words.join(" ")
}

fn sources(discover: &Discover) -> String {
    let selection = match discover {
        Discover::Static(addresses) => return addresses.join(","),
        Discover::Pods(selection) | Discover::Services(selection) => selection,
    };
    let namespaces = match &selection.namespaces {
        NamespaceSelection::Any => "*".to_owned(),
        NamespaceSelection::Names(names) => names.iter().cloned().collect::<Vec<_>>().join("|"),
        NamespaceSelection::Matching { names, selector } => format!("{names:?} {}", selector.to_query()),
    };
    let port = match &selection.port {
        None => "any".to_owned(),
        Some(Port::Name(name)) => name.clone(),
        Some(Port::Number(number)) => number.to_string(),
    };
    format!("{namespaces}[{}]:{port}", selection.selector.to_query())
}

fn lines(text: &str) -> String {
    sound(text).iter().map(|job| line(job)).collect::<Vec<_>>().join("\n")
}

/// The YAML blocks of a Markdown text.
fn yaml_blocks(markdown: &str) -> Vec<String> {
    let after_fence = markdown.split("```yaml\n").skip(1);
    after_fence.filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

/// The README shows parts of a file too: targets alone, endpoints alone. Here each gets the rest around it.
fn completed(block: &str) -> String {
    const HEAD: &str = "features:\n  openAgent:\n    enabled: true\n    targets:\n";
    let first = block.lines().find(|line| !line.trim_start().starts_with('#')).unwrap_or_default();
    if first.starts_with("- targetName") {
        return format!("{HEAD}{}", indented(block, 6));
    }
    if first.starts_with("endpoints:") {
        return format!("{HEAD}      - targetName: part\n        type: ServiceMonitor\n{}", indented(block, 8));
    }
    block.to_owned()
}

#[test]
fn every_example_of_the_seed_gives_its_targets() {
    let Some(path) = shared("seed-README.ko.md") else { return };
    let blocks = yaml_blocks(&std::fs::read_to_string(path).unwrap());
    let configs: Vec<_> = blocks.iter().filter(|block| !block.contains("kind: ConfigMap")).collect();
    assert_eq!(configs.len(), 6);
    let shown: Vec<String> = configs.iter().map(|block| lines(&completed(block))).collect();
    insta::assert_snapshot!(shown.join("\n--\n"), @r#"
        prometheus StaticEndpoints localhost:9090 15s/10s /metrics keep=http_requests_duration_seconds|http_requests_total
        --
        my-app-pod-metrics PodMonitor production[app=my-app]:web-metrics 15s/10s http /metrics keep=http_requests_duration_seconds|http_requests_total
        my-service-metrics ServiceMonitor default[service=my-backend-service]:http-metrics 30s/10s /actuator/prometheus keep=jvm_memory_used_bytes|jvm_threads_live
        my-external-db-metrics StaticEndpoints 192.168.1.100:9100,external-node-exporter.example.com:9100 1m/10s http /metrics keep=node_cpu_seconds_total|node_memory_MemTotal_bytes {component="database-exporter",environment="staging"}
        --
        part ServiceMonitor default[]:https 1m/10s https /metrics tls(insecure=true)
        --
        kube-apiserver ServiceMonitor default[component=apiserver,provider=kubernetes]:https 30s/10s https /metrics keep=apiserver_requests_total tls(insecure=true)
        --
        external-secure-service StaticEndpoints secure-service.example.com:443 1m/10s https /metrics keep=http_requests_total tls(insecure=true)
        --
        kube-apiserver ServiceMonitor kube-system[component=apiserver,provider=kubernetes]:https 30s/10s /metrics keep=apiserver_requests_total
        "#);
}

const AGENT: &str = "features:\n  openAgent:\n    enabled: true\n    targets:\n";

/// A target of one endpoint with one more line.
fn target_with(endpoint: &str) -> String {
    format!(
        "{AGENT}      - targetName: t\n        type: ServiceMonitor\n        endpoints:\n          - port: web\n            {endpoint}\n"
    )
}

fn job_with(line: &str) -> String {
    format!("scrape_configs:\n  - job_name: j\n    static_configs: [{{targets: ['a:1']}}]\n    {line}\n")
}

/// What is told of a text, one fault a line.
fn told(text: &str) -> String {
    let faults = match ScrapeFile::parse(text, "s.yaml", &Context::default()) {
        Ok(file) => file.faults,
        Err(fault) => fault
            .faults
            .into_iter()
            .map(|f| openagent::config::Fault { what: format!("FILE REFUSED {}", f.what), ..f })
            .collect(),
    };
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn faulty_files_say_where_and_how_to_mend_it() {
    let files = [
        String::new(),
        "scrape_configs: [\n".to_owned(),
        "a: b: c\n".to_owned(),
        "just a text\n".to_owned(),
        "apiVersion: v1\nkind: ConfigMap\ndata: {}\n".to_owned(),
        "scrape_config: []\n".to_owned(),
        "scrape_configs: {job_name: j}\n".to_owned(),
        "global: {scrape_interval: 0}\nscrape_configs: []\n".to_owned(),
        "global: {scrape_intervall: 15s}\nscrape_configs: []\n".to_owned(),
        "features:\n  openAgent:\n    enabled: true\n    globalInterval: quick\n    targets: []\n".to_owned(),
        job_with("scrape_intervall: 15s"),
        job_with("scrape_interval: 15 seconds"),
        job_with("job_name: again"),
        job_with("scheme: ftp"),
        job_with("kubernetes_sd_configs: [{role: pod}]"),
        job_with("honor_labels: perhaps"),
        job_with("body_size_limit: 10 elephants"),
        job_with("authorization: {type: Basic, credentials: x}"),
        "scrape_configs: [{static_config: {targets: ['a:1']}}]\n".to_owned(),
        "scrape_configs: [{job_name: j}]\n".to_owned(),
        "scrape_configs: [{job_name: j, static_config: {targets: ['http://a:1/x', '::1:2', 'a:70000', 'a b']}}]\n"
            .to_owned(),
        target_with("tlsConfig: {certFile: /c}"),
        target_with("tlsConfig: {caFile: /c, caSecret: {name: n, key: k}}"),
        target_with("tlsConfig: {keySecret: {name: n}}"),
        target_with("basicAuth: {username: u, usernameFile: /u}"),
        target_with("basicAuth: {}"),
        target_with("authorization: {type: Bearer}"),
        target_with("metricSelectors: [up]"),
        target_with("metricSelector: up"),
        target_with("address: 'a:1'"),
        target_with("interval: -5s"),
        target_with("adaptiveTimeout: {multiplier: 0.5, failureThreshold: 0}"),
        target_with("metricRelabelConfigs: [{sourceLabel: [a], action: drop}]"),
        target_with("metricRelabelConfigs: [{action: drp}]"),
        target_with(
            "relabelConfigs: [{action: keep, sourceLabels: [a]}, {action: drop, sourceLabels: [a], regex: 'a(b'}]",
        ),
        job_with("metric_relabel_configs: [{action: hashmod, source_labels: [a], target_label: t}]"),
        target_with("path: 'metrics x'"),
        target_with("bearerTokenFile: /t\n            authorization: {credentials: c}"),
        format!("{AGENT}      - {{targetName: t, type: Deployment, endpoints: []}}\n"),
        format!("{AGENT}      - {{targetName: t, type: ServiceMonitr, endpoints: []}}\n"),
        format!("{AGENT}      - {{targetName: t, type: PodMonitor}}\n"),
        format!("{AGENT}      - {{type: StaticEndpoints, addresses: ['a:1']}}\n"),
        format!("{AGENT}      - {{targetName: t, type: PodMonitor, endpoints: [{{port: 70000}}]}}\n"),
        format!("{AGENT}      - {{targetName: t, type: StaticEndpoints, endpoints: [{{port: 1}}]}}\n"),
        format!(
            "{AGENT}      - targetName: t\n        type: PodMonitor\n        selector: {{matchExpressions: [{{key: a, operator: Is, values: [b]}}, {{key: a, operator: In}}, {{key: a, operator: Exists, values: [b]}}]}}\n        endpoints: [{{port: 1}}]\n"
        ),
        format!(
            "{AGENT}      - {{targetName: t, type: PodMonitor, namespaceSelector: {{any: true, matchNames: [a]}}, endpoints: [{{port: 1}}]}}\n"
        ),
    ];
    assert!(files.len() >= 30);
    let all: Vec<String> = files.iter().map(|text| told(text)).collect();
    assert!(all.iter().all(|faults| faults.contains("s.yaml:")), "{all:#?}");
    insta::assert_snapshot!(all.join("\n"), @r#"
        s.yaml:1:1: FILE REFUSED the file is empty; write scrape_configs or features.openAgent.targets
        s.yaml:1:17: FILE REFUSED not YAML: unclosed bracket '['
        s.yaml:1:5: FILE REFUSED not YAML: mapping values are not allowed in this context
        s.yaml:1:1: FILE REFUSED must be a mapping, this is a text
        s.yaml:2:1: kind: FILE REFUSED this is a Kubernetes manifest; give the text that stands in it under data or spec
        s.yaml:1:1: FILE REFUSED has neither scrape_configs nor features.openAgent; there is nothing to scrape
        s.yaml:1:1: scrape_config: FILE REFUSED unknown key, it has no effect; did you mean "scrape_configs"?
        s.yaml:1:1: scrape_configs: FILE REFUSED must be a list, this is a mapping
        s.yaml:1:10: global.scrape_interval: FILE REFUSED "0" is too short; write a time above 0
        s.yaml:1:10: global.scrape_intervall: unknown key, it has no effect; did you mean "scrape_interval"?
        s.yaml:4:5: features.openAgent.globalInterval: FILE REFUSED "quick" is no duration; write it as 15s, 1m30s, 500ms or as a number of seconds
        s.yaml:4:5: scrape_configs[0].scrape_intervall: unknown key; did you mean "scrape_interval"?
        s.yaml:4:5: scrape_configs[0].scrape_interval: "15 seconds" is no duration; write it as 15s, 1m30s, 500ms or as a number of seconds
        s.yaml:4:5: scrape_configs[0].job_name: is already in line 2; keep one of them
        s.yaml:4:5: scrape_configs[0].scheme: "ftp" is neither http nor https
        s.yaml:4:5: scrape_configs[0].kubernetes_sd_configs: this way of discovery is not there; for Kubernetes write a PodMonitor or ServiceMonitor under features.openAgent.targets
        s.yaml:4:5: scrape_configs[0].honor_labels: "perhaps" is neither true nor false
        s.yaml:4:5: scrape_configs[0].body_size_limit: "10 elephants" is no size; write it as 64MiB, 512KiB or as a number of bytes
        s.yaml:4:21: scrape_configs[0].authorization.type: Basic is made by basicAuth from a username and a password; use that
        s.yaml:1:18: scrape_configs[0]: job_name is missing; give the job a name
        s.yaml:1:18: scrape_configs[0]: static_config is missing; write static_config: {targets: [host:port]}
        s.yaml:1:58: scrape_configs[0].static_config.targets[0]: "http://a:1/x": an address has no scheme; write host:port and give scheme beside it
        s.yaml:1:74: scrape_configs[0].static_config.targets[1]: "::1:2": an IPv6 address stands in brackets: [::1]:9100
        s.yaml:1:83: scrape_configs[0].static_config.targets[2]: "a:70000": its port is not a number from 1 to 65535
        s.yaml:1:94: scrape_configs[0].static_config.targets[3]: "a b": is no address; write host:port
        s.yaml:9:13: features.openAgent.targets[0].endpoints[0].tlsConfig: certFile without keyFile; give both or neither
        s.yaml:9:37: features.openAgent.targets[0].endpoints[0].tlsConfig.caSecret: caFile and caSecret exclude each other; keep one of them
        s.yaml:9:25: features.openAgent.targets[0].endpoints[0].tlsConfig.keySecret: key is missing; name the key inside the secret
        s.yaml:9:38: features.openAgent.targets[0].endpoints[0].basicAuth.usernameFile: username and usernameFile exclude each other; keep one of them
        s.yaml:9:13: features.openAgent.targets[0].endpoints[0].basicAuth: has neither a username nor a password
        s.yaml:9:13: features.openAgent.targets[0].endpoints[0].authorization: has no credentials; give credentials, credentialsFile, credentialsEnv or credentialsSecret
        s.yaml:9:13: features.openAgent.targets[0].endpoints[0].metricSelectors: unknown key; did you mean "metricSelector"?
        s.yaml:9:13: features.openAgent.targets[0].endpoints[0].metricSelector: must be a list, this is a text
        s.yaml:9:13: features.openAgent.targets[0].endpoints[0].address: only StaticEndpoints have addresses; Kubernetes targets are found by selector and port
        s.yaml:9:13: features.openAgent.targets[0].endpoints[0].interval: "-5s" is no duration; write it as 15s, 1m30s, 500ms or as a number of seconds
        s.yaml:9:31: features.openAgent.targets[0].endpoints[0].adaptiveTimeout.multiplier: 0.5 would not let the timeout grow; write more than 1
        s.yaml:9:48: features.openAgent.targets[0].endpoints[0].adaptiveTimeout.failureThreshold: 0 is no count of timeouts; write 1 or more
        s.yaml:9:37: features.openAgent.targets[0].endpoints[0].metricRelabelConfigs[0].sourceLabel: unknown key; did you mean "sourceLabels"?
        s.yaml:9:37: features.openAgent.targets[0].endpoints[0].metricRelabelConfigs[0].action: unknown relabel action "drp"; the actions are replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase
        s.yaml:9:99: features.openAgent.targets[0].endpoints[0].relabelConfigs[1].regex: "a(b" at byte 2: missing closing )
        s.yaml:4:30: scrape_configs[0].metric_relabel_configs[0]: modulus: hashmod requires a modulus of 1 or more
        s.yaml:9:13: features.openAgent.targets[0].endpoints[0].path: "metrics x" is no path; write /metrics, spaces as %20
        s.yaml:8:13: features.openAgent.targets[0].endpoints[0]: authorization, bearerTokenFile and bearerToken exclude each other; keep one of them
        s.yaml:5:25: features.openAgent.targets[0].type: "Deployment" is none of PodMonitor, ServiceMonitor, StaticEndpoints
        s.yaml:5:25: features.openAgent.targets[0].type: "ServiceMonitr" is none of PodMonitor, ServiceMonitor, StaticEndpoints; did you mean "ServiceMonitor"?
        s.yaml:5:9: features.openAgent.targets[0]: has no endpoints
        s.yaml:5:9: features.openAgent.targets[0]: targetName is missing; give the target a name
        s.yaml:5:56: features.openAgent.targets[0].endpoints[0].port: 70000 is no port; ports are 1 to 65535
        s.yaml:5:60: features.openAgent.targets[0].endpoints[0]: address is missing; write host:port
        s.yaml:5:61: features.openAgent.targets[0].endpoints[0].port: StaticEndpoints have their port in address: host:port
        s.yaml:7:48: features.openAgent.targets[0].selector.matchExpressions[0].operator: "Is" is no operator; write In, NotIn, Exists or DoesNotExist; did you mean "In"?
        s.yaml:7:76: features.openAgent.targets[0].selector.matchExpressions[1]: In needs values
        s.yaml:7:100: features.openAgent.targets[0].selector.matchExpressions[2]: Exists takes no values; take them away, or write In or NotIn
        s.yaml:5:43: features.openAgent.targets[0].namespaceSelector: any: true takes every namespace; leave away matchNames, matchLabels and matchExpressions, or any
        "#);
}

#[test]
fn what_is_taken_otherwise_than_written_is_a_warning() {
    let texts = [
        job_with("scrape_timeout: 2m"),
        job_with("scrape_interval: 10ms"),
        job_with("metrics_path: metrics"),
        job_with("label_limit: 300"),
        job_with("scrape_protocols: [PrometheusText0.0.4]"),
        format!("rule_files: [x]\n{}", job_with("")),
        format!("{}  - job_name: j\n    static_configs: [{{targets: ['b:1']}}]\n", job_with("")),
        format!("{AGENT}      - {{targetName: t, type: StaticEndpoints, selector: {{}}, addresses: ['a:1']}}\n"),
        "features: {otherAgent: {}, openAgent: {enabled: true, imageName: x, resources: {}}}\n".to_owned(),
    ];
    let all: Vec<String> = texts.iter().map(|text| told(text)).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
        s.yaml:2:5: warning: scrape_configs[0]: its timeout 2m is cut to its interval 1m
        s.yaml:2:5: warning: scrape_configs[0]: its interval 10ms is raised to the minimum of 1s
        s.yaml:4:5: warning: scrape_configs[0].metrics_path: "metrics" is read as "/metrics"
        s.yaml:2:5: warning: scrape_configs[0]: labelLimit is taken as 255, more the protocol cannot carry
        s.yaml:4:5: warning: scrape_configs[0].scrape_protocols: has no effect here
        s.yaml:1:1: warning: rule_files: has no effect here
        s.yaml:5:5: warning: scrape_configs[1]: "j" is already the name of the target in line 2; give each its own
        s.yaml:5:48: warning: features.openAgent.targets[0].selector: has no effect on StaticEndpoints
        "#);
}

#[test]
fn a_faulty_target_takes_no_other_down() {
    let text = format!(
        "{AGENT}      - {{targetName: good, type: StaticEndpoints, addresses: ['a:1']}}\n      - {{targetName: bad, type: StaticEndpoints, addresses: ['a:1'], interval: x}}\n      - 7\n      - {{targetName: fine, type: PodMonitor, endpoints: [{{port: 1}}]}}\n"
    );
    let file = parse(&text);
    assert_eq!(file.jobs.iter().map(|job| &*job.name).collect::<Vec<_>>(), ["good", "fine"]);
    assert_eq!((file.faults.len(), file.refused.into_iter().collect::<Vec<_>>()), (2, vec!["bad".to_owned()]));
}

#[test]
fn what_is_shown_of_a_job_reads_back_as_the_same_job() {
    let text = format!(
        "global: {{external_labels: {{c: \"x\\\"y\"}}}}\n{AGENT}      - {{targetName: 'q\"uo: te', type: StaticEndpoints, addresses: ['a:1', '[::1]:2'], scheme: https, params: {{m: [a, b]}}, labels: {{l: \"1\\n2\"}}, bodySizeLimit: 0}}\n      - targetName: p\n        type: PodMonitor\n        namespaceSelector: {{matchNames: [n], matchLabels: {{a: b}}}}\n        selector: {{matchExpressions: [{{key: k, operator: NotIn, values: [x, y]}}, {{key: e, operator: Exists}}]}}\n        endpoints:\n          - {{port: web, tlsConfig: {{caSecret: {{name: n, key: k}}, certFile: /c, keyFile: /k}}, authorization: {{credentialsFile: /t}}}}\n          - {{port: 80, basicAuth: {{usernameFile: /u, password: {{name: n, key: k, namespace: s}}}}, adaptiveTimeout: {{enabled: false}}}}\n          - {{metricSelector: [up], relabelConfigs: [{{action: drop, regex: 'a\\d', sourceLabels: [x, y], separator: '|'}}]}}\n"
    );
    let jobs = openagent::config::Jobs(parse(&text).jobs);
    assert_eq!(jobs.0.len(), 4);
    let shown = openagent::config::show::jobs(&jobs);
    assert_eq!(parse(&shown).jobs, jobs.0, "{shown}");
}

/// 10 000 targets of the CR format, as an operator would write them.
fn ten_thousand_targets() -> String {
    let mut text = AGENT.to_owned();
    for i in 0..10_000 {
        text.push_str(&format!(
            "      - targetName: target-{i}\n        type: StaticEndpoints\n        labels:\n          environment: staging\n          component: database\n        endpoints:\n          - address: 10.{}.{}.1:9100\n            path: /metrics\n            interval: 15s\n            metricSelector: [a_total, b_total]\n            metricRelabelConfigs:\n              - {{action: drop, sourceLabels: [__name__], regex: 'go_.*'}}\n",
            i / 250,
            i % 250
        ));
    }
    text
}

#[test]
fn ten_thousand_targets_are_read_within_a_second_and_64_mebibytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.yaml");
    std::fs::write(&path, ten_thousand_targets()).unwrap();
    let start = std::time::Instant::now();
    // the shell's limit of data memory holds for the program it becomes: more than 64 MiB and it would not end well
    let mut command = std::process::Command::new("sh");
    command.env_clear().args(["-c", "ulimit -d 65536; exec \"$0\" check \"$1\""]).arg(program()).arg(&path);
    let output = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.ends_with("jobs: 10000, errors: 0, warnings: 1\n"), "{stdout}{stderr}");
    let (took, size) = (start.elapsed(), std::fs::metadata(&path).unwrap().len());
    eprintln!("10 000 targets ({size} bytes) checked by the program in {took:?}, under 64 MiB of data");
    // 0.3 s of CPU in a release build; the bound leaves room for a loaded machine
    let most = if is_optimised() { 5 } else { 60 };
    assert!(took.as_secs() < most, "{took:?}");
}

/// A sound file to be spoilt.
const SOUND: &str = "global: {scrape_interval: 15s}\nscrape_configs:\n  - job_name: &name j\n    static_configs: [{targets: ['a:1', *name], labels: {a: \"b\\n\"}}]\n    params: {x: [1, 2]}\nfeatures:\n  openAgent:\n    enabled: true\n    targets:\n      - targetName: t\n        type: PodMonitor\n        selector: {matchExpressions: [{key: a, operator: In, values: [b]}]}\n        endpoints:\n          - port: web\n            tlsConfig: {caSecret: {name: n, key: k}}\n            metricRelabelConfigs: [{action: drop, regex: 'a|b', sourceLabels: [x]}]\n";

proptest::proptest! {
    /// Whatever is written, reading ends with jobs or faults, and every fault names the file.
    #[test]
    fn no_text_makes_reading_panic(
        cuts in proptest::collection::vec((0..SOUND.len(), 0_usize..12, "[-:\\[\\]{}&*!|>'\"#%@`,? \n\t<a1~é]{0,6}"), 0..4),
        noise in "(?s)[-:\\[\\]{}&*!|>'\"#%@`,? \n\t<a1~é\u{0}\u{feff}]{0,40}",
    ) {
        let mut spoilt = SOUND.to_owned();
        for (at, length, with) in cuts {
            let at = at.min(spoilt.len());
            let end = (at + length).min(spoilt.len());
            if spoilt.is_char_boundary(at) && spoilt.is_char_boundary(end) {
                spoilt.replace_range(at..end, &with);
            }
        }
        for text in [spoilt, noise] {
            let faults = match ScrapeFile::parse(&text, "s.yaml", &Context::default()) {
                Ok(file) => file.faults,
                Err(fault) => {
                    proptest::prop_assert!(fault.faults.iter().any(|fault| fault.is_error()), "{text:?}");
                    fault.faults
                }
            };
            proptest::prop_assert!(faults.iter().all(|fault| fault.to_string().starts_with("s.yaml")), "{text:?}");
        }
    }

    /// Settings come out of every text, and an untouched file is written as it was.
    #[test]
    fn no_text_makes_settings_panic(text in "(?s)([a-z_.]{1,12}|debug|license|#|=| |\n|\r|[0-9]{1,22}|é|\u{0}){0,40}") {
        let file = openagent::config::ConfFile::parse(&text);
        proptest::prop_assert_eq!(file.to_string(), text);
        openagent::config::Settings::resolve(&file, "w.conf", &[("", "")]);
    }
}
