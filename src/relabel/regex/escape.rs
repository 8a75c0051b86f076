//! Escapes that stand for one character: `\n`, `\x41`, `\x{1F600}`, `\101`, `\.`.
//!
//! ```text
//! escape = "\" ( punctuation / "a" / "f" / "n" / "r" / "t" / "v" / octal / hex )
//! octal  = "0" *2oct / ( "1".."7" ) 1*2oct            a lone \1 would be a back reference, which RE2 has not
//! hex    = "x" 2hexdig / "x{" 1*hexdig "}"
//! ```

use super::Fault;

/// Reads the escape at the start of `text` (a backslash) and gives its character and length in bytes.
///
/// # Errors
/// What is none of the above; `at` is where it stands.
pub(super) fn character(text: &str, at: usize) -> Result<(char, usize), Fault> {
    let mut rest = text.chars();
    rest.next();
    let Some(c) = rest.next() else {
        return Err(Fault::new(at, "trailing backslash at end of expression"));
    };
    match c {
        'a' => Ok(('\x07', 2)),
        'f' => Ok(('\x0c', 2)),
        'n' => Ok(('\n', 2)),
        'r' => Ok(('\r', 2)),
        't' => Ok(('\t', 2)),
        'v' => Ok(('\x0b', 2)),
        'x' => hex(text).ok_or_else(|| invalid(text, at)),
        '0'..='7' => octal(text).ok_or_else(|| invalid(text, at)),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok((c, 2)),
        _ => Err(invalid(text, at)),
    }
}

/// The refusal of an escape, with the reason for those one might expect to work.
pub(super) fn invalid(text: &str, at: usize) -> Fault {
    let shown: String = text.chars().take(2).collect();
    let why = match shown.as_bytes().get(1) {
        Some(b'1'..=b'9') => "; RE2 has no back references",
        Some(b'p' | b'P') => "; Unicode classes are not supported, write the characters' ranges",
        Some(b'C') => "; a single byte cannot be matched",
        Some(b'Z') => "; write \\z for the end of the text",
        _ => "",
    };
    Fault::new(at, format!("invalid escape sequence: {shown}{why}"))
}

fn octal(text: &str) -> Option<(char, usize)> {
    let digits = text.bytes().skip(1).take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
    if digits == 1 && !text.starts_with("\\0") {
        return None;
    }
    let value = u32::from_str_radix(text.get(1..=digits)?, 8).ok()?;
    Some((char::from_u32(value)?, digits + 1))
}

fn hex(text: &str) -> Option<(char, usize)> {
    let body = text.get(2..)?;
    let (digits, len) = match body.strip_prefix('{') {
        Some(braced) => {
            let digits = &braced[..braced.find('}')?];
            (digits, digits.len() + 4)
        }
        None => (body.get(..2)?, 4),
    };
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    // leading zeros may be many; what is left must fit
    let value = u32::from_str_radix(digits, 16).ok()?;
    Some((char::from_u32(value)?, len))
}
