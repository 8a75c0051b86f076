//! Protobuf's wire: varints and fields.
//!
//! # Invariants
//! - A length is compared with what is there before anything is taken.
//! - Groups (long deprecated) are skipped without recursion.

/// What one field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    /// A varint.
    Number(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// A text, a message or a packed list.
    Bytes(&'a [u8]),
    /// Four bytes or a group: nothing of ours is written so.
    Other,
}

/// One field: its number, what it holds, where it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Field<'a> {
    pub number: u64,
    pub value: Value<'a>,
    pub end: usize,
}

/// Why no field could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// The bytes end inside it.
    More,
    /// No more bytes would mend it.
    Broken(Wrong),
}

/// What can be wrong with a body of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Cut,
    Varint,
    Tag,
    WireType(&'static str),
    FamilyName,
    FamilyChanged,
    Help,
    Kind(u64),
    Unit,
    LabelName,
    LabelValue,
    LabelTwice,
    Overlong,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cut => "the message is cut short",
            Self::Varint => "a varint has more than ten bytes",
            Self::Tag => "a field's tag is none; this may not be protobuf",
            Self::WireType(field) => return write!(f, "the field {field} is written as another type"),
            Self::FamilyName => "the metric family has no name in UTF-8",
            Self::FamilyChanged => "the name or type of the metric family changes after its first metric",
            Self::Help => "the help text is not UTF-8",
            Self::Kind(kind) => return write!(f, "unknown metric type {kind}"),
            Self::Unit => "the unit is not the last part of the metric name",
            Self::LabelName => "a label name is empty or not UTF-8",
            Self::LabelValue => "a label value is not UTF-8",
            Self::LabelTwice => "a label name stands twice in one metric",
            Self::Overlong => "one metric is longer than max_line_bytes allows",
        })
    }
}

/// Reads the varint at `at`; the second result is where it ends.
#[inline]
pub(super) fn varint(bytes: &[u8], at: usize) -> Result<(u64, usize), Lack> {
    match bytes.get(at) {
        Some(byte) if *byte < 0x80 => Ok((u64::from(*byte), at + 1)),
        _ => long_varint(bytes, at),
    }
}

fn long_varint(bytes: &[u8], at: usize) -> Result<(u64, usize), Lack> {
    let mut value = 0;
    for (i, byte) in bytes.get(at..).unwrap_or_default().iter().take(10).enumerate() {
        if i == 9 && *byte > 1 {
            return Err(Lack::Broken(Wrong::Varint));
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if *byte < 0x80 {
            return Ok((value, at + i + 1));
        }
    }
    Err(Lack::More)
}

/// Reads the field at `at`.
#[inline]
pub(super) fn field(bytes: &[u8], at: usize) -> Result<Field<'_>, Lack> {
    let (tag, at) = varint(bytes, at)?;
    let number = tag >> 3;
    if number == 0 || number > u64::from(u32::MAX >> 3) {
        return Err(Lack::Broken(Wrong::Tag));
    }
    let (value, end) = match tag & 7 {
        0 => varint(bytes, at).map(|(number, end)| (Value::Number(number), end))?,
        1 => (Value::Fixed64(u64::from_le_bytes(fixed(bytes, at)?)), at + 8),
        2 => {
            let (length, start) = varint(bytes, at)?;
            let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length)).ok_or(Lack::More)?;
            (Value::Bytes(bytes.get(start..end).ok_or(Lack::More)?), end)
        }
        3 => (Value::Other, group_end(bytes, at)?),
        5 => fixed::<4>(bytes, at).map(|_| (Value::Other, at + 4))?,
        _ => return Err(Lack::Broken(Wrong::Tag)),
    };
    Ok(Field { number, value, end })
}

fn fixed<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Lack> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(Lack::More)
}

/// Where the group ends whose start tag was read.
#[cold]
fn group_end(bytes: &[u8], mut at: usize) -> Result<usize, Lack> {
    let mut depth = 1_u32;
    while depth > 0 {
        let (tag, start) = varint(bytes, at)?;
        at = match tag & 7 {
            3 => {
                depth += 1;
                start
            }
            4 => {
                depth -= 1;
                start
            }
            _ => field(bytes, at)?.end, // no group, so it calls no further
        };
    }
    Ok(at)
}

/// The fields of a whole message.
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next field; `None` at the message's end.
    #[inline]
    pub fn next(&mut self) -> Result<Option<Field<'a>>, Wrong> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        match field(self.bytes, self.at) {
            Ok(field) => {
                self.at = field.end;
                Ok(Some(field))
            }
            Err(Lack::More) => Err(Wrong::Cut),
            Err(Lack::Broken(wrong)) => Err(wrong),
        }
    }
}

impl<'a> Value<'a> {
    /// A text or message.
    #[inline]
    pub fn bytes(self, field: &'static str) -> Result<&'a [u8], Wrong> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(Wrong::WireType(field)) }
    }

    /// A varint.
    #[inline]
    pub fn number(self, field: &'static str) -> Result<u64, Wrong> {
        if let Self::Number(number) = self { Ok(number) } else { Err(Wrong::WireType(field)) }
    }

    /// A double.
    #[inline]
    pub fn double(self, field: &'static str) -> Result<f64, Wrong> {
        if let Self::Fixed64(bits) = self { Ok(f64::from_bits(bits)) } else { Err(Wrong::WireType(field)) }
    }
}

/// Undoes the zigzag of signed varints.
#[inline]
pub(super) fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_all_lengths() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            prost_like(value, &mut bytes);
            assert_eq!(varint(&bytes, 0), Ok((value, bytes.len())));
            assert_eq!(varint(&bytes[..bytes.len() - 1], 0), Err(Lack::More));
        }
        assert_eq!(varint(&[0xff; 11], 0), Err(Lack::Broken(Wrong::Varint)));
    }

    fn prost_like(mut value: u64, out: &mut Vec<u8>) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    #[test]
    fn a_length_beyond_the_end_asks_for_more_and_takes_nothing() {
        let huge = [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(field(&huge, 0), Err(Lack::More));
        assert_eq!(field(&[0x0a, 3, b'a'], 0), Err(Lack::More));
    }

    #[test]
    fn nested_groups_are_skipped() {
        let group = [0x1b, 0x1b, 0x0a, 1, b'x', 0x1c, 0x1c, 0x08, 5];
        assert_eq!(field(&group, 0), Ok(Field { number: 3, value: Value::Other, end: 7 }));
        assert_eq!(field(&[0x1b; 100_000], 0), Err(Lack::More));
    }

    #[test]
    fn zigzag_alternates() {
        assert_eq!([0, 1, 2, 3, u64::MAX].map(zigzag), [0, -1, 1, -2, i64::MIN]);
    }
}
