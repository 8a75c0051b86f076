//! A metric's labels as spans.
//!
//! # Invariants
//! - Label texts are spans of the message wherever its labels are UTF-8 as they stand there, tags and lengths
//!   included: those are ASCII up to 127 bytes, so one check covers all of a metric's labels. Otherwise, and where
//!   an unknown field's tag completes a broken character, each text is checked and copied by itself.
//! - No name is empty or stands twice.

use super::wire::{Fields, Wrong};
use crate::exposition::unique::{has_name, has_twice};
use crate::labels::{LabelSpan, LabelView, NAME, Span};
use std::ops::Range;

/// Where a label's name and value lie in the metric message.
type Pair = (Range<usize>, Range<usize>);

/// The labels of one metric, their memory kept from metric to metric.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pairs: Vec<Pair>,
    spans: Vec<LabelSpan>,
    copied: String,
    order: Vec<u32>,
}

impl Texts {
    /// Forgets the last metric.
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.spans.clear();
        self.copied.clear();
    }

    /// Gives back memory beyond what an ordinary metric needs.
    pub fn shrink(&mut self) {
        const ORDINARY: usize = 256;
        self.clear();
        self.pairs.shrink_to(ORDINARY);
        self.spans.shrink_to(ORDINARY);
        self.copied.shrink_to(4096);
        self.order.shrink_to(ORDINARY);
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.pairs.capacity() * size_of::<Pair>()
            + self.spans.capacity() * size_of::<LabelSpan>()
            + self.copied.capacity()
            + self.order.capacity() * 4
    }

    /// Adds a label message that begins at `at` of the metric.
    pub fn add(&mut self, label: &[u8], at: usize) -> Result<(), Wrong> {
        let (mut name, mut value) = (0..0, 0..0);
        let mut fields = Fields::new(label);
        while let Some(field) = fields.next()? {
            let range = |text: &[u8]| at + field.end - text.len()..at + field.end;
            match field.number {
                1 => name = range(field.value.bytes("label name")?),
                2 => value = range(field.value.bytes("label value")?),
                _ => {}
            }
        }
        self.pairs.push((name, value));
        Ok(())
    }

    /// Makes the spans when all labels were added; `reserved` may be no label's name.
    ///
    /// The first result is the text they lie in, or `None` where they had to be copied.
    pub fn resolve<'a>(&mut self, metric: &'a [u8], reserved: &str) -> Result<Option<&'a str>, Wrong> {
        let region = self.region();
        let borrowed = std::str::from_utf8(&metric[region.clone()]).ok();
        let borrowed = borrowed.filter(|text| self.are_whole(text, region.start));
        for (name, value) in &self.pairs {
            if name.is_empty() {
                return Err(Wrong::LabelName);
            }
            let (name, value) = if borrowed.is_some() {
                (span(name, region.start), span(value, region.start))
            } else {
                let copied = &mut self.copied;
                let name = copy(&metric[name.clone()], copied).ok_or(Wrong::LabelName)?;
                (name, copy(&metric[value.clone()], copied).ok_or(Wrong::LabelValue)?)
            };
            self.spans.push(LabelSpan { name, value });
        }
        let labels = LabelView::new(borrowed.unwrap_or(&self.copied), "", &self.spans);
        let taken = has_name(labels, reserved) || has_name(labels, NAME);
        if taken || has_twice(labels, 0, &mut self.order) { Err(Wrong::LabelTwice) } else { Ok(borrowed) }
    }

    /// The labels, of which those of [`Texts::push`] lie in `scratch`.
    #[inline]
    pub fn view<'a>(&'a self, source: Option<&'a str>, scratch: &'a str) -> LabelView<'a> {
        LabelView::new(source.unwrap_or(&self.copied), scratch, &self.spans)
    }

    /// Adds a label for one sample.
    pub fn push(&mut self, label: LabelSpan) {
        self.spans.push(label);
    }

    /// Takes the label of the last [`Texts::push`] back.
    pub fn pop(&mut self) {
        self.spans.pop();
    }

    /// Whether every text begins and ends between two characters of the region's text.
    fn are_whole(&self, text: &str, start: usize) -> bool {
        let mut ranges = self.pairs.iter().flat_map(|(name, value)| [name, value]).filter(|range| !range.is_empty());
        ranges.all(|range| text.is_char_boundary(range.start - start) && text.is_char_boundary(range.end - start))
    }

    /// From the first label's text to the last one's.
    fn region(&self) -> Range<usize> {
        let texts = self.pairs.iter().flat_map(|(name, value)| [name, value]).filter(|range| !range.is_empty());
        let end = texts.clone().map(|range| range.end).max().unwrap_or_default();
        texts.map(|range| range.start).min().unwrap_or(end)..end
    }
}

fn span(range: &Range<usize>, start: usize) -> Span {
    if range.is_empty() { Span::default() } else { Span::source(range.start - start, range.end - start) }
}

fn copy(text: &[u8], copied: &mut String) -> Option<Span> {
    let start = copied.len();
    copied.push_str(std::str::from_utf8(text).ok()?);
    Some(Span::source(start, copied.len()))
}
