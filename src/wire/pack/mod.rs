//! Packs: what the payload of a frame is. Made without a header by scrape and metering ([`EncodedPack`]), completed by
//! the sender, which owns time and identity ([`Header`]), and read whole by the collector and by control ([`Pack`]).
//!
//! ```text
//! pack = short type, header, body
//! ```

mod decode;
mod encoded;
mod header;
mod param;

pub use decode::{Body, OpenMx, Pack, Records, TagCount};
pub use encoded::EncodedPack;
pub use header::Header;
pub use param::{Param, id};

/// The two bytes before a pack.
pub mod kind {
    /// A command or its reply, or the boot information.
    pub const PARAM: u16 = 0x0100;
    /// Texts by their hashes.
    pub const TEXT: u16 = 0x0700;
    /// Numbers with tags.
    pub const TAG_COUNT: u16 = 0x1601;
    /// Samples.
    pub const OPEN_MX: u16 = 0x1603;
    /// Metadata of metric families.
    pub const OPEN_MX_HELP: u16 = 0x1604;
    /// URLs scraped.
    pub const OPEN_MX_ENDPOINT: u16 = 0x1606;
    /// Native histograms.
    pub const OPEN_MX_HISTOGRAM: u16 = 0x1607;
}

/// What a text of a Text pack names.
pub mod div {
    /// The ONAME.
    pub const ONAME: u8 = 13;
    /// The OKIND's name.
    pub const OKIND: u8 = 57;
    /// The ONODE's name.
    pub const ONODE: u8 = 63;
}

/// One text of a Text pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedText {
    /// What it names: one of [`div`].
    pub div: u8,
    /// Its hash.
    pub hash: i32,
    /// The text.
    pub text: String,
}

impl NamedText {
    /// A text with its hash.
    pub fn new(div: u8, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { div, hash: super::hash::hash(&text), text }
    }
}

#[cfg(test)]
mod tests;
