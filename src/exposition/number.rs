//! Numbers as the text formats write them: Go's `ParseFloat` without hexadecimal and underscores, which is what
//! Prometheus takes.
//!
//! # Invariants
//! - [`float`] answers exactly what `str::parse::<f64>` answers wherever both take the spelling.
//! - A number too large for a float is refused, never read as infinity.

/// Largest integer up to which every integer is a float.
const EXACT: u64 = 1 << 53;

/// Powers of ten that are exact floats.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Reads a value; `None` when the text is no number or exceeds a float's range.
#[inline]
pub fn float(text: &str) -> Option<f64> {
    short(text.as_bytes()).or_else(|| long(text))
}

/// Reads a decimal integer with digits only; `None` when it is none or exceeds an `i64`.
#[inline]
pub fn digits(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(value)
}

/// Decimals of few digits, which are the product or quotient of two exact floats and so rounded once (Clinger's fast
/// path); `None` leaves the text to [`long`].
#[inline]
fn short(text: &[u8]) -> Option<f64> {
    if text.len() > 24 {
        return None; // more could wrap the mantissa
    }
    let negative = text.first() == Some(&b'-');
    let signed = negative || text.first() == Some(&b'+');
    let (whole, at) = run(text, usize::from(signed), 0);
    let mut digits = at - usize::from(signed);
    let (mut mantissa, mut end, mut scale) = (whole, at, 0);
    if text.get(at) == Some(&b'.') {
        (mantissa, end) = run(text, at + 1, whole);
        scale = (end - at - 1) as i32;
        digits += end - at - 1;
    }
    if digits == 0 || digits > 19 || mantissa > EXACT {
        return None;
    }
    let power = if end == text.len() { 0 } else { exponent(&text[end..])? } - scale;
    let magnitude = match power {
        0 => mantissa as f64,
        1..=22 => mantissa as f64 * TENS[power as usize],
        -22..=-1 => mantissa as f64 / TENS[-power as usize],
        _ => return None,
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Appends the digits that begin at `at` to `value`; the second result is where they end.
#[inline]
fn run(text: &[u8], mut at: usize, mut value: u64) -> (u64, usize) {
    while let Some(byte) = text.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (value, at)
}

/// `e+07` and its like, of at most three digits.
#[inline]
fn exponent(text: &[u8]) -> Option<i32> {
    let (mark, rest) = text.split_first()?;
    if mark | 0x20 != b'e' {
        return None;
    }
    let signed = matches!(rest.first(), Some(b'+' | b'-'));
    let (value, end) = run(rest, usize::from(signed), 0);
    let count = end - usize::from(signed);
    if end != rest.len() || count == 0 || count > 3 {
        return None;
    }
    Some(if rest[0] == b'-' { -(value as i32) } else { value as i32 })
}

/// Everything else: many digits, infinities, NaN.
#[cold]
fn long(text: &str) -> Option<f64> {
    if text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return text.parse().ok().filter(|value: &f64| value.is_finite());
    }
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let infinite = ["inf", "infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
    infinite.then_some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_go_takes_and_refuses() {
        for (text, value) in [
            ("1", 1.0),
            ("+1", 1.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e+03", 1000.0),
            ("1E3", 1000.0),
            ("0000000000000000000000000001.2e-1", 0.12),
            ("1.9777152e+07", 19_777_152.0),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("2.2250738585072011e-308", 2.225073858507201e-308),
            ("1e-999", 0.0),
            ("inf", f64::INFINITY),
            ("+Inf", f64::INFINITY),
            ("-INFINITY", f64::NEG_INFINITY),
        ] {
            assert_eq!(float(text), Some(value), "{text}");
        }
        assert!(float("-0").is_some_and(|zero| zero == 0.0 && zero.is_sign_negative()));
        assert!(float("nAn").is_some_and(f64::is_nan));
        for text in [
            "", "+", ".", "e5", "1e", "1e+", "1_000", "0x1p-3", "0x1", "0b1", "1e999", "-1e999", "-NaN", "+nan",
            "Infi", "1,0", "1.2.3", "1 ", "--1", "1d", "nan()", "\u{661}",
        ] {
            assert_eq!(float(text), None, "{text}");
        }
    }

    #[test]
    fn digits_are_bounded() {
        assert_eq!(digits(b"000"), Some(0));
        assert_eq!(digits(b"9223372036854775807"), Some(i64::MAX));
        for text in ["", "9223372036854775808", "-1", "1.5", "1_2"] {
            assert_eq!(digits(text.as_bytes()), None, "{text}");
        }
    }

    fn agrees(text: &str) {
        let std: Option<f64> = text.parse().ok().filter(|value: &f64| value.is_finite());
        assert_eq!(float(text).map(f64::to_bits), std.map(f64::to_bits), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn decimals_read_as_std_reads_them(text in "[+-]?[0-9]{0,20}(\\.[0-9]{0,20})?([eE][+-]?[0-9]{0,3})?") {
            agrees(&text);
        }

        #[test]
        fn short_decimals_read_as_std_reads_them(text in "-?[0-9]{1,7}(\\.[0-9]{1,9})?(e[+-]?[0-9]{1,2})?") {
            agrees(&text);
        }

        #[test]
        fn every_float_reads_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(float(&value.to_string()), Some(value));
            prop_assert_eq!(float(&format!("{value:e}")), Some(value));
        }
    }
}
