//! What both text formats look for in a line, byte by byte: names, blanks, the end of a quoted text, escapes.

/// Letters and `_`.
pub(super) const LETTER: u8 = 1;
/// Digits.
const DIGIT: u8 = 2;
/// `:`, which metric names may have.
pub(super) const COLON: u8 = 4;

static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LETTER,
            b'0'..=b'9' => DIGIT,
            b':' => COLON,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// Where the name that begins at `at` ends; `at` itself when none begins there.
#[inline]
pub(super) fn name_end(bytes: &[u8], at: usize, first: u8) -> usize {
    match bytes.get(at) {
        Some(byte) if CLASS[*byte as usize] & first != 0 => {}
        _ => return at,
    }
    let rest = &bytes[at + 1..];
    at + 1 + rest.iter().position(|byte| CLASS[*byte as usize] & (first | DIGIT) == 0).unwrap_or(rest.len())
}

/// Where the next quote or backslash stands. Label values are short, so the first bytes are looked at eight by eight
/// before the search of long texts is called.
#[inline]
pub(super) fn quote_or_backslash(bytes: &[u8], at: usize) -> Option<usize> {
    const SHORT: usize = 24;
    let rest = bytes.get(at..)?;
    for (i, word) in rest.as_chunks::<8>().0.iter().take(SHORT / 8).enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ repeat(b'"')) | zero_bytes(word ^ repeat(b'\\'));
        if found != 0 {
            return Some(at + i * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let seen = rest.len().min(SHORT) / 8 * 8;
    memchr::memchr2(b'"', b'\\', &rest[seen..]).map(|found| at + seen + found)
}

/// The highest bit of the lowest byte that is zero; bits above it mean nothing.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(repeat(1)) & !word & repeat(0x80)
}

const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Past the blanks and tabs that begin at `at`.
#[inline]
pub(super) fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

/// Past the blanks that may stand between tokens, where they may.
#[inline]
pub(super) fn skip<const BLANKS: bool>(bytes: &[u8], at: usize) -> usize {
    if BLANKS { blanks(bytes, at) } else { at }
}

/// Appends a text with `\\` and `\n` (and `\"`, where `quotes` is set) undone; any other backslash stays.
pub(super) fn unescape(text: &str, quotes: bool, out: &mut String) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (plain, taken) = match rest.as_bytes().get(at + 1) {
            Some(b'\\') => ("\\", 2),
            Some(b'n') => ("\n", 2),
            Some(b'"') if quotes => ("\"", 2),
            _ => ("\\", 1),
        };
        out.push_str(plain);
        rest = &rest[at + taken..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_quote_or_backslash_is_found_wherever_it_stands() {
        for length in 0..40 {
            for at in 0..length {
                let mut bytes = vec![b'#'; length]; // differs from a quote in one bit
                bytes[length - 1] = b'"';
                bytes[at] = if at % 2 == 0 { b'"' } else { b'\\' };
                assert_eq!(quote_or_backslash(&bytes, 0), Some(at), "{at} of {length}");
            }
            assert_eq!(quote_or_backslash(&vec![b'!'; length], 0), None);
        }
    }

    #[test]
    fn unknown_escapes_stay() {
        let undone = |text, quotes| {
            let mut out = String::new();
            unescape(text, quotes, &mut out);
            out
        };
        assert_eq!(undone(r#"a\\n\n\"\z\"#, true), "a\\n\n\"\\z\\");
        assert_eq!(undone(r#"\""#, false), "\\\"");
    }
}
