//! What the agent's own packs say, byte for byte as the server expects them of the Go agent.
//!
//! # Rule
//! PROTOCOL 8 for texts, boot information and the two counters; SPEC 7 for `openagent_scrape_target`.

use super::summary::Summary;
use crate::telemetry::build;
use crate::wire::identity::Identity;
use crate::wire::pack::{EncodedPack, NamedText, Param, div, id};
use crate::wire::value::{Map, Value};

/// The kind of agent: integrations.
const OTYPE: i64 = 0x16;

/// URLs of one pack: some 100 bytes each stay far below the largest frame.
const URLS_PER_PACK: usize = 5_000;

/// What the packs say of the process beside its identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// When the agent was started, Unix milliseconds.
    pub started_ms: i64,
    /// The host's name.
    pub hostname: String,
    /// The pattern of the agent's name.
    pub name_pattern: String,
    /// `app_name`.
    pub app_name: String,
    /// Processors it may use; 0.5 is half of one.
    pub cpu_cores: f64,
}

/// One Text pack for each of name, kind and node that there is.
pub fn texts(identity: &Identity) -> Vec<EncodedPack> {
    let names = [(div::ONAME, &identity.oname), (div::OKIND, &identity.okind_name), (div::ONODE, &identity.onode_name)];
    let there = names.into_iter().filter(|(_, name)| !name.is_empty());
    there.map(|(div, name)| EncodedPack::text(&[NamedText::new(div, name.as_str())])).collect()
}

/// AGENT_BOOT_ENV: which program runs where.
pub fn boot(identity: &Identity, process: &Process) -> EncodedPack {
    let map: Map = [
        ("whatap.version", build::VERSION.to_owned()),
        ("whatap.starttime", process.started_ms.to_string()),
        ("whatap.oname", identity.oname.clone()),
        ("whatap.name", process.name_pattern.clone()),
        ("whatap.ip", identity.ip.to_string()),
        ("whatap.hostname", process.hostname.clone()),
        ("whatap.type", process.app_name.clone()),
        ("whatap.pid", std::process::id().to_string()),
        ("os.name", std::env::consts::OS.to_owned()),
        ("os.arch", build::arch().to_owned()),
        ("os.cpucore", process.cpu_cores.to_string()),
    ]
    .into_iter()
    .collect();
    EncodedPack::param(&Param::information(id::AGENT_BOOT_ENV, map))
}

/// `common_agent_info`: that this agent is alive. Its processors are whole ones, cut off as by the Go agent, and one
/// at least.
pub fn agent_info(identity: &Identity, process: &Process) -> EncodedPack {
    let tags = Map::new()
        .with("otype", OTYPE)
        .with("subType", 1)
        .with("hostIp", i64::from(i32::from_be_bytes(identity.ip.octets())))
        .with("startTime", process.started_ms)
        .with("cpuCores", (process.cpu_cores as i64).max(1));
    EncodedPack::tag_count("common_agent_info", &tags, &Map::new())
}

/// `integrations_counter`: neither tags nor data.
pub fn integrations_counter() -> EncodedPack {
    EncodedPack::tag_count("integrations_counter", &Map::new(), &Map::new())
}

/// `openagent_scrape_target` of one target name and namespace.
pub fn scrape_target(summary: &Summary) -> EncodedPack {
    let mut tags = Map::new().with("targetName", &*summary.name).with("targetType", summary.kind);
    if let Some(namespace) = summary.namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
        tags.put("namespace", namespace);
    }
    let decimal = |number: u64| Value::Decimal(i64::try_from(number).unwrap_or(i64::MAX));
    let data = Map::new()
        .with("up", i64::from(summary.up > 0))
        .with("endpointsUp", decimal(summary.up))
        .with("endpointsTotal", decimal(summary.total))
        .with("maxDurationMs", decimal(summary.max_duration_ms))
        .with("bytes", decimal(summary.bytes))
        .with("errorCode", i64::from(summary.error_code));
    EncodedPack::tag_count("openagent_scrape_target", &tags, &data)
}

/// The URLs scraped since the last time; none without any.
pub fn endpoints(urls: &[String]) -> Vec<EncodedPack> {
    urls.chunks(URLS_PER_PACK).map(EncodedPack::endpoints).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pack::{Body, Header, Pack};
    use std::net::Ipv4Addr;

    fn golden(name: &str) -> String {
        let text = include_str!("../../tests/data/golden.json");
        let all: serde_json::Value = serde_json::from_str(text).unwrap();
        all["h_packs"][name]["full_hex"].as_str().unwrap().to_owned()
    }

    fn hex(pack: &EncodedPack, header: &Header) -> String {
        let mut bytes = Vec::new();
        pack.write(header, &mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn identity() -> Identity {
        Identity {
            pcode: 4_000_000_001,
            oid: -1_417_046_410,
            oname: "OPEN-AGENT-0-1".to_owned(),
            okind: 123_456_789,
            okind_name: "web".to_owned(),
            onode: -987_654_321,
            onode_name: "node-1".to_owned(),
            ip: Ipv4Addr::new(10, 20, 30, 40),
        }
    }

    fn header(kind: bool) -> Header {
        let identity = identity();
        let (okind, onode) = if kind { (identity.okind, identity.onode) } else { (0, 0) };
        Header { pcode: identity.pcode, oid: identity.oid, okind, onode, time_ms: 1_718_668_800_123 }
    }

    fn process(cpu_cores: f64) -> Process {
        Process {
            started_ms: 1_718_668_800_123,
            hostname: "host-1".to_owned(),
            name_pattern: "{type}-{ip2}-{ip3}-{process}".to_owned(),
            app_name: String::new(),
            cpu_cores,
        }
    }

    #[test]
    fn packs_are_the_go_agents_byte_for_byte() {
        let info = agent_info(&identity(), &process(2.0));
        assert_eq!(hex(&info, &header(true)), golden("tagcount_common_agent_info"));
        assert_eq!(hex(&integrations_counter(), &header(false)), golden("tagcount_integrations_counter"));
        assert_eq!(hex(&texts(&identity())[0], &header(true)), golden("text_oname"));
    }

    #[test]
    fn a_text_goes_out_for_each_name_there_is() {
        assert_eq!(texts(&identity()).len(), 3);
        let bare = Identity { okind_name: String::new(), onode_name: String::new(), ..identity() };
        assert_eq!(texts(&bare).len(), 1);
    }

    #[test]
    fn a_part_of_a_processor_counts_as_one_and_more_are_cut_off() {
        for (cores, whole) in [(0.25, 1), (1.0, 1), (1.9, 1), (3.5, 3)] {
            assert_eq!(agent_info(&identity(), &process(cores)), agent_info(&identity(), &process(f64::from(whole))));
        }
    }

    fn body(pack: &EncodedPack) -> Body {
        let mut bytes = Vec::new();
        pack.write(&header(true), &mut bytes);
        Pack::decode(&bytes).unwrap().body
    }

    #[test]
    fn the_boot_information_names_program_and_place() {
        let Body::Param(param) = body(&boot(&identity(), &process(0.5))) else { panic!("no param") };
        assert_eq!((param.id, param.request, param.response), (2, 0, 0));
        let texts: Vec<_> = param.map.iter().map(|(key, value)| (key, value.as_text().unwrap())).collect();
        assert_eq!(texts[0], ("whatap.version", build::VERSION));
        assert_eq!(texts[1], ("whatap.starttime", "1718668800123"));
        assert_eq!(
            texts[2..7],
            [
                ("whatap.oname", "OPEN-AGENT-0-1"),
                ("whatap.name", "{type}-{ip2}-{ip3}-{process}"),
                ("whatap.ip", "10.20.30.40"),
                ("whatap.hostname", "host-1"),
                ("whatap.type", ""),
            ]
        );
        assert_eq!(texts[8], ("os.name", "linux"));
        assert_eq!(texts[10], ("os.cpucore", "0.5"));
    }

    #[test]
    fn a_targets_pack_has_its_namespace_only_when_it_has_one() {
        let summary = Summary {
            name: "api".into(),
            kind: "PodMonitor",
            namespace: Some("prod".into()),
            up: 1,
            total: 2,
            max_duration_ms: 350,
            bytes: 1_234,
            error_code: 1,
        };
        let Body::TagCount(pack) = body(&scrape_target(&summary)) else { panic!("no tag count") };
        assert_eq!(pack.category, "openagent_scrape_target");
        let tags: Vec<_> = pack.tags.iter().map(|(key, value)| (key, value.as_text().unwrap())).collect();
        assert_eq!(tags, [("targetName", "api"), ("targetType", "PodMonitor"), ("namespace", "prod")]);
        let data: Vec<_> = pack.data.iter().map(|(key, value)| (key, value.as_i64().unwrap())).collect();
        let expected = [
            ("up", 1),
            ("endpointsUp", 1),
            ("endpointsTotal", 2),
            ("maxDurationMs", 350),
            ("bytes", 1_234),
            ("errorCode", 1),
        ];
        assert_eq!(data, expected);
        let Body::TagCount(pack) = body(&scrape_target(&Summary { namespace: None, ..summary })) else { panic!() };
        assert_eq!(pack.tags.len(), 2);
    }

    #[test]
    fn many_urls_take_several_packs() {
        assert!(endpoints(&[]).is_empty());
        let urls: Vec<String> = (0..12_000).map(|i| format!("http://10.0.0.1:{i}/metrics")).collect();
        let packs = endpoints(&urls);
        let read: Vec<String> = packs
            .iter()
            .flat_map(|pack| match body(pack) {
                Body::Endpoints(urls) => urls,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!((packs.len(), read), (3, urls));
    }
}
