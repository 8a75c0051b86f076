//! Every command against a home of its own: what it answers, what it changes, what it refuses.

use super::*;
use crate::wire::pack::{Body, EncodedPack, Header, Pack};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const LICENCE: &str = "x41pl22ek7jhv-z43cebasdv4il7-z62p3l35fj5502";

/// A home with its files, and how often a change was told.
struct Agent {
    dir: TempDir,
    home: Home,
    environment: Vec<(String, String)>,
    config_map: Option<(&'static str, &'static str)>,
    changes: Cell<u32>,
}

impl Agent {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        let home =
            Home { conf: at.join("whatap.conf"), scrape_config: at.join("scrape_config.yaml"), logs: at.join("logs") };
        fs::create_dir(&home.logs).unwrap();
        let pairs = [("PATH", "/usr/bin"), ("WHATAP_LICENSE", LICENCE), ("API_TOKEN", "t0k"), ("JAVA_OPTS", LICENCE)];
        let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { dir, home, environment, config_map: None, changes: Cell::new(0) }
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap()
    }

    /// The reply to a command, after a way over the wire in both directions.
    fn ask(&self, id: i32, arguments: Map) -> Option<Map> {
        let command = Param { id, request: 1_234_567_890_123, response: 0, map: arguments };
        let validate = |text: &str| if text.contains("features") { Ok(()) } else { Err("line 1: no features".into()) };
        let licence = Secret::new(LICENCE);
        let context = ControlContext {
            home: &self.home,
            licence: &licence,
            environment: &self.environment,
            scrape_source: match self.config_map {
                Some((name, contents)) => ScrapeSource::ConfigMap { name, contents },
                None => ScrapeSource::File,
            },
            validate: &validate,
            changed: &|| self.changes.set(self.changes.get() + 1),
        };
        let reply = over_the_wire(answer(over_the_wire(command), &context)?);
        assert_eq!((reply.id, reply.request, reply.response), (id, 0, 1_234_567_890_123));
        Some(reply.map)
    }
}

fn over_the_wire(param: Param) -> Param {
    let mut bytes = Vec::new();
    EncodedPack::param(&param).write(&Header::default(), &mut bytes);
    match Pack::decode(&bytes).unwrap().body {
        Body::Param(param) => param,
        other => panic!("{other:?}"),
    }
}

fn keys(map: &Map) -> Vec<&str> {
    map.iter().map(|(key, _)| key).collect()
}

fn map_of<'a>(map: &'a Map, key: &str) -> &'a Map {
    match map.value(key) {
        Some(Value::Map(map)) => map,
        other => panic!("{key}: {other:?}"),
    }
}

fn text_form() -> Map {
    Map::new().with("config_type", "text")
}

#[test]
fn the_environment_comes_without_licence_or_token() {
    let reply = Agent::new().ask(id::GET_ENV, Map::new()).unwrap();
    let variables = map_of(&reply, "env");
    assert_eq!(variables.text("PATH"), Some("/usr/bin"));
    assert_eq!(variables.text("whatap.agent_version"), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(["WHATAP_LICENSE", "API_TOKEN", "JAVA_OPTS"].map(|name| variables.text(name)), [Some("***"); 3]);
    let all = format!("{reply:?}");
    assert!(!all.contains(LICENCE) && !all.contains("t0k"), "{all}");
}

#[test]
fn unknown_commands_and_packs_that_are_none_have_no_reply() {
    let agent = Agent::new();
    for id in [0, 1, 2, 99, -4, i32::MIN, 582] {
        assert_eq!(agent.ask(id, text_form()), None, "{id}");
    }
    let validate = |_: &str| Ok(());
    let context = ControlContext {
        home: &agent.home,
        licence: &Secret::default(),
        environment: &[],
        scrape_source: ScrapeSource::File,
        validate: &validate,
        changed: &|| {},
    };
    let reply = Param { id: id::GET_ENV, request: 0, response: 7, map: Map::new() };
    assert_eq!(answer(reply, &context), None);
}

#[test]
fn whatap_conf_is_read_as_text_and_as_keys() {
    let agent = Agent::new();
    assert_eq!(agent.ask(id::CONFIGURE_GET, text_form()).unwrap().value("contents"), Some(&Value::Null));
    assert_eq!(agent.ask(id::CONFIGURE_GET, Map::new()).unwrap(), Map::new());
    agent.write("whatap.conf", format!("# a\nlicense={LICENCE}\ndebug=true\n_in=1\nmyOIDx=2\ndebug=false\n"));
    let reply = agent.ask(id::CONFIGURE_GET, text_form()).unwrap();
    let expected = "# a\nlicense=***\ndebug=true\n_in=1\nmyOIDx=2\ndebug=false\n";
    assert_eq!((keys(&reply), reply.text("contents")), (vec!["config_type", "contents"], Some(expected)));
    let reply = agent.ask(id::CONFIGURE_GET, Map::new()).unwrap();
    let pairs: Vec<_> = reply.iter().map(|(key, value)| (key, value.as_text().unwrap())).collect();
    assert_eq!(pairs, [("license", "***"), ("debug", "false")]);
}

#[test]
fn a_whatap_conf_too_long_to_send_is_null() {
    let agent = Agent::new();
    for size in [65_537, 2 << 20] {
        agent.write("whatap.conf", "#".repeat(size));
        assert_eq!(agent.ask(id::CONFIGURE_GET, text_form()).unwrap().value("contents"), Some(&Value::Null));
    }
    agent.write("whatap.conf", "#".repeat(65_536));
    assert!(agent.ask(id::CONFIGURE_GET, text_form()).unwrap().text("contents").is_some());
}

#[test]
fn whatap_conf_is_replaced_with_a_backup_and_read_again() {
    let agent = Agent::new();
    agent.write("whatap.conf", format!("license={LICENCE}\n# old\n"));
    let contents = "license=***\ndebug=true\n";
    let reply = agent.ask(id::SET_CONFIG, text_form().with("contents", contents)).unwrap();
    assert_eq!(reply, text_form().with("contents", contents), "the command's own pack");
    assert_eq!(agent.text("whatap.conf"), format!("license={LICENCE}\ndebug=true\n"), "the mask keeps the licence");
    assert_eq!(agent.text("whatap.conf.old"), format!("license={LICENCE}\n# old\n"));
    assert_eq!(agent.changes.get(), 1);
    agent.ask(id::SET_CONFIG, text_form().with("contents", contents)).unwrap();
    assert_eq!(agent.changes.get(), 1, "the same text is no change");
}

#[test]
fn keys_are_merged_in_place() {
    let agent = Agent::new();
    agent.write("whatap.conf", "# head\ndebug=false\n# about b\nlog_level=INFO\ngone=1\nlicense=x\n");
    let config = Map::new().with("debug", "true").with("gone", "").with("log_keep_days", 3).with("license", "***");
    let reply = agent.ask(id::SET_CONFIG, Map::new().with("config", config)).unwrap();
    assert_eq!(reply.value("error"), None);
    let expected = "# head\ndebug=true\n# about b\nlog_level=INFO\nlicense=x\nlog_keep_days=3\n";
    assert_eq!(agent.text("whatap.conf"), expected);
}

#[test]
fn a_missing_whatap_conf_is_made() {
    let agent = Agent::new();
    agent.ask(id::SET_CONFIG, Map::new().with("config", Map::new().with("debug", "true"))).unwrap();
    assert_eq!(agent.text("whatap.conf"), "debug=true\n");
}

#[test]
fn a_change_of_whatap_conf_that_makes_no_sense_changes_nothing() {
    let agent = Agent::new();
    agent.write("whatap.conf", "debug=false\n");
    let config = |key: &str, value: Value| Map::new().with("config", Map::new().with(key, value));
    for arguments in [
        text_form(),
        text_form().with("contents", Value::Null),
        text_form().with("contents", 5),
        text_form().with("contents", "x".repeat(10 << 20)),
        text_form().with("contents", "api_token=***\n"),
        Map::new(),
        Map::new().with("config", "debug=true"),
        config("a\nb", Value::from("1")),
        config("a", Value::from("1\nlicense=evil")),
        config("#a", Value::from("1")),
        config("a", Value::List(vec![])),
        config("big", Value::from("x".repeat(2 << 20))),
    ] {
        let reply = agent.ask(id::SET_CONFIG, arguments).unwrap();
        assert!(reply.text("error").is_some_and(|error| error.len() < 300), "{:?}", reply.text("error"));
        assert_eq!(agent.text("whatap.conf"), "debug=false\n");
    }
    agent.write("whatap.conf", b"# \xb0\xa1 in EUC-KR\ndebug=false\n");
    let reply = agent.ask(id::SET_CONFIG, config("debug", Value::from("true"))).unwrap();
    assert!(reply.text("error").unwrap().contains("UTF-8"), "{reply:?}");
    assert_eq!(agent.changes.get(), 0);
    assert_eq!(fs::read_dir(agent.dir.path()).unwrap().count(), 2, "no backup, nothing left over");
}

#[test]
fn log_files_are_listed_with_their_sizes_and_nothing_else_is() {
    let agent = Agent::new();
    for (name, size) in
        [("OPEN-AGENT-open-20260102.log", 3), ("whatap-boot-20260101.log", 1), ("OPEN-AGENT-open.log", 2)]
    {
        agent.write(&format!("logs/{name}"), "x".repeat(size));
    }
    agent.write("logs/notes.txt", "x");
    fs::create_dir(agent.home.logs.join("OPEN-AGENT-open-20260103.log")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", agent.home.logs.join("OPEN-AGENT-open-20260104.log")).unwrap();
    let reply = agent.ask(id::AGENT_LOG_LIST, Map::new()).unwrap();
    let files: Vec<_> = map_of(&reply, "files").iter().map(|(name, size)| (name, size.as_i64().unwrap())).collect();
    let expected = [("OPEN-AGENT-open-20260102.log", 3), ("OPEN-AGENT-open.log", 2), ("whatap-boot-20260101.log", 1)];
    assert_eq!(files, expected);
    fs::remove_dir_all(&agent.home.logs).unwrap();
    assert!(map_of(&agent.ask(id::AGENT_LOG_LIST, Map::new()).unwrap(), "files").is_empty());
}

#[test]
fn no_more_than_a_hundred_log_files_are_listed() {
    let agent = Agent::new();
    for piece in 0..120 {
        agent.write(&format!("logs/OPEN-AGENT-open-20260101.{piece}.log"), "");
    }
    assert_eq!(map_of(&agent.ask(id::AGENT_LOG_LIST, Map::new()).unwrap(), "files").len(), 100);
}

const LOG: &str = "OPEN-AGENT-open-20260101.log";

fn page(pos: i64, length: i64) -> Map {
    Map::new().with("file", LOG).with("pos", pos).with("length", length)
}

#[test]
fn a_log_is_read_from_its_end_backwards_and_forwards_again() {
    let agent = Agent::new();
    let text: String = (0..500).map(|i| format!("{i:04} 가나다라 line\n")).collect();
    agent.write(&format!("logs/{LOG}"), &text);
    let read = |pos, length| {
        let reply = agent.ask(id::AGENT_LOG_READ, page(pos, length)).unwrap();
        let number = |key: &str| reply.value(key).and_then(Value::as_i64).unwrap();
        (number("before"), number("next"), reply.text("text").unwrap().to_owned())
    };
    let (mut pos, mut backwards) = (-1, String::new());
    while pos != 0 {
        let (before, next, piece) = read(pos, 997);
        assert!(piece.len() <= 997 && (pos >= 0 || next == -1));
        backwards.insert_str(0, &piece);
        pos = before;
    }
    assert_eq!(backwards, text, "pages put together give the file");
    let (before, next, first) = read(997, 997);
    assert_eq!((before, first.as_str()), (0, &text[..first.len()]));
    let (before, _, second) = read(next, 997);
    assert_eq!((before as usize, second.as_str()), (first.len(), &text[first.len()..first.len() + second.len()]));
    assert_eq!(read(-1, 1 << 40).2.len() / 4, 8_000 / 4, "a page has at most 8000 bytes");
    assert_eq!(read(text.len() as i64, 10).1, -1);
}

#[test]
fn a_log_that_is_not_utf_8_is_read_with_marks_in_place_of_what_is_broken() {
    let agent = Agent::new();
    agent.write(&format!("logs/{LOG}"), [b"ok \xff\x80\x80\x80\x80 end".as_slice(), &[0x80; 10]].concat());
    let reply = agent.ask(id::AGENT_LOG_READ, page(-1, 8_000)).unwrap();
    assert!(reply.text("text").unwrap().starts_with("ok \u{fffd}"));
    let reply = agent.ask(id::AGENT_LOG_READ, page(-1, 3)).unwrap();
    assert_eq!(reply.value("before").and_then(Value::as_i64), Some(19), "a page that is nothing but broken moves on");
}

#[test]
fn files_that_are_no_logs_and_pages_that_are_none_are_refused() {
    let agent = Agent::new();
    agent.write(&format!("logs/{LOG}"), "0123456789");
    agent.write("whatap.conf", "license=x\n");
    agent.write("logs/secret.txt", "x");
    std::os::unix::fs::symlink(&agent.home.conf, agent.home.logs.join("OPEN-AGENT-open-20260104.log")).unwrap();
    let named = |name: &str| page(-1, 100).with("file", name);
    for arguments in [
        Map::new(),
        named(""),
        named("../whatap.conf"),
        named("/etc/passwd"),
        named("..\\whatap.conf"),
        named("./OPEN-AGENT-open-20260101.log"),
        named("secret.txt"),
        named("OPEN-AGENT-open-20260104.log"),
        named("OPEN-AGENT-open-20260105.log"),
        named("OPEN-AGENT-open-20260101.log\0"),
        named(&"a".repeat(10 << 20)),
        page(11, 5),
        page(i64::MAX, 5),
        page(-1, 0),
        page(-1, -5),
        page(-1, i64::MIN),
        Map::new().with("file", LOG),
        page(5, 5).with("length", Value::Null),
    ] {
        let reply = agent.ask(id::AGENT_LOG_READ, arguments).unwrap();
        assert!(reply.value("text").is_none() && reply.value("before").is_none(), "{reply:?}");
        assert!(reply.text("error").is_some(), "{reply:?}");
    }
    let reply = agent.ask(id::AGENT_LOG_READ, page(i64::MIN, 4)).unwrap();
    assert_eq!(reply.text("text"), Some("6789"), "a negative position is the end");
}

#[test]
fn the_scrape_configuration_is_read_from_where_it_came() {
    let mut agent = Agent::new();
    let reply = agent.ask(id::OPENMX_SCRAPE_CONFIG_GET, Map::new()).unwrap();
    assert_eq!((reply.text("status"), reply.value("contents")), (Some("error"), Some(&Value::Null)));
    assert!(reply.text("error").unwrap().contains("scrape_config.yaml"), "{reply:?}");
    agent.write("scrape_config.yaml", "features: {}\n");
    let reply = agent.ask(id::OPENMX_SCRAPE_CONFIG_GET, Map::new()).unwrap();
    assert_eq!(keys(&reply), ["source", "writable", "status", "contents"]);
    assert_eq!((reply.text("source"), reply.text("contents")), (Some("file"), Some("features: {}\n")));
    assert_eq!(reply.value("writable"), Some(&Value::Bool(true)));
    agent.config_map = Some(("whatap-monitoring/whatap-open-agent-config", "features: {a: 1}\n"));
    let reply = agent.ask(id::OPENMX_SCRAPE_CONFIG_GET, Map::new()).unwrap();
    assert_eq!((reply.text("source"), reply.text("contents")), (Some("configmap"), Some("features: {a: 1}\n")));
    assert_eq!(reply.value("writable"), Some(&Value::Bool(false)));
}

#[test]
fn the_scrape_configuration_is_judged_before_it_is_written() {
    let agent = Agent::new();
    agent.write("scrape_config.yaml", "features: {}\n");
    let set = |contents: Value| agent.ask(id::OPENMX_SCRAPE_CONFIG_SET, Map::new().with("contents", contents)).unwrap();
    let reply = set(Value::from("features: {openAgent: {}}\n"));
    assert_eq!(reply, Map::new().with("source", "file").with("status", "ok"), "the contents are not sent back");
    assert_eq!(agent.text("scrape_config.yaml"), "features: {openAgent: {}}\n");
    assert_eq!(agent.text("scrape_config.yaml.old"), "features: {}\n");
    assert_eq!(agent.changes.get(), 1);
    for (contents, error) in [
        (Value::from("a: [b"), "line 1: no features"),
        (Value::from(" \n"), "empty contents"),
        (Value::Null, "empty contents"),
        (
            Value::from("features".repeat(10 << 17)),
            "the configuration is longer than the 4194304 bytes that fit a frame",
        ),
    ] {
        let reply = set(contents);
        assert_eq!((reply.text("status"), reply.text("error")), (Some("error"), Some(error)));
        assert_eq!(reply.value("contents"), None);
    }
    assert_eq!(agent.text("scrape_config.yaml"), "features: {openAgent: {}}\n");
    assert_eq!(agent.changes.get(), 1);
}

#[test]
fn the_scrape_configuration_of_a_config_map_is_left_alone() {
    let mut agent = Agent::new();
    agent.write("scrape_config.yaml", "features: {}\n");
    agent.config_map = Some(("whatap-monitoring/whatap-open-agent-config", ""));
    let reply = agent.ask(id::OPENMX_SCRAPE_CONFIG_SET, Map::new().with("contents", "features: {a: 1}\n")).unwrap();
    assert_eq!((reply.text("source"), reply.text("status")), (Some("configmap"), Some("error")));
    assert!(reply.text("error").unwrap().contains("whatap-monitoring/whatap-open-agent-config"), "{reply:?}");
    assert_eq!(agent.text("scrape_config.yaml"), "features: {}\n");
    assert!(!Path::new(&agent.dir.path().join("scrape_config.yaml.old")).exists());
}

#[test]
fn any_arguments_for_any_command_are_borne() {
    use proptest::prelude::*;
    let agent = Agent::new();
    agent.write("whatap.conf", "debug=false\n");
    agent.write("scrape_config.yaml", "features: {}\n");
    agent.write(&format!("logs/{LOG}"), "0123456789".repeat(3_000));
    let value = prop_oneof![
        any::<i64>().prop_map(Value::Decimal),
        ".{0,20}".prop_map(Value::Text),
        Just(Value::from(LOG)),
        Just(Value::from("text")),
        Just(Value::Null),
        Just(Value::Map(Map::new().with("a", 1))),
    ];
    let key =
        prop_oneof![Just("file"), Just("pos"), Just("length"), Just("contents"), Just("config"), Just("config_type")];
    let arguments = proptest::collection::vec((key, value), 0..5);
    let id = prop_oneof![Just(4), Just(12), Just(14), Just(22), Just(23), Just(580), Just(581)];
    proptest!(|(id in id, arguments in arguments)| {
        prop_assert!(agent.ask(id, arguments.into_iter().collect()).is_some());
    });
}
