//! GET_ENV: the process environment, without its secrets.

use super::ControlContext;
use crate::secret::MASK;
use crate::telemetry::build;
use crate::wire::value::Map;

/// Parts of names whose values are never told.
const SECRET_NAMES: [&str; 9] =
    ["LICENSE", "LICENCE", "SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "KEY", "AUTHORIZATION"];

/// `env`: every variable, and the agent's version.
pub(super) fn all(context: &ControlContext<'_>) -> Map {
    let mut variables = Map::new();
    for (name, value) in context.environment {
        let masked = is_secret_name(name) || is_secret_value(value, context.licence.expose());
        variables.put(name.clone(), if masked { MASK } else { value.as_str() });
    }
    variables.put("whatap.agent_version", build::VERSION);
    Map::new().with("env", variables)
}

/// Whether a variable or key of that name holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Whether a value is a secret under whatever name: the licence, a JSON web token, a URL with a password.
fn is_secret_value(value: &str, licence: &str) -> bool {
    let holds_licence = !licence.is_empty() && value.contains(licence);
    let holds_password = value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    holds_licence || holds_password || value.split_ascii_whitespace().any(is_web_token)
}

/// Three parts joined by dots, the first of which is a JSON object in base64.
fn is_web_token(word: &str) -> bool {
    word.find("eyJ").is_some_and(|at| word.get(at..).is_some_and(|token| token.split('.').count() == 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_and_by_look() {
        for name in ["WHATAP_LICENSE", "whatap.license", "Db_Password", "AWS_SECRET_ACCESS", "GH_TOKEN", "SSH_KEY"] {
            assert!(is_secret_name(name), "{name}");
        }
        assert!(!is_secret_name("PATH") && !is_secret_name("WHATAP_HOST"));
        let licence = "x41pl22ek7jhv-z43";
        for value in [
            "-Dlicense=x41pl22ek7jhv-z43 -X",
            "http://me:pw@proxy:3128/",
            "Bearer eyJhbGciOi.eyJzdWIi.c2ln",
            "postgres://u:p@db/x?y#z",
        ] {
            assert!(is_secret_value(value, licence), "{value}");
        }
        for value in ["/usr/bin:/bin", "http://proxy:3128/a:b@c", "user@host", "a.b.c", ""] {
            assert!(!is_secret_value(value, licence), "{value}");
        }
        assert!(!is_secret_value("anything", ""), "no licence is in no text");
    }
}
