//! Reads the primitive encodings from a slice that shrinks as it is read.
//!
//! # Invariants
//! Texts and blobs are slices of the input. A length is compared with what is left before it is used. After an error
//! the reader stands where the field began or inside it; nobody reads on.

use super::error::{DecodeError, Found};
use super::{LONG_BLOB_MARK, MEDIUM_BLOB_MARK};

/// Most elements that memory is taken for before any of them is read.
const FIRST_ELEMENTS: usize = 32;

/// A shrinking slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, len: bytes.len() }
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Offset of the next byte.
    pub fn at(&self) -> usize {
        self.len - self.rest.len()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// An error about the field `what` at the next byte.
    pub fn error(&self, what: &'static str, found: Found) -> DecodeError {
        DecodeError { what, at: self.at(), found }
    }

    /// Demands that nothing is left.
    ///
    /// # Errors
    /// [`Found::Trailing`] otherwise.
    pub fn end(&self, what: &'static str) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.error(what, Found::Trailing(left))),
        }
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`Found::Short`] when fewer are left.
    #[inline]
    pub fn bytes(&mut self, what: &'static str, n: usize) -> Result<&'a [u8], DecodeError> {
        let Some((bytes, rest)) = self.rest.split_at_checked(n) else {
            return Err(self.error(what, Found::Short { need: n, left: self.rest.len() }));
        };
        self.rest = rest;
        Ok(bytes)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Found::Short`] when fewer are left.
    #[inline]
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.error(what, Found::Short { need: N, left: self.rest.len() }));
        };
        self.rest = rest;
        Ok(*bytes)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Found::Short`].
    #[inline]
    pub fn byte(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// A bool: true for 1, as the Go library reads it.
    ///
    /// # Errors
    /// [`Found::Short`].
    pub fn bool(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        self.byte(what).map(|byte| byte == 1)
    }

    /// A `short`.
    ///
    /// # Errors
    /// [`Found::Short`].
    pub fn i16(&mut self, what: &'static str) -> Result<i16, DecodeError> {
        self.array(what).map(i16::from_be_bytes)
    }

    /// An `int3`, sign extended.
    ///
    /// # Errors
    /// [`Found::Short`].
    pub fn i24(&mut self, what: &'static str) -> Result<i32, DecodeError> {
        self.array(what).map(|[a, b, c]| i32::from_be_bytes([a, b, c, 0]) >> 8)
    }

    /// An `int`.
    ///
    /// # Errors
    /// [`Found::Short`].
    pub fn i32(&mut self, what: &'static str) -> Result<i32, DecodeError> {
        self.array(what).map(i32::from_be_bytes)
    }

    /// A `long5`, sign extended.
    ///
    /// # Errors
    /// [`Found::Short`].
    pub fn i40(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        self.array(what).map(|[a, b, c, d, e]| i64::from_be_bytes([a, b, c, d, e, 0, 0, 0]) >> 24)
    }

    /// A `long`.
    ///
    /// # Errors
    /// [`Found::Short`].
    pub fn i64(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        self.array(what).map(i64::from_be_bytes)
    }

    /// A `float`.
    ///
    /// # Errors
    /// [`Found::Short`].
    pub fn f32(&mut self, what: &'static str) -> Result<f32, DecodeError> {
        self.array(what).map(f32::from_be_bytes)
    }

    /// A `double`.
    ///
    /// # Errors
    /// [`Found::Short`].
    pub fn f64(&mut self, what: &'static str) -> Result<f64, DecodeError> {
        self.array(what).map(f64::from_be_bytes)
    }

    /// A decimal, in however many bytes it was written.
    ///
    /// # Errors
    /// [`Found::Short`], [`Found::Length`].
    pub fn decimal(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        let start = self.clone();
        match self.byte(what)? {
            0 => Ok(0),
            1 => self.byte(what).map(|byte| i64::from(byte as i8)),
            2 => self.i16(what).map(i64::from),
            3 => self.i24(what).map(i64::from),
            4 => self.i32(what).map(i64::from),
            5 => self.i40(what),
            8 => self.i64(what),
            len => Err(start.error(what, Found::Length(i64::from(len)))),
        }
    }

    /// A blob.
    ///
    /// # Errors
    /// [`Found::Short`], [`Found::Length`].
    #[inline]
    pub fn blob(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = match self.byte(what)? {
            MEDIUM_BLOB_MARK => usize::from(u16::from_be_bytes(self.array(what)?)),
            LONG_BLOB_MARK => self.length(what)?,
            len => usize::from(len),
        };
        self.bytes(what, len)
    }

    /// A text.
    ///
    /// # Errors
    /// Those of [`Reader::blob`], [`Found::NotUtf8`].
    #[inline]
    pub fn text(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        let start = self.at();
        let bytes = self.blob(what)?;
        std::str::from_utf8(bytes).map_err(|_| DecodeError { what, at: start, found: Found::NotUtf8 })
    }

    /// `int-bytes`.
    ///
    /// # Errors
    /// [`Found::Short`], [`Found::Length`].
    pub fn int_bytes(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.length(what)?;
        self.bytes(what, len)
    }

    /// `short-bytes`: a `u16` length, then the bytes.
    ///
    /// # Errors
    /// [`Found::Short`].
    pub fn short_bytes(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = u16::from_be_bytes(self.array(what)?);
        self.bytes(what, usize::from(len))
    }

    /// A `short` that counts elements of at least `least` bytes each.
    ///
    /// # Errors
    /// [`Found::Length`] when negative, [`Found::Short`] when that many can't follow.
    pub fn short_count(&mut self, what: &'static str, least: usize) -> Result<usize, DecodeError> {
        let count = self.i16(what)?;
        self.count(what, i64::from(count), least)
    }

    /// A decimal that counts elements of at least `least` bytes each.
    ///
    /// # Errors
    /// [`Found::Length`] when negative, [`Found::Short`] when that many can't follow.
    pub fn decimal_count(&mut self, what: &'static str, least: usize) -> Result<usize, DecodeError> {
        let count = self.decimal(what)?;
        self.count(what, count, least)
    }

    /// `count` elements read by `read`; the caller took the count from [`Reader::short_count`] or
    /// [`Reader::decimal_count`], so that it is bounded by the bytes that are left.
    ///
    /// # Errors
    /// The first of `read`.
    pub fn elements<T>(
        &mut self,
        count: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut elements = Vec::with_capacity(count.min(FIRST_ELEMENTS));
        for _ in 0..count {
            elements.push(read(self)?);
        }
        Ok(elements)
    }

    fn count(&self, what: &'static str, count: i64, least: usize) -> Result<usize, DecodeError> {
        let Ok(count) = usize::try_from(count) else {
            return Err(self.error(what, Found::Length(count)));
        };
        let need = count.saturating_mul(least);
        if need > self.rest.len() {
            return Err(self.error(what, Found::Short { need, left: self.rest.len() }));
        }
        Ok(count)
    }

    fn length(&mut self, what: &'static str) -> Result<usize, DecodeError> {
        let len = self.i32(what)?;
        usize::try_from(len).map_err(|_| self.error(what, Found::Length(i64::from(len))))
    }
}
