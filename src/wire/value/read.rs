//! Reads values under bounds: a small input must not become a deep or large tree.

use super::{MAX_DEPTH, MAX_VALUES, Map, Value, tag};
use crate::wire::codec::{DecodeError, Found, Reader};

/// How deep and how many values may still come.
pub(super) struct Bounds {
    depth: usize,
    values: usize,
}

impl Bounds {
    pub(super) fn new() -> Self {
        Self { depth: MAX_DEPTH, values: MAX_VALUES }
    }

    pub(super) fn value(&mut self, r: &mut Reader<'_>) -> Result<Value, DecodeError> {
        let start = r.clone();
        self.take(1, r)?;
        Ok(match r.byte("value type")? {
            tag::NULL => Value::Null,
            tag::BOOL => Value::Bool(r.bool("bool")?),
            tag::DECIMAL => Value::Decimal(r.decimal("decimal")?),
            tag::INT => Value::Int(r.i32("int")?),
            tag::LONG => Value::Long(r.i64("long")?),
            tag::FLOAT => Value::Float(r.f32("float")?),
            tag::DOUBLE => Value::Double(r.f64("double")?),
            tag::TEXT => Value::Text(r.text("text")?.to_owned()),
            tag::TEXT_HASH => Value::TextHash(r.i32("text hash")?),
            tag::BLOB => Value::Blob(r.blob("blob")?.to_owned()),
            tag::IP4 => Value::Ip4(r.array("address")?),
            tag::LIST => self.deeper(r, Self::list)?,
            tag::MAP => self.deeper(r, |bounds, r| bounds.entries(r).map(Value::Map))?,
            array => return self.array(array, r, &start),
        })
    }

    fn deeper(
        &mut self,
        r: &mut Reader<'_>,
        read: fn(&mut Self, &mut Reader<'_>) -> Result<Value, DecodeError>,
    ) -> Result<Value, DecodeError> {
        self.depth = self.depth.checked_sub(1).ok_or_else(|| r.error("value", Found::TooDeep(MAX_DEPTH)))?;
        let value = read(self, r);
        self.depth += 1;
        value
    }

    fn list(&mut self, r: &mut Reader<'_>) -> Result<Value, DecodeError> {
        let count = r.decimal_count("list", 1)?;
        r.elements(count, |r| self.value(r)).map(Value::List)
    }

    pub(super) fn entries(&mut self, r: &mut Reader<'_>) -> Result<Map, DecodeError> {
        let count = r.decimal_count("map", 2)?;
        r.elements(count, |r| Ok((r.text("key")?.to_owned(), self.value(r)?))).map(Map)
    }

    /// An array: the Go library counts bools and doubles by a decimal, the others by a short.
    fn array(&mut self, kind: u8, r: &mut Reader<'_>, start: &Reader<'_>) -> Result<Value, DecodeError> {
        let count = match kind {
            tag::INTS | tag::FLOATS => r.short_count("array", 4),
            tag::TEXTS => r.short_count("array", 1),
            tag::LONGS => r.short_count("array", 8),
            tag::DOUBLES => r.decimal_count("array", 8),
            tag::BOOLS => r.decimal_count("array", 1),
            other => Err(start.error("value type", Found::Tag(i64::from(other)))),
        }?;
        match kind {
            tag::INTS => r.elements(count, |r| r.i32("int")).map(Value::Ints),
            tag::FLOATS => r.elements(count, |r| r.f32("float")).map(Value::Floats),
            tag::LONGS => r.elements(count, |r| r.i64("long")).map(Value::Longs),
            tag::DOUBLES => r.elements(count, |r| r.f64("double")).map(Value::Doubles),
            tag::BOOLS => r.elements(count, |r| r.bool("bool")).map(Value::Bools),
            _ => {
                self.take(count, r)?; // an empty text is one byte here and many in memory
                r.elements(count, |r| r.text("text").map(str::to_owned)).map(Value::Texts)
            }
        }
    }

    fn take(&mut self, count: usize, r: &Reader<'_>) -> Result<(), DecodeError> {
        self.values = self.values.checked_sub(count).ok_or_else(|| r.error("value", Found::TooMany(MAX_VALUES)))?;
        Ok(())
    }
}
