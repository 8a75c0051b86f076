//! Values by name, in the order they were put in: a tag hash is over the bytes.

use super::read::Bounds;
use super::{Value, tag, write_counted};
use crate::wire::codec::{self, DecodeError, Found, Reader};

/// Values by name, in the order they were put in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map(pub(super) Vec<(String, Value)>);

impl Map {
    /// No entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an entry in, in place of the one of the same name or at the end.
    pub fn put(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|(k, _)| *k == key) {
            Some(entry) => entry.1 = value,
            None => self.0.push((key, value)),
        }
    }

    /// The same with an entry put in.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.put(key, value);
        self
    }

    /// The value of a name.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value)
    }

    /// The text of a name, when its value is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.as_text()
    }

    /// Name and value of each, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the map as a value: its type byte, count and entries.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(tag::MAP);
        self.write_entries(out);
    }

    /// Appends count and entries, without a type byte.
    pub fn write_entries(&self, out: &mut Vec<u8>) {
        write_counted(out, &self.0, |out, (key, value)| {
            codec::write_text(out, key);
            value.write(out);
        });
    }

    /// Reads a map as a value: its type byte, count and entries.
    ///
    /// # Errors
    /// Those of [`Value::read`]; [`Found::Tag`] for a value of another type.
    pub fn read(reader: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        let start = reader.clone();
        match reader.byte(what)? {
            tag::MAP => Self::read_entries(reader),
            other => Err(start.error(what, Found::Tag(i64::from(other)))),
        }
    }

    /// Reads count and entries.
    ///
    /// # Errors
    /// Those of [`Value::read`].
    pub fn read_entries(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Bounds::new().entries(reader)
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (key, value) in entries {
            map.put(key, value);
        }
        map
    }
}
