//! The codes of the one block: made once, from what records look like.
//!
//! `scripts/deflate-codes.py` counted the symbols that [`super::Deflater`] writes for the expositions of some forty
//! exporters, each with the same weight, and made the best code lengths for the sum. No byte, length or distance is
//! without a code. A pack's own best codes would save another six in a hundred, and take a second pass.

use super::codes::{Codes, DISTANCES, SYMBOLS};

/// Bits of the head of the block: it is the last one, its codes follow, then their lengths.
pub(super) const HEADER: [(u32, u8); 22] = [
    (0x60079ded, 32),
    (0x8615b71b, 32),
    (0x9647869f, 32),
    (0x276f0ced, 32),
    (0x71271251, 32),
    (0xa2926886, 32),
    (0x25443a56, 32),
    (0x4db49b69, 32),
    (0xda6926ea, 32),
    (0x101169b4, 32),
    (0xba2248f7, 32),
    (0x4e00ce03, 32),
    (0xf7bddd16, 32),
    (0xbdef7bde, 32),
    (0xef7bdef7, 32),
    (0xbbdef7bd, 32),
    (0x489c9de5, 32),
    (0x500122d6, 32),
    (0xc3329a52, 32),
    (0xbc3efffb, 32),
    (0x3881e03b, 32),
    (0x000006da, 11),
];

/// The codes that [`HEADER`] tells.
pub(super) static CODES: Codes = Codes::new(&SYMBOL_BITS, &DISTANCE_BITS);

#[rustfmt::skip]
const SYMBOL_BITS: [u8; SYMBOLS] = [
    4, 8, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 10, 9, 9, 9, 10, 10, 10, 10, 9, 9, 9, 9, 9, 9, 9, 9, 10, 10, 10, 8, 10,
    10, 10, 9, 10, 10, 10, 9, 10, 10, 10, 10, 8, 7, 9, 7, 7, 7, 8, 7, 8, 8, 8, 8, 8, 10, 11, 11, 11, 11, 8, 7, 8, 10,
    10, 10, 11, 11, 11, 10, 10, 11, 11, 11, 10, 10, 11, 9, 11, 10, 10, 10, 11, 10, 11, 11, 10, 11, 11, 10, 11, 11, 5,
    10, 5, 7, 5, 6, 4, 7, 7, 7, 5, 10, 8, 6, 6, 5, 5, 6, 9, 5, 5, 5, 6, 8, 9, 8, 7, 9, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 7, 6, 6, 8, 9, 10, 10, 8, 8, 9, 8, 8, 8, 8, 8, 7, 7,
    5, 5, 5, 7, 8, 8, 8, 10, 11, 10, 11,
];

#[rustfmt::skip]
const DISTANCE_BITS: [u8; DISTANCES] = [
    7, 10, 10, 10, 10, 9, 9, 9, 9, 9, 9, 9, 3, 2, 2, 5, 4, 6, 6, 5, 5, 4, 5, 7, 5, 6, 7, 9, 9, 9,
];
