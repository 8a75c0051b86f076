//! Who the agent is: its name (ONAME), kind (OKIND) and node (ONODE), and the numbers made of them.
//!
//! # Invariants
//! Names come out exactly as the Go agent makes them, or an agent changes its OID on the day it is replaced.

use super::hash::hash;
use super::hexa32;
use std::net::{IpAddr, Ipv4Addr};

/// The name of an agent that was given none.
pub const DEFAULT_PATTERN: &str = "{type}-{ip2}-{ip3}-{process}";

/// Who the agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Project.
    pub pcode: i64,
    /// Hash of the name.
    pub oid: i32,
    /// The name.
    pub oname: String,
    /// Hash of the kind's name; 0 without one.
    pub okind: i32,
    /// The kind's name; empty without one.
    pub okind_name: String,
    /// Hash of the node's name; 0 without one.
    pub onode: i32,
    /// The node's name; empty without one.
    pub onode_name: String,
    /// The connection's local address.
    pub ip: Ipv4Addr,
}

/// Where the names come from. What is absent or empty is looked for in the next place.
pub struct Sources<'a> {
    /// A key of whatap.conf.
    pub setting: &'a dyn Fn(&str) -> Option<String>,
    /// An environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The host's name.
    pub hostname: &'a str,
    /// Full id of the container the agent runs in; empty outside one.
    pub container_id: &'a str,
    /// All addresses of the host in one text; empty when unknown.
    pub addresses: &'a str,
}

impl Identity {
    /// The identity of an agent of that project whose connection has that local address.
    pub fn resolve(pcode: i64, ip: Ipv4Addr, sources: &Sources<'_>) -> Self {
        let oname = sources.oname(ip);
        let okind_name = sources.okind_name();
        let onode_name = sources.onode_name();
        let number = |name: &str| if name.is_empty() { 0 } else { hash(name) };
        Self {
            pcode,
            oid: hash(&oname),
            okind: number(&okind_name),
            onode: number(&onode_name),
            oname,
            okind_name,
            onode_name,
            ip,
        }
    }
}

impl Sources<'_> {
    fn oname(&self, ip: Ipv4Addr) -> String {
        let setting = |key| self.setting(key);
        let given = setting("whatap.oname").or_else(|| self.env("WHATAP_ONAME")).or_else(|| setting("app_name"));
        given.unwrap_or_else(|| {
            let pattern = setting("whatap.name").or_else(|| self.env("WHATAP_NAME")).or_else(|| setting("object_name"));
            expand(pattern.as_deref().unwrap_or(DEFAULT_PATTERN), |key| self.part(key, ip))
        })
    }

    fn okind_name(&self) -> String {
        let given = self.setting("whatap.okind").or_else(|| self.env("WHATAP_OKIND")).or_else(|| self.env("OKIND"));
        given.or_else(|| self.workload()).unwrap_or_default()
    }

    fn onode_name(&self) -> String {
        let given = self.setting("whatap.onode").or_else(|| self.env("WHATAP_ONODE"));
        given.or_else(|| self.env("NODE_NAME")).or_else(|| self.env("NODE_IP")).unwrap_or_default()
    }

    /// The pod's name up to its last `-`; a name without one says nothing of a workload.
    fn workload(&self) -> Option<String> {
        let pod = self.env("POD_NAME").or_else(|| self.env("PODNAME"))?;
        let (workload, _) = pod.rsplit_once('-')?;
        (!workload.is_empty()).then(|| workload.to_owned())
    }

    fn part(&self, key: &str, ip: Ipv4Addr) -> Option<String> {
        let [a, b, c, d] = ip.octets();
        match key {
            "ip0" => Some(a.to_string()),
            "ip1" => Some(b.to_string()),
            "ip2" => Some(c.to_string()),
            "ip3" => Some(d.to_string()),
            "hostname" => Some(self.hostname.to_owned()),
            "type" => self.setting("app_name"),
            "process" => self.setting("app_process_name"),
            "docker" => hashed(self.container_id),
            "ips" => hashed(self.addresses),
            _ => None, // `port` too: the Go agent never gives it a value
        }
    }

    fn setting(&self, key: &str) -> Option<String> {
        filled((self.setting)(key))
    }

    fn env(&self, name: &str) -> Option<String> {
        filled((self.env)(name))
    }
}

/// Replaces each `{key}` by its value; one without a value, or an empty one, stays as it stands, braces included.
pub fn expand(pattern: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((key, behind)) = after.split_once('}') else {
            break;
        };
        match filled(value(key)) {
            Some(value) => out.push_str(&value),
            None => out.extend(["{", key, "}"]),
        }
        rest = behind;
    }
    // what is left has no brace, or one that never closes
    out.push_str(&rest[rest.find('{').unwrap_or(0)..]);
    out
}

/// The address an agent is named by. IPv6 has no place in the protocol's four bytes: its last four stand in, which
/// differ from host to host as those of IPv4 do.
pub fn naming_address(local: IpAddr) -> Ipv4Addr {
    match local.to_canonical() {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(ip) => {
            let [.., a, b, c, d] = ip.octets();
            Ipv4Addr::new(a, b, c, d)
        }
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn hashed(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| hexa32::encode(i64::from(hash(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden;
    use proptest::prelude::*;

    fn sources<'a>(
        setting: &'a dyn Fn(&str) -> Option<String>,
        env: &'a dyn Fn(&str) -> Option<String>,
    ) -> Sources<'a> {
        Sources { setting, env, hostname: "host-1", container_id: "", addresses: "" }
    }

    fn named(pairs: &[(&str, &str)], name: &str) -> Option<String> {
        pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    fn resolved(settings: &[(&str, &str)], env: &[(&str, &str)]) -> Identity {
        let (setting, env) = (|key: &str| named(settings, key), |key: &str| named(env, key));
        Identity::resolve(7, Ipv4Addr::new(10, 20, 30, 40), &sources(&setting, &env))
    }

    /// The library keeps the parts of the address in a map that lives on: after a text that is no IPv4 address those
    /// it doesn't overwrite are the last call's. The vectors have that, so the test does it too.
    #[test]
    fn patterns_expand_as_the_librarys() {
        let mut parts = std::collections::HashMap::new();
        for entry in &golden::section("j_oname", 20) {
            for (i, part) in golden::text(entry, "ip").split('.').enumerate() {
                parts.insert(format!("ip{i}"), part.to_owned());
            }
            for key in ["hostname", "type", "process"] {
                parts.insert(key.to_owned(), golden::text(entry, key).to_owned());
            }
            let oname = expand(golden::text(entry, "pattern"), |key| parts.get(key).cloned());
            assert_eq!(oname, golden::text(entry, "oname"));
            assert_eq!(i64::from(hash(&oname)), golden::number(entry, "oid"));
        }
    }

    #[test]
    fn the_name_comes_from_the_first_place_that_has_one() {
        let name = |settings: &[(&str, &str)], env: &[(&str, &str)]| resolved(settings, env).oname;
        let env = [("WHATAP_ONAME", "from-env"), ("WHATAP_NAME", "n-{ip3}")];
        assert_eq!(name(&[("whatap.oname", "given"), ("app_name", "app")], &env), "given");
        assert_eq!(name(&[("whatap.oname", "  "), ("app_name", "app")], &env), "from-env");
        assert_eq!(name(&[("app_name", "app-{ip0}")], &env[1..]), "app-{ip0}");
        assert_eq!(name(&[("whatap.name", "{hostname}:{port}")], &env[1..]), "host-1:{port}");
        assert_eq!(name(&[("object_name", "x")], &env[1..]), "n-40");
        assert_eq!(name(&[("object_name", "{process}.{ip1}"), ("app_process_name", "p")], &[]), "p.20");
        assert_eq!(name(&[], &[]), "{type}-30-40-{process}");
        assert_eq!(resolved(&[], &[]).oid, 684_618_759);
    }

    #[test]
    fn kind_and_node_come_from_the_first_place_that_has_one() {
        let kind = |settings: &[(&str, &str)], env: &[(&str, &str)]| resolved(settings, env).okind_name;
        let env = [("WHATAP_OKIND", "w"), ("OKIND", "k"), ("POD_NAME", "web-7d9-x2"), ("PODNAME", "other-1")];
        assert_eq!(kind(&[("whatap.okind", "s")], &env), "s");
        assert_eq!(kind(&[], &env), "w");
        assert_eq!(kind(&[], &env[1..]), "k");
        assert_eq!(kind(&[], &env[2..]), "web-7d9");
        assert_eq!(kind(&[], &env[3..]), "other");
        assert_eq!(kind(&[], &[("POD_NAME", "alone")]), "");

        let node = |settings: &[(&str, &str)], env: &[(&str, &str)]| resolved(settings, env).onode_name;
        let env = [("WHATAP_ONODE", "w"), ("NODE_NAME", "n"), ("NODE_IP", "10.0.0.1")];
        assert_eq!(node(&[("whatap.onode", "s")], &env), "s");
        assert_eq!(node(&[], &env), "w");
        assert_eq!(node(&[], &env[1..]), "n");
        assert_eq!(node(&[], &env[2..]), "10.0.0.1");

        let bare = resolved(&[], &[]);
        assert_eq!((bare.okind, bare.onode, bare.pcode), (0, 0, 7));
        assert_eq!(resolved(&[("whatap.okind", "abc")], &[]).okind, 891_568_578);
    }

    #[test]
    fn container_and_addresses_are_hashed() {
        let (setting, env) = (|key: &str| named(&[("whatap.name", "{docker}/{ips}")], key), |_: &str| None);
        let mut sources = sources(&setting, &env);
        let name = |sources: &Sources<'_>| Identity::resolve(7, Ipv4Addr::LOCALHOST, sources).oname;
        assert_eq!(name(&sources), "{docker}/{ips}");
        (sources.container_id, sources.addresses) = ("abc", "a");
        assert_eq!(name(&sources), format!("{}/{}", hexa32::encode(891_568_578), hexa32::encode(-390_611_389)));
    }

    #[test]
    fn an_agent_on_ipv6_is_named_by_its_last_bytes() {
        for (local, named) in [("10.1.2.3", "10.1.2.3"), ("::ffff:10.1.2.3", "10.1.2.3"), ("fd00::a01:203", "10.1.2.3")]
        {
            assert_eq!(naming_address(local.parse().unwrap()).to_string(), named);
        }
    }

    proptest! {
        #[test]
        fn without_values_a_pattern_stays_as_it_is(pattern in "[{}a-z ]{0,20}") {
            prop_assert_eq!(expand(&pattern, |_| None), pattern);
        }
    }
}
