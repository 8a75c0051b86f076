//! Ways to the API server: kubeconfig files, credentials, certificates; kubectl must see them as we do.

use super::server::{FakeApi, TOKEN};
use super::support::{InPod, kubeconfig, labels, names, once, pod_job};
use base64::Engine as _;
use openagent::config::job::Port;
use openagent::discovery::kubernetes::access::{Bearer, Surroundings};
use openagent::discovery::kubernetes::api::Client;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// A kubeconfig whose only cluster is `cluster` and whose only user is `user`, both in YAML's flow style.
fn write_config(folder: &Path, cluster: &str, user: &str) -> PathBuf {
    let path = folder.join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
         clusters: [{{name: c, cluster: {{{cluster}}}}}]\n\
         users: [{{name: u, user: {{{user}}}}}]\n\
         contexts: [{{name: it, context: {{cluster: c, user: u, namespace: of-context}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn ca(api: &FakeApi) -> String {
    format!("server: {:?}, certificate-authority-data: {}", api.url(), encode(&api.ca))
}

fn encode(text: &str) -> String {
    base64::prelude::BASE64_STANDARD.encode(text)
}

/// What one poll through a kubeconfig says: the number of targets, or the reason why there are none.
fn outcome(surroundings: Surroundings) -> Result<usize, String> {
    let job = pod_job("web", names(&["production"]), labels(&[("app", "web")]), Some(Port::Number(8080)));
    let found = once(&Client::new(surroundings, Arc::default()), &[job]);
    match found.jobs[0].faults.first() {
        None => Ok(found.jobs[0].targets.len()),
        Some(fault) => Err(fault.what.clone()),
    }
}

fn through(config: &Path) -> Result<usize, String> {
    outcome(Surroundings::with_kubeconfig(config))
}

/// Whether kubectl reaches the API server by this kubeconfig; `None` without a kubectl.
fn kubectl(config: &Path) -> Option<bool> {
    let mut command = Command::new("kubectl");
    let command = command.args(["get", "--raw", "/api/v1/namespaces/production/pods?limit=1", "--request-timeout=10s"]);
    match command.env("KUBECONFIG", config).env_remove("HTTPS_PROXY").output() {
        Ok(output) => Some(output.status.success()),
        Err(_) => {
            assert!(
                std::env::var_os("OPENAGENT_REQUIRE_ALL").is_none(),
                "kubectl is missing and everything is required"
            );
            eprintln!("skipped: there is no kubectl");
            None
        }
    }
}

/// Both we and kubectl reach the API server, or neither does.
fn both(config: &Path, reached: bool) {
    let ours = through(config);
    assert_eq!(ours.is_ok(), reached, "{ours:?}");
    if let Some(theirs) = kubectl(config) {
        assert_eq!(theirs, reached, "kubectl sees {} otherwise", config.display());
    }
}

fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn tokens_files_and_certificates() {
    let api = FakeApi::with_captures();
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let write = |name: &str, text: &str| std::fs::write(path.join(name), text).unwrap();
    write("the-token", &format!("{TOKEN}\n"));
    write("ca.crt", &api.ca);
    write("agent.crt", &api.client.0);
    write("agent.key", &api.client.1);
    both(&write_config(path, &ca(&api), &format!("token: {TOKEN}")), true);
    both(&write_config(path, &ca(&api), "token: wrong"), false);
    both(&write_config(path, &ca(&api), &format!("tokenFile: {:?}, token: wrong", path.join("the-token"))), true);
    let relative = format!("server: {:?}, certificate-authority: ca.crt", api.url());
    both(&write_config(path, &relative, &format!("token: {TOKEN}")), true);
    let skip = format!("server: {:?}, insecure-skip-tls-verify: true", api.url());
    both(&write_config(path, &skip, &format!("token: {TOKEN}")), true);
    let other_name = format!("{}, tls-server-name: kubernetes.default.svc", ca(&api));
    both(&write_config(path, &other_name, &format!("token: {TOKEN}")), true);
    let wrong_name = format!("{}, tls-server-name: elsewhere.example.com", ca(&api));
    both(&write_config(path, &wrong_name, &format!("token: {TOKEN}")), false);
    let unknown_ca = format!("server: {:?}", api.url());
    both(&write_config(path, &unknown_ca, &format!("token: {TOKEN}")), false);

    both(&write_config(path, &ca(&api), "client-certificate: agent.crt, client-key: agent.key"), false);
    api.change(|state| state.accept_certificate = true);
    both(&write_config(path, &ca(&api), "client-certificate: agent.crt, client-key: agent.key"), true);
    let data =
        format!("client-certificate-data: {}, client-key-data: {}", encode(&api.client.0), encode(&api.client.1));
    both(&write_config(path, &ca(&api), &data), true);
}

#[test]
fn of_several_files_the_first_entry_of_a_name_counts() {
    let api = FakeApi::with_captures();
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let first = one.path().join("config");
    std::fs::write(&first, format!("users: [{{name: u, user: {{token: {TOKEN}}}}}]\n")).unwrap();
    let second = write_config(two.path(), &ca(&api), "token: wrong");
    let list = std::env::join_paths([one.path().join("missing"), first, second.clone()]).unwrap();
    both(Path::new(&list), true);
    both(&second, false);
}

#[test]
fn a_kubeconfig_in_the_home_folder_and_its_namespace() {
    let api = FakeApi::with_captures();
    let home = TempDir::new().unwrap();
    std::fs::create_dir(home.path().join(".kube")).unwrap();
    write_config(&home.path().join(".kube"), &ca(&api), &format!("token: {TOKEN}"));
    let variables = [("HOME".to_owned(), home.path().display().to_string())].into();
    let surroundings = Surroundings { variables, service_account: PathBuf::new() };
    let client = Client::new(surroundings.clone(), Arc::default());
    assert_eq!(client.namespace(), "whatap-monitoring", "unknown until the cluster is");
    assert_eq!(outcome(surroundings.clone()), Ok(6));
    assert_eq!(surroundings.access().unwrap().namespace.as_deref(), Some("of-context"));
    let access = surroundings.access().unwrap();
    assert_eq!(surroundings.namespace(Some(&access)), "of-context");
}

#[test]
fn faulty_files_say_what_is_wrong_and_where() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let server = "server: \"https://127.0.0.1:1\"";
    for (cluster, user, text) in [
        ("", "token: x", "cluster \"c\": server is missing"),
        ("server: somewhere", "token: x", "server \"somewhere\" is no URL; write it as https://host:6443"),
        (&format!("{server}, certificate-authority-data: '***'"), "", "certificate-authority-data is no base64"),
        (&format!("{server}, certificate-authority: x, insecure-skip-tls-verify: true"), "", "exclude each other"),
        (&format!("{server}, proxy-url: 'socks5://127.0.0.1:1'"), "", "only http:// proxies"),
        (&format!("{server}, certificate-authority: nowhere.crt"), "token: x", "nowhere.crt cannot be read"),
        (server, "client-certificate: a.crt", "client-certificate has no client-key"),
        (server, "client-key: a.key", "client-key has no client-certificate"),
        (server, "auth-provider: {name: gcp}", "use the exec plugin"),
        (
            server,
            "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}",
            "v1alpha1\" is not supported",
        ),
        (server, "exec: {apiVersion: client.authentication.k8s.io/v1}", "exec names no command"),
        (
            server,
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}",
            "nobody to ask",
        ),
        (server, "tokenFile: nowhere", "nowhere cannot be read"),
    ] {
        let error = through(&write_config(path, cluster, user)).unwrap_err();
        assert!(error.contains(text), "{cluster} {user}: {error}");
    }
    for (text, expected) in [
        ("clusters: {", "is faulty"),
        ("kind: Config", "there is no current-context"),
        ("current-context: x", "there is no context \"x\""),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\nclusters: [{name: z}]",
            "no cluster \"y\", only: z",
        ),
        ("", "there is no current-context"),
    ] {
        std::fs::write(path.join("config"), text).unwrap();
        let error = through(&path.join("config")).unwrap_err();
        assert!(error.contains(expected) && error.contains("config"), "{error}");
    }
    assert!(through(&path.join("nowhere")).unwrap_err().contains("there is no kubeconfig at"));
}

#[test]
fn exec_plugins_are_asked_once_until_their_token_ends() {
    let api = FakeApi::with_captures();
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let count = path.join("count");
    let plugin = |version: &str, status: &str| {
        script(
            path,
            "plugin.sh",
            &format!(
                "echo run >> {}\n[ \"$1 $GREETING\" = 'get hello' ] || exit 3\n\
                 cat <<'END'\n{{\"apiVersion\":\"client.authentication.k8s.io/{version}\",\"kind\":\"ExecCredential\",\"status\":{status}}}\nEND",
                count.display()
            ),
        );
        format!(
            "exec: {{apiVersion: client.authentication.k8s.io/{version}, command: sh, args: [{:?}, get], \
             env: [{{name: GREETING, value: hello}}], interactiveMode: Never}}",
            path.join("plugin.sh")
        )
    };
    let runs = || std::fs::read_to_string(&count).unwrap_or_default().lines().count();
    let polls = |user: &str| {
        let _ = std::fs::remove_file(&count);
        let client = Client::new(Surroundings::with_kubeconfig(&write_config(path, &ca(&api), user)), Arc::default());
        let job = pod_job("web", names(&["production"]), labels(&[("app", "web")]), Some(Port::Number(1)));
        (0..3).map(|_| once(&client, std::slice::from_ref(&job)).jobs[0].targets.len()).collect::<Vec<_>>()
    };
    for version in ["v1", "v1beta1"] {
        let user = plugin(version, &format!(r#"{{"token":"{TOKEN}","expirationTimestamp":"2099-01-01T00:00:00Z"}}"#));
        assert_eq!((polls(&user), runs()), (vec![6, 6, 6], 1), "{version}");
        both(&write_config(path, &ca(&api), &user), true);
    }
    let user = plugin("v1", &format!(r#"{{"token":"{TOKEN}","expirationTimestamp":"2020-01-01T00:00:00Z"}}"#));
    assert_eq!((polls(&user), runs()), (vec![6, 6, 6], 3), "an expired token is not used again");
    let user = plugin("v1", r#"{"token":"refused"}"#);
    assert_eq!((polls(&user), runs()), (vec![0, 0, 0], 6), "a refused token is made anew, once a poll");

    let (certificate, key) = (serde_json::json!(api.client.0), serde_json::json!(api.client.1));
    let user = plugin("v1", &format!(r#"{{"clientCertificateData":{certificate},"clientKeyData":{key}}}"#));
    api.change(|state| state.accept_certificate = true);
    assert_eq!((polls(&user), runs()), (vec![6, 6, 6], 1), "a certificate serves as well");
}

#[test]
fn plugins_that_fail_are_told_without_their_secrets() {
    let api = FakeApi::with_captures();
    let folder = TempDir::new().unwrap();
    let user =
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin.sh, installHint: get it at example.com}";
    let config = write_config(folder.path(), &ca(&api), user);
    let missing = through(&config).unwrap_err();
    assert!(missing.contains("cannot be started") && missing.contains("get it at example.com"), "{missing}");
    for (text, expected) in [
        ("echo 'log in first' >&2; exit 7", "exit status: 7: log in first"),
        ("echo hunter2", "printed no ExecCredential (line 1, column 1)"),
        ("echo '{}'", "printed kind \"\""),
        (
            r#"echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{}}'"#,
            "neither a token nor a client certificate",
        ),
        (
            r#"echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"hunter2","expirationTimestamp":"soon"}}'"#,
            "expirationTimestamp \"soon\" that is no time",
        ),
        (
            r#"echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"clientKeyData":"hunter2"}}'"#,
            "a key without its certificate",
        ),
    ] {
        script(folder.path(), "plugin.sh", text);
        let error = through(&config).unwrap_err();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{text}: {error}");
    }
}

#[test]
fn a_plugin_hears_of_the_cluster_when_it_wants_to() {
    let api = FakeApi::with_captures();
    let folder = TempDir::new().unwrap();
    let text = format!(
        "echo \"$KUBERNETES_EXEC_INFO\" > {}\n\
         echo '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"{TOKEN}\"}}}}'",
        folder.path().join("info").display()
    );
    script(folder.path(), "plugin.sh", &text);
    let user = "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin.sh, provideClusterInfo: true}";
    assert_eq!(through(&write_config(folder.path(), &ca(&api), user)), Ok(6));
    let info = std::fs::read(folder.path().join("info")).unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info["spec"]["interactive"], false);
    assert_eq!(info["spec"]["cluster"]["server"], api.url());
    assert_eq!(info["spec"]["cluster"]["certificate-authority-data"], encode(&api.ca));
}

#[test]
fn a_pod_without_a_token_says_so_and_ipv6_is_bracketed() {
    let api = FakeApi::with_captures();
    let pod = InPod::of(&api);
    let mut surroundings = pod.surroundings.clone();
    surroundings.variables.insert("KUBERNETES_SERVICE_HOST".into(), "fd00::1".into());
    let access = surroundings.access().unwrap();
    assert_eq!(access.server, format!("https://[fd00::1]:{}", api.address.port()));
    assert!(matches!(access.bearer, Bearer::File(_)) && surroundings.in_pod());
    std::fs::remove_file(pod.folder.path().join("token")).unwrap();
    assert!(outcome(pod.surroundings.clone()).unwrap_err().contains("automountServiceAccountToken"));
    pod.write("token", " \n");
    assert!(outcome(pod.surroundings).unwrap_err().contains("is empty"));
}

#[test]
fn a_changed_ca_file_takes_effect_with_the_next_request() {
    let (api, other) = (FakeApi::with_captures(), FakeApi::empty());
    let pod = InPod::of(&api);
    let client = pod.client();
    let job = pod_job("web", names(&["production"]), labels(&[("app", "web")]), Some(Port::Number(1)));
    let poll = || once(&client, std::slice::from_ref(&job)).jobs[0].targets.len();
    assert_eq!(poll(), 6);
    pod.write("ca.crt", &other.ca);
    assert_eq!(poll(), 0, "the server's certificate is not signed by this CA");
    pod.write("ca.crt", &api.ca);
    assert_eq!(poll(), 6);
}

#[test]
fn a_proxy_tunnels_to_the_server() {
    let api = FakeApi::with_captures();
    let folder = TempDir::new().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    let address = api.address;
    let thread = std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        tunnel(client, address)
    });
    let cluster = format!("{}, proxy-url: \"http://{proxy}\"", ca(&api));
    assert_eq!(through(&write_config(folder.path(), &cluster, &format!("token: {TOKEN}"))), Ok(6));
    assert!(thread.join().unwrap().starts_with(&format!("CONNECT {address} HTTP/1.1")));
}

/// Serves one CONNECT and gives back its head.
fn tunnel(mut client: std::net::TcpStream, address: std::net::SocketAddr) -> String {
    use std::io::{Read as _, Write as _};
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let mut server = std::net::TcpStream::connect(address).unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (mut back_from, mut back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let back = std::thread::spawn(move || drop(std::io::copy(&mut back_from, &mut back_to)));
    let _ = std::io::copy(&mut client, &mut server);
    let _ = server.shutdown(std::net::Shutdown::Both);
    let _ = back.join();
    String::from_utf8(head).unwrap()
}

#[test]
fn the_fakes_kubeconfig_serves_kubectl_too() {
    let api = FakeApi::with_captures();
    let folder = TempDir::new().unwrap();
    both(&kubeconfig(&api, folder.path()), true);
}
