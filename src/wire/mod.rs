//! The WhaTap agent protocol: bytes in, bytes out. No socket, no clock, no thread; both sides of every exchange.
//!
//! # Invariants
//! - Writers append to a caller's `Vec<u8>`; readers are slices of the input.
//! - No input makes a decoder panic, and none makes it take memory beyond the order of the input's own size:
//!   a length is checked against what is left before anything is taken, nesting and element counts are bounded.
//! - Byte for byte what the Go agent's library writes (`tests/data/golden.json`).
//!
//! From the outside in: [`handshake`] makes a [`session::Session`]; a [`frame`] carries a [`pack::Pack`] under it; a
//! pack's body may hold a gzipped block of [`record`]s; all of them are written with [`codec`] and [`value`].

pub mod codec;
pub mod cypher;
pub mod deflate;
pub mod frame;
pub mod gzip;
pub mod handshake;
pub mod hash;
pub mod hexa32;
pub mod identity;
pub mod licence;
pub mod pack;
pub mod record;
pub mod session;
pub mod time_sync;
pub mod value;

#[cfg(test)]
pub(crate) mod golden;
