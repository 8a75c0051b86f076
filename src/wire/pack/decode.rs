//! Reads whole packs.
//!
//! # Invariants
//! A pack ends where its bytes end. Only what came encrypted ([`Pack::decode_padded`]) may be followed by the zeros of
//! an AES block, and there an empty endpoint can't be told from padding: it is none.

use super::{Header, NamedText, Param, kind};
use crate::wire::codec::{DecodeError, Found, Reader};
use crate::wire::cypher::BLOCK;
use crate::wire::gzip;
use crate::wire::value::Map;
use std::borrow::Cow;

/// A pack, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// Whose it is and of what time.
    pub header: Header,
    /// What it says.
    pub body: Body,
}

/// What a pack says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Samples.
    OpenMx(OpenMx),
    /// Help records.
    Help(Records),
    /// Native histograms.
    Histogram(Records),
    /// URLs scraped.
    Endpoints(Vec<String>),
    /// Numbers with tags.
    TagCount(TagCount),
    /// Texts by their hashes.
    Text(Vec<NamedText>),
    /// A command, reply or information.
    Param(Param),
    /// A type this agent neither sends nor takes, with its bytes.
    Other {
        /// Type of the pack.
        pack_type: u16,
        /// The body, padding included.
        bytes: Vec<u8>,
    },
}

/// A block of records as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// Whether the bytes are gzip.
    pub zipped: bool,
    /// The bytes; see [`crate::wire::record`] for what is in them.
    pub bytes: Vec<u8>,
}

/// Samples, with the URL they came from where endpoint metering is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMx {
    /// The samples.
    pub records: Records,
    /// URL of the target.
    pub endpoint: Option<String>,
}

/// Numbers with tags.
#[derive(Debug, Clone, PartialEq)]
pub struct TagCount {
    /// What is counted.
    pub category: String,
    /// Hash of the tags' bytes.
    pub tag_hash: i64,
    /// What tells this series from others.
    pub tags: Map,
    /// The numbers.
    pub data: Map,
}

impl Records {
    /// The block itself, at most `most` bytes when it has to be inflated.
    ///
    /// # Errors
    /// What [`gzip::inflate`] refuses.
    pub fn plain(&self, most: usize) -> Result<Cow<'_, [u8]>, DecodeError> {
        match self.zipped {
            true => gzip::inflate(&self.bytes, most).map(Cow::Owned),
            false => Ok(Cow::Borrowed(&self.bytes)),
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = r.clone();
        let zipped = match r.byte("zip")? {
            zip @ 0..=1 => zip == 1,
            other => return Err(start.error("zip", Found::Tag(i64::from(other)))),
        };
        Ok(Self { zipped, bytes: r.blob("records")?.to_owned() })
    }
}

impl Pack {
    /// Reads a pack that ends where the bytes end.
    ///
    /// # Errors
    /// The field that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read(bytes, false)
    }

    /// Reads a pack that was encrypted and may be followed by the padding of a block.
    ///
    /// # Errors
    /// The field that is wrong.
    pub fn decode_padded(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::read(bytes, true)
    }

    fn read(bytes: &[u8], padded: bool) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let pack_type = r.i16("pack type")? as u16;
        let header = Header::read(&mut r)?;
        let body = Body::read(pack_type, &mut r, padded)?;
        if !(padded && is_padding(r.rest())) {
            r.end("pack")?;
        }
        Ok(Self { header, body })
    }
}

impl Body {
    fn read(pack_type: u16, r: &mut Reader<'_>, padded: bool) -> Result<Self, DecodeError> {
        Ok(match pack_type {
            kind::OPEN_MX => Self::OpenMx(OpenMx::read(r, padded)?),
            kind::OPEN_MX_HELP => Self::Help(Records::read(r)?),
            kind::OPEN_MX_HISTOGRAM => Self::Histogram(Records::read(r)?),
            kind::OPEN_MX_ENDPOINT => {
                let count = r.short_count("endpoints", 1)?;
                Self::Endpoints(r.elements(count, |r| r.text("endpoint").map(str::to_owned))?)
            }
            kind::TAG_COUNT => Self::TagCount(TagCount::read(r)?),
            kind::TEXT => {
                let count = r.decimal_count("texts", 6)?;
                Self::Text(r.elements(count, NamedText::read)?)
            }
            kind::PARAM => Self::Param(Param::read(r)?),
            _ => {
                let bytes = r.bytes("body", r.rest().len())?.to_owned();
                Self::Other { pack_type, bytes }
            }
        })
    }
}

impl OpenMx {
    fn read(r: &mut Reader<'_>, padded: bool) -> Result<Self, DecodeError> {
        let records = Records::read(r)?;
        let none = r.is_empty() || padded && is_padding(r.rest());
        let endpoint = if none { None } else { Some(r.text("endpoint")?.to_owned()) };
        Ok(Self { records, endpoint })
    }
}

impl TagCount {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = r.clone();
        match r.byte("tag count")? {
            0 => {}
            version => return Err(start.error("tag count", Found::Tag(i64::from(version)))),
        }
        Ok(Self {
            category: r.text("category")?.to_owned(),
            tag_hash: r.decimal("tag hash")?,
            tags: Map::read(r, "tags")?,
            data: Map::read(r, "data")?,
        })
    }
}

impl NamedText {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { div: r.byte("div")?, hash: r.i32("hash")?, text: r.text("text")?.to_owned() })
    }
}

fn is_padding(rest: &[u8]) -> bool {
    rest.len() < BLOCK && rest.iter().all(|byte| *byte == 0)
}
