//! The server's commands over real sockets: the collector asks, a sender and the control room answer.

use crate::support::{LICENCE, LONG, wait_for};
use openagent::collector::{Collector, Options};
use openagent::config::Home;
use openagent::control::{ControlContext, ScrapeSource, answer};
use openagent::secret::Secret;
use openagent::sender::{self, Batch, Sender, SenderSettings};
use openagent::wire::identity::{Identity, Sources};
use openagent::wire::licence::Licence;
use openagent::wire::pack::{EncodedPack, id};
use openagent::wire::value::{Map, Value};
use std::sync::Arc;
use std::thread::JoinHandle;
use tempfile::TempDir;

/// A server and an agent that does nothing but answer commands about a home of its own.
struct Connected {
    home: TempDir,
    server: Option<Collector>,
    sender: Option<Sender>,
    answering: Option<JoinHandle<()>>,
}

impl Connected {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("logs")).unwrap();
        let licence = Licence::parse(LICENCE).unwrap();
        let server = Collector::bind("127.0.0.1:0", licence.clone(), Options::default(), |_| {}).unwrap();
        let identity = Arc::new(|pcode, ip| {
            let (setting, env) = (|_: &str| None, |_: &str| None);
            Identity::resolve(
                pcode,
                ip,
                &Sources { setting: &setting, env: &env, hostname: "", container_id: "", addresses: "" },
            )
        });
        let settings = SenderSettings::new(licence, vec!["127.0.0.1".to_owned()], server.address().port(), identity);
        let sender = sender::start(settings, Arc::default()).unwrap();
        let answering = Some(answer_commands(&sender, home.path()));
        wait_for("the session", LONG, || (server.agents().len() == 1).then_some(()));
        Self { home, server: Some(server), sender: Some(sender), answering }
    }

    fn ask(&self, id: i32, arguments: Map) -> Map {
        let server = self.server.as_ref().unwrap();
        let oid = server.agents()[0].oid;
        let reply = server.command(oid, id, arguments, LONG).unwrap();
        assert_eq!((reply.id, reply.request), (id, 0));
        assert_ne!(reply.response, 0);
        reply.map
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.home.path().join(name), text).unwrap();
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.shutdown(LONG);
        }
        let _ = self.answering.take().map(JoinHandle::join);
        let _ = self.server.take().map(Collector::shutdown);
    }
}

/// Answers until the sender is gone.
fn answer_commands(sender: &Sender, home: &std::path::Path) -> JoinHandle<()> {
    let (commands, queue) = (sender.commands(), sender.queue());
    let home = Home {
        conf: home.join("whatap.conf"),
        scrape_config: home.join("scrape_config.yaml"),
        logs: home.join("logs"),
    };
    std::thread::spawn(move || {
        let licence = Secret::new(LICENCE);
        let environment = [("PATH", "/bin"), ("WHATAP_LICENSE", LICENCE), ("NPM_TOKEN", "t0ps3cret")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let context = ControlContext {
            home: &home,
            licence: &licence,
            environment: &environment,
            scrape_source: ScrapeSource::File,
            validate: &|text| if text.starts_with("features") { Ok(()) } else { Err("line 1: what is this?".into()) },
            changed: &|| {},
        };
        for command in commands {
            if let Some(reply) = answer(command, &context) {
                queue.reply(Batch { time_ms: 1_700_000_000_000, packs: vec![EncodedPack::param(&reply)] });
            }
        }
    })
}

fn text_form() -> Map {
    Map::new().with("config_type", "text")
}

#[test]
fn every_command_is_answered() {
    let agent = Connected::new();
    agent.write("whatap.conf", "# mine\ndebug=false\n");
    agent.write("scrape_config.yaml", "features: {}\n");
    agent.write("logs/OPEN-AGENT-open-20260101.log", "first line\nsecond line\n");

    let reply = agent.ask(id::GET_ENV, Map::new());
    let Some(Value::Map(variables)) = reply.value("env") else { panic!("{reply:?}") };
    assert_eq!((variables.text("PATH"), variables.text("NPM_TOKEN")), (Some("/bin"), Some("***")));
    assert!(!format!("{reply:?}").contains(LICENCE) && !format!("{reply:?}").contains("t0ps3cret"));

    assert_eq!(agent.ask(id::CONFIGURE_GET, text_form()).text("contents"), Some("# mine\ndebug=false\n"));
    assert_eq!(agent.ask(id::CONFIGURE_GET, Map::new()), Map::new().with("debug", "false"));
    agent.ask(id::SET_CONFIG, Map::new().with("config", Map::new().with("debug", "true")));
    assert_eq!(agent.ask(id::CONFIGURE_GET, text_form()).text("contents"), Some("# mine\ndebug=true\n"));

    let reply = agent.ask(id::AGENT_LOG_LIST, Map::new());
    let expected = Map::new().with("OPEN-AGENT-open-20260101.log", 23);
    assert_eq!(reply.value("files"), Some(&Value::Map(expected)));
    let page = |pos| Map::new().with("file", "OPEN-AGENT-open-20260101.log").with("pos", pos).with("length", 12);
    let reply = agent.ask(id::AGENT_LOG_READ, page(-1));
    assert_eq!(reply.text("text"), Some("second line\n"));
    assert_eq!((reply.value("before"), reply.value("next")), (Some(&Value::Decimal(11)), Some(&Value::Decimal(-1))));
    assert_eq!(agent.ask(id::AGENT_LOG_READ, page(11)).text("text"), Some("first line\n"));

    let reply = agent.ask(id::OPENMX_SCRAPE_CONFIG_GET, Map::new());
    assert_eq!((reply.text("status"), reply.text("contents")), (Some("ok"), Some("features: {}\n")));
    let set = |text: &str| agent.ask(id::OPENMX_SCRAPE_CONFIG_SET, Map::new().with("contents", text));
    assert_eq!(set("nonsense").text("error"), Some("line 1: what is this?"));
    assert_eq!(set("features: {a: 1}\n"), Map::new().with("source", "file").with("status", "ok"));
    let reply = agent.ask(id::OPENMX_SCRAPE_CONFIG_GET, Map::new());
    assert_eq!(reply.text("contents"), Some("features: {a: 1}\n"));
}

#[test]
fn hostile_commands_are_answered_with_an_error_and_the_session_lives_on() {
    let agent = Connected::new();
    agent.write("whatap.conf", "debug=false\n");
    agent.write("logs/OPEN-AGENT-open-20260101.log", "0123456789");
    let read = |file: &str, pos: i64, length: i64| {
        agent.ask(id::AGENT_LOG_READ, Map::new().with("file", file).with("pos", pos).with("length", length))
    };
    for name in ["..", "../whatap.conf", "/etc/passwd", "a\\b", "logs/../whatap.conf", "whatap.conf"] {
        let reply = read(name, -1, 100);
        assert!(reply.value("text").is_none() && reply.text("error").is_some(), "{name}: {reply:?}");
    }
    for (pos, length) in [(11, 5), (i64::MAX, 5), (-1, -5), (-1, 0), (5, i64::MIN)] {
        let reply = read("OPEN-AGENT-open-20260101.log", pos, length);
        assert!(reply.value("text").is_none() && reply.text("error").is_some(), "{pos} {length}: {reply:?}");
    }
    let seven_mib = "# 0123456789abc\n".repeat(7 << 16);
    let reply = agent.ask(id::SET_CONFIG, text_form().with("contents", seven_mib.as_str()));
    assert!(reply.text("error").is_some() && reply.value("contents").is_none(), "{reply:?}");
    let reply = agent.ask(id::OPENMX_SCRAPE_CONFIG_SET, Map::new().with("contents", seven_mib));
    assert!(reply.text("error").is_some() && reply.value("contents").is_none(), "{reply:?}");
    assert_eq!(std::fs::read_to_string(agent.home.path().join("whatap.conf")).unwrap(), "debug=false\n");
    assert_eq!(agent.server.as_ref().unwrap().agents().len(), 1);
}

#[test]
fn an_unknown_command_is_left_unanswered() {
    let agent = Connected::new();
    let server = agent.server.as_ref().unwrap();
    let oid = server.agents()[0].oid;
    let patience = std::time::Duration::from_millis(300);
    assert!(server.command(oid, 4711, Map::new(), patience).is_err());
    assert!(agent.ask(id::AGENT_LOG_LIST, Map::new()).value("files").is_some(), "the session lives on");
}
