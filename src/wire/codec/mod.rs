//! The protocol's primitive encodings: writers that append to a `Vec<u8>`, and the [`Reader`].
//!
//! # Invariants
//! Integers are big-endian two's complement, text is UTF-8. What a writer wrote the reader of the same name reads back.

mod error;
mod reader;

pub use error::{DecodeError, Found};
pub use reader::Reader;

/// Longest blob whose length fits the one leading byte.
const SHORT_BLOB: usize = 253;
/// Leading byte of a blob with an `i32` length.
const LONG_BLOB_MARK: u8 = 254;
/// Leading byte of a blob with a `u16` length.
const MEDIUM_BLOB_MARK: u8 = 255;
/// Most bytes of a blob's length.
pub const MAX_BLOB_HEAD: usize = 5;
/// Most elements of an array whose count is a signed 16-bit integer.
pub const MAX_SHORT_COUNT: usize = i16::MAX as usize;

/// Appends a bool: one byte, 0 or 1.
#[inline]
pub fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.push(u8::from(value));
}

/// Appends a `short`, 2 bytes.
#[inline]
pub fn write_i16(out: &mut Vec<u8>, value: i16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends an `int3`: the low 24 bits, 3 bytes.
#[inline]
pub fn write_i24(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes()[1..]);
}

/// Appends an `int`, 4 bytes.
#[inline]
pub fn write_i32(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a `long5`: the low 40 bits, 5 bytes.
#[inline]
pub fn write_i40(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes()[3..]);
}

/// Appends a `long`, 8 bytes.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a `float`, 4 bytes.
#[inline]
pub fn write_f32(out: &mut Vec<u8>, value: f32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a `double`, 8 bytes.
#[inline]
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a decimal: a length byte and the fewest of 0, 1, 2, 3, 4, 5 or 8 bytes that hold the number.
#[inline]
pub fn write_decimal(out: &mut Vec<u8>, value: i64) {
    let len = decimal_len(value);
    out.push(len as u8);
    out.extend_from_slice(&value.to_be_bytes()[8 - len..]);
}

/// Bytes of the number itself, without its length byte.
#[inline]
fn decimal_len(value: i64) -> usize {
    const I24: i64 = 1 << 23;
    const I40: i64 = 1 << 39;
    match value {
        0 => 0,
        -0x80..=0x7f => 1,
        -0x8000..=0x7fff => 2,
        _ if (-I24..I24).contains(&value) => 3,
        _ if i32::try_from(value).is_ok() => 4,
        _ if (-I40..I40).contains(&value) => 5,
        _ => 8,
    }
}

/// Appends a blob: a length of 1, 3 or 5 bytes, then the bytes. At most `i32::MAX` bytes.
#[inline]
pub fn write_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    write_blob_len(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends a text: a blob of its UTF-8.
#[inline]
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    write_blob(out, text.as_bytes());
}

#[inline]
fn write_blob_len(out: &mut Vec<u8>, len: usize) {
    if len <= SHORT_BLOB {
        out.push(len as u8);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(MEDIUM_BLOB_MARK);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(LONG_BLOB_MARK);
        write_i32(out, i32::try_from(len).expect("a blob is smaller than a frame, which is at most 8 MiB"));
    }
}

/// Bytes that [`write_blob`] appends for a blob of `len` bytes.
pub fn blob_bytes(len: usize) -> usize {
    let head = match len {
        0..=SHORT_BLOB => 1,
        _ if len <= usize::from(u16::MAX) => 3,
        _ => 5,
    };
    head + len
}

/// Appends `int-bytes`: a 4-byte length, then the bytes. At most `i32::MAX` bytes.
pub fn write_int_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_i32(out, i32::try_from(bytes.len()).expect("int-bytes are smaller than a frame, which is at most 8 MiB"));
    out.extend_from_slice(bytes);
}

/// Appends `short-bytes`: a 2-byte unsigned length, then the bytes; what is beyond 65535 bytes is cut off.
pub fn write_short_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&bytes[..usize::from(len)]);
}

/// Appends an array with a 2-byte count; what is beyond [`MAX_SHORT_COUNT`] elements is cut off.
pub fn write_array<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    let items = &items[..items.len().min(MAX_SHORT_COUNT)];
    write_i16(out, items.len() as i16);
    for item in items {
        write(out, item);
    }
}

#[cfg(test)]
mod tests;
