//! DEFLATE's codes: which bits stand for a byte, a length, a distance (RFC 1951, section 3.2).
//!
//! All tables are made while compiling, from the code lengths.

/// Bits ready to be written: the code, lowest bit first, with its extra bits behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code {
    pub bits: u32,
    pub count: u8,
}

/// Shortest and longest match.
pub(super) const MIN_MATCH: usize = 3;
pub(super) const MAX_MATCH: usize = 258;
/// How far back a match may lie.
pub(super) const MAX_DISTANCE: usize = 32 * 1024;

/// Symbols of bytes, the end of the block and lengths; of distances.
pub(super) const SYMBOLS: usize = 286;
pub(super) const DISTANCES: usize = 30;
const END: usize = 256;
const LENGTHS: usize = MAX_MATCH - MIN_MATCH + 1;

/// The codes of one block.
#[derive(Debug)]
pub(super) struct Codes {
    pub literals: [Code; 256],
    pub end: Code,
    /// Of a match of `MIN_MATCH + index` bytes.
    pub lengths: [Code; LENGTHS],
    /// Of a distance's symbol, without its extra bits.
    distances: [Code; DISTANCES],
}

impl Codes {
    /// The codes that these code lengths give.
    pub const fn new(symbols: &[u8; SYMBOLS], distances: &[u8; DISTANCES]) -> Self {
        let all = canonical(symbols);
        let mut literals = [NONE; 256];
        let mut byte = 0;
        while byte < 256 {
            literals[byte] = all[byte];
            byte += 1;
        }
        let mut lengths = [NONE; LENGTHS];
        let mut symbol = END + 1;
        let mut base = 0;
        while symbol < SYMBOLS {
            // 258 has a symbol of its own, the last
            let extra = if symbol == SYMBOLS - 1 { 0 } else { extra_of_length(symbol - END - 1) };
            if symbol == SYMBOLS - 1 {
                base = LENGTHS - 1;
            }
            let mut rest = 0;
            while rest < 1 << extra && base + rest < LENGTHS {
                let code = all[symbol];
                lengths[base + rest] =
                    Code { bits: code.bits | (rest as u32) << code.count, count: code.count + extra as u8 };
                rest += 1;
            }
            base += 1 << extra;
            symbol += 1;
        }
        Self { literals, end: all[END], lengths, distances: canonical(distances) }
    }

    /// The code of a distance, at least 1 and at most [`MAX_DISTANCE`], with its extra bits.
    #[inline]
    pub fn distance(&self, distance: usize) -> Code {
        let before = (distance - 1) as u32;
        if before < 2 {
            return self.distances[before as usize];
        }
        let log = before.ilog2();
        let symbol = 2 * log + (before >> (log - 1) & 1);
        let extra = log - 1;
        let code = self.distances[symbol as usize];
        let rest = before & ((1 << extra) - 1);
        Code { bits: code.bits | rest << code.count, count: code.count + extra as u8 }
    }
}

const NONE: Code = Code { bits: 0, count: 0 };

/// Extra bits of the length symbols in a row.
const fn extra_of_length(index: usize) -> usize {
    if index < 8 { 0 } else { index / 4 - 1 }
}

/// Codes of the same length are counted up in the order of their symbols; DEFLATE writes them highest bit first.
const fn canonical<const N: usize>(lengths: &[u8; N]) -> [Code; N] {
    let mut codes = [NONE; N];
    let (mut next, mut length) = (0_u32, 1);
    while length <= 15 {
        next <<= 1;
        let mut symbol = 0;
        while symbol < N {
            if lengths[symbol] == length {
                codes[symbol] = Code { bits: next.reverse_bits() >> (32 - length as u32), count: length };
                next += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fixed codes of RFC 1951, section 3.2.6, whose bits are known.
    fn fixed() -> Codes {
        let mut symbols = [8; SYMBOLS];
        symbols[144..256].fill(9);
        symbols[256..280].fill(7);
        Codes::new(&symbols, &[5; DISTANCES])
    }

    fn told(code: Code) -> (u32, u8) {
        (code.bits, code.count)
    }

    #[test]
    fn lengths_and_distances_have_the_symbols_and_extra_bits_of_the_standard() {
        let codes = fixed();
        let symbol = |n: u32| (n - 256).reverse_bits() >> 25;
        for (length, (number, extra, rest)) in [
            (3, (257, 0, 0)),
            (10, (264, 0, 0)),
            (11, (265, 1, 0)),
            (12, (265, 1, 1)),
            (18, (268, 1, 1)),
            (19, (269, 2, 0)),
            (114, (279, 4, 15)),
        ] {
            assert_eq!(told(codes.lengths[length - MIN_MATCH]), (symbol(number) | rest << 7, 7 + extra), "{length}");
        }
        // 258 is a symbol of its own, 257 the last but one with all but one extra bits
        assert_eq!(told(codes.lengths[257 - MIN_MATCH]).1, 8 + 5);
        assert_eq!(told(codes.lengths[258 - MIN_MATCH]).1, 8);
        let symbol = |n: u32| n.reverse_bits() >> 27;
        for (distance, (number, extra, rest)) in [
            (1, (0, 0, 0)),
            (2, (1, 0, 0)),
            (4, (3, 0, 0)),
            (5, (4, 1, 0)),
            (8, (5, 1, 1)),
            (257, (16, 7, 0)),
            (24_577, (29, 13, 0)),
            (32_768, (29, 13, 8_191)),
        ] {
            assert_eq!(told(codes.distance(distance)), (symbol(number) | rest << 5, 5 + extra), "{distance}");
        }
    }

    #[test]
    fn literals_are_counted_up_within_their_length() {
        let codes = fixed();
        assert_eq!(told(codes.literals[0]), (0b0000_1100, 8));
        assert_eq!(told(codes.literals[143]), (0b1111_1101, 8));
        assert_eq!(told(codes.end), (0, 7));
    }
}
