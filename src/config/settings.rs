//! [`Settings`]: how they are looked up in whatap.conf and the environment, shown and compared.
//!
//! A key is looked up in the file, then as an environment variable of the same name; then its other names likewise.
//! An empty value is none. A faulty value is told and the default taken, so that one slip never stops the agent.

use super::conf_file::ConfFile;
use super::environment::Environment;
use super::fault::{Fault, Severity};
use super::key::{Effect, Key, Kind};
pub use super::keys::{KEYS, Settings};
use super::lookup::{Found, look_up};
use super::value::Value;
use crate::config::job::Limits;
use crate::nearest;
use crate::secret::{MASK, Secret};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The table.
    Default,
    /// whatap.conf, by this name.
    File(&'static str),
    /// An environment variable of this name.
    Environment(&'static str),
}

/// The text of one key's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    text: Secret,
    origin: Origin,
}

/// One key with its value in force, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Its value, masked when it is a secret.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
}

/// One key that changed between two settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub key: &'static str,
    /// The value before, masked when it is a secret.
    pub old: String,
    /// The value now, masked likewise.
    pub new: String,
    /// What the change does.
    pub effect: Effect,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?} → {:?} ({})", self.key, self.old, self.new, self.effect.as_str())
    }
}

/// The server's coordinates, all there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The licence.
    pub licence: Secret,
    /// Hosts in the order they were written; at least one.
    pub hosts: Vec<String>,
    /// Their port.
    pub port: u16,
}

/// Required keys that are nowhere; its text names every way to give them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingKeys {
    keys: Vec<&'static Key>,
    file: Arc<str>,
}

impl Settings {
    /// Reads every key of the table; `file` is whatap.conf's name in the faults.
    ///
    /// Faulty values are errors and leave the default in force; unknown keys and stray lines are warnings.
    pub fn resolve(conf: &ConfFile, file: &str, environment: &dyn Environment) -> (Self, Vec<Fault>) {
        let file: Arc<str> = file.into();
        let mut faults = Vec::new();
        let (mut values, mut stored) = (Vec::with_capacity(KEYS.len()), Vec::with_capacity(KEYS.len()));
        for key in KEYS {
            let found = look_up(key, conf, environment);
            let (value, text) =
                read(key, found, |found, allowed| faults.push(bad_value(key, found, &allowed, conf, &file)));
            values.push(value);
            stored.push(text);
        }
        faults.extend(unknown_keys(conf, &file));
        faults.extend(conf.stray_lines().map(|(line, _)| stray(line, &file)));
        faults.sort_by_key(|fault| fault.line);
        (Self::from_values(values, stored), faults)
    }

    /// Settings of no file and no environment.
    pub fn defaults() -> Self {
        Self::resolve(&ConfFile::default(), "", &[("", "")]).0
    }

    /// The server's coordinates.
    ///
    /// # Errors
    /// When the licence or the host is nowhere; `file` is where whatap.conf was looked for.
    pub fn server(&self, file: &str) -> Result<Server, MissingKeys> {
        let needed = [("WHATAP_LICENSE", self.licence.is_empty()), ("WHATAP_HOST", self.hosts.is_empty())];
        let keys = needed.iter().filter(|(_, missing)| *missing).map(|(name, _)| key(name)).collect::<Vec<_>>();
        if !keys.is_empty() {
            return Err(MissingKeys { keys, file: file.into() });
        }
        Ok(Server { licence: self.licence.clone(), hosts: self.hosts.clone(), port: self.port })
    }

    /// The limits of a job that sets none itself.
    pub fn limits(&self) -> Limits {
        Limits {
            body_bytes: self.body_size_limit,
            samples: self.sample_limit,
            labels: self.label_limit,
            label_name_bytes: self.label_name_length_limit,
            label_value_bytes: self.label_value_length_limit,
            targets: self.target_limit,
        }
    }

    /// Every key with its value in force, in the order of the table, secrets masked.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        KEYS.iter().zip(&self.stored).map(|(key, stored)| Entry {
            name: key.name,
            value: stored.shown(key),
            origin: stored.origin.clone(),
        })
    }

    /// The text of a key as it was given, by its first name; `None` when it has its default or is a secret.
    pub fn given(&self, name: &str) -> Option<&str> {
        let (key, stored) = KEYS.iter().zip(&self.stored).find(|(key, _)| key.name == name)?;
        (stored.origin != Origin::Default && !key.kind.is_secret()).then(|| stored.text.expose())
    }

    /// The keys whose values differ, in the order of the table.
    pub fn changes_from(&self, old: &Self) -> Vec<Change> {
        let rows = KEYS.iter().zip(old.stored.iter().zip(&self.stored));
        let changed = rows.filter(|(_, (old, new))| old.text != new.text);
        changed
            .map(|(key, (old, new))| Change {
                key: key.name,
                old: old.shown(key),
                new: new.shown(key),
                effect: key.effect,
            })
            .collect()
    }
}

impl Stored {
    fn shown(&self, key: &Key) -> String {
        if key.kind.is_secret() && !self.text.is_empty() { MASK.to_owned() } else { self.text.expose().to_owned() }
    }
}

impl std::fmt::Display for MissingKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = self.keys.iter().map(|key| key.name).collect::<Vec<_>>().join(" and ");
        write!(f, "{what}: missing. Each is looked for in {}, then in the environment, as", self.file)?;
        for key in &self.keys {
            write!(f, "\n  {}", key.names().collect::<Vec<_>>().join(" or "))?;
        }
        write!(f, "\nso set it in the environment (")?;
        write_pairs(f, self.keys.iter().map(|key| key.name))?;
        write!(f, "), or in {} under the same name, or there as ", self.file)?;
        write_pairs(f, self.keys.iter().filter_map(|key| key.also.first().copied()))
    }
}

/// `A=… B=…`
fn write_pairs(f: &mut std::fmt::Formatter<'_>, names: impl Iterator<Item = &'static str>) -> std::fmt::Result {
    for (i, name) in names.enumerate() {
        write!(f, "{}{name}=…", if i == 0 { "" } else { " " })?;
    }
    Ok(())
}

impl std::error::Error for MissingKeys {}

/// The row of a name that is in the table.
fn key(name: &str) -> &'static Key {
    KEYS.iter().find(|key| key.name == name).expect("the name is in the table")
}

/// The value of what was found, or of the default, and its text; a faulty one is told.
fn read(key: &Key, found: Option<Found>, tell: impl FnOnce(&Found, String)) -> (Value, Stored) {
    if let Some(found) = found {
        match key.kind.read(&found.text) {
            Ok(value) => return (value, Stored { text: found.text.trim().to_owned().into(), origin: found.origin }),
            Err(allowed) => tell(&found, allowed),
        }
    }
    let value = match key.default {
        "" if !matches!(key.kind, Kind::Hosts) => Value::Text(String::new()),
        text => key.kind.read(text).expect("the defaults of the table are read by a test"),
    };
    (value, Stored { text: key.default.to_owned().into(), origin: Origin::Default })
}

fn bad_value(key: &Key, found: &Found, allowed: &str, conf: &ConfFile, file: &Arc<str>) -> Fault {
    let value = if key.kind.is_secret() { MASK } else { found.text.as_str() };
    let (name, file, line) = match found.origin {
        Origin::File(name) => (name, file.clone(), conf.line_of(name).unwrap_or(0)),
        Origin::Environment(name) => (name, "environment".into(), 0),
        Origin::Default => (key.name, file.clone(), 0),
    };
    let default = if key.default.is_empty() { "nothing" } else { key.default };
    let what = format!("{value:?} is not {allowed}; {default} is used instead");
    Fault { severity: Severity::Error, file, line: line as u32, column: 0, path: name.to_owned(), what }
}

fn unknown_keys(conf: &ConfFile, file: &Arc<str>) -> Vec<Fault> {
    let names: BTreeSet<&str> = conf.pairs().map(|(name, _)| name).collect();
    let unknown = names.into_iter().filter(|name| !KEYS.iter().any(|key| key.is_named(name)));
    let fault = |name: &str| {
        let hint = nearest::hint(name, KEYS.iter().flat_map(Key::names));
        Fault {
            severity: Severity::Warning,
            file: file.clone(),
            line: conf.line_of(name).unwrap_or(0) as u32,
            column: 0,
            path: name.to_owned(),
            what: format!("this agent has no such key, it has no effect{hint}"),
        }
    };
    unknown.map(fault).collect()
}

/// The line's text is not shown: it may be a licence that was pasted without its key.
fn stray(line: usize, file: &Arc<str>) -> Fault {
    let what = "this line is neither key=value nor a # comment, it has no effect".to_owned();
    Fault { severity: Severity::Warning, file: file.clone(), line: line as u32, column: 0, path: String::new(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(conf: &str, environment: &dyn Environment) -> (Settings, Vec<String>) {
        let (settings, faults) = Settings::resolve(&ConfFile::parse(conf), "whatap.conf", environment);
        (settings, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_row_has_a_default_of_its_kind_and_a_name_of_its_own() {
        let (settings, faults) = resolve("", &[("", "")]);
        assert_eq!(faults, [""; 0]);
        assert_eq!(settings.entries().count(), KEYS.len());
        let names: BTreeSet<_> = KEYS.iter().flat_map(Key::names).filter(|n| !matches!(*n, "NODE_NAME")).collect();
        assert_eq!(names.len(), KEYS.iter().flat_map(Key::names).filter(|n| !matches!(*n, "NODE_NAME")).count());
    }

    #[test]
    fn the_file_wins_over_the_environment_and_an_empty_value_is_none() {
        let environment = [("debug", "true"), ("log_keep_days", "3"), ("WHATAP_HOST", "env")];
        let (settings, faults) = resolve("debug=no\nlog_keep_days=\nwhatap.server.host=file\n", &environment);
        assert_eq!(
            (settings.debug, settings.log_keep_days, settings.hosts.as_slice()),
            (false, 3, &["env".to_owned()][..])
        );
        assert_eq!(faults, [""; 0]);
        assert_eq!(resolve("status_listen=\n", &[("status_listen", "1.2.3.4:5")]).0.status_listen, None);
    }

    #[test]
    fn the_pod_name_is_the_last_resort_of_kind_and_member() {
        let (settings, _) = resolve("", &[("POD_NAME", "agent-web-7")]);
        assert_eq!((settings.okind.as_deref(), settings.cluster_member), (Some("agent-web"), Some(7)));
        let (settings, faults) = resolve("whatap.okind=mine\n", &[("PODNAME", "agent-5d9f-x2x4z")]);
        assert_eq!((settings.okind.as_deref(), settings.cluster_member), (Some("mine"), None));
        assert_eq!(faults, [""; 0]);
    }

    #[test]
    fn any_switch_of_a_family_turns_it_on() {
        assert!(resolve("debug_tcpsend_enabled=false\ndebug_tcpread_enabled=true\n", &[("", "")]).0.debug_tcp);
        let (settings, faults) = resolve("debug_tcpsend_enabled=false\n", &[("", "")]);
        assert!(!settings.debug_tcp && faults.is_empty());
    }

    #[test]
    fn faulty_values_and_unknown_keys_are_told_with_their_lines() {
        let conf = "# x\nlog_keep_days=soon\nlicence=x41\nx41pl22\ncypher_level=129\nlicence=x42\n";
        let (settings, faults) = resolve(conf, &[("tcp_so_timeout", "-1"), ("spool_order", "random")]);
        assert_eq!((settings.log_keep_days, settings.cypher_level), (7, 128));
        insta::assert_snapshot!(faults.join("\n"), @r#"
        environment: tcp_so_timeout: "-1" is not milliseconds, or a time such as 20s, from 1ms to 1d; 120000 is used instead
        environment: spool_order: "random" is not oldest or newest; oldest is used instead
        whatap.conf:2: log_keep_days: "soon" is not a number from 1 to 3650; 7 is used instead
        whatap.conf:4: warning: this line is neither key=value nor a # comment, it has no effect
        whatap.conf:5: cypher_level: "129" is not 0 or 128 or 192 or 256; 128 is used instead
        whatap.conf:6: warning: licence: this agent has no such key, it has no effect; did you mean "license"?
        "#);
    }

    #[test]
    fn missing_keys_are_told_in_one_message_with_every_way() {
        let missing = |conf| resolve(conf, &[("", "")]).0.server("/app/whatap.conf").map_err(|e| e.to_string());
        insta::assert_snapshot!(missing("").unwrap_err(), @r#"
        WHATAP_LICENSE and WHATAP_HOST: missing. Each is looked for in /app/whatap.conf, then in the environment, as
          WHATAP_LICENSE or license
          WHATAP_HOST or whatap.server.host or WHATAP_SERVER_HOST
        so set it in the environment (WHATAP_LICENSE=… WHATAP_HOST=…), or in /app/whatap.conf under the same name, or there as license=… whatap.server.host=…
        "#);
        insta::assert_snapshot!(missing("license=x41\n").unwrap_err(), @r#"
        WHATAP_HOST: missing. Each is looked for in /app/whatap.conf, then in the environment, as
          WHATAP_HOST or whatap.server.host or WHATAP_SERVER_HOST
        so set it in the environment (WHATAP_HOST=…), or in /app/whatap.conf under the same name, or there as whatap.server.host=…
        "#);
        let server = missing("license=x41\nwhatap.server.host=a/b,c\nwhatap.server.port=7000\n").unwrap();
        assert_eq!((server.licence.expose(), server.hosts.join(" ").as_str(), server.port), ("x41", "a b c", 7000));
    }

    #[test]
    fn a_change_says_what_it_does_and_never_a_secret() {
        let old = resolve("license=old\ndebug=false\nspool_dir=/a\n", &[("", "")]).0;
        let new = resolve("license=new\ndebug=true\nspool_dir=/b\nlog_keep_days=7\n", &[("", "")]).0;
        let changes: Vec<_> = new.changes_from(&old).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(changes.join("\n"), @r#"
        WHATAP_LICENSE: "***" → "***" (reconnects)
        debug: "false" → "true" (live)
        spool_dir: "/a" → "/b" (at the next start)
        "#);
        assert_eq!(old.changes_from(&old), []);
        assert!(!format!("{new:?}").contains("\"new\""), "{new:?}");
    }
}
