//! The keys a collector hands out: new for every session, and wrong ones on purpose.

use crate::wire::cypher::{Key, Level};
use crate::wire::frame::HEAD_BYTES;
use crate::wire::handshake::{Client, Hello};
use crate::wire::licence::Licence;
use crate::wire::session::SessionKeys;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// New keys for a session with that peer.
pub(super) fn session_keys(level: Level, peer: SocketAddr) -> SessionKeys {
    let public_ip = match peer.ip().to_canonical() {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
    SessionKeys {
        transfer_key: random() as i32,
        secure_key: random_key(level.key_bytes()),
        hide_key: random() as i32,
        public_ip,
    }
}

/// Makes a reply one that the agent can't read, as under another key. Some garbage is readable by chance.
pub(super) fn garble(reply: &mut [u8], hello: &Hello, licence: &Licence) {
    let client = Client::new(licence, hello.oid, hello.level);
    while client.read_reply(reply).is_ok() {
        reply.iter_mut().skip(HEAD_BYTES).zip(random_bytes()).for_each(|(byte, random)| *byte = random);
    }
}

fn random_key(bytes: usize) -> Key {
    Key::new(random_bytes().take(bytes).collect::<Vec<_>>())
}

fn random_bytes() -> impl Iterator<Item = u8> {
    std::iter::repeat_with(random).flat_map(u64::to_ne_bytes)
}

/// 64 bits of the standard library's hash seeds: good enough for keys whose cypher is not.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
