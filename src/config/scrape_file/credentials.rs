//! basicAuth, authorization, bearerTokenFile and tlsConfig.

use super::cursor::Cursor;
use super::fields::Fields;
use crate::config::job::{Credentials, PemSource, SecretKey, SecretSource, TlsSettings};
use crate::secret::Secret;
use std::path::PathBuf;

/// Reads whichever credentials a mapping has; authorization beats basicAuth.
pub fn read_credentials(fields: &Fields<'_>) -> Option<Credentials> {
    let basic = fields.take("basicAuth").and_then(|basic| read_basic(&basic));
    let token_file = fields.take("bearerTokenFile");
    let token = fields.take("bearerToken");
    let authorization = fields.take("authorization");
    if [&token_file, &token, &authorization].into_iter().flatten().count() > 1 {
        fields.whole().error("authorization, bearerTokenFile and bearerToken exclude each other; keep one of them");
    }
    let bearer = token_file.and_then(|file| file.word().map(|path| SecretSource::File(PathBuf::from(path))));
    let bearer = bearer.or_else(|| Some(SecretSource::Plain(Secret::new(token?.word()?))));
    let bearer = bearer.map(|credentials| Credentials::Authorization { kind: "Bearer".to_owned(), credentials });
    authorization.and_then(|authorization| read_authorization(&authorization)).or(bearer).or(basic)
}

fn read_basic(basic: &Cursor<'_>) -> Option<Credentials> {
    let fields = basic.fields()?;
    let username = one_source(&fields, &[("username", source), ("usernameFile", file)]);
    let password = one_source(&fields, &[("password", source), ("passwordFile", file)]);
    fields.finish();
    if username.is_none() && password.is_none() {
        basic.error("has neither a username nor a password");
    }
    let nothing = || SecretSource::Plain(Secret::default());
    Some(Credentials::Basic { username: username.unwrap_or_else(nothing), password: password.unwrap_or_else(nothing) })
}

fn read_authorization(authorization: &Cursor<'_>) -> Option<Credentials> {
    let fields = authorization.fields()?;
    let kind = fields.take("type");
    let word = kind.as_ref().and_then(Cursor::word).unwrap_or("Bearer").to_owned();
    if let Some(kind) = kind.filter(|_| word.eq_ignore_ascii_case("basic")) {
        kind.error("Basic is made by basicAuth from a username and a password; use that");
    }
    let credentials = one_source(
        &fields,
        &[("credentials", source), ("credentialsFile", file), ("credentialsEnv", env), ("credentialsSecret", secret)],
    );
    fields.finish();
    if credentials.is_none() {
        authorization
            .error("has no credentials; give credentials, credentialsFile, credentialsEnv or credentialsSecret");
    }
    Some(Credentials::Authorization { kind: word, credentials: credentials? })
}

type ReadSource = fn(&Cursor<'_>) -> Option<SecretSource>;

/// The one of several keys that is there; two of them are told.
fn one_source(fields: &Fields<'_>, keys: &[(&'static str, ReadSource)]) -> Option<SecretSource> {
    let found: Vec<_> = keys.iter().filter_map(|(name, read)| Some((*name, fields.take(name)?, read))).collect();
    if let [(first, ..), (second, cursor, _), ..] = found.as_slice() {
        let style = cursor.style();
        cursor.error(format!(
            "{} and {} exclude each other; keep one of them",
            style.write(first),
            style.write(second)
        ));
    }
    found.first().and_then(|(_, cursor, read)| read(cursor))
}

/// A plain text or a key of a secret.
fn source(cursor: &Cursor<'_>) -> Option<SecretSource> {
    if cursor.is_map() { secret(cursor) } else { cursor.text().map(|text| SecretSource::Plain(Secret::new(text))) }
}

fn file(cursor: &Cursor<'_>) -> Option<SecretSource> {
    cursor.word().map(|path| SecretSource::File(PathBuf::from(path)))
}

fn env(cursor: &Cursor<'_>) -> Option<SecretSource> {
    cursor.word().map(|name| SecretSource::Env(name.to_owned()))
}

fn secret(cursor: &Cursor<'_>) -> Option<SecretSource> {
    secret_key(cursor).map(SecretSource::Kubernetes)
}

/// `{name, key, namespace}`; an empty namespace is the agent's own.
fn secret_key(cursor: &Cursor<'_>) -> Option<SecretKey> {
    let fields = cursor.fields()?;
    let word = |name, mend| fields.need(name, mend).and_then(|value| value.word().map(str::to_owned));
    let (name, key) = (word("name", "name the secret"), word("key", "name the key inside the secret"));
    let namespace =
        fields.take("namespace").and_then(|value| value.text().map(str::trim)).filter(|text| !text.is_empty());
    fields.leave(&["optional"]); // part of Kubernetes' own selector type
    fields.finish();
    Some(SecretKey { name: name?, key: key?, namespace: namespace.map(str::to_owned) })
}

/// Reads a tlsConfig.
pub fn read_tls(cursor: &Cursor<'_>) -> Option<TlsSettings> {
    let fields = cursor.fields()?;
    let ca = pem(&fields, "caFile", "caSecret");
    let cert = pem(&fields, "certFile", "certSecret");
    let key = pem(&fields, "keyFile", "keySecret");
    let insecure = fields.take("insecureSkipVerify").and_then(|value| value.boolean());
    let server_name = fields.take("serverName").and_then(|value| value.word().map(str::to_owned));
    fields.without_effect(&["minVersion", "maxVersion"], ": TLS 1.2 and 1.3 are spoken");
    fields.finish();
    let identity = match (cert, key) {
        (Some((_, cert)), Some((_, key))) => Some((cert, key)),
        (Some((name, _)), None) => tell_half(cursor, name, "keyFile"),
        (None, Some((name, _))) => tell_half(cursor, name, "certFile"),
        (None, None) => None,
    };
    Some(TlsSettings {
        insecure_skip_verify: insecure.unwrap_or(false),
        server_name,
        ca: ca.map(|(_, source)| source),
        identity,
    })
}

fn tell_half<T>(cursor: &Cursor<'_>, present: &str, missing: &str) -> Option<T> {
    let style = cursor.style();
    cursor.error(format!("{} without {}; give both or neither", style.write(present), style.write(missing)));
    None
}

/// The file or the secret of a pair, and which key gave it.
fn pem(fields: &Fields<'_>, file: &'static str, secret: &'static str) -> Option<(&'static str, PemSource)> {
    let (in_file, in_secret) = (fields.take(file), fields.take(secret));
    if let (Some(_), Some(second)) = (&in_file, &in_secret) {
        let style = second.style();
        second.error(format!("{} and {} exclude each other; keep one of them", style.write(file), style.write(secret)));
    }
    let from_file = in_file.and_then(|value| Some((file, PemSource::File(PathBuf::from(value.word()?)))));
    from_file.or_else(|| Some((secret, PemSource::Secret(secret_key(&in_secret?)?))))
}
