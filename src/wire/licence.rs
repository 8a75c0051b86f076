//! The licence: which project the agent belongs to, and the key of its handshake.
//!
//! ```text
//! licence = word *( "-" word )      each word a hexa32 number, 8 bytes of:
//! bytes   = decimal pcode, blob secure_key, random filling
//! ```

use super::codec::{DecodeError, Reader, write_blob, write_decimal};
use super::cypher::Key;
use super::hexa32;
use std::fmt;

/// What a licence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// Number of the project.
    pub pcode: i64,
    /// Key of the handshake's cypher.
    pub secure_key: Key,
}

/// Most words a licence has; the usual one has three.
const MAX_WORDS: usize = 64;

/// Why a text is no licence. Never shows the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenceError {
    /// No text.
    Empty,
    /// The word at this place, from 1, is no hexa32 number.
    Word(usize),
    /// More words than any licence has.
    TooLong,
    /// The words hold no pcode and key.
    Contents(DecodeError),
    /// The key is empty.
    NoKey,
}

impl fmt::Display for LicenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the licence is ")?;
        match self {
            Self::Empty => f.write_str("empty"),
            Self::Word(at) => write!(f, "faulty: word {at} of those joined by \"-\" holds a wrong character"),
            Self::TooLong => write!(f, "too long: it has more than {MAX_WORDS} words"),
            Self::Contents(error) => write!(f, "cut short or mistyped ({error})"),
            Self::NoKey => f.write_str("faulty: it holds no key"),
        }?;
        f.write_str("; copy it whole from the project's agent installation page")
    }
}

impl std::error::Error for LicenceError {}

impl Licence {
    /// Reads a licence; spaces around it don't count.
    ///
    /// # Errors
    /// What is wrong with it, without its text.
    pub fn parse(text: &str) -> Result<Self, LicenceError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LicenceError::Empty);
        }
        let mut bytes = Vec::with_capacity(24);
        for (i, word) in text.split('-').enumerate() {
            if i == MAX_WORDS {
                return Err(LicenceError::TooLong);
            }
            let number = word_number(word).ok_or(LicenceError::Word(i + 1))?;
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        Self::read(&bytes)
    }

    /// Writes a licence for a project and key, as a server hands them out; the filling is zeros.
    pub fn generate(pcode: i64, key: &[u8]) -> String {
        let mut bytes = Vec::new();
        write_decimal(&mut bytes, pcode);
        write_blob(&mut bytes, key);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let (words, _) = bytes.as_chunks::<8>();
        words.iter().map(|word| hexa32::encode(i64::from_be_bytes(*word))).collect::<Vec<_>>().join("-")
    }

    fn read(bytes: &[u8]) -> Result<Self, LicenceError> {
        let mut reader = Reader::new(bytes);
        let pcode = reader.decimal("project code").map_err(LicenceError::Contents)?;
        let key = reader.blob("key").map_err(LicenceError::Contents)?;
        if key.is_empty() {
            return Err(LicenceError::NoKey);
        }
        Ok(Self { pcode, secure_key: Key::new(key) })
    }
}

/// The number of a word; only what [`hexa32::encode`] writes, so that a mistyped letter is told and not read as another.
fn word_number(word: &str) -> Option<i64> {
    hexa32::parse(word).filter(|number| hexa32::encode(*number).eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden;
    use proptest::prelude::*;

    #[test]
    fn pcode_and_key_are_the_librarys() {
        for entry in &golden::section("e_license", 3) {
            let licence = Licence::parse(golden::text(entry, "license")).unwrap();
            assert_eq!(licence.pcode, golden::number(entry, "pcode"));
            assert_eq!(licence.secure_key.expose(), golden::hex(entry, "key_hex"));
            assert_eq!(licence.secure_key.expose().len() as i64, golden::number(entry, "key_len"));
            let again = Licence::generate(licence.pcode, licence.secure_key.expose());
            assert_eq!(Licence::parse(&again), Ok(licence));
        }
    }

    #[test]
    fn errors_say_what_to_do_and_never_show_the_licence() {
        let whole = "x41pl22ek7jhv-z43cebasdv4il7-z62p3l35fj5502";
        for (text, reason) in [
            ("  ", "the licence is empty;"),
            ("x41pl22ek7jhv-z43cebasdw4il7-z62p3l35fj5502", "word 2 of those"),
            ("x41pl22ek7jhv-z43cebasdv4il7", "cut short or mistyped"),
            ("x41pl22ek7jhv--z62p3l35fj5502", "word 2 of those"),
            ("한글", "word 1 of those"),
            ("0", "holds no key"),
            (&vec!["x10"; 65].join("-"), "more than 64 words"),
        ] {
            let error = Licence::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("installation page"), "{text}: {error}");
            assert!(!error.contains("41pl22"), "{error}");
        }
        let debug = format!("{:?}", Licence::parse(whole).unwrap());
        assert_eq!(debug, "Licence { pcode: 1845, secure_key: *** }");
    }

    proptest! {
        #[test]
        fn a_generated_licence_is_read_back(pcode: i64, key in prop::collection::vec(any::<u8>(), 1..200)) {
            let licence = Licence::parse(&Licence::generate(pcode, &key)).unwrap();
            prop_assert_eq!(licence.pcode, pcode);
            prop_assert_eq!(licence.secure_key.expose(), &key);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = Licence::parse(&text);
        }
    }
}
