//! The collector against a client written by hand: real sockets, every kind of pack, every fault.

use crate::support::{openagent, wait_for};
use openagent::collector::{Collector, CommandError, End, Event, Faults, Options};
use openagent::wire::cypher::Level;
use openagent::wire::frame::{Code, FrameReader, Head};
use openagent::wire::gzip;
use openagent::wire::handshake::{Client, HandshakeError};
use openagent::wire::licence::Licence;
use openagent::wire::pack::{Body, EncodedPack, Header, NamedText, Pack, Param, div, id};
use openagent::wire::record::{self, Block, Buckets};
use openagent::wire::session::Session;
use openagent::wire::time_sync;
use openagent::wire::value::{Map, Value};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);
const OID: i32 = 4711;

fn licence_text() -> String {
    Licence::generate(1845, b"0123456789abcdef")
}

fn licence() -> Licence {
    Licence::parse(&licence_text()).unwrap()
}

/// An agent by hand: a socket and a session.
struct Agent {
    stream: TcpStream,
    session: Session,
    frames: FrameReader,
}

impl Agent {
    fn connect(address: SocketAddr, oid: i32, level: Level) -> Self {
        Self::try_connect(address, oid, level).expect("a session")
    }

    /// Connects and exchanges keys; `Ok(None)` stands for a connection that closed before the reply.
    fn try_connect(address: SocketAddr, oid: i32, level: Level) -> Result<Self, Option<HandshakeError>> {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let client = Client::new(&licence(), oid, level);
        let _ = stream.write_all(&client.hello(&format!("agent-{oid}"), Ipv4Addr::new(10, 1, 2, 3)));
        let mut arrived = Vec::new();
        loop {
            if let Some((session, used)) = client.read_reply(&arrived).map_err(Some)? {
                let mut frames = FrameReader::new();
                frames.push(&arrived[used..]);
                return Ok(Self { stream, session, frames });
            }
            let mut piece = [0; 64];
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return Err(None),
                Ok(n) => arrived.extend_from_slice(&piece[..n]),
            }
        }
    }

    fn sealed(&self, code: Code, pack: &EncodedPack) -> Vec<u8> {
        let header = Header { pcode: 1845, oid: self.session.oid(), okind: 1, onode: 2, time_ms: 1_700_000_000_000 };
        let mut frame = Vec::new();
        self.session.seal(code, &mut frame, |out| pack.write(&header, out));
        frame
    }

    fn send(&mut self, code: Code, pack: &EncodedPack) {
        self.stream.write_all(&self.sealed(code, pack)).unwrap();
    }

    /// The next frame from the collector, uncovered.
    fn receive(&mut self) -> (Code, Vec<u8>) {
        loop {
            if let Some(frame) = self.frames.next().unwrap() {
                let opened = self.session.open(frame).unwrap();
                return (opened.code, opened.payload.to_vec());
            }
            assert_ne!(self.frames.read_from(&mut self.stream).unwrap(), 0, "the collector closed the connection");
        }
    }

    fn receive_command(&mut self) -> Param {
        let (code, payload) = self.receive();
        assert_eq!(code, Code::SecureHide);
        match Pack::decode(&payload).unwrap().body {
            Body::Param(param) => param,
            other => panic!("a command, not {other:?}"),
        }
    }

    /// Reads until the connection ends; how.
    fn end(&mut self) -> std::io::Result<usize> {
        self.stream.read(&mut [0; 16])
    }
}

/// A numbered sample in a pack of its own.
fn sample(number: u32) -> EncodedPack {
    let mut block = Block::new();
    let mut record = block.begin("numbered");
    record.label("job", "test");
    record.sample(1_700_000_000_123, f64::from(number)).unwrap();
    EncodedPack::open_mx(&gzip::pack(block.bytes(), 1), None, 1)
}

/// A collector in this process, and what it tells.
fn collector(options: Options) -> (Collector, Receiver<Event>) {
    let (events, told) = channel();
    let sink = move |event| {
        let _ = events.send(event);
    };
    (Collector::bind("127.0.0.1:0", licence(), options, sink).unwrap(), told)
}

fn with_faults(faults: Faults) -> (Collector, Receiver<Event>) {
    collector(Options { faults, ..Options::default() })
}

/// The numbers of the samples that arrived, until `enough` of them are there.
fn numbers(told: &Receiver<Event>, enough: usize) -> BTreeSet<u32> {
    let mut seen = BTreeSet::new();
    let deadline = Instant::now() + SOON;
    while seen.len() < enough {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = told.recv_timeout(left).unwrap_or_else(|_| panic!("{} of {enough} samples came", seen.len()));
        seen.extend(numbers_of(&event));
    }
    seen
}

fn numbers_of(event: &Event) -> Vec<u32> {
    let Event::Pack(_, pack) = event else { return Vec::new() };
    let Body::OpenMx(mx) = &pack.body else { return Vec::new() };
    let plain = mx.records.plain(1 << 20).unwrap();
    record::samples(&plain).unwrap().map(|sample| sample.unwrap().value as u32).collect()
}

/// How the first connection to end ended.
fn first_end(told: &Receiver<Event>) -> End {
    let deadline = Instant::now() + SOON;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if let Event::Ended { end, .. } = told.recv_timeout(left).expect("a connection ends") {
            return end;
        }
    }
}

#[test]
fn every_level_and_code_brings_packs_over() {
    let (collector, told) = collector(Options::default());
    for (oid, bits) in [(1, 0), (2, 128), (3, 192), (4, 256)] {
        let mut agent = Agent::connect(collector.address(), oid, Level::from_bits(bits).unwrap());
        for (number, code) in [(1, Code::SecureHide), (2, Code::SecureCypher), (3, Code::OneWay)] {
            agent.send(code, &sample(number));
        }
        assert_eq!(numbers(&told, 3), [1, 2, 3].into(), "level {bits}");
        let known = collector.agents().into_iter().find(|agent| agent.oid == oid).expect("it is connected");
        assert_eq!((known.oname.as_str(), known.ip), (format!("agent-{oid}").as_str(), Ipv4Addr::new(10, 1, 2, 3)));
        assert_eq!(known.level.bits(), bits);
    }
}

#[test]
fn a_time_sync_is_answered_with_both_clocks() {
    let (collector, _told) = collector(Options::default());
    let mut agent = Agent::connect(collector.address(), OID, Level::Aes128);
    let mut frame = Vec::new();
    agent.session.seal(Code::TimeSync, &mut frame, |out| time_sync::Request { agent_ms: -5 }.write(out));
    agent.stream.write_all(&frame).unwrap();
    let (code, payload) = agent.receive();
    let reply = time_sync::Reply::read(&payload).unwrap();
    assert_eq!((code, reply.agent_ms), (Code::TimeSync, -5));
    assert!(reply.server_ms > 1_700_000_000_000, "{reply:?}");
}

#[test]
fn a_command_gets_its_reply_and_no_other() {
    let (collector, _told) = collector(Options::default());
    let mut other = Agent::connect(collector.address(), 7, Level::Aes128);
    let mut agent = Agent::connect(collector.address(), OID, Level::Aes128);
    wait_for("both agents", SOON, || (collector.agents().len() == 2).then_some(()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let command = agent.receive_command();
            assert_eq!((command.id, command.response), (id::AGENT_LOG_READ, 0));
            assert_eq!(command.map.text("file"), Some("a.log"));
            let foreign = Param { response: command.request, request: 0, ..command.clone() };
            other.send(Code::SecureHide, &EncodedPack::param(&foreign));
            agent.send(Code::SecureHide, &EncodedPack::param(&Param { response: 999, ..foreign }));
            let reply = command.reply(Map::new().with("text", "line"));
            agent.send(Code::SecureHide, &EncodedPack::param(&reply));
        });
        let reply = collector.command(OID, id::AGENT_LOG_READ, Map::new().with("file", "a.log"), SOON).unwrap();
        assert_eq!((reply.id, reply.map.text("text")), (id::AGENT_LOG_READ, Some("line")));
    });
}

#[test]
fn a_command_without_a_reply_says_why() {
    let (collector, _told) = collector(Options::default());
    let ask = |time| collector.command(OID, id::GET_ENV, Map::new(), time);
    assert!(matches!(ask(SOON), Err(CommandError::NotConnected(OID))));
    let mut agent = Agent::connect(collector.address(), OID, Level::Aes128);
    wait_for("the agent", SOON, || collector.agents().pop());
    let short = Duration::from_millis(20);
    assert!(matches!(ask(short), Err(CommandError::TimedOut(time)) if time == short));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            agent.receive_command(); // the one that timed out
            agent.receive_command();
        });
        assert!(matches!(ask(SOON), Err(CommandError::Gone)));
    });
}

#[test]
fn a_wrong_licence_is_refused_with_its_reason() {
    let (collector, told) = collector(Options::default());
    let foreign = Licence::parse(&Licence::generate(99, b"another key")).unwrap();
    let mut stream = TcpStream::connect(collector.address()).unwrap();
    stream.write_all(&Client::new(&foreign, OID, Level::Aes128).hello("x", Ipv4Addr::LOCALHOST)).unwrap();
    let end = first_end(&told);
    assert!(matches!(end, End::Handshake(HandshakeError::OtherProject { ours: 1845, theirs: 99 })), "{end}");
    let mut stream = TcpStream::connect(collector.address()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(first_end(&told).to_string(), "key exchange: the first frame has code 0x45 and is no hello");
}

#[test]
fn garbage_ends_its_connection_and_a_faulty_pack_only_itself() {
    let (collector, told) = collector(Options::default());
    let mut agent = Agent::connect(collector.address(), OID, Level::Aes128);
    let mut torn = EncodedPack::text(&[NamedText::new(div::ONAME, "name")]);
    torn.body.pop();
    agent.send(Code::SecureHide, &torn);
    agent.send(Code::Other(0x55), &sample(0));
    agent.send(Code::SecureHide, &sample(1));
    let mut reasons = Vec::new();
    loop {
        match told.recv_timeout(SOON).unwrap() {
            Event::Dropped(_, refusal) => reasons.push(refusal.to_string()),
            event if numbers_of(&event) == [1] => break,
            _ => {}
        }
    }
    assert_eq!(
        reasons,
        [
            "a frame with a faulty payload: text at byte 34: needs 4 bytes, 3 are left",
            "a frame of the unknown code 0x55"
        ]
    );

    let mut garbage = Vec::new();
    Head { netsrc: 1, code: Code::SecureHide, pcode: 1845, oid: OID, transfer_key: 0 }.write(&mut garbage, |_| {});
    garbage.truncate(18);
    garbage.extend_from_slice(&i32::MAX.to_be_bytes());
    agent.stream.write_all(&garbage).unwrap();
    assert!(matches!(first_end(&told), End::Garbage(_)));
    assert!(matches!(agent.end(), Ok(0)));
}

#[test]
fn a_dropped_connection_still_delivers_what_the_agent_had_sent() {
    let (collector, told) = with_faults(Faults { drop_after: Some(3), ..Faults::default() });
    let mut agent = Agent::connect(collector.address(), OID, Level::Aes128);
    let frames: Vec<u8> = (0..500).flat_map(|number| agent.sealed(Code::SecureHide, &sample(number))).collect();
    agent.stream.write_all(&frames).unwrap();
    assert!(matches!(agent.end(), Ok(0)), "the agent is told");
    drop(agent);
    assert_eq!(numbers(&told, 500).len(), 500);
    assert!(matches!(first_end(&told), End::Dropped));
    wait_for("the agent to be forgotten", SOON, || collector.agents().is_empty().then_some(()));
}

#[test]
fn a_reset_is_a_reset() {
    let (collector, told) = with_faults(Faults { reset: true, drop_after: Some(1), ..Faults::default() });
    let mut agent = Agent::connect(collector.address(), OID, Level::Aes128);
    agent.send(Code::SecureHide, &sample(1));
    let error = agent.end().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(matches!(first_end(&told), End::Reset));

    collector.set_faults(Faults { reset: true, ..Faults::default() });
    let mut agent = Agent::connect(collector.address(), OID, Level::Aes128);
    assert_eq!(agent.end().unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn refusal_and_bad_key_end_the_key_exchange() {
    let (collector, told) = with_faults(Faults { refuse: true, ..Faults::default() });
    assert!(matches!(Agent::try_connect(collector.address(), OID, Level::Aes128), Err(None)));
    assert!(matches!(first_end(&told), End::Refused));

    collector.set_faults(Faults { bad_key: true, ..Faults::default() });
    for bits in [0, 128, 192, 256] {
        let error = Agent::try_connect(collector.address(), OID, Level::from_bits(bits).unwrap()).err();
        assert!(matches!(error, Some(Some(HandshakeError::WrongKey(_)))), "level {bits}");
    }
    collector.set_faults(Faults::default());
    Agent::connect(collector.address(), OID, Level::Aes128);
}

#[test]
fn a_stalled_collector_reads_nothing_until_it_goes_on() {
    let (collector, told) = with_faults(Faults { stall: true, ..Faults::default() });
    let mut agent = Agent::connect(collector.address(), OID, Level::Aes128);
    agent.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let frames: Vec<u8> = (0..1000).flat_map(|number| agent.sealed(Code::SecureHide, &sample(number))).collect();
    let mut sent = 0; // in whole rounds and a rest, until TCP takes no more
    while let Ok(n) = agent.stream.write(&frames[sent % frames.len()..]) {
        sent += n;
    }
    assert!(sent > 0 && told.try_iter().all(|event| numbers_of(&event).is_empty()), "nothing was read");

    collector.set_faults(Faults::default());
    agent.stream.set_write_timeout(Some(SOON)).unwrap();
    agent.stream.write_all(&frames[sent % frames.len()..]).unwrap();
    assert_eq!(numbers(&told, 1000).len(), 1000);
}

#[test]
fn a_slow_collector_reads_at_its_rate() {
    let rate = 40_000;
    let (collector, told) = with_faults(Faults { slow_read: Some(rate), ..Faults::default() });
    let mut agent = Agent::connect(collector.address(), OID, Level::Aes128);
    let frames: Vec<u8> = (0..200).flat_map(|number| agent.sealed(Code::SecureHide, &sample(number))).collect();
    let began = Instant::now();
    agent.stream.write_all(&frames).unwrap();
    assert_eq!(numbers(&told, 200).len(), 200);
    let least = Duration::from_secs_f64(frames.len() as f64 / f64::from(rate) * 0.9);
    assert!(began.elapsed() >= least, "{} bytes in {:?}", frames.len(), began.elapsed());
}

#[test]
fn too_many_agents_and_silent_ones_are_closed() {
    let silence = Duration::from_millis(200);
    let (collector, told) = collector(Options { max_agents: 1, silence, ..Options::default() });
    let mut first = Agent::connect(collector.address(), 1, Level::Aes128);
    assert!(matches!(Agent::try_connect(collector.address(), 2, Level::Aes128), Err(None)));
    assert!(matches!(first_end(&told), End::Full));
    assert!(matches!(first.end(), Ok(0)));
    assert!(matches!(first_end(&told), End::Silent));
}

#[test]
fn shutdown_ends_everything_and_frees_the_port() {
    let (first, told) = with_faults(Faults { stall: true, ..Faults::default() });
    let address = first.address();
    let mut stalled = Agent::connect(address, 1, Level::Aes128);
    let half_open = TcpStream::connect(address).unwrap();
    wait_for("the agent", SOON, || first.agents().pop());
    let began = Instant::now();
    std::thread::spawn(move || first.shutdown()).join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let ends = told.try_iter().filter(|event| matches!(event, Event::Ended { end: End::Stopped, .. })).count();
    assert!(ends >= 1, "the agent's end was told");
    assert!(matches!(stalled.end(), Ok(0) | Err(_)));
    drop(half_open);

    let again = Collector::bind(address, licence(), Options::default(), |_| {}).unwrap();
    Agent::connect(again.address(), 1, Level::Aes128);
}

/// The program, listening on a free port.
struct Program {
    child: Child,
    address: SocketAddr,
    stderr: BufReader<ChildStderr>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = openagent();
        command.args(["collector", "--listen", "127.0.0.1:0", "--license", &licence_text()]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        Self { child, address, stderr }
    }

    fn exit_code(mut self) -> Option<i32> {
        let mut rest = String::new();
        let code = wait_for("the program to end", SOON, || self.child.try_wait().unwrap()).code();
        self.stderr.read_to_string(&mut rest).unwrap();
        assert!(!rest.contains("panicked"), "{rest}");
        code
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One pack of every kind.
fn one_of_each() -> Vec<EncodedPack> {
    let mut help = Block::new();
    help.help("numbered", Some("counts \"things\""), "counter").unwrap();
    let mut histogram = Block::new();
    let buckets = Buckets {
        schema: 3,
        zero_threshold: 0.5,
        zero_count: 1,
        count: 6,
        sum: 2.5,
        positive_spans: &[(0, 2)],
        positive_deltas: &[2, 1],
        negative_spans: &[],
        negative_deltas: &[],
    };
    histogram.begin("latency").histogram(5, &buckets).unwrap();
    let tags = Map::new().with("name", "a");
    let data = Map::new().with("up", 1).with("share", Value::Double(0.25));
    vec![
        sample(7),
        EncodedPack::open_mx_help(&gzip::pack(help.bytes(), 1), 1),
        EncodedPack::histogram(&gzip::pack(histogram.bytes(), 1), 1),
        EncodedPack::endpoints(&["http://a/metrics"]),
        EncodedPack::tag_count("category", &tags, &data),
        EncodedPack::text(&[NamedText::new(div::ONAME, "abc")]),
        EncodedPack::param(&Param::information(id::AGENT_BOOT_ENV, Map::new().with("whatap.pid", "1"))),
    ]
}

#[test]
fn the_program_prints_each_record_and_ends_on_ctrl_c() {
    let mut program = Program::start(&[]);
    let mut lines = BufReader::new(program.child.stdout.take().unwrap()).lines();
    let mut agent = Agent::connect(program.address, OID, Level::Aes128);
    for pack in one_of_each() {
        agent.send(Code::SecureHide, &pack);
    }
    for expected in [
        r#"{"type":"openmx","name":"numbered","labels":{"job":"test"},"ts":1700000000123,"value":7.0}"#,
        r#"{"type":"help","name":"numbered","properties":{"help":"counts \"things\"","type":"counter"}}"#,
        concat!(
            r#"{"type":"histogram","name":"latency","labels":{},"ts":5,"schema":3,"zero_threshold":0.5,"#,
            r#""zero_count":1,"count":6,"sum":2.5,"positive_spans":[[0,2]],"positive_deltas":[2,1],"#,
            r#""negative_spans":[],"negative_deltas":[]}"#
        ),
        r#"{"type":"endpoint","url":"http://a/metrics"}"#,
    ] {
        assert_eq!(lines.next().unwrap().unwrap(), expected);
    }
    let tag_count: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((tag_count["type"].as_str(), tag_count["ts"].as_i64()), (Some("tagcount"), Some(1_700_000_000_000)));
    assert_eq!(tag_count["data"], serde_json::json!({"up": 1, "share": 0.25}));
    assert_eq!(lines.next().unwrap().unwrap(), r#"{"type":"text","div":13,"hash":891568578,"text":"abc"}"#);
    assert_eq!(
        lines.next().unwrap().unwrap(),
        r#"{"type":"param","id":2,"request":0,"response":0,"values":{"whatap.pid":"1"}}"#
    );
    openagent::os::kill(program.child.id(), libc::SIGINT).unwrap();
    assert!(lines.next().is_none());
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn the_program_sends_commands_and_prints_the_replies() {
    let mut program = Program::start(&["--command", r#"AGENT_LOG_READ {"file":"a.log","pos":-1}"#]);
    let mut lines = BufReader::new(program.child.stdout.take().unwrap()).lines();
    let mut agent = Agent::connect(program.address, OID, Level::Aes256);
    let command = agent.receive_command();
    assert_eq!((command.id, command.map.value("pos")), (id::AGENT_LOG_READ, Some(&Value::Decimal(-1))));
    agent.send(Code::SecureHide, &EncodedPack::param(&command.reply(Map::new().with("next", -1))));
    let reply: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(reply["values"], serde_json::json!({"file": "a.log", "pos": -1, "next": -1}));
    openagent::os::kill(program.child.id(), libc::SIGINT).unwrap();
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn the_program_ends_when_nobody_reads_its_output() {
    let mut program = Program::start(&["--drop-after", "100000"]);
    drop(program.child.stdout.take());
    let mut agent = Agent::connect(program.address, OID, Level::Aes128);
    agent.send(Code::SecureHide, &sample(1));
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn the_program_tells_what_is_wrong_with_its_arguments() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let licence = licence_text();
    for (arguments, code, reason) in [
        (&["--license", "x41pl22ek7jhv-z43cebasdv4il7"][..], 2, "the licence is cut short or mistyped"),
        (&[], 2, "give --license LICENCE or set WHATAP_LICENSE"),
        (&["--license", &licence, "--drop-after", "x"], 2, "invalid"),
        (&["--license", &licence, "--command", "NOTHING"], 2, "\"NOTHING\" is no command; there are GET_ENV"),
        (&["--license", &licence, "--sloth"], 2, "--sloth"),
        (&["--license", &licence, "--listen", &taken], 1, "can't listen on 127.0.0.1:"),
    ] {
        let mut command = openagent();
        let output = command.env_remove("WHATAP_LICENSE").arg("collector").args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(reason) && !stderr.contains(&licence), "{stderr}");
    }
}
