//! What a scrape shows as its credentials: those configured, or the service account's token where SPEC 4 allows it.
//!
//! # Invariants
//! - Files, environment and secrets are read for each scrape, so a rotated one counts at once.
//! - Configured credentials keep the service account token away, even when they fail to resolve.
//! - A header made here is marked sensitive: it prints as `Sensitive`, never as its text.

use super::source::read_file;
use crate::config::job::{Credentials, Discover, Scheme, SecretKey, SecretSource};
use crate::config::value::TokenPolicy;
use crate::discovery::{SecretStore, Target};
use crate::net::FetchError;
use crate::secret::Secret;
use std::io;
use std::path::{Path, PathBuf};
use ureq::http::{HeaderValue, Uri};

/// Bytes of a credentials file at most; a token has two thousand.
const FILE_MAX: u64 = 64 << 10;

/// The service account: where its token lies and who may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Who is shown the token.
    pub policy: TokenPolicy,
    /// The token's file, read for each scrape that shows it; none outside a cluster.
    pub token_file: Option<PathBuf>,
    /// `host:port` of the API server, IPv6 in brackets.
    pub api_servers: Vec<String>,
}

impl ServiceAccount {
    /// No token for anybody: outside a cluster.
    pub fn none() -> Self {
        Self { policy: TokenPolicy::Never, token_file: None, api_servers: Vec::new() }
    }

    /// Whether the target's own host may see the token: over https, a Pod or ServiceMonitor target, and by the policy
    /// `verified` one whose certificate is verified or that is the API server itself.
    pub fn may_show_to(&self, target: &Target) -> bool {
        let has_own = target.job.credentials != Credentials::None;
        let is_static = matches!(target.job.discover, Discover::Static(_));
        if has_own || is_static || target.scheme != Scheme::Https {
            return false;
        }
        match self.policy {
            TokenPolicy::Never => false,
            TokenPolicy::Verified => is_verified(target) || self.api_servers.contains(&target.address),
            TokenPolicy::Always => true,
        }
    }
}

/// Whether no session comes about unless the certificate is good.
fn is_verified(target: &Target) -> bool {
    !target.job.tls.as_ref().is_some_and(|tls| tls.insecure_skip_verify)
}

/// The `Authorization` header for a target, for its own host alone.
///
/// # Errors
/// [`FetchError::Credentials`] when configured ones cannot be had; a service account token that is not there is no
/// error, the target then answers for itself.
pub fn header(
    target: &Target,
    account: &ServiceAccount,
    secrets: &dyn SecretStore,
) -> Result<Option<HeaderValue>, FetchError> {
    match &target.job.credentials {
        Credentials::None => Ok(service_account_token(target, account)),
        Credentials::Basic { username, password } => {
            let user = resolve(username, secrets, "basicAuth username")?;
            let password = resolve(password, secrets, "basicAuth password")?;
            let pair = format!("{}:{}", user.expose(), password.expose());
            sensitive(&format!("Basic {}", base64(pair.as_bytes())), "basicAuth").map(Some)
        }
        Credentials::Authorization { kind, credentials } => {
            let text = resolve(credentials, secrets, "authorization credentials")?;
            sensitive(&format!("{kind} {}", text.expose()), "authorization credentials").map(Some)
        }
    }
}

/// Whether a redirect from `from` to `to` stays with whom the credentials are for: the same host and port, or the same
/// host's step from http to https.
pub fn stays_with(from: &Uri, to: &Uri) -> bool {
    let (Some(old), Some(new)) = (from.host(), to.host()) else { return false };
    if !old.eq_ignore_ascii_case(new) {
        return false;
    }
    match (from.scheme_str(), to.scheme_str()) {
        (Some("http"), Some("https")) => true,
        (old, new) => old == new && port(from) == port(to),
    }
}

fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

fn service_account_token(target: &Target, account: &ServiceAccount) -> Option<HeaderValue> {
    let file = account.token_file.as_deref().filter(|_| account.may_show_to(target))?;
    let token = read_secret(file).ok().filter(|token| !token.is_empty())?;
    sensitive(&format!("Bearer {}", token.expose()), "service account token").ok()
}

fn resolve(source: &SecretSource, secrets: &dyn SecretStore, what: &str) -> Result<Secret, FetchError> {
    let fail = |found: String| FetchError::Credentials { what: format!("{what}: {found}") };
    match source {
        SecretSource::Plain(secret) => Ok(secret.clone()),
        SecretSource::File(path) => read_secret(path)
            .map_err(|error| fail(format!("reading {}: {error}; check the path and its permissions", path.display()))),
        SecretSource::Env(name) => std::env::var(name)
            .map(|text| trimmed(&text))
            .map_err(|_| fail(format!("environment variable {name} is not set (or no UTF-8); set it for the agent"))),
        SecretSource::Kubernetes(key) => {
            secrets.secret(key).map(|secret| trimmed(secret.expose())).map_err(|error| fail(in_one_line(key, &error)))
        }
    }
}

fn in_one_line(key: &SecretKey, error: &str) -> String {
    format!("secret {:?} key {:?}: {}", key.name, key.key, error.replace('\n', " "))
}

/// A line break at the end is how files and secrets are written, not part of them.
fn trimmed(text: &str) -> Secret {
    Secret::new(text.trim_end_matches(['\r', '\n']))
}

/// White space at the end of a file is how it was written, not part of the secret.
fn read_secret(path: &Path) -> io::Result<Secret> {
    read_file(path, FILE_MAX).map(|text| Secret::new(text.expose().trim_end()))
}

fn sensitive(text: &str, what: &str) -> Result<HeaderValue, FetchError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| FetchError::Credentials {
        what: format!("{what}: it holds a line break or another character that no header may have"),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let sextet = (group >> (18 - 6 * i) & 63) as usize;
            out.push(if i <= chunk.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn credentials_stay_with_their_host() {
        for (from, to, stays) in [
            ("http://a/", "http://a:80/x", true),
            ("http://a:9100/", "https://a:9443/", true),
            ("http://A/", "http://a/", true),
            ("http://a/", "http://b/", false),
            ("http://a:9100/", "http://a:9200/", false),
            ("https://a/", "http://a/", false),
            ("https://a/", "http://a:443/", false),
            ("https://a/", "https://a.b/", false),
        ] {
            assert_eq!(stays_with(&from.parse().unwrap(), &to.parse().unwrap()), stays, "{from} {to}");
        }
    }
}
