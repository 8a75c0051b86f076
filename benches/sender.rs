//! How fast packs become frames, and how fast the whole sender brings them to a collector over loopback.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]
#![allow(missing_docs, reason = "criterion's macros make functions")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use openagent::collector::{Collector, Options};
use openagent::sender::{Batch, Framer, SenderSettings};
use openagent::wire::cypher::{Key, Level};
use openagent::wire::identity::{Identity, Sources};
use openagent::wire::licence::Licence;
use openagent::wire::pack::EncodedPack;
use openagent::wire::session::{Session, SessionKeys};
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// Bytes of a pack of 1000 samples after gzip.
const PACK: usize = 20_000;

fn identity(pcode: i64, ip: Ipv4Addr) -> Identity {
    let none = |_: &str| None;
    let sources = Sources { setting: &none, env: &none, hostname: "", container_id: "", addresses: "" };
    Identity::resolve(pcode, ip, &sources)
}

fn pack() -> EncodedPack {
    let body = (0..PACK).map(|n| (n * 31 % 251) as u8).collect();
    EncodedPack { pack_type: 0x1400, body, records: 1_000 }
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    let keys = SessionKeys {
        transfer_key: 7,
        secure_key: Key::new(*b"0123456789abcdef"),
        hide_key: 0x1234_5678,
        public_ip: Ipv4Addr::LOCALHOST,
    };
    let identity = identity(7, Ipv4Addr::LOCALHOST);
    let session = Arc::new(Session::new(7, identity.oid, Level::Aes128, keys));
    let pack = pack();
    group.throughput(Throughput::Bytes(PACK as u64));
    for (name, encrypt) in [("hidden", false), ("encrypted", true)] {
        let framer = Framer::new(Arc::clone(&session), &identity, encrypt, 5 << 20);
        let mut out = Vec::new();
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                framer.frame(black_box(&pack), 1, &mut out).unwrap()
            });
        });
    }
}

/// From the first push until the collector has shown that it read the last pack.
fn delivery(criterion: &mut Criterion) {
    const PACKS: usize = 2_000;
    let licence = Licence::parse(&Licence::generate(7, b"a key of a bench")).unwrap();
    let collector = Collector::bind("127.0.0.1:0", licence.clone(), Options::default(), |_| {}).unwrap();
    let hosts = vec!["127.0.0.1".to_owned()];
    let settings = SenderSettings {
        queue_bytes: 256 << 20,
        replay_bytes_per_second: 0,
        ..SenderSettings::new(licence, hosts, collector.address().port(), Arc::new(identity))
    };
    let sender = openagent::sender::start(settings, Arc::new(AtomicU64::new(0))).unwrap();
    let (queue, state, pack) = (sender.queue(), sender.state(), pack());
    let mut group = criterion.benchmark_group("sender");
    group.throughput(Throughput::Bytes((PACKS * PACK) as u64)).sample_size(10);
    group.bench_function("loopback", |b| {
        b.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let batches: Vec<_> = (0..PACKS).map(|_| Batch { time_ms: 1, packs: vec![pack.clone()] }).collect();
                let goal = state.frames_sent.value() + PACKS as u64;
                let began = Instant::now();
                batches.into_iter().for_each(|batch| queue.push(batch));
                while state.frames_sent.value() < goal {
                    std::thread::sleep(Duration::from_micros(100));
                }
                spent += began.elapsed();
            }
            spent
        });
    });
    group.finish();
    sender.shutdown(Duration::from_secs(5));
}

criterion_group!(benches, frames, delivery);
criterion_main!(benches);
