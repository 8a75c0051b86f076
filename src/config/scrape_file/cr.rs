//! The CR format: `features.openAgent`.

use super::cursor::Cursor;
use super::fields::Fields;
use super::options::{Defaults, Names, Options};
use super::selectors::{default_namespace, read_address, read_namespaces, read_port, read_selector};
use super::values::read_path;
use super::{Found, Reading};
use crate::config::job::{Discover, KubernetesSelection};
use crate::nearest;

const NAMES: Names = Names { interval: "interval", timeout: "timeout", path: "path" };

/// Target types as written, the older names among them.
const TYPES: [(&str, Kind); 5] = [
    ("PodMonitor", Kind::Pods),
    ("ServiceMonitor", Kind::Services),
    ("StaticEndpoints", Kind::Static),
    ("PodMetrics", Kind::Pods),
    ("ServiceMetrics", Kind::Services),
];

/// Keys of the custom resource that are the operator's, not the agent's.
const OPERATORS_KEYS: [&str; 12] = [
    "image",
    "imageName",
    "imageVersion",
    "agentImageFullName",
    "annotations",
    "podAnnotations",
    "podLabels",
    "nodeSelector",
    "resources",
    "tolerations",
    "envs",
    "disableForeground",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pods,
    Services,
    Static,
}

/// Reads `features`: its `openAgent`, everything else belongs to others.
pub fn read_features(features: &Cursor<'_>, defaults: &Defaults, reading: &Reading<'_>) -> Vec<Found> {
    let Some(fields) = features.fields() else { return Vec::new() };
    match fields.take("openAgent") {
        Some(agent) => read_agent(&agent, defaults, reading),
        None => Vec::new(),
    }
}

fn read_agent(agent: &Cursor<'_>, defaults: &Defaults, reading: &Reading<'_>) -> Vec<Found> {
    let Some(fields) = agent.fields() else { return Vec::new() };
    let enabled = fields.take("enabled");
    let interval = fields.take("globalInterval").and_then(|value| value.duration());
    let path = fields.take("globalPath").and_then(|value| read_path(&value));
    let minimum = fields.take("minimumInterval").and_then(|value| value.duration());
    let targets = fields.take("targets");
    fields.leave(&OPERATORS_KEYS);
    reading.finish(fields);
    let defaults = Defaults {
        interval: interval.unwrap_or(defaults.interval),
        path: path.unwrap_or_else(|| defaults.path.clone()),
        minimum_interval: minimum.unwrap_or(defaults.minimum_interval),
        ..defaults.clone()
    };
    let on = enabled.as_ref().and_then(Cursor::text).is_some_and(is_true);
    if !on {
        enabled.as_ref().unwrap_or(agent).warning("openAgent is not enabled: true, so none of its targets is scraped");
    }
    let items = targets.map(|list| list.items()).unwrap_or_default();
    let found = items.iter().map(|item| reading.item(item, |item| read_target(item, &defaults, reading))).collect();
    if on { found } else { Vec::new() }
}

fn is_true(text: &str) -> bool {
    crate::config::key::boolean(text.trim()) == Some(true)
}

/// One target: its name, and its jobs unless it is switched off.
fn read_target(target: &Cursor<'_>, defaults: &Defaults, reading: &Reading<'_>) -> Found {
    let Some(fields) = target.fields() else { return Found::default() };
    let name = fields.need("targetName", "give the target a name").and_then(|value| value.word().map(str::to_owned));
    let enabled = fields.take("enabled").and_then(|value| value.boolean()).unwrap_or(true);
    let kind =
        fields.need("type", "write PodMonitor, ServiceMonitor or StaticEndpoints").and_then(|value| read_kind(&value));
    let options = Options::read(&fields, NAMES, &reading.rules);
    let mut found = Found { name, off: !enabled, ..Found::default() };
    let name = found.name.clone().unwrap_or_default();
    let mut add = |options: Options, discover, place: &Cursor<'_>| {
        found.jobs.push(options.job(&name, discover, defaults, place).into());
    };
    let selection = Selection::read(&fields, kind);
    let (addresses, endpoints) = (fields.take("addresses"), fields.take("endpoints"));
    fields.finish();
    if addresses.is_none() && endpoints.is_none() {
        target.error(if kind == Some(Kind::Static) {
            "has neither endpoints nor addresses"
        } else {
            "has no endpoints"
        });
    }
    if let Some(addresses) = addresses.filter(|list| of_static(list, kind)) {
        let addresses = addresses.items().iter().filter_map(read_address).collect();
        add(options.clone(), Discover::Static(addresses), target);
    }
    for endpoint in endpoints.map(|list| list.items()).unwrap_or_default() {
        if let Some((own, discover)) = read_endpoint(&endpoint, kind, &selection, reading) {
            add(own.or(&options), discover, &endpoint);
        }
    }
    found
}

fn read_kind(value: &Cursor<'_>) -> Option<Kind> {
    let text = value.word()?;
    let found = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    if found.is_none() {
        let hint = nearest::hint(text, TYPES.iter().map(|(name, _)| *name));
        value.error(format!("{text:?} is none of PodMonitor, ServiceMonitor, StaticEndpoints{hint}"));
    }
    found.map(|(_, kind)| *kind)
}

/// Whether a key of static targets is in one; otherwise it is told.
fn of_static(value: &Cursor<'_>, kind: Option<Kind>) -> bool {
    if kind.is_some_and(|kind| kind != Kind::Static) {
        value.error("only StaticEndpoints have addresses; Kubernetes targets are found by selector and port");
    }
    kind == Some(Kind::Static)
}

/// Where a Kubernetes target looks.
struct Selection(KubernetesSelection);

impl Selection {
    fn read(fields: &Fields<'_>, kind: Option<Kind>) -> Self {
        let (namespaces, selector) = (fields.take("namespaceSelector"), fields.take("selector"));
        if kind == Some(Kind::Static) {
            for cursor in [&namespaces, &selector].into_iter().flatten() {
                cursor.warning("has no effect on StaticEndpoints");
            }
        }
        Self(KubernetesSelection {
            namespaces: namespaces.and_then(|map| read_namespaces(&map)).unwrap_or_else(default_namespace),
            selector: selector.and_then(|map| read_selector(&map)).unwrap_or_default(),
            port: None,
        })
    }
}

fn read_endpoint(
    endpoint: &Cursor<'_>,
    kind: Option<Kind>,
    selection: &Selection,
    reading: &Reading<'_>,
) -> Option<(Options, Discover)> {
    let fields = endpoint.fields()?;
    let options = Options::read(&fields, NAMES, &reading.rules);
    let (port, address) = (fields.take("port"), fields.take("address"));
    fields.finish();
    let discover = match kind? {
        Kind::Static => {
            if let Some(port) = port {
                port.error("StaticEndpoints have their port in address: host:port");
            }
            if address.is_none() {
                endpoint.error("address is missing; write host:port");
            }
            Discover::Static(vec![read_address(&address?)?])
        }
        kubernetes => {
            if let Some(address) = address {
                of_static(&address, kind);
            }
            let port = port.and_then(|port| read_port(&port));
            let selection = KubernetesSelection { port, ..selection.0.clone() };
            if kubernetes == Kind::Pods { Discover::Pods(selection) } else { Discover::Services(selection) }
        }
    };
    Some((options, discover))
}
