//! The part both text formats share: `name{label="value",…}`, names in quotes included.
//!
//! ```text
//! series = name [ "{" labels "}" ] | "{" labels "}"        the latter with a quoted name among the labels
//! labels = { ( quoted [ "=" quoted ] | name "=" quoted ) [ "," ] }
//! ```
//!
//! # Invariants
//! - Names and values are spans of the line; only what held a backslash is copied, into the scratch.
//! - No label name stands twice, no name is empty.
//! - The buffers keep their memory from line to line.
//! - What a line has in common with the one before it is not read again: the name and those first labels that are the
//!   same byte for byte, commas included, are kept as they are.

use super::Sample;
use super::fault::{Bad, Wrong};
use super::scan::{COLON, LETTER, blanks, name_end, quote_or_backslash, skip, unescape};
use super::unique::{has_twice, is_named};
use crate::labels::{LabelSpan, LabelView, NAME, Span};
use crate::prefix::common;

/// The series of one line.
#[derive(Debug, Default)]
pub(super) struct Series {
    name: Option<Span>,
    labels: Vec<LabelSpan>,
    scratch: String,
    order: Vec<u32>,
    /// A comma stood before the closing brace; OpenMetrics 1.0 has none there, Prometheus bears it.
    trailing_comma: bool,
    /// A name stood in quotes, which came after OpenMetrics 1.0.
    quoted_name: bool,
    /// Where reading goes on behind the opening brace and behind each label; [`NO_COMMA`] behind one without a comma.
    resume: Vec<u32>,
    /// The series was read well and nothing of it was unescaped or quoted: the next line may keep its beginning.
    model: bool,
    /// Labels kept from the line before, when its name was kept.
    shared: Option<usize>,
}

/// Reading cannot go on here in another line: what follows decided how the label ends.
const NO_COMMA: u32 = u32::MAX;

impl Series {
    /// Reads the series at the start of `line`, from `at`; answers where it ends.
    ///
    /// With `BLANKS` blanks may stand between all tokens and commas may be missing, as text 0.0.4 has it; without,
    /// the grammar is OpenMetrics'. `before` is the line whose series was read last, or another one, or nothing.
    #[inline]
    pub fn read<const BLANKS: bool>(&mut self, line: &str, at: usize, before: &str) -> Result<usize, Bad> {
        if self.model
            && at == 0
            && let Some(resume) = self.keep(line, before)
        {
            self.model = false;
            let end = self.braces::<BLANKS>(line, resume, true)?;
            self.model = self.scratch.is_empty() && !self.quoted_name;
            return Ok(end);
        }
        self.clear();
        let end = self.read_anew::<BLANKS>(line, at)?;
        self.model = at == 0 && self.scratch.is_empty() && !self.quoted_name;
        Ok(end)
    }

    /// The sample of the series, which ends at `end`.
    #[inline]
    pub fn sample<'a>(&'a self, line: &'a str, end: usize, value: f64, timestamp: Option<i64>) -> Sample<'a> {
        let (name, labels) = (self.name(line), self.labels(line));
        Sample { name, labels, value, timestamp, shared: self.shared, line: &line[..end] }
    }

    /// The next line keeps nothing: this one's sample was not given on, or not read here.
    #[inline]
    pub fn forget(&mut self) {
        self.model = false;
        self.scratch.clear();
    }

    /// Keeps what the line has in common with the one before; answers where reading goes on.
    #[inline]
    fn keep(&mut self, line: &str, before: &str) -> Option<usize> {
        let same = common(line.as_bytes(), before.as_bytes());
        let kept = self.resume.iter().take_while(|resume| **resume as usize <= same).count();
        let resume = self.resume.get(kept.checked_sub(1)?)?;
        let resume = *resume as usize;
        self.resume.truncate(kept);
        self.labels.truncate(kept - 1);
        self.trailing_comma = false;
        self.shared = Some(kept - 1);
        Some(resume)
    }

    #[inline]
    fn read_anew<const BLANKS: bool>(&mut self, line: &str, at: usize) -> Result<usize, Bad> {
        let bytes = line.as_bytes();
        let mut end = name_end(bytes, at, LETTER | COLON);
        if end > at {
            self.name = Some(Span::source(at, end));
            if BLANKS {
                end = blanks(bytes, end);
            }
        } else if bytes.get(at) != Some(&b'{') {
            return Err(Wrong::Start.at(at));
        }
        if bytes.get(end) == Some(&b'{') {
            self.resume.push(end as u32 + 1);
            end = self.braces::<BLANKS>(line, end + 1, true)?;
        }
        if self.name.is_none() {
            return Err(Wrong::NoName.at(at));
        }
        Ok(end)
    }

    /// Reads an exemplar's labels, from just after the brace, and forgets them; answers where they end.
    pub fn read_exemplar(&mut self, line: &str, at: usize) -> Result<usize, Bad> {
        let (kept, comma, quoted) = (self.labels.len(), self.trailing_comma, self.quoted_name);
        let end = self.braces::<false>(line, at, false);
        self.labels.truncate(kept);
        self.model &= self.scratch.is_empty();
        (self.trailing_comma, self.quoted_name) = (comma, quoted);
        end
    }

    /// Reads the labels of an exemplar alone, from just after the brace.
    pub fn read_labels(&mut self, line: &str, at: usize) -> Result<usize, Bad> {
        self.clear();
        self.braces::<false>(line, at, false)
    }

    /// Whether a comma stood before the closing brace.
    pub fn has_trailing_comma(&self) -> bool {
        self.trailing_comma
    }

    /// Whether the metric's or a label's name stood in quotes.
    pub fn has_quoted_name(&self) -> bool {
        self.quoted_name
    }

    /// The metric name.
    #[inline]
    pub fn name<'a>(&'a self, line: &'a str) -> &'a str {
        self.name.unwrap_or_default().of(line, &self.scratch)
    }

    /// The labels.
    #[inline]
    pub fn labels<'a>(&'a self, line: &'a str) -> LabelView<'a> {
        LabelView::new(line, &self.scratch, &self.labels)
    }

    /// The name in a HELP, TYPE or UNIT line, from `at`, and where it ends.
    pub fn family(&mut self, line: &str, at: usize) -> Result<(Span, usize), Bad> {
        self.scratch.clear();
        self.model = false;
        let bytes = line.as_bytes();
        if bytes.get(at) == Some(&b'"') {
            let (name, end) = self.quoted(line, at)?;
            return if name.is_empty() { Err(Wrong::EmptyName.at(at)) } else { Ok((name, end)) };
        }
        let end = name_end(bytes, at, LETTER | COLON);
        if end == at { Err(Wrong::MetaName.at(at)) } else { Ok((Span::source(at, end), end)) }
    }

    /// What was unescaped in the line.
    pub fn scratch(&self) -> &str {
        &self.scratch
    }

    /// The labels' memory in bytes, for tests that bound it.
    pub fn memory(&self) -> usize {
        let numbers = self.order.capacity() + self.resume.capacity();
        self.labels.capacity() * size_of::<LabelSpan>() + self.scratch.capacity() + numbers * size_of::<u32>()
    }

    /// Gives back memory beyond what an ordinary line needs.
    pub fn shrink(&mut self) {
        const ORDINARY: usize = 4096;
        self.clear();
        self.order.clear();
        self.resume.shrink_to(ORDINARY / 4);
        self.labels.shrink_to(ORDINARY / size_of::<LabelSpan>());
        self.scratch.shrink_to(ORDINARY);
        self.order.shrink_to(ORDINARY / 4);
    }

    #[inline]
    fn clear(&mut self) {
        self.name = None;
        self.trailing_comma = false;
        self.quoted_name = false;
        self.labels.clear();
        self.scratch.clear();
        self.resume.clear();
        self.model = false;
        self.shared = None;
    }

    /// Reads labels from `at` on, behind those that are there, to the closing brace; answers where that ends. `named`
    /// ones are a sample's, the others an exemplar's.
    #[inline]
    fn braces<const BLANKS: bool>(&mut self, line: &str, mut at: usize, named: bool) -> Result<usize, Bad> {
        let bytes = line.as_bytes();
        let (open, kept) = match self.resume.first() {
            Some(open) if named => (*open as usize, self.labels.len()),
            _ => (at, 0),
        };
        let first = if named { 0 } else { self.labels.len() };
        loop {
            at = skip::<BLANKS>(bytes, at);
            let quoted = match bytes.get(at) {
                Some(b'}') => {
                    self.trailing_comma = at > open;
                    break;
                }
                Some(b'"') => true,
                _ => false,
            };
            let start = at;
            let name;
            (name, at) = if quoted { self.quoted(line, at)? } else { bare_label(bytes, at)? };
            self.quoted_name |= quoted;
            if quoted && name.is_empty() {
                return Err(Wrong::EmptyName.at(start));
            }
            at = skip::<BLANKS>(bytes, at);
            match bytes.get(at) {
                Some(b'=') => at = self.value::<BLANKS>(line, name, at + 1)?,
                Some(b',' | b'}') if quoted && named => {
                    if self.name.replace(name).is_some() {
                        return Err(Wrong::NameTwice.at(start));
                    }
                }
                _ => return Err(Wrong::Equal.at(at)),
            }
            match bytes.get(at) {
                Some(b',') => {
                    at += 1;
                    if named {
                        self.resume.push(at as u32);
                    }
                }
                Some(b'}') => break,
                _ if BLANKS => self.resume.push(NO_COMMA),
                _ => return Err(Wrong::CommaOrBrace.at(at)),
            }
        }
        self.unique(line, first, kept, open).map(|()| at + 1)
    }

    #[inline]
    fn value<const BLANKS: bool>(&mut self, line: &str, name: Span, at: usize) -> Result<usize, Bad> {
        let bytes = line.as_bytes();
        let at = skip::<BLANKS>(bytes, at);
        if bytes.get(at) != Some(&b'"') {
            return Err(Wrong::LabelValue.at(at));
        }
        let (value, end) = self.quoted(line, at)?;
        self.labels.push(LabelSpan { name, value });
        Ok(skip::<BLANKS>(bytes, end))
    }

    /// Reads the quoted text at `at`; the second result is where it ends.
    #[inline]
    fn quoted(&mut self, line: &str, at: usize) -> Result<(Span, usize), Bad> {
        let start = at + 1;
        let bytes = line.as_bytes();
        let end = quote_or_backslash(bytes, start).ok_or(Wrong::OpenQuote.at(at))?;
        if bytes[end] == b'"' {
            return Ok((Span::source(start, end), end + 1));
        }
        self.escaped(line, start, end)
    }

    /// Goes on with a quoted text at its first backslash.
    #[cold]
    fn escaped(&mut self, line: &str, start: usize, backslash: usize) -> Result<(Span, usize), Bad> {
        let bytes = line.as_bytes();
        let open = Wrong::OpenQuote.at(start - 1);
        let mut end = backslash;
        while bytes[end] == b'\\' {
            if end + 2 > bytes.len() {
                return Err(open);
            }
            end = quote_or_backslash(bytes, end + 2).ok_or(open)?;
        }
        let from = self.scratch.len();
        unescape(&line[start..end], true, &mut self.scratch);
        Ok((Span::scratch(from, self.scratch.len()), end + 1))
    }

    /// Refuses a label name that stands twice among those from `first` on, `known` of which were looked at already.
    #[inline]
    fn unique(&mut self, line: &str, first: usize, known: usize, at: usize) -> Result<(), Bad> {
        let labels = LabelView::new(line, &self.scratch, &self.labels[first..]);
        // a sample's name is a label itself; an exemplar has none
        let reserved = first == 0 && (known..labels.len()).any(|i| is_named(labels, i, NAME));
        if reserved || has_twice(labels, known, &mut self.order) { Err(Wrong::LabelTwice.at(at)) } else { Ok(()) }
    }
}

#[inline]
fn bare_label(bytes: &[u8], at: usize) -> Result<(Span, usize), Bad> {
    let end = name_end(bytes, at, LETTER);
    if end == at { Err(Wrong::LabelName.at(at)) } else { Ok((Span::source(at, end), end)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<const BLANKS: bool>(line: &str) -> Result<String, Wrong> {
        let mut series = Series::default();
        let end = series.read::<BLANKS>(line, 0, "").map_err(|bad| bad.wrong)?;
        Ok(format!("{}{} {}", series.name(line), series.labels(line), &line[end..]))
    }

    #[test]
    fn names_and_labels_of_both_grammars() {
        for line in ["a{} 1", "a{x=\"1\"} 1", "a{x=\"1\",} 1", "{\"a.b\",\"x y\"=\"1\"} 1", "a{x=\"\\\\\\\"\\n\\t\"} 1"]
        {
            assert_eq!(read::<true>(line), read::<false>(line), "{line}");
        }
        assert_eq!(read::<true>("a { x = \"1\" y=\"2\" , }2").as_deref(), Ok("a{x=\"1\",y=\"2\"} 2"));
        assert_eq!(read::<false>("{\"a.b\",\"x y\"=\"1\"} 1").as_deref(), Ok("a.b{x y=\"1\"}  1"));
    }

    #[test]
    fn faults_of_both_grammars() {
        for (line, wrong) in [
            ("9a 1", Wrong::Start),
            ("a{,} 1", Wrong::LabelName),
            ("a{x=1} 1", Wrong::LabelValue),
            ("a{x=\"1} 1", Wrong::OpenQuote),
            ("a{x=\"1\\\"} 1", Wrong::OpenQuote),
            ("a{x=\"1\\", Wrong::OpenQuote),
            ("a{x-y=\"1\"} 1", Wrong::Equal),
            ("{x} 1", Wrong::Equal),
            ("{\"x\",\"y\"} 1", Wrong::NameTwice),
            ("{\"\"} 1", Wrong::EmptyName),
            ("{x=\"1\"} 1", Wrong::NoName),
            ("a{x=\"1\",x=\"2\"} 1", Wrong::LabelTwice),
            ("a{__name__=\"b\"} 1", Wrong::LabelTwice),
        ] {
            assert_eq!(read::<true>(line), Err(wrong), "{line}");
            assert_eq!(read::<false>(line), Err(wrong), "{line}");
        }
        assert_eq!(read::<false>("a{x=\"1\" y=\"2\"} 1"), Err(Wrong::CommaOrBrace));
    }

    #[test]
    fn a_repeated_name_among_many_is_found() {
        let labels = |last: usize| (0..40).chain([last]).map(|i| format!("l{i}=\"x\",")).collect::<String>();
        assert!(read::<true>(&format!("a{{{}}} 1", labels(40))).is_ok());
        assert_eq!(read::<true>(&format!("a{{{}}} 1", labels(7))), Err(Wrong::LabelTwice));
    }
}
