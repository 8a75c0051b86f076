//! Label sets: [`LabelBuf`] while they change, [`Labels`] once they are final, [`LabelView`] to read either.
//!
//! # Invariants
//! - A [`LabelView`] is spans into texts that somebody else owns: reading one copies nothing.
//! - A [`LabelBuf`] keeps its memory when cleared, so a scrape allocates for its widest sample only.
//! - [`Labels`] are sorted by name, names are unique, no value is empty (in Prometheus a label with an empty
//!   value is no label).

use std::fmt;
use std::sync::Arc;

/// The label that holds a series' metric name while rules look at it.
pub const NAME: &str = "__name__";

/// A piece of text: where it starts, how long it is, and in which of a view's two texts it lies.
///
/// Offsets are 31 bits: a record (line, message) is bounded far below 2 GiB by `max_line_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    /// Length in the upper 31 bits, the lowest bit tells whether the text is the scratch.
    len_scratch: u32,
}

impl Span {
    /// A span of the record as it came.
    #[inline]
    pub fn source(start: usize, end: usize) -> Self {
        Self { start: start as u32, len_scratch: ((end - start) as u32) << 1 }
    }

    /// A span of the scratch text: unescaped or made up while parsing.
    #[inline]
    pub fn scratch(start: usize, end: usize) -> Self {
        Self { start: start as u32, len_scratch: ((end - start) as u32) << 1 | 1 }
    }

    /// Length in bytes.
    #[inline]
    pub fn len(self) -> usize {
        (self.len_scratch >> 1) as usize
    }

    /// Whether the piece has no bytes.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn of<'a>(self, source: &'a str, scratch: &'a str) -> &'a str {
        let start = self.start as usize;
        let text = if self.len_scratch & 1 == 0 { source } else { scratch };
        &text[start..start + self.len()]
    }
}

/// Where one label's name and value lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelSpan {
    /// The name.
    pub name: Span,
    /// The value, unescaped.
    pub value: Span,
}

/// Labels to read, in the order they were written; borrowed from a parser or a [`LabelBuf`].
#[derive(Clone, Copy)]
pub struct LabelView<'a> {
    source: &'a str,
    scratch: &'a str,
    spans: &'a [LabelSpan],
}

impl<'a> LabelView<'a> {
    /// No labels.
    pub const EMPTY: LabelView<'static> = LabelView { source: "", scratch: "", spans: &[] };

    /// Labels whose spans lie in `source` and `scratch`.
    #[inline]
    pub fn new(source: &'a str, scratch: &'a str, spans: &'a [LabelSpan]) -> Self {
        Self { source, scratch, spans }
    }

    /// How many there are, empty values included.
    #[inline]
    pub fn len(self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.spans.is_empty()
    }

    /// Name and value of each.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + use<'a> {
        self.spans.iter().map(move |span| (self.text(span.name), self.text(span.value)))
    }

    /// The name of the label at a position, which must be below [`LabelView::len`].
    #[inline]
    pub fn name_at(self, index: usize) -> &'a str {
        self.text(self.spans[index].name)
    }

    /// The length of that name in bytes, which costs less than the name.
    #[inline]
    pub fn name_len(self, index: usize) -> usize {
        self.spans[index].name.len()
    }

    /// The value of the first label of that name.
    pub fn value(self, name: &str) -> Option<&'a str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    #[inline]
    fn text(self, span: Span) -> &'a str {
        span.of(self.source, self.scratch)
    }
}

impl fmt::Debug for LabelView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A label set under change: relabelling works on it, target labels are joined in it.
///
/// Names and values are pieces of one text; a changed value is appended, never moved in place, and the text is
/// dropped as a whole by [`LabelBuf::clear`].
#[derive(Debug, Clone, Default)]
pub struct LabelBuf {
    text: String,
    spans: Vec<LabelSpan>,
}

impl LabelBuf {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all labels and keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    /// How many labels there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Appends a label without looking for another of the same name; the caller knows there is none.
    #[inline]
    pub fn push(&mut self, name: &str, value: &str) {
        let name = self.append(name);
        let value = self.append(value);
        self.spans.push(LabelSpan { name, value });
    }

    /// Appends all labels of a view; those with an empty value are no labels and stay out.
    pub fn extend(&mut self, labels: LabelView<'_>) {
        for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            self.push(name, value);
        }
    }

    /// Gives a label its value, new or replaced; an empty value removes the label.
    pub fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.remove(name);
            return;
        }
        match self.position(name) {
            Some(at) => self.spans[at].value = self.append(value),
            None => self.push(name, value),
        }
    }

    /// Removes a label, the order of the others stays.
    pub fn remove(&mut self, name: &str) {
        if let Some(at) = self.position(name) {
            self.spans.remove(at);
        }
    }

    /// Keeps the labels for which `keep` answers true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let text = &self.text;
        self.spans.retain(|span| keep(span.name.of(text, ""), span.value.of(text, "")));
    }

    /// The value of a label.
    #[inline]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.view().value(name)
    }

    /// The label at a position, in the order of [`LabelBuf::view`].
    pub fn at(&self, index: usize) -> Option<(&str, &str)> {
        let span = self.spans.get(index)?;
        Some((span.name.of(&self.text, ""), span.value.of(&self.text, "")))
    }

    /// Sorts by name.
    pub fn sort(&mut self) {
        let text = &self.text;
        self.spans.sort_unstable_by(|a, b| a.name.of(text, "").cmp(b.name.of(text, "")));
    }

    /// All labels, to read.
    #[inline]
    pub fn view(&self) -> LabelView<'_> {
        LabelView::new(&self.text, "", &self.spans)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.spans.iter().position(|span| span.name.of(&self.text, "") == name)
    }

    #[inline]
    fn append(&mut self, piece: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(piece);
        Span::source(start, self.text.len())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for LabelBuf {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut buf = Self::new();
        for (name, value) in pairs {
            buf.set(name, value);
        }
        buf
    }
}

/// A final label set, cheap to clone: a target's labels, external labels.
#[derive(Clone)]
pub struct Labels(Arc<Frozen>);

struct Frozen {
    text: Box<str>,
    spans: Box<[LabelSpan]>,
}

impl Labels {
    /// All labels, to read, sorted by name.
    #[inline]
    pub fn view(&self) -> LabelView<'_> {
        LabelView::new(&self.0.text, "", &self.0.spans)
    }

    /// Name and value of each, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.view().iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.spans.is_empty()
    }

    /// The value of a label.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.view().value(name)
    }
}

impl From<&LabelBuf> for Labels {
    fn from(buf: &LabelBuf) -> Self {
        let mut pairs: Vec<_> = buf.view().iter().filter(|(_, value)| !value.is_empty()).collect();
        pairs.sort_by_key(|(name, _)| *name); // stable, so of a name written twice the first stays
        pairs.dedup_by_key(|(name, _)| *name);
        let mut exact = LabelBuf::new();
        for (name, value) in pairs {
            exact.push(name, value);
        }
        Self(Arc::new(Frozen { text: exact.text.into(), spans: exact.spans.into() }))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        Self::from(&LabelBuf::from_iter(pairs))
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::from_iter([])
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.iter().eq(other.iter())
    }
}

impl Eq for Labels {}

impl std::hash::Hash for Labels {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        for pair in self.iter() {
            pair.hash(state);
        }
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

impl fmt::Display for Labels {
    /// `{name="value",…}` as the text format writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_braced(f, self.view())
    }
}

impl fmt::Display for LabelView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_braced(f, *self)
    }
}

impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl serde::Serialize for LabelView<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Writes labels in braces, values escaped by the text format's three escapes.
fn write_braced(out: &mut impl fmt::Write, labels: LabelView<'_>) -> fmt::Result {
    out.write_char('{')?;
    for (i, (name, value)) in labels.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        write!(out, "{comma}{name}=\"")?;
        for c in value.chars() {
            match c {
                '\\' => out.write_str("\\\\")?,
                '"' => out.write_str("\\\"")?,
                '\n' => out.write_str("\\n")?,
                c => out.write_char(c)?,
            }
        }
        out.write_char('"')?;
    }
    out.write_char('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_sets_replaces_and_removes() {
        let mut buf = LabelBuf::new();
        buf.set("b", "1");
        buf.set("a", "2");
        buf.set("b", "three");
        assert_eq!(buf.view().iter().collect::<Vec<_>>(), [("b", "three"), ("a", "2")]);
        buf.set("b", "");
        assert_eq!(buf.value("b"), None);
        assert_eq!(buf.len(), 1);
        buf.retain(|name, _| name != "a");
        assert!(buf.is_empty());
    }

    #[test]
    fn frozen_labels_are_sorted_unique_and_without_empty_values() {
        let mut buf = LabelBuf::new();
        for (name, value) in [("z", "1"), ("a", "first"), ("a", "second"), ("empty", "")] {
            buf.push(name, value);
        }
        let labels = Labels::from(&buf);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "first"), ("z", "1")]);
        assert_eq!(labels, Labels::from_iter([("z", "1"), ("a", "first")]));
    }

    #[test]
    fn display_escapes_as_the_text_format() {
        let labels = Labels::from_iter([("path", "C:\\dir\n\"x\"")]);
        assert_eq!(labels.to_string(), r#"{path="C:\\dir\n\"x\""}"#);
    }

    #[test]
    fn a_view_reads_both_texts() {
        let spans = [LabelSpan { name: Span::source(0, 1), value: Span::scratch(2, 4) }];
        let view = LabelView::new("n=..", "__hi", &spans);
        assert_eq!(view.value("n"), Some("hi"));
    }
}
