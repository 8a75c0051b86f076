//! How a key of whatap.conf is looked up: in the file, then as an environment variable of the same name, then its other
//! names likewise, and where the pod's name stands in for it, that at last. An empty value is none.

use super::conf_file::ConfFile;
use super::environment::Environment;
use super::key::{Key, Kind, boolean};
use super::settings::Origin;

/// A text and where it was.
pub(super) struct Found {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Looks a key up; `None` leaves its default in force.
pub(super) fn look_up(key: &Key, conf: &ConfFile, environment: &dyn Environment) -> Option<Found> {
    if matches!(key.kind, Kind::Switches) {
        return look_up_switches(key, conf, environment);
    }
    let by_name = |name: &'static str| {
        let in_file = conf.value(name).filter(|value| !value.is_empty() || key.kind.takes_empty());
        let in_file = in_file.map(|text| Found { text: text.to_owned(), origin: Origin::File(name) });
        in_file.or_else(|| Some(Found { text: environment.var(name)?, origin: Origin::Environment(name) }))
    };
    key.names().find_map(by_name).or_else(|| from_pod_name(key, environment))
}

/// A family is on when one of its switches is.
fn look_up_switches(key: &Key, conf: &ConfFile, environment: &dyn Environment) -> Option<Found> {
    let on = |(name, value): &(&str, &str)| key.is_named(name) && boolean(value) == Some(true);
    let in_file = conf.pairs().find(on).map(|_| Found { text: "true".into(), origin: Origin::File(key.prefix()) });
    in_file.or_else(|| Some(Found { text: environment.var(key.prefix())?, origin: Origin::Environment(key.prefix()) }))
}

/// Two keys have the pod's name as their last resort: `web-7` is of the kind `web` and member 7.
fn from_pod_name(key: &Key, environment: &dyn Environment) -> Option<Found> {
    let variable = ["POD_NAME", "PODNAME"].into_iter().find(|name| environment.var(name).is_some())?;
    let pod = environment.var(variable)?;
    let (kind, ordinal) = pod.rsplit_once('-')?;
    let text = match key.name {
        "whatap.okind" => kind,
        "cluster_member" if key.kind.read(ordinal).is_ok() => ordinal,
        _ => return None,
    };
    Some(Found { text: text.to_owned(), origin: Origin::Environment(variable) })
}
