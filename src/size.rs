//! Sizes in bytes as people write them: `64MiB`, `10MB`, `512`; units are powers of 1024, as Prometheus reads them.

/// Units from large to small; `KB` and `KiB` are the same 1024 bytes.
const UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeError(String);

impl std::fmt::Display for SizeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} is no size; write it as 64MiB, 512KiB or as a number of bytes", self.0)
    }
}

impl std::error::Error for SizeError {}

/// Reads a size in bytes; white space around it and before the unit is allowed, the unit in any case.
///
/// # Errors
/// On an unknown unit, a missing or fractional number, or more than `u64` bytes.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    let fail = || SizeError(text.to_owned());
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = unit_bytes(unit.trim_start()).ok_or_else(fail)?;
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(fail)
}

/// Bytes of a unit: `MiB`, `MB`, `M`; no unit is bytes.
fn unit_bytes(unit: &str) -> Option<u64> {
    if unit.is_empty() {
        return Some(1);
    }
    let means = |name: &str| {
        let short = name.replace('i', "");
        unit.eq_ignore_ascii_case(name) || unit.eq_ignore_ascii_case(&short) || unit.eq_ignore_ascii_case(&name[..1])
    };
    UNITS.iter().find(|(name, _)| means(name)).map(|(_, bytes)| *bytes)
}

/// Writes a size the way [`parse`] reads it, in the largest unit that comes out even.
pub fn format(bytes: u64) -> String {
    let even = UNITS.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match even {
        Some((name, unit)) if *unit > 1 => format!("{} {name}", bytes / unit),
        _ => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_units_in_any_case() {
        for (text, bytes) in [
            ("0", 0),
            ("512", 512),
            ("512B", 512),
            ("1KB", 1024),
            ("1kib", 1024),
            ("10MB", 10 << 20),
            ("64 MiB", 64 << 20),
            (" 2G ", 2 << 30),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_and_names_it() {
        for text in ["", "MB", "1.5MB", "-1", "1XB", "1 0", "99999999999999999999", "99999999999T", "1é"] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn format_is_read_back_the_same() {
        for bytes in [0, 1, 1023, 1024, 1 << 20, 5 << 20, (5 << 20) + 1, u64::MAX] {
            assert_eq!(parse(&format(bytes)), Ok(bytes), "{}", format(bytes));
        }
    }
}
