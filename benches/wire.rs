//! The wire's hot paths: writing records, zipping them, covering frames, reading records back.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use openagent::wire::cypher::{Cypher, Key, Level, hide};
use openagent::wire::deflate::Deflater;
use openagent::wire::frame::Code;
use openagent::wire::gzip::Packed;
use openagent::wire::pack::{EncodedPack, Header};
use openagent::wire::record::{self, Block, Unfinished};
use openagent::wire::session::{Session, SessionKeys};
use std::borrow::Cow;
use std::hint::black_box;
use std::net::Ipv4Addr;

/// Samples of a pack.
const RECORDS: usize = 1000;

/// A thousand samples with four labels of their own and three of their target, written before.
fn fill(block: &mut Block, target: &[u8]) {
    fill_and(block, target, |_| {});
}

/// The same, and something with the block after each.
fn fill_and(block: &mut Block, target: &[u8], mut then: impl FnMut(&Block)) {
    block.clear();
    for i in 0..RECORDS {
        let mut record = block.begin("http_request_duration_seconds_bucket");
        record.label("method", "GET");
        record.label("handler", "/api/v1/query_range");
        record.label("code", "200");
        record.label("le", "0.25");
        record.written_labels(target, 3);
        record.sample(1_718_668_800_123, i as f64).expect("the record fits");
        then(block);
    }
}

fn target_labels() -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in [("job", "prometheus"), ("instance", "10.20.30.40:9090"), ("pcode", "1845")] {
        Unfinished::write_label(&mut out, name, value);
    }
    out
}

fn records(c: &mut Criterion) {
    let mut group = c.benchmark_group("records");
    let target = target_labels();
    let mut block = Block::new();
    fill(&mut block, &target);
    let plain = block.bytes().to_vec();

    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("write", |b| b.iter(|| fill(black_box(&mut block), &target)));
    group.throughput(Throughput::Bytes(plain.len() as u64));
    group.bench_function("write_bytes", |b| b.iter(|| fill(black_box(&mut block), &target)));
    let mut deflater = Deflater::new();
    group.bench_function("write_and_zip_bytes", |b| {
        b.iter(|| {
            fill_and(black_box(&mut block), &target, |block| deflater.record(block));
            deflater.finish(&block).len()
        });
    });
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("read", |b| {
        b.iter(|| {
            record::samples(black_box(&plain)).expect("a block").map(|s| s.expect("a sample").value).sum::<f64>()
        });
    });
    group.finish();
}

fn covering(c: &mut Criterion) {
    let mut group = c.benchmark_group("covering");
    let mut payload = vec![0x5a_u8; 64 << 10];
    group.throughput(Throughput::Bytes(payload.len() as u64));
    group.bench_function("hide_64k", |b| b.iter(|| hide(black_box(&mut payload), -1_412_567_144)));
    let cypher = Cypher::new(Level::Aes128, &Key::new(*b"0123456789abcdef"));
    group.bench_function("aes128_64k", |b| b.iter(|| cypher.encrypt(black_box(&mut payload), 0)));
    group.finish();
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("frames");
    let keys = SessionKeys {
        transfer_key: 7,
        secure_key: Key::new(*b"0123456789abcdef"),
        hide_key: -1_412_567_144,
        public_ip: Ipv4Addr::LOCALHOST,
    };
    let session = Session::new(4_000_000_001, -5, Level::Aes128, keys);
    let header = Header { pcode: 4_000_000_001, oid: -5, okind: 1, onode: 2, time_ms: 1_718_668_800_123 };
    for (name, size) in [("12k", 12 << 10), ("256k", 256 << 10)] {
        let block = Packed { zipped: true, bytes: Cow::Owned(vec![0x5a; size]) };
        let pack = EncodedPack::open_mx(&block, None, RECORDS as u32);
        let mut out = Vec::new();
        group.throughput(Throughput::Bytes(size as u64));
        for (covered, code) in [("hidden", Code::SecureHide), ("encrypted", Code::SecureCypher)] {
            group.bench_function(format!("{covered}_{name}"), |b| {
                b.iter(|| {
                    out.clear();
                    session.seal(code, black_box(&mut out), |out| pack.write(&header, out))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, records, covering, frames);
criterion_main!(benches);
