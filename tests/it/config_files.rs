//! scrape_config.yaml through the library: both formats, the seed's examples, faulty files and their messages.

use crate::support::shared;
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
