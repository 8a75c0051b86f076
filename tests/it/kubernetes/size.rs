//! The price of a large cluster: CPU and memory of one poll over 5000 pods.

use super::server::{FakeApi, Fault};
use super::support::{InPod, alone, named, pod_job};
use openagent::config::job::NamespaceSelection;
use openagent::discovery::kubernetes::ask::Learned;
use openagent::discovery::kubernetes::round::round;
use openagent::selector::Selector;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const PODS: usize = 5_000;
/// Unoptimized compression alone would take half a minute.
const LEVEL: u32 = if cfg!(debug_assertions) { 0 } else { 1 };
/// Set for the child process that polls, so that the server's memory and CPU are not counted.
const URL: &str = "OPENAGENT_TEST_SIZE_FOLDER";

/// A pod as a cluster shows it: labels, annotations, managed fields, conditions, some 7 KiB.
fn pod(number: usize) -> Value {
    let fields: serde_json::Map<String, Value> =
        (0..60).map(|i| (format!("f:field-{i}"), json!({ ".": {}, "f:sub": {} }))).collect();
    let environment: Vec<Value> =
        (0..30).map(|i| json!({ "name": format!("SETTING_{i}"), "value": "a value of a usual length" })).collect();
    json!({
        "metadata": {
            "name": format!("shop-backend-5d4f8c7b9-{number:05}"), "namespace": "production",
            "uid": format!("29609208-c0a0-425a-99d5-{number:012}"),
            "labels": { "app.kubernetes.io/name": "shop-backend", "app.kubernetes.io/part-of": "shop",
                "pod-template-hash": "5d4f8c7b9", "tier": "backend", "version": "v1" },
            "annotations": { "prometheus.io/scrape": "true", "checksum/config": "0123456789abcdef0123456789abcdef" },
            "ownerReferences": [{ "kind": "ReplicaSet", "name": "shop-backend-5d4f8c7b9", "controller": true }],
            "managedFields": [{ "manager": "kubelet", "fieldsV1": fields }],
        },
        "spec": {
            "nodeName": format!("node-{}", number % 100),
            "containers": [{ "name": "backend", "image": "registry.example.com/shop/backend:1.2.3",
                "ports": [{ "name": "metrics", "containerPort": 9100, "protocol": "TCP" }], "env": environment }],
        },
        "status": {
            "phase": "Running", "podIP": address(number),
            "hostIP": "192.168.0.1",
            "conditions": [{ "type": "Initialized", "status": "True" }, { "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "name": "backend", "containerID": format!("containerd://{number:064}"), "ready": true }],
        },
    })
}

/// The list, as a server sends it: compressed.
fn list() -> (usize, Vec<u8>) {
    const MARK: usize = 12_345; // five digits, so that every pod's text has the same length
    let template = pod(MARK).to_string();
    let pods: Vec<String> = (0..PODS)
        .map(|number| {
            let ip = format!("10.9.{}.{}", number / 256, number % 256);
            template.replace("12345", &format!("{number:05}")).replace(&address(MARK), &ip)
        })
        .collect();
    let text = format!(r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{}]}}"#, pods.join(","));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(LEVEL));
    encoder.write_all(text.as_bytes()).unwrap();
    (text.len(), encoder.finish().unwrap())
}

fn address(number: usize) -> String {
    format!("10.{}.{}.{}", number / 65536, number / 256 % 256, number % 256)
}

#[test]
fn five_thousand_pods_in_one_list() {
    let api = FakeApi::empty();
    let (bytes, body) = list();
    // ready made: the fake is not what is measured
    api.fail("/v1/pods?", Fault::Answer(200, vec![("Content-Encoding", "gzip".into())], body), 2);
    let pod = InPod::of(&api);
    pod.write("port", &api.address.port().to_string());
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["kubernetes::size::the_poll_itself", "--exact", "--nocapture", "--test-threads=1"])
        .env(URL, pod.folder.path())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&child.stdout);
    let stderr = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{stdout}{stderr}");
    eprintln!(
        "{PODS} pods, {} KiB of JSON: {}",
        bytes >> 10,
        stderr.lines().find(|line| line.contains("poll")).unwrap()
    );
}

/// Runs in a process of its own, started by the test above; alone it has nothing to do.
#[test]
fn the_poll_itself() {
    let Some(folder) = std::env::var_os(URL).map(std::path::PathBuf::from) else { return };
    let variables = [
        ("KUBERNETES_SERVICE_HOST".to_owned(), "127.0.0.1".to_owned()),
        ("KUBERNETES_SERVICE_PORT".to_owned(), std::fs::read_to_string(folder.join("port")).unwrap()),
    ];
    let surroundings =
        openagent::discovery::kubernetes::access::Surroundings { variables: variables.into(), service_account: folder };
    let client = openagent::discovery::kubernetes::api::Client::new(surroundings, Arc::default());
    let mut learned = Learned::default();
    let few = pod_job("few", super::support::names(&["nosuch"]), Selector::default(), named("metrics"));
    let _ = round(&client, &mut learned, &alone(), &[few], &[]); // connection, TLS and code are there already
    let job = pod_job("all", NamespaceSelection::Any, Selector::default(), named("metrics"));
    let (rss, cpu) = (rss_kib(), cpu());
    let first = round(&client, &mut learned, &alone(), std::slice::from_ref(&job), &[]);
    let (cpu_first, grown) = (cpu_since(cpu), rss_kib().saturating_sub(rss));
    let again = cpu_now();
    let second = round(&client, &mut learned, &alone(), std::slice::from_ref(&job), &first.jobs);
    let cpu_second = cpu_since(again);
    let grown_after = rss_kib().saturating_sub(rss);
    let peak = peak_kib().saturating_sub(rss);
    eprintln!(
        "poll {:.2} s CPU, again {:.2} s; RSS +{:.1} MiB, after the second +{:.1} MiB, peak +{:.1} MiB; {} targets",
        cpu_first.as_secs_f64(),
        cpu_second.as_secs_f64(),
        mib(grown),
        mib(grown_after),
        mib(peak),
        first.jobs[0].targets.len()
    );
    assert_eq!(first.jobs[0].targets.len(), PODS);
    assert!(second.jobs == first.jobs, "the second poll gives the very same targets");
    // without optimization serde alone takes many times its usual time
    let slower = if cfg!(debug_assertions) { 20 } else { 1 };
    assert!(cpu_first < Duration::from_millis(1_500) * slower, "{cpu_first:?}");
    assert!(peak < 10 << 10, "RSS grew by {peak} KiB");
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn cpu() -> Duration {
    cpu_now()
}

fn cpu_since(start: Duration) -> Duration {
    cpu_now() - start
}

/// CPU time of this process, from clock ticks of a hundredth of a second.
fn cpu_now() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn rss_kib() -> u64 {
    status_kib("VmRSS:")
}

fn peak_kib() -> u64 {
    status_kib("VmHWM:")
}

fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
