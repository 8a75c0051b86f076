//! kubeconfig files: merged over several files, resolved to one [`Access`].
//!
//! # Invariants
//! Of an entry that two files name alike the first one counts; a relative path is relative to the file it stands in;
//! `…-data` wins over the file beside it. Whatever the file asks for and this agent cannot do is an error, not
//! something left out.
//! Rule: client-go's `clientcmd` as kubectl shows it, checked with `kubectl config view`.

use super::access::{Access, Bearer, Pem};
use super::exec::ExecPlugin;
use super::kubeconfig_file::{RawCluster, RawConfig, RawExec, RawNamed, RawUser};
use crate::secret::Secret;
use base64::Engine as _;
use std::path::{Path, PathBuf};

/// Reads the files, of which some may be missing, and resolves the current context.
///
/// # Errors
/// One line: the file or entry at fault, what is wrong with it, how to mend it.
pub fn load(paths: &[PathBuf]) -> Result<Access, String> {
    let named = || paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let mut merged = RawConfig::default();
    let mut read = 0;
    for path in paths {
        match std::fs::read_to_string(path) {
            Ok(text) => merged.absorb(parse(&text, path)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("kubeconfig {} cannot be read: {error}", path.display())),
        }
        read += 1;
    }
    if read == 0 {
        return Err(format!("there is no kubeconfig at {}", named()));
    }
    merged.resolve().map_err(|fault| format!("kubeconfig {}: {fault}", named()))
}

fn parse(text: &str, path: &Path) -> Result<RawConfig, String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    RawConfig::parse(text, folder).map_err(|error| format!("kubeconfig {} is faulty: {error}", path.display()))
}

impl RawConfig {
    /// Takes in what a later file has and this one has not.
    fn absorb(&mut self, later: Self) {
        if self.current_context.as_deref().unwrap_or_default().is_empty() {
            self.current_context = later.current_context;
        }
        absorb(&mut self.clusters, later.clusters);
        absorb(&mut self.users, later.users);
        absorb(&mut self.contexts, later.contexts);
    }

    fn resolve(self) -> Result<Access, String> {
        let current = self.current_context.filter(|name| !name.is_empty());
        let current = current.ok_or("there is no current-context; choose one with `kubectl config use-context`")?;
        let (context, _) = pick(self.contexts, "context", &current)?;
        let cluster_name = context.cluster.ok_or_else(|| format!("context {current:?} names no cluster"))?;
        let (cluster, folder) = pick(self.clusters, "cluster", &cluster_name)?;
        let mut access = cluster.resolve(&folder).map_err(|fault| format!("cluster {cluster_name:?}: {fault}"))?;
        if let Some(user_name) = context.user.filter(|name| !name.is_empty()) {
            let (user, folder) = pick(self.users, "user", &user_name)?;
            user.resolve(&folder, &mut access).map_err(|fault| format!("user {user_name:?}: {fault}"))?;
        }
        access.namespace = context.namespace.filter(|name| !name.is_empty());
        Ok(access)
    }
}

fn absorb<T>(into: &mut Vec<RawNamed<T>>, later: Vec<RawNamed<T>>) {
    for entry in later {
        if into.iter().all(|known| known.name != entry.name) {
            into.push(entry);
        }
    }
}

/// The entry of that name, with the folder its relative paths start from.
fn pick<T>(entries: Vec<RawNamed<T>>, kind: &str, name: &str) -> Result<(T, PathBuf), String> {
    let known = entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = entries.into_iter().find(|entry| entry.name == name);
    let entry = found.ok_or_else(|| format!("there is no {kind} {name:?}, only: {known}"))?;
    Ok((entry.value, entry.folder))
}

impl RawCluster {
    fn resolve(self, folder: &Path) -> Result<Access, String> {
        let server = self.server.filter(|server| !server.is_empty()).ok_or("server is missing")?;
        if !server.starts_with("https://") && !server.starts_with("http://") {
            return Err(format!("server {server:?} is no URL; write it as https://host:6443"));
        }
        let ca = pem(self.certificate_authority_data, self.certificate_authority, folder)
            .map_err(|fault| format!("certificate-authority-data {fault}"))?;
        let insecure = self.insecure_skip_tls_verify;
        if insecure && ca.is_some() {
            return Err("certificate-authority and insecure-skip-tls-verify exclude each other; remove one".into());
        }
        let proxy = self.proxy_url.filter(|url| !url.is_empty());
        if let Some(url) = proxy.as_deref().filter(|url| !url.starts_with("http://")) {
            return Err(format!("proxy-url {url:?} is not supported; only http:// proxies are"));
        }
        Ok(Access {
            server: server.trim_end_matches('/').to_owned(),
            ca,
            insecure,
            server_name: self.tls_server_name.filter(|name| !name.is_empty()),
            proxy,
            identity: None,
            bearer: Bearer::None,
            namespace: None,
        })
    }
}

impl RawUser {
    fn resolve(self, folder: &Path, access: &mut Access) -> Result<(), String> {
        if self.auth_provider {
            return Err("auth-provider is gone from Kubernetes; use the exec plugin of that provider".into());
        }
        let certificate = pem(self.client_certificate_data, self.client_certificate, folder)
            .map_err(|fault| format!("client-certificate-data {fault}"))?;
        let key =
            pem(self.client_key_data, self.client_key, folder).map_err(|fault| format!("client-key-data {fault}"))?;
        access.identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err("client-certificate has no client-key".into()),
            (None, Some(_)) => return Err("client-key has no client-certificate".into()),
        };
        access.bearer = if let Some(file) = self.token_file.filter(|file| !file.as_os_str().is_empty()) {
            Bearer::File(folder.join(file))
        } else if let Some(token) = self.token.filter(|token| !token.is_empty()) {
            Bearer::Token(Secret::new(token))
        } else if let Some(username) = self.username.filter(|name| !name.is_empty()) {
            Bearer::Basic { username, password: Secret::new(self.password.unwrap_or_default()) }
        } else if let Some(exec) = self.exec {
            Bearer::Exec(Box::new(exec.resolve(folder, access)?))
        } else {
            Bearer::None
        };
        Ok(())
    }
}

impl RawExec {
    fn resolve(self, folder: &Path, access: &Access) -> Result<ExecPlugin, String> {
        let command = self.command.filter(|command| !command.is_empty()).ok_or("exec names no command")?;
        if self.interactive_mode.as_deref() == Some("Always") {
            return Err(format!("exec {command:?} wants interactiveMode Always, but an agent has nobody to ask"));
        }
        let version = self.api_version.unwrap_or_default();
        let program = Path::new(&command);
        // a bare name is looked for in PATH, anything with a folder is relative to the file
        let program = if program.components().count() > 1 { folder.join(program) } else { program.to_owned() };
        let env = self.env;
        ExecPlugin::new(version, program, self.args, env)
            .map(|plugin| plugin.with_hint(self.install_hint))
            .map(|plugin| if self.provide_cluster_info { plugin.with_cluster(access) } else { plugin })
    }
}

fn pem(data: Option<String>, file: Option<PathBuf>, folder: &Path) -> Result<Option<Pem>, String> {
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let bytes = base64::prelude::BASE64_STANDARD.decode(data.trim());
        return bytes.map(|bytes| Some(Pem::Data(bytes.into()))).map_err(|error| format!("is no base64: {error}"));
    }
    Ok(file.filter(|file| !file.as_os_str().is_empty()).map(|file| Pem::File(folder.join(file))))
}
