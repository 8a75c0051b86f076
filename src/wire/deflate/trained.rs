//! The codes of the one block: made once, from what records look like.
//!
//! `scripts/deflate-codes.py` counted the symbols that [`super::Deflater`] writes for the expositions of some forty
//! exporters, each with the same weight, and made the best code lengths for the sum. No byte, length or distance is
//! without a code. A pack's own best codes would save another six in a hundred, and take a second pass.

use super::codes::{Codes, DISTANCES, SYMBOLS};

/// Bits of the head of the block: it is the last one, its codes follow, then their lengths.
pub(super) const HEADER: [(u32, u8); 21] = [
    (0x80059ded, 32),
    (0x8615b723, 32),
    (0x1841c2df, 32),
    (0x25c92f8f, 32),
    (0x581724b9, 32),
    (0x14e5ed9f, 32),
    (0x90a49bd6, 32),
    (0x49af49b6, 32),
    (0x555a529a, 32),
    (0x95b679a3, 32),
    (0x24e6919d, 32),
    (0xcafadecd, 32),
    (0xcccccccc, 32),
    (0xcccccccc, 32),
    (0x7adccccc, 32),
    (0xb7bb276c, 32),
    (0xeef24b64, 32),
    (0xfe31e926, 32),
    (0x9237a7df, 32),
    (0xdbe358de, 32),
    (0x00000003, 3),
];

/// The codes that [`HEADER`] tells.
pub(super) static CODES: Codes = Codes::new(&SYMBOL_BITS, &DISTANCE_BITS);

#[rustfmt::skip]
const SYMBOL_BITS: [u8; SYMBOLS] = [
    4, 8, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 9, 9, 9, 9, 9, 9, 9, 9, 10, 10, 10, 9,
    10, 10, 10, 9, 10, 10, 10, 9, 10, 10, 10, 10, 8, 7, 9, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 10, 11, 11, 11, 11, 8, 7, 8,
    10, 10, 10, 11, 11, 11, 11, 10, 11, 11, 11, 10, 10, 11, 9, 11, 10, 10, 10, 11, 10, 11, 11, 11, 11, 11, 10, 11, 11,
    5, 11, 5, 6, 5, 6, 4, 7, 7, 7, 5, 10, 8, 6, 6, 5, 5, 6, 9, 5, 5, 5, 6, 8, 9, 8, 7, 9, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 7, 6, 7, 7, 7, 10, 10, 8, 8, 9, 8, 8, 8, 8, 8, 7,
    7, 5, 5, 5, 7, 8, 8, 8, 10, 10, 10, 11,
];

#[rustfmt::skip]
const DISTANCE_BITS: [u8; DISTANCES] = [
    9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 3, 2, 2, 5, 4, 6, 5, 5, 5, 4, 6, 7, 5, 6, 7, 9, 8, 9,
];
