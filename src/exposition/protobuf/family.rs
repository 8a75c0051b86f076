//! What is known of the metric family being read.

use super::wire::{Fields, Value, Wrong};
use crate::exposition::{FamilyKind, Sink};

/// Name, type, help and unit of one family. Texts keep their memory from family to family.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub name: String,
    pub count: String,
    pub sum: String,
    pub bucket: String,
    help: Option<String>,
    spare: String,
    unit: String,
    kind: Option<FamilyKind>,
    named: bool,
    /// The first metric was reached.
    begun: bool,
    /// The whole head was read ahead of the metrics; its fields come by once more and say nothing new.
    whole: bool,
}

impl Family {
    /// Forgets the last family.
    pub fn clear(&mut self) {
        self.spare = self.help.take().unwrap_or(std::mem::take(&mut self.spare));
        self.kind = None;
        self.named = false;
        self.begun = false;
        self.whole = false;
        self.name.clear();
        self.unit.clear();
    }

    /// Gives back memory beyond what an ordinary family needs.
    pub fn shrink(&mut self) {
        self.clear();
        for text in [&mut self.name, &mut self.count, &mut self.sum, &mut self.bucket, &mut self.spare, &mut self.unit]
        {
            text.clear();
            text.shrink_to(1024);
        }
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let help = self.help.as_ref().map_or(0, String::capacity) + self.spare.capacity();
        self.name.capacity() + self.count.capacity() + self.sum.capacity() + self.bucket.capacity() + help
    }

    /// Its type; without one it is a counter, the enum's zero.
    pub fn kind(&self) -> FamilyKind {
        self.kind.unwrap_or(FamilyKind::Counter)
    }

    /// Whether a metric can be read before the rest of the family is seen.
    pub fn is_known(&self) -> bool {
        self.begun || self.named && self.kind.is_some()
    }

    /// Without a type, a metric that is a counter tells it: a writer may leave out the enum's zero.
    pub fn guess(&mut self, metric: Value<'_>) {
        let Value::Bytes(bytes) = metric else { return };
        let mut fields = Fields::new(bytes);
        while let Ok(Some(field)) = fields.next() {
            if self.named && field.number == 3 {
                self.kind = Some(FamilyKind::Counter);
            }
        }
    }

    /// All fields of the head were taken, also those behind the metrics.
    pub fn set_whole(&mut self) {
        self.whole = true;
    }

    /// Takes a field of the family's head.
    pub fn field<S: Sink>(&mut self, number: u64, value: Value<'_>, sink: &mut S) -> Result<(), Wrong> {
        match number {
            _ if self.whole => Ok(()),
            1 => self.set_name(value.bytes("name")?),
            2 => self.set_help(value.bytes("help")?, sink),
            3 => self.set_kind(value.number("type")?),
            5 => self.set_unit(value.bytes("unit")?, sink),
            _ => Ok(()),
        }
    }

    /// Before the first metric: checks the head and tells the sink.
    pub fn begin<S: Sink>(&mut self, sink: &mut S) -> Result<(), Wrong> {
        if self.name.is_empty() {
            return Err(Wrong::FamilyName);
        }
        self.begun = true;
        for (text, suffix) in [(&mut self.count, "_count"), (&mut self.sum, "_sum"), (&mut self.bucket, "_bucket")] {
            text.clear();
            text.push_str(&self.name);
            text.push_str(suffix);
        }
        if let Some(help) = &self.help {
            sink.help(&self.name, help);
        }
        self.tell_unit(sink)?;
        sink.kind(&self.name, self.kind());
        Ok(())
    }

    /// Whether [`Family::begin`] was called.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    fn set_name(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        let name = std::str::from_utf8(bytes).map_err(|_| Wrong::FamilyName)?;
        if self.begun && name != self.name {
            return Err(Wrong::FamilyChanged);
        }
        self.name.clear();
        self.name.push_str(name);
        self.named = true;
        Ok(())
    }

    fn set_help<S: Sink>(&mut self, bytes: &[u8], sink: &mut S) -> Result<(), Wrong> {
        let text = std::str::from_utf8(bytes).map_err(|_| Wrong::Help)?;
        let mut help = self.help.take().unwrap_or(std::mem::take(&mut self.spare));
        help.clear();
        help.push_str(text);
        self.help = Some(help);
        if self.begun {
            sink.help(&self.name, text);
        }
        Ok(())
    }

    fn set_kind(&mut self, number: u64) -> Result<(), Wrong> {
        let kind = match number {
            0 => FamilyKind::Counter,
            1 => FamilyKind::Gauge,
            2 => FamilyKind::Summary,
            3 => FamilyKind::Untyped,
            4 => FamilyKind::Histogram,
            5 => FamilyKind::GaugeHistogram,
            _ => return Err(Wrong::Kind(number)),
        };
        if self.begun && kind != self.kind() {
            return Err(Wrong::FamilyChanged);
        }
        self.kind = Some(kind);
        Ok(())
    }

    fn set_unit<S: Sink>(&mut self, bytes: &[u8], sink: &mut S) -> Result<(), Wrong> {
        let unit = std::str::from_utf8(bytes).map_err(|_| Wrong::Unit)?;
        self.unit.clear();
        self.unit.push_str(unit);
        if self.begun { self.tell_unit(sink) } else { Ok(()) }
    }

    fn tell_unit<S: Sink>(&self, sink: &mut S) -> Result<(), Wrong> {
        if self.unit.is_empty() {
            return Ok(());
        }
        let counter = self.kind() == FamilyKind::Counter;
        let stem = if counter { self.name.strip_suffix("_total").unwrap_or(&self.name) } else { &self.name };
        if !stem.strip_suffix(self.unit.as_str()).is_some_and(|rest| rest.ends_with('_')) {
            return Err(Wrong::Unit);
        }
        sink.unit(&self.name, &self.unit);
        Ok(())
    }
}
