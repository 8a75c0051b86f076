//! Tests of this room: golden vectors, round trips, bytes nobody would send.

use super::*;
use crate::wire::codec::{DecodeError, Found};
use crate::wire::gzip::Packed;
use crate::wire::record::{self, Block, Buckets};
use crate::wire::value::tests::any_map;
use crate::wire::value::{Map, Value};
use crate::wire::{golden, gzip};
use proptest::prelude::*;
use std::borrow::Cow;

const PLAIN: Header =
    Header { pcode: 4_000_000_001, oid: -1_417_046_410, okind: 0, onode: 0, time_ms: 1_718_668_800_123 };
const WITH_KIND: Header = Header { okind: 123_456_789, onode: -987_654_321, ..PLAIN };

fn whole(pack: &EncodedPack, header: &Header) -> Vec<u8> {
    let mut out = Vec::new();
    pack.write(header, &mut out);
    out
}

/// Writes a pack that was read again, its records as they came.
fn again(pack: &Pack) -> Vec<u8> {
    let block = |records: &Records| Packed { zipped: records.zipped, bytes: Cow::Owned(records.bytes.clone()) };
    let encoded = match &pack.body {
        Body::OpenMx(mx) => EncodedPack::open_mx(&block(&mx.records), mx.endpoint.as_deref(), 0),
        Body::Help(records) => EncodedPack::open_mx_help(&block(records), 0),
        Body::Histogram(records) => EncodedPack::histogram(&block(records), 0),
        Body::Endpoints(urls) => EncodedPack::endpoints(urls),
        Body::TagCount(count) => EncodedPack::tag_count(&count.category, &count.tags, &count.data),
        Body::Text(texts) => EncodedPack::text(texts),
        Body::Param(param) => EncodedPack::param(param),
        Body::Other { pack_type, bytes } => EncodedPack { pack_type: *pack_type, body: bytes.clone(), records: 0 },
    };
    whole(&encoded, &pack.header)
}

#[test]
fn every_golden_pack_is_read_and_written_back_byte_for_byte() {
    let packs = golden::all()["h_packs"].take();
    let packs = packs.as_object().unwrap();
    assert_eq!(packs.len(), 43);
    for (name, entry) in packs {
        let bytes = golden::hex(entry, "full_hex");
        let pack = Pack::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(again(&pack), bytes, "{name}");
        if let Some(padded) = entry.get("full_ecb_padded_hex") {
            assert!(Pack::decode_padded(&golden::unhex(padded.as_str().unwrap())).is_ok(), "{name}");
        }
        if let Some(fields) = entry.get("header_fields") {
            let number = |key| golden::number(fields, key);
            let header = Header {
                pcode: number("pcode"),
                oid: number("oid") as i32,
                okind: number("okind") as i32,
                onode: number("onode") as i32,
                time_ms: number("time"),
            };
            assert_eq!(pack.header, header, "{name}");
        }
        check_block(name, entry, &pack);
    }
}

/// Length, digest, zip flag, plain bytes and records of a golden block.
fn check_block(name: &str, entry: &serde_json::Value, pack: &Pack) {
    let records = match &pack.body {
        Body::OpenMx(mx) => &mx.records,
        Body::Help(records) | Body::Histogram(records) => records,
        _ => return,
    };
    assert_eq!(records.bytes, golden::hex(entry, "blob_hex"), "{name}");
    assert_eq!(records.zipped, golden::number(entry, "zip") == 1, "{name}");
    let plain = records.plain(1 << 20).unwrap();
    if records.zipped {
        assert_eq!(*plain, golden::hex(entry, "unzipped_hex"), "{name}");
        assert_eq!(plain.len() as i64, golden::number(entry, "unzipped_len"), "{name}");
    }
    assert_eq!(records.zipped, gzip::pack(&plain, 1).zipped, "{name}: zipped above the same size");
    let rewritten = rewrite(&pack.body, &plain);
    if name != "openmxhelp_edge" {
        assert_eq!(rewritten.unwrap(), *plain, "{name}");
    } else {
        // the library writes the text "nil" as a null and then the text, which nobody can read
        assert!(rewritten.is_err(), "{name}");
    }
    if let (Body::OpenMx(mx), Some(endpoint)) = (&pack.body, entry.get("trailing_endpoint_text")) {
        assert_eq!(mx.endpoint.as_deref(), endpoint.as_str(), "{name}");
    }
    if let Some(expected) = entry.get("records") {
        check_samples(name, expected.as_array().unwrap(), &plain);
    }
}

/// Reads all records of a block and writes them into a new one.
fn rewrite(body: &Body, plain: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut block = Block::new();
    match body {
        Body::OpenMx(_) => {
            for sample in record::samples(plain)? {
                let sample = sample?;
                let mut record = block.begin(sample.metric);
                sample.labels.iter().for_each(|(name, value)| record.label(name, value));
                record.sample(sample.time_ms, sample.value).unwrap();
            }
        }
        Body::Help(_) => {
            for help in record::help(plain)? {
                let help = help?;
                block.properties(help.metric, &help.properties).unwrap();
            }
        }
        _ => {
            for histogram in record::histograms(plain)? {
                let h = histogram?;
                let mut record = block.begin(h.metric);
                h.labels.iter().for_each(|(name, value)| record.label(name, value));
                let buckets = Buckets {
                    schema: h.schema,
                    zero_threshold: h.zero_threshold,
                    zero_count: h.zero_count,
                    count: h.count,
                    sum: h.sum,
                    positive_spans: &h.positive_spans,
                    positive_deltas: &h.positive_deltas,
                    negative_spans: &h.negative_spans,
                    negative_deltas: &h.negative_deltas,
                };
                record.histogram(h.time_ms, &buckets).unwrap();
            }
        }
    }
    Ok(block.bytes().to_vec())
}

fn check_samples(name: &str, expected: &[serde_json::Value], plain: &[u8]) {
    let samples: Vec<_> = record::samples(plain).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(samples.len(), expected.len(), "{name}");
    for (sample, expected) in samples.iter().zip(expected) {
        assert_eq!(sample.metric, golden::text(expected, "metric"));
        assert_eq!(sample.time_ms, golden::number(expected, "timestamp"));
        assert_eq!(format!("{:016x}", sample.value.to_bits()), golden::text(expected, "value_bits_hex"));
        let labels = expected["labels"].as_array().unwrap();
        let labels: Vec<_> = labels.iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect();
        assert_eq!(sample.labels, labels);
    }
}

#[test]
fn headers_are_made_of_their_fields() {
    let empty = EncodedPack::endpoints(&[] as &[&str]);
    for (name, header) in [
        ("abstract_pcode0", Header { pcode: 0, ..PLAIN }),
        ("abstract_pcode1", Header { pcode: 1, ..PLAIN }),
        ("abstract_pcode300", Header { pcode: 300, ..PLAIN }),
        ("abstract_pcode70000", Header { pcode: 70_000, ..PLAIN }),
        ("abstract_pcode10000000", Header { pcode: 10_000_000, ..PLAIN }),
        ("abstract_pcode4000000001", PLAIN),
        ("abstract_pcode549755813888", Header { pcode: 549_755_813_888, ..PLAIN }),
        ("abstract_okind0_onode0", PLAIN),
        ("abstract_okind0_onode1", Header { onode: 1, ..PLAIN }),
        ("abstract_okind1_onode0", Header { okind: 1, ..PLAIN }),
        ("abstract_okind-1_onode1", Header { okind: -1, onode: 1, ..PLAIN }),
        ("endpoint_nil", PLAIN),
    ] {
        let bytes = golden::pack(name);
        assert_eq!(whole(&empty, &header), bytes, "{name}");
        assert_eq!(Pack::decode(&bytes).unwrap().header, header, "{name}");
    }
}

#[test]
fn unzipped_packs_are_made_of_their_records() {
    let mut block = Block::new();
    let none = EncodedPack::open_mx(&gzip::pack(block.bytes(), 1), None, 0);
    assert_eq!(whole(&none, &PLAIN), golden::pack("openmx_0"));
    assert_eq!(whole(&none, &PLAIN), golden::pack("openmx_nil"));

    let mut record = block.begin("http_requests_total");
    record.label("method", "post");
    record.label("code", "200");
    record.sample(1_718_668_800_123, 1027.0).unwrap();
    let url = "http://127.0.0.1:9100/metrics";
    let one = EncodedPack::open_mx(&gzip::pack(block.bytes(), 1), Some(url), 1);
    assert_eq!(whole(&one, &WITH_KIND), golden::pack("openmx_1_okind_endpoint"));

    block.clear();
    block.properties("metric_0", &Map::new().with("help", "Total number of things 설명")).unwrap();
    let help = EncodedPack::open_mx_help(&gzip::pack(block.bytes(), 1), 1);
    assert_eq!(whole(&help, &WITH_KIND), golden::pack("openmxhelp_1"));

    let urls = [url, "https://엔드포인트/metrics?a=b", ""];
    assert_eq!(whole(&EncodedPack::endpoints(&urls), &WITH_KIND), golden::pack("endpoint_3"));
}

#[test]
fn tag_counts_are_made_of_tags_and_data() {
    let tags = Map::new()
        .with("otype", 0x16)
        .with("subType", 1)
        .with("hostIp", i64::from(u32::from_be_bytes([10, 20, 30, 40])))
        .with("startTime", 1_718_668_800_123)
        .with("cpuCores", 2);
    let info = EncodedPack::tag_count("common_agent_info", &tags, &Map::new());
    assert_eq!(whole(&info, &WITH_KIND), golden::pack("tagcount_common_agent_info"));

    let counter = EncodedPack::tag_count("integrations_counter", &Map::new(), &Map::new());
    assert_eq!(whole(&counter, &PLAIN), golden::pack("tagcount_integrations_counter"));
}

#[test]
fn a_tag_count_of_every_type_is_the_librarys() {
    let name = "tagcount_all_types";
    let data = Map::new()
        .with("int", 42)
        .with("i64", -549_755_813_889)
        .with("f32", Value::Float(1.5))
        .with("f64", Value::Double(-2.25))
        .with("str", "텍스트")
        .with("bool", Value::Bool(true))
        .with("ip4", Value::Ip4([10, 1, 2, 3]))
        .with("null", Value::Null)
        .with("intv", Value::Int(-7))
        .with("longv", Value::Long(-8))
        .with("texthash", Value::TextHash(9))
        .with("blob", Value::Blob(vec![1, 2, 3]))
        .with("list", Value::List(vec![Value::Decimal(1), "x".into()]))
        .with("intarr", Value::Ints(vec![1, -1]))
        .with("textarr", Value::Texts(vec!["a".into(), String::new()]))
        .with("map", Map::new().with("k", "v"));
    let tags = Map::new().with("이름", "값");
    assert_eq!(whole(&EncodedPack::tag_count("all_types", &tags, &data), &PLAIN), golden::pack(name));
    let Body::TagCount(count) = Pack::decode(&golden::pack(name)).unwrap().body else { panic!("a tag count") };
    assert_eq!(count.tag_hash.to_string(), golden::text(&golden::all()["h_packs"][name], "tag_hash_str"));
    assert_eq!((count.tags, count.data), (tags, data));
}

#[test]
fn texts_and_params_are_the_librarys() {
    let oname = NamedText::new(div::ONAME, "OPEN-AGENT-0-1");
    assert_eq!(whole(&EncodedPack::text(&[oname]), &WITH_KIND), golden::pack("text_oname"));
    let entry = &golden::all()["h_packs"]["text_oname"];
    for (key, div) in [("div_oname", div::ONAME), ("div_okind", div::OKIND), ("div_onode", div::ONODE)] {
        assert_eq!(golden::number(entry, key), i64::from(div));
    }

    let request = |id, request, map| EncodedPack::param(&Param { id, request, response: 0, map });
    let boot = Map::new().with("whatap.version", "1.8.4").with("whatap.pid", "42");
    let config = Map::new().with("debug", "true").with("log_level", "");
    let read = Map::new().with("file", "whatap-boot-20260101.log").with("pos", -1).with("length", 4000);
    for (name, pack) in [
        ("param_agent_boot_env", EncodedPack::param(&Param::information(id::AGENT_BOOT_ENV, boot))),
        ("param_configure_get_text_request", request(id::CONFIGURE_GET, 5, Map::new().with("config_type", "text"))),
        ("param_get_env_request", request(id::GET_ENV, 1_234_567_890_123, Map::new())),
        ("param_log_list_request", request(id::AGENT_LOG_LIST, 7, Map::new())),
        ("param_log_read_request", request(id::AGENT_LOG_READ, 8, read)),
        ("param_set_config_request", request(id::SET_CONFIG, 6, Map::new().with("config", config))),
    ] {
        assert_eq!(whole(&pack, &PLAIN), golden::pack(name), "{name}");
    }

    let command = Param { id: id::GET_ENV, request: 1_234_567_890_123, ..Param::default() };
    let env =
        Map::new().with("PATH", "/usr/bin").with("한글", "값").with("EMPTY", "").with("whatap.agent_version", "1.8.4");
    let reply = command.reply(Map::new().with("env", env));
    assert_eq!(whole(&EncodedPack::param(&reply), &PLAIN), golden::pack("param_get_env_response"));
}

#[test]
fn only_what_was_encrypted_may_be_padded() {
    let pack = golden::pack("openmx_1");
    let padded = [pack.clone(), vec![0; 12]].concat();
    assert_eq!(Pack::decode_padded(&padded).unwrap(), Pack::decode(&pack).unwrap());
    let text = golden::pack("text_oname");
    let error = Pack::decode(&[text.clone(), vec![0; 3]].concat()).unwrap_err();
    assert_eq!((error.what, error.found), ("pack", Found::Trailing(3)));
    assert!(Pack::decode_padded(&[text.clone(), vec![0; 16]].concat()).is_err());
    assert!(Pack::decode_padded(&[text, vec![0, 1]].concat()).is_err());
}

#[test]
fn every_truncation_of_every_golden_pack_is_an_error_or_another_pack() {
    for (name, entry) in golden::all()["h_packs"].as_object().unwrap() {
        let bytes = golden::hex(entry, "full_hex");
        for end in 0..bytes.len() {
            if let Ok(pack) = Pack::decode(&bytes[..end]) {
                // only a pack with an optional or unknown end may be shorter
                let optional = matches!(pack.body, Body::OpenMx(_) | Body::Other { .. });
                assert!(optional, "{name} cut at {end}");
            }
        }
    }
}

fn any_pack() -> impl Strategy<Value = EncodedPack> {
    let block = (any::<bool>(), any::<Vec<u8>>())
        .prop_map(|(zipped, bytes)| Packed { zipped, bytes: Cow::Owned::<[u8]>(bytes) });
    let urls = prop::collection::vec(any::<String>(), 0..5);
    let texts = prop::collection::vec((any::<u8>(), any::<String>()), 0..5);
    prop_oneof![
        (block.clone(), any::<Option<String>>()).prop_map(|(b, url)| EncodedPack::open_mx(&b, url.as_deref(), 1)),
        block.clone().prop_map(|b| EncodedPack::open_mx_help(&b, 1)),
        block.prop_map(|b| EncodedPack::histogram(&b, 1)),
        urls.prop_map(|urls| EncodedPack::endpoints(&urls)),
        (any::<String>(), any_map(), any_map()).prop_map(|(c, t, d)| EncodedPack::tag_count(&c, &t, &d)),
        texts.prop_map(|t| {
            EncodedPack::text(&t.into_iter().map(|(div, text)| NamedText::new(div, text)).collect::<Vec<_>>())
        }),
        (any::<i32>(), any::<i64>(), any::<i64>(), any_map())
            .prop_map(|(id, request, response, map)| EncodedPack::param(&Param { id, request, response, map })),
    ]
}

fn any_header() -> impl Strategy<Value = Header> {
    (any::<i64>(), any::<i32>(), prop_oneof![Just(0), any::<i32>()], prop_oneof![Just(0), any::<i32>()], any::<i64>())
        .prop_map(|(pcode, oid, okind, onode, time_ms)| Header { pcode, oid, okind, onode, time_ms })
}

proptest! {
    #[test]
    fn what_is_written_is_read(pack in any_pack(), header in any_header()) {
        let bytes = whole(&pack, &header);
        prop_assert!(bytes.len() <= EncodedPack::MAX_HEAD + pack.body.len());
        let read = Pack::decode(&bytes)?;
        prop_assert_eq!(read.header, header);
        prop_assert_eq!(again(&read), bytes);
    }

    #[test]
    fn no_bytes_panic(
        kind in prop::sample::select(&[0x1603_u16, 0x1604, 0x1606, 0x1607, 0x1601, 0x0700, 0x0100, 0x1400]),
        body: Vec<u8>,
    ) {
        let bytes = [&kind.to_be_bytes()[..], &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &body].concat();
        for pack in [Pack::decode(&bytes), Pack::decode_padded(&bytes), Pack::decode(&body)].into_iter().flatten() {
            read_records(&pack);
        }
    }

    #[test]
    fn no_change_of_a_golden_pack_panics(which: prop::sample::Index, at: prop::sample::Index, with: u8) {
        let packs = golden::all()["h_packs"].take();
        let packs: Vec<_> = packs.as_object().unwrap().values().collect();
        let mut bytes = golden::hex(packs[which.index(packs.len())], "full_hex");
        let at = at.index(bytes.len());
        bytes[at] = with;
        for pack in [Pack::decode(&bytes), Pack::decode_padded(&bytes)].into_iter().flatten() {
            read_records(&pack);
        }
    }
}

/// Reads whatever records a pack has to their end.
fn read_records(pack: &Pack) {
    let records = match &pack.body {
        Body::OpenMx(mx) => &mx.records,
        Body::Help(records) | Body::Histogram(records) => records,
        _ => return,
    };
    let Ok(plain) = records.plain(1 << 20) else { return };
    let _ = record::samples(&plain).map(Iterator::count);
    let _ = record::help(&plain).map(Iterator::count);
    let _ = record::histograms(&plain).map(Iterator::count);
}
