//! The header of every pack: whose it is and of what time.
//!
//! ```text
//! header = decimal pcode, int oid, long time                            okind and onode are 0
//!        | byte 9, decimal pcode, int oid, int okind, int onode, long time
//! ```
//! A reader tells them apart by the first byte: the length byte of a decimal is 8 at most.

use crate::wire::codec::{self, DecodeError, Reader};

/// First byte of the header with kind and node.
const WITH_KIND: u8 = 9;

/// Whose pack it is and of what time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// Project.
    pub pcode: i64,
    /// Agent.
    pub oid: i32,
    /// Kind of agent; 0 without one.
    pub okind: i32,
    /// Node of the agent; 0 without one.
    pub onode: i32,
    /// Unix milliseconds.
    pub time_ms: i64,
}

impl Header {
    /// Appends the header.
    pub fn write(&self, out: &mut Vec<u8>) {
        let with_kind = self.okind != 0 || self.onode != 0;
        if with_kind {
            out.push(WITH_KIND);
        }
        codec::write_decimal(out, self.pcode);
        codec::write_i32(out, self.oid);
        if with_kind {
            codec::write_i32(out, self.okind);
            codec::write_i32(out, self.onode);
        }
        codec::write_i64(out, self.time_ms);
    }

    /// Reads a header.
    ///
    /// # Errors
    /// What the codec refuses.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let with_kind = r.rest().first() == Some(&WITH_KIND);
        if with_kind {
            r.byte("header")?;
        }
        let pcode = r.decimal("pcode")?;
        let oid = r.i32("oid")?;
        let (okind, onode) = if with_kind { (r.i32("okind")?, r.i32("onode")?) } else { (0, 0) };
        Ok(Self { pcode, oid, okind, onode, time_ms: r.i64("time")? })
    }
}
