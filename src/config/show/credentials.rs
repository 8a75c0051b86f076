//! tlsConfig and credentials of a job; plain secrets are masked by their type.

use super::yaml::Yaml;
use crate::config::job::{Credentials, PemSource, SecretKey, SecretSource, TlsSettings};
use std::fmt;

/// Writes a tlsConfig.
pub(super) fn write_tls(yaml: &mut Yaml<'_>, tls: &TlsSettings) -> fmt::Result {
    yaml.plain("insecureSkipVerify", tls.insecure_skip_verify)?;
    tls.server_name.iter().try_for_each(|name| yaml.text("serverName", name))?;
    let ca = tls.ca.iter().map(|ca| ("ca", ca));
    let identity = tls.identity.iter().flat_map(|(cert, key)| [("cert", cert), ("key", key)]);
    ca.chain(identity).collect::<Vec<_>>().into_iter().try_for_each(|(name, source)| match source {
        PemSource::File(path) => yaml.text(&format!("{name}File"), &path.to_string_lossy()),
        PemSource::Secret(key) => write_secret_key(&mut yaml.under(&format!("{name}Secret")), key),
    })
}

/// Writes credentials, plain ones masked.
pub(super) fn write_credentials(yaml: &mut Yaml<'_>, credentials: &Credentials) -> fmt::Result {
    match credentials {
        Credentials::None => Ok(()),
        Credentials::Basic { username, password } => {
            let mut basic = yaml.under("basicAuth");
            write_source(&mut basic, "username", username)?;
            write_source(&mut basic, "password", password)
        }
        Credentials::Authorization { kind, credentials } => {
            let mut authorization = yaml.under("authorization");
            authorization.text("type", kind)?;
            write_source(&mut authorization, "credentials", credentials)
        }
    }
}

fn write_source(yaml: &mut Yaml<'_>, key: &str, source: &SecretSource) -> fmt::Result {
    match source {
        SecretSource::Plain(secret) => yaml.text(key, &secret.to_string()),
        SecretSource::File(path) => yaml.text(&format!("{key}File"), &path.to_string_lossy()),
        SecretSource::Env(name) => yaml.text(&format!("{key}Env"), name),
        SecretSource::Kubernetes(secret) => write_secret_key(&mut yaml.under(key), secret),
    }
}

fn write_secret_key(yaml: &mut Yaml<'_>, secret: &SecretKey) -> fmt::Result {
    yaml.text("name", &secret.name)?;
    yaml.text("key", &secret.key)?;
    secret.namespace.iter().try_for_each(|namespace| yaml.text("namespace", namespace))
}
