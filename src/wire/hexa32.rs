//! hexa32: signed 64-bit numbers in base 32, the words of a licence.
//!
//! ```text
//! hexa32 = digit            0 to 9
//!        | "x" 1*digit32    10 and more
//!        | "z" 1*digit32    below 0
//! digit32 = "0"-"9" | "a"-"v"
//! ```

use std::fmt::Write as _;

/// Writes a number.
pub fn encode(value: i64) -> String {
    match value {
        0..=9 => value.to_string(),
        10.. => base32('x', value.unsigned_abs()),
        _ => base32('z', value.unsigned_abs()),
    }
}

/// Reads a number; `None` for what the Go library reads as 0 because it can't read it: a sign without a mark, a
/// number out of range, a foreign byte.
///
/// A digit past `v` counts on from there and capitals are small letters, as in that library.
pub fn parse(text: &str) -> Option<i64> {
    match text.as_bytes() {
        [] => None,
        [b'x', digits @ ..] => i64::try_from(magnitude(digits)?).ok(),
        [b'z', digits @ ..] => 0_i64.checked_sub_unsigned(magnitude(digits)?),
        _ => text.parse().ok(),
    }
}

fn base32(mark: char, mut magnitude: u64) -> String {
    let mut digits = Vec::with_capacity(13);
    while magnitude > 0 {
        digits.push(char::from_digit((magnitude % 32) as u32, 32).expect("a remainder of 32 is a digit of 32"));
        magnitude /= 32;
    }
    let mut out = String::with_capacity(14);
    let _ = out.write_char(mark);
    out.extend(digits.iter().rev());
    out
}

fn magnitude(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        let digit = char::from(*digit).to_digit(36)?;
        sum.checked_mul(32)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden;
    use proptest::prelude::*;

    #[test]
    fn writes_and_reads_as_the_library() {
        for entry in &golden::section("d_hexa32", 23) {
            let back: i64 = golden::text(entry, "back_str").parse().unwrap();
            if let Some(text) = entry.get("parse_only").and_then(|v| v.as_str()) {
                assert_eq!(parse(text).unwrap_or(0), back, "{text:?}");
            } else {
                let text = golden::text(entry, "s");
                let value: i64 = golden::text(entry, "v_str").parse().unwrap();
                assert_eq!(encode(value), text);
                assert_eq!(parse(text), Some(value), "{text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_number_comes_back(value: i64) {
            prop_assert_eq!(parse(&encode(value)), Some(value));
        }

        #[test]
        fn no_text_panics(text: String, tail: String) {
            parse(&text);
            parse(&format!("x{tail}"));
            parse(&format!("z{tail}"));
        }
    }
}
