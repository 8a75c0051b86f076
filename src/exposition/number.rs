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

/// Reads the value that a line ends with: it begins at `at`, and at the second result the next line does. `None` leaves
/// the line to [`float`], which takes any spelling.
#[inline]
pub fn to_line_end(bytes: &[u8], at: usize) -> Option<(f64, usize)> {
    let text = bytes.get(at..)?;
    let (value, length) = decimal(text)?;
    (text.get(length) == Some(&b'\n')).then_some((value, at + length + 1))
}

#[inline]
fn short(text: &[u8]) -> Option<f64> {
    decimal(text).filter(|(_, end)| *end == text.len()).map(|(value, _)| value)
}

/// The decimal of few digits that a text begins with, and where it ends. It is the product or quotient of two exact
/// floats and so rounded once (Clinger's fast path); `None` leaves the text to [`long`].
#[inline]
fn decimal(text: &[u8]) -> Option<(f64, usize)> {
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
    // more could wrap the mantissa
    if digits == 0 || digits > 19 || mantissa > EXACT {
        return None;
    }
    let (power, end) = exponent(text, end)?;
    let power = power - scale;
    let magnitude = match power {
        0 => mantissa as f64,
        1..=22 => mantissa as f64 * TENS[power as usize],
        -22..=-1 => mantissa as f64 / TENS[-power as usize],
        _ => return None,
    };
    Some((if negative { -magnitude } else { magnitude }, end))
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

/// `e+07` and its like at `at`, of at most three digits, and where it ends; 0 where there is none.
#[inline]
fn exponent(text: &[u8], at: usize) -> Option<(i32, usize)> {
    if !matches!(text.get(at), Some(b'e' | b'E')) {
        return Some((0, at));
    }
    let sign = text.get(at + 1);
    let start = at + 1 + usize::from(matches!(sign, Some(b'+' | b'-')));
    let (value, end) = run(text, start, 0);
    if end == start || end - start > 3 {
        return None;
    }
    Some((if sign == Some(&b'-') { -(value as i32) } else { value as i32 }, end))
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
        for (line, ends) in [("a {}\nb 1\n", true), ("a {} \n", false), ("a {}5 \n", false), ("a {}", false)] {
            let line = line.replace("{}", text);
            if let Some((value, next)) = to_line_end(line.as_bytes(), 2) {
                assert!(ends && std.is_some_and(|std| std.to_bits() == value.to_bits()), "{line:?}");
                assert_eq!(next, 2 + text.len() + 1, "{line:?}");
            }
        }
    }

    #[test]
    fn a_value_at_the_end_of_its_line_is_read_with_it() {
        for (line, read) in [
            ("a 1\n", Some((1.0, 4))),
            ("a -2.5e-1\nb", Some((-0.25, 10))),
            ("a 1 \n", None),
            ("a 1 5\n", None),
            ("a 1\r\n", None),
            ("a 1", None),
            ("a \n", None),
            ("a NaN\n", None),
            ("a 1e5e\n", None),
            ("a 12345678901234567890\n", None),
            ("a", None),
        ] {
            assert_eq!(to_line_end(line.as_bytes(), 2), read, "{line:?}");
        }
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
