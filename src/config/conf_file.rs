//! The text of whatap.conf: `key=value` lines and `#` comments, which a change leaves as and where they are.
//!
//! ```text
//! line = *white ( "" | "#" text | key *white "=" *white value ) *white
//! ```
//!
//! # Invariants
//! Parsing and writing an untouched file gives the same bytes back (its line ends included). Of a key written twice
//! the last one counts, as in the Go agent.

use std::collections::BTreeMap;

/// The largest whatap.conf that is read: the file is hundreds of bytes long, a mebibyte is a mistake.
pub const MAX_BYTES: u64 = 1 << 20;

/// A whatap.conf, to read and to change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfFile {
    lines: Vec<Line>,
    /// Whether lines end as on Windows, the first one at least; new ones do likewise.
    crlf: bool,
    /// Whether the last line has an end.
    ended: bool,
}

/// One line: its text as written, and the key and value in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    text: String,
    /// Whether a carriage return follows the text.
    cr: bool,
    pair: Option<(String, String)>,
}

/// A key or value that whatap.conf cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairError(String);

impl std::fmt::Display for PairError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "whatap.conf cannot hold the key {:?}: a key has no \"=\", no line end and does not begin with \"#\", a value has no line end",
            self.0
        )
    }
}

impl std::error::Error for PairError {}

impl ConfFile {
    /// Reads a file's text; every text is one, [`ConfFile::stray_lines`] tells what was not understood.
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let ended = text.ends_with('\n');
        let body = text.strip_suffix('\n').unwrap_or(text);
        let lines = if text.is_empty() { Vec::new() } else { body.split('\n').map(Line::of).collect() };
        Self { crlf: lines.first().is_some_and(|line| line.cr), lines, ended }
    }

    /// The value of a key, trimmed; the last one when it was written twice.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.pairs().rev().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The line of a key, from 1.
    pub fn line_of(&self, key: &str) -> Option<usize> {
        let at = self.lines.iter().rposition(|line| line.is_of(key))?;
        Some(at + 1)
    }

    /// All keys and values in the order they were written.
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.lines.iter().filter_map(|line| line.pair.as_ref()).map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Lines that are neither a comment nor `key=value`: number from 1, and text.
    pub fn stray_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.lines.iter().enumerate().filter(|(_, line)| line.is_stray());
        lines.map(|(at, line)| (at + 1, line.text.as_str()))
    }

    /// Gives a key its value: in place when it is there, as a new last line otherwise. An empty value deletes it.
    ///
    /// # Errors
    /// When the key or value would not be read back the same.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), PairError> {
        let (key, value) = (key.trim(), value.trim());
        let text = format!("{key}={value}");
        if !value.is_empty() && pair_of(&text) != Some((key.to_owned(), value.to_owned()))
            || text.contains(['\n', '\r'])
        {
            return Err(PairError(key.to_owned()));
        }
        let last = self.lines.iter().rposition(|line| line.is_of(key));
        match last {
            _ if value.is_empty() => self.delete(key),
            Some(at) => self.lines[at] = Line { cr: self.lines[at].cr, ..Line::of(&text) },
            None => self.append(Line { cr: self.crlf, ..Line::of(&text) }),
        }
        Ok(())
    }

    /// Removes every line of a key.
    pub fn delete(&mut self, key: &str) {
        self.lines.retain(|line| !line.is_of(key));
    }

    /// Sets each of the pairs as [`ConfFile::set`] does, all or none.
    ///
    /// # Errors
    /// For the first pair that whatap.conf cannot hold; then nothing is changed.
    pub fn merge(&mut self, pairs: &BTreeMap<String, String>) -> Result<(), PairError> {
        let mut changed = self.clone();
        for (key, value) in pairs {
            changed.set(key, value)?;
        }
        *self = changed;
        Ok(())
    }

    fn append(&mut self, line: Line) {
        self.lines.push(line);
        self.ended = true;
    }
}

impl Line {
    fn of(text: &str) -> Self {
        let (text, cr) = text.strip_suffix('\r').map_or((text, false), |text| (text, true));
        Self { text: text.to_owned(), cr, pair: pair_of(text) }
    }

    fn is_of(&self, key: &str) -> bool {
        self.pair.as_ref().is_some_and(|(name, _)| name == key)
    }

    fn is_stray(&self) -> bool {
        let text = self.text.trim();
        self.pair.is_none() && !text.is_empty() && !text.starts_with('#')
    }
}

impl std::fmt::Display for ConfFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, line) in self.lines.iter().enumerate() {
            let last = i + 1 == self.lines.len();
            let (cr, lf) = (if line.cr { "\r" } else { "" }, if last && !self.ended { "" } else { "\n" });
            write!(f, "{}{cr}{lf}", line.text)?;
        }
        Ok(())
    }
}

/// Key and value of a line, trimmed; `None` for comments, blank and stray lines.
fn pair_of(line: &str) -> Option<(String, String)> {
    let (key, value) = line.trim().split_once('=')?;
    let key = key.trim_end();
    (!key.is_empty() && !key.starts_with('#')).then(|| (key.to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# WhaTap\n\ndebug = true\n#debug=false\nurl=http://x/?a=b#c\ndebug=false\nnonsense\nlast=1";

    #[test]
    fn the_last_of_a_key_counts_and_values_keep_their_signs() {
        let file = ConfFile::parse(TEXT);
        assert_eq!(file.value("debug"), Some("false"));
        assert_eq!(file.line_of("debug"), Some(6));
        assert_eq!(file.value("url"), Some("http://x/?a=b#c"));
        assert_eq!(file.value("#debug"), None);
        assert_eq!(file.stray_lines().collect::<Vec<_>>(), [(7, "nonsense")]);
    }

    #[test]
    fn an_untouched_file_is_written_as_it_was() {
        for text in ["", "\n", TEXT, "a=1\r\n# c\r\n", "a=1\r\nb=2\n", "\r", "a=1\n\n", " a = 1 "] {
            assert_eq!(ConfFile::parse(text).to_string(), text, "{text:?}");
        }
        assert_eq!(ConfFile::parse("\u{feff}a=1\n").value("a"), Some("1"));
    }

    #[test]
    fn a_merge_replaces_in_place_deletes_and_appends() {
        let mut file = ConfFile::parse("# head\na=1\n# about b\nb=2\nc=3");
        let pairs = [("b", "two"), ("c", ""), ("d", "4")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        file.merge(&BTreeMap::from(pairs)).unwrap();
        assert_eq!(file.to_string(), "# head\na=1\n# about b\nb=two\nd=4\n");
    }

    #[test]
    fn what_would_not_be_read_back_is_refused_and_changes_nothing() {
        let mut file = ConfFile::parse("a=1\n");
        for (key, value) in [("a", "1\nlicense=x"), ("#a", "1"), ("a=b", "1"), ("", "1"), ("b\n", "x\ry")] {
            let pairs = BTreeMap::from([("0".to_owned(), "0".to_owned()), (key.to_owned(), value.to_owned())]);
            assert!(file.merge(&pairs).is_err(), "{key:?}={value:?}");
            assert_eq!(file.to_string(), "a=1\n");
        }
    }
}
