//! Typed values of tag counts, parameters and help records: a type byte, then the value.
//!
//! # Invariants
//! A [`Map`] keeps the order of its entries (a tag hash is over the bytes). Reading is bounded: at most [`MAX_DEPTH`]
//! levels and [`MAX_VALUES`] values in one tree, so that a tree is of the order of its bytes.

mod map;
mod read;

pub use map::Map;

use super::codec::{self, DecodeError, Reader};
use read::Bounds;

/// Deepest nesting of lists and maps that is read.
pub const MAX_DEPTH: usize = 32;
/// Most values of one tree that are read.
pub const MAX_VALUES: usize = 1 << 16;

/// A value of any of the protocol's types. Arrays hold at most 32767 elements, `bool` and `double` arrays aside; what
/// is beyond is not written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A bool.
    Bool(bool),
    /// A number in as few bytes as it needs.
    Decimal(i64),
    /// A number in 4 bytes.
    Int(i32),
    /// A number in 8 bytes.
    Long(i64),
    /// A float.
    Float(f32),
    /// A double.
    Double(f64),
    /// A text.
    Text(String),
    /// The hash of a text that was sent before.
    TextHash(i32),
    /// Bytes.
    Blob(Vec<u8>),
    /// An IPv4 address.
    Ip4([u8; 4]),
    /// Values in order.
    List(Vec<Value>),
    /// Ints.
    Ints(Vec<i32>),
    /// Floats.
    Floats(Vec<f32>),
    /// Texts.
    Texts(Vec<String>),
    /// Longs.
    Longs(Vec<i64>),
    /// Doubles.
    Doubles(Vec<f64>),
    /// Bools.
    Bools(Vec<bool>),
    /// Values by name.
    Map(Map),
}

/// The byte before a value.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const BOOL: u8 = 10;
    pub(super) const DECIMAL: u8 = 20;
    pub(super) const INT: u8 = 21;
    pub(super) const LONG: u8 = 22;
    pub(super) const FLOAT: u8 = 30;
    pub(super) const DOUBLE: u8 = 40;
    pub(super) const TEXT: u8 = 50;
    pub(super) const TEXT_HASH: u8 = 51;
    pub(super) const BLOB: u8 = 60;
    pub(super) const IP4: u8 = 61;
    pub(super) const LIST: u8 = 70;
    pub(super) const INTS: u8 = 71;
    pub(super) const FLOATS: u8 = 72;
    pub(super) const TEXTS: u8 = 73;
    pub(super) const LONGS: u8 = 74;
    pub(super) const DOUBLES: u8 = 75;
    pub(super) const BOOLS: u8 = 76;
    pub(super) const MAP: u8 = 80;
}

impl Value {
    /// Appends the type byte and the value.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
        match self {
            Self::Null => {}
            Self::Bool(v) => codec::write_bool(out, *v),
            Self::Decimal(v) => codec::write_decimal(out, *v),
            Self::Int(v) | Self::TextHash(v) => codec::write_i32(out, *v),
            Self::Long(v) => codec::write_i64(out, *v),
            Self::Float(v) => codec::write_f32(out, *v),
            Self::Double(v) => codec::write_f64(out, *v),
            Self::Text(v) => codec::write_text(out, v),
            Self::Blob(v) => codec::write_blob(out, v),
            Self::Ip4(v) => out.extend_from_slice(v),
            Self::List(v) => write_counted(out, v, |out, v| v.write(out)),
            Self::Ints(v) => codec::write_array(out, v, |out, v| codec::write_i32(out, *v)),
            Self::Floats(v) => codec::write_array(out, v, |out, v| codec::write_f32(out, *v)),
            Self::Texts(v) => codec::write_array(out, v, |out, v| codec::write_text(out, v)),
            Self::Longs(v) => codec::write_array(out, v, |out, v| codec::write_i64(out, *v)),
            Self::Doubles(v) => write_counted(out, v, |out, v| codec::write_f64(out, *v)),
            Self::Bools(v) => write_counted(out, v, |out, v| codec::write_bool(out, *v)),
            Self::Map(v) => v.write_entries(out),
        }
    }

    /// Reads a type byte and its value.
    ///
    /// # Errors
    /// What the codec refuses, an unknown type, too deep or too many values.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Bounds::new().value(reader)
    }

    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a decimal, int or long value.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Decimal(v) | Self::Long(v) => Some(*v),
            Self::Int(v) => Some(i64::from(*v)),
            _ => None,
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Self::Null => tag::NULL,
            Self::Bool(_) => tag::BOOL,
            Self::Decimal(_) => tag::DECIMAL,
            Self::Int(_) => tag::INT,
            Self::Long(_) => tag::LONG,
            Self::Float(_) => tag::FLOAT,
            Self::Double(_) => tag::DOUBLE,
            Self::Text(_) => tag::TEXT,
            Self::TextHash(_) => tag::TEXT_HASH,
            Self::Blob(_) => tag::BLOB,
            Self::Ip4(_) => tag::IP4,
            Self::List(_) => tag::LIST,
            Self::Ints(_) => tag::INTS,
            Self::Floats(_) => tag::FLOATS,
            Self::Texts(_) => tag::TEXTS,
            Self::Longs(_) => tag::LONGS,
            Self::Doubles(_) => tag::DOUBLES,
            Self::Bools(_) => tag::BOOLS,
            Self::Map(_) => tag::MAP,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Decimal(number)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

fn write_counted<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    codec::write_decimal(out, items.len() as i64);
    for item in items {
        write(out, item);
    }
}

#[cfg(test)]
pub(crate) mod tests;
