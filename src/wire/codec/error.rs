//! Why bytes could not be read: which field, where, and what stood there.

use std::fmt;

/// A field that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The field, as the protocol names it.
    pub what: &'static str,
    /// Offset of the field from the start of the bytes given to the reader.
    pub at: usize,
    /// What stood there.
    pub found: Found,
}

/// What stood where a field should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Fewer bytes than the field needs.
    Short {
        /// Bytes the field needs.
        need: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// A length or count that no writer makes.
    Length(i64),
    /// A type, version or flag byte that the protocol doesn't know.
    Tag(i64),
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Bytes after the end.
    Trailing(usize),
    /// Values nested deeper than this.
    TooDeep(usize),
    /// More values than this.
    TooMany(usize),
    /// Bytes that are not gzip, or gzip that breaks off.
    NotGzip,
    /// Gzip that inflates to more than this many bytes.
    TooBig(usize),
    /// Encrypted bytes that don't end on a block.
    NotBlocks(usize),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: ", self.what, self.at)?;
        match self.found {
            Found::Short { need, left } => write!(f, "needs {need} bytes, {left} are left"),
            Found::Length(n) => write!(f, "impossible length {n}"),
            Found::Tag(n) => write!(f, "unknown type {n}"),
            Found::NotUtf8 => f.write_str("is not UTF-8"),
            Found::Trailing(n) => write!(f, "{n} bytes follow after the end"),
            Found::TooDeep(n) => write!(f, "values are nested deeper than {n}"),
            Found::TooMany(n) => write!(f, "holds more than {n} values"),
            Found::NotGzip => f.write_str("is not whole gzip"),
            Found::TooBig(n) => write!(f, "inflates to more than {n} bytes"),
            Found::NotBlocks(n) => write!(f, "{n} encrypted bytes are not whole blocks of 16"),
        }
    }
}

impl std::error::Error for DecodeError {}
