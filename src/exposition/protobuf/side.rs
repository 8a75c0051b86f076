//! The positive or the negative buckets of a native histogram.
//!
//! # Invariants
//! - What is given out is in Prometheus' compact form: runs of populated buckets, as long as they can be, no empty
//!   bucket among them.

use super::wire::{Fields, Value, Wrong, varint, zigzag};
use crate::exposition::BucketSpan;

/// Buckets as spans and deltas, as they came and compacted.
#[derive(Debug, Default)]
pub(super) struct Side {
    raw_spans: Vec<BucketSpan>,
    raw_deltas: Vec<i64>,
    spans: Vec<BucketSpan>,
    deltas: Vec<i64>,
}

impl Side {
    /// Forgets the last metric and keeps the memory.
    pub fn clear(&mut self) {
        for spans in [&mut self.raw_spans, &mut self.spans] {
            spans.clear();
        }
        for deltas in [&mut self.raw_deltas, &mut self.deltas] {
            deltas.clear();
        }
    }

    /// Gives back memory beyond what an ordinary metric needs.
    pub fn shrink(&mut self) {
        self.clear();
        for spans in [&mut self.raw_spans, &mut self.spans] {
            spans.shrink_to(256);
        }
        for deltas in [&mut self.raw_deltas, &mut self.deltas] {
            deltas.shrink_to(512);
        }
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let spans = self.raw_spans.capacity() + self.spans.capacity();
        spans * size_of::<BucketSpan>() + (self.raw_deltas.capacity() + self.deltas.capacity()) * 8
    }

    /// Whether a span came, be it an empty one that only marks a native histogram.
    pub fn has_spans(&self) -> bool {
        !self.raw_spans.is_empty()
    }

    /// The compact spans.
    pub fn spans(&self) -> &[BucketSpan] {
        &self.spans
    }

    /// The counts of their buckets, each as the difference to the one before.
    pub fn deltas(&self) -> &[i64] {
        &self.deltas
    }

    /// Adds a span message.
    pub fn add_span(&mut self, value: Value<'_>) -> Result<(), Wrong> {
        let mut span = BucketSpan { offset: 0, length: 0 };
        let mut fields = Fields::new(value.bytes("span")?);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => span.offset = zigzag(field.value.number("offset")?) as i32,
                2 => span.length = field.value.number("length")? as u32,
                _ => {}
            }
        }
        self.raw_spans.push(span);
        Ok(())
    }

    /// Adds deltas, which come one by one or packed.
    pub fn add_deltas(&mut self, value: Value<'_>) -> Result<(), Wrong> {
        let Value::Bytes(packed) = value else {
            self.raw_deltas.push(zigzag(value.number("delta")?));
            return Ok(());
        };
        let mut at = 0;
        while at < packed.len() {
            let number;
            (number, at) = varint(packed, at).map_err(|_| Wrong::Cut)?;
            self.raw_deltas.push(zigzag(number));
        }
        Ok(())
    }

    /// Makes the compact form.
    ///
    /// # Errors
    /// The reason why the buckets make no sense.
    pub fn compact(&mut self) -> Result<(), &'static str> {
        if self.raw_spans.iter().map(|span| u64::from(span.length)).sum::<u64>() != self.raw_deltas.len() as u64 {
            return Err("native histogram whose spans do not have as many buckets as it has counts");
        }
        let mut deltas = self.raw_deltas.iter();
        let (mut index, mut count) = (0_i64, 0_i64);
        let (mut next, mut last_count) = (0_i64, 0_i64);
        for span in &self.raw_spans {
            index += i64::from(span.offset);
            for delta in deltas.by_ref().take(span.length as usize) {
                count = count.checked_add(*delta).ok_or(OVERFLOW)?;
                if count != 0 {
                    let gap = i32::try_from(index - next).map_err(|_| OVERFLOW)?;
                    extend(&mut self.spans, gap);
                    self.deltas.push(count.checked_sub(last_count).ok_or(OVERFLOW)?);
                    (next, last_count) = (index + 1, count);
                }
                index += 1;
            }
        }
        Ok(())
    }
}

const OVERFLOW: &str = "native histogram whose counts or bucket indexes overflow";

/// Adds one bucket, `gap` buckets behind the last one.
fn extend(spans: &mut Vec<BucketSpan>, gap: i32) {
    match spans.last_mut() {
        Some(last) if gap == 0 => last.length += 1,
        _ => spans.push(BucketSpan { offset: gap, length: 1 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Buckets = (Vec<(i32, u32)>, Vec<i64>);

    fn compact(spans: &[(i32, u32)], deltas: &[i64]) -> Result<Buckets, &'static str> {
        let raw_spans = spans.iter().map(|(offset, length)| BucketSpan { offset: *offset, length: *length }).collect();
        let mut side = Side { raw_spans, raw_deltas: deltas.to_vec(), ..Side::default() };
        side.compact()?;
        Ok((side.spans().iter().map(|span| (span.offset, span.length)).collect(), side.deltas().to_vec()))
    }

    #[test]
    fn empty_buckets_go_and_touching_spans_join() {
        assert_eq!(compact(&[(0, 0)], &[]), Ok((vec![], vec![])));
        assert_eq!(compact(&[(-2, 2), (0, 1)], &[1, 1, 1]), Ok((vec![(-2, 3)], vec![1, 1, 1])));
        assert_eq!(compact(&[(-6, 4)], &[1, -1, 1, 0]), Ok((vec![(-6, 1), (1, 2)], vec![1, 0, 0])));
        assert_eq!(compact(&[(3, 2)], &[0, 5]), Ok((vec![(4, 1)], vec![5])));
    }

    #[test]
    fn senseless_buckets_are_told() {
        assert!(compact(&[(0, 3)], &[1]).is_err());
        assert!(compact(&[(0, 2)], &[i64::MAX, 1]).is_err());
        assert!(compact(&[(i32::MAX, 1), (i32::MAX, 1)], &[0, 1]).is_err());
    }
}
