//! Packs without their header: what scrape and metering hand to the sender.

use super::{Header, NamedText, Param, kind};
use crate::wire::codec;
use crate::wire::gzip::Packed;
use crate::wire::hash::hash64;
use crate::wire::value::Map;

/// A pack's type and body; the header comes when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPack {
    /// One of [`kind`].
    pub pack_type: u16,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// How many records it holds, for the counters: samples, help records, histograms, URLs, texts, else 1.
    pub records: u32,
}

impl EncodedPack {
    /// Longest header, with the pack type: 2 + 1 + 9 + 4 + 4 + 4 + 8 bytes.
    pub const MAX_HEAD: usize = 32;

    /// A block of samples; `endpoint` is the target's URL where endpoint metering is on.
    pub fn open_mx(block: &Packed<'_>, endpoint: Option<&str>, records: u32) -> Self {
        let mut pack = Self::block(kind::OPEN_MX, block, records);
        if let Some(url) = endpoint {
            codec::write_text(&mut pack.body, url);
        }
        pack
    }

    /// A block of help records.
    pub fn open_mx_help(block: &Packed<'_>, records: u32) -> Self {
        Self::block(kind::OPEN_MX_HELP, block, records)
    }

    /// A block of native histograms.
    pub fn histogram(block: &Packed<'_>, records: u32) -> Self {
        Self::block(kind::OPEN_MX_HISTOGRAM, block, records)
    }

    /// The URLs scraped since the last such pack; at most 32767, the rest is cut off.
    pub fn endpoints(urls: &[impl AsRef<str>]) -> Self {
        let mut body = Vec::new();
        codec::write_array(&mut body, urls, |out, url| codec::write_text(out, url.as_ref()));
        Self { pack_type: kind::OPEN_MX_ENDPOINT, body, records: urls.len() as u32 }
    }

    /// Numbers with tags; the tag hash is made here.
    pub fn tag_count(category: &str, tags: &Map, data: &Map) -> Self {
        let mut tag_bytes = Vec::new();
        tags.write(&mut tag_bytes);
        let mut body = vec![0];
        codec::write_text(&mut body, category);
        codec::write_decimal(&mut body, if tags.is_empty() { 0 } else { hash64(&tag_bytes) });
        body.extend_from_slice(&tag_bytes);
        data.write(&mut body);
        Self { pack_type: kind::TAG_COUNT, body, records: 1 }
    }

    /// Texts with their hashes.
    pub fn text(texts: &[NamedText]) -> Self {
        let mut body = Vec::new();
        codec::write_decimal(&mut body, texts.len() as i64);
        for text in texts {
            body.push(text.div);
            codec::write_i32(&mut body, text.hash);
            codec::write_text(&mut body, &text.text);
        }
        Self { pack_type: kind::TEXT, body, records: texts.len() as u32 }
    }

    /// A command, reply or information.
    pub fn param(param: &Param) -> Self {
        let mut body = Vec::new();
        param.write(&mut body);
        Self { pack_type: kind::PARAM, body, records: 1 }
    }

    /// Appends the whole pack: type, header, body.
    pub fn write(&self, header: &Header, out: &mut Vec<u8>) {
        out.reserve(Self::MAX_HEAD + self.body.len());
        out.extend_from_slice(&self.pack_type.to_be_bytes());
        header.write(out);
        out.extend_from_slice(&self.body);
    }

    fn block(pack_type: u16, block: &Packed<'_>, records: u32) -> Self {
        let mut body = Vec::with_capacity(6 + block.bytes.len());
        body.push(u8::from(block.zipped));
        codec::write_blob(&mut body, &block.bytes);
        Self { pack_type, body, records }
    }
}
