//! A list answer of the API, read as a stream: one item at a time, never the whole body.
//!
//! # Invariants
//! - Memory is that of one item; an item of more than [`MAX_ITEM_BYTES`] is refused before it is held.
//! - A body that breaks off, or is no list, is an error: what was handed out before it must be thrown away.
//!
//! Rule: Kubernetes API concepts, "Retrieving large results sets in chunks".

use super::objects::or_default;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::marker::PhantomData;

/// The most bytes one item may have; etcd refuses objects over 1.5 MiB unless told otherwise.
pub const MAX_ITEM_BYTES: u64 = 16 << 20;

/// What a list says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Where the next page begins, when there is one.
    pub next: Option<String>,
    /// How many items this page had.
    pub items: usize,
}

/// Reads one page and hands each item to `each`.
///
/// # Errors
/// One line: the body is cut off, no JSON, no list, or has an item that is too large; with line and column.
pub fn read_list<T: DeserializeOwned>(body: impl Read, each: &mut dyn FnMut(T)) -> Result<Page, String> {
    let left = Cell::new(MAX_ITEM_BYTES);
    let bounded = Bounded { inner: body, left: &left };
    // below 4 KiB serde_json's byte-wise reading shows; above 32 KiB nothing is gained
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(16 << 10, bounded));
    let list = ListSeed { left: &left, each, item: PhantomData };
    let page = list.deserialize(&mut json).and_then(|page| json.end().map(|()| page));
    page.map_err(|error| format!("the answer is no whole list: {error}"))
}

/// A reader that ends in an error when `left` bytes were read; the list sets `left` anew with each item.
struct Bounded<'a, R> {
    inner: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf)?;
        let left = self.left.get().checked_sub(count as u64);
        self.left.set(left.ok_or_else(|| io::Error::other(format!("an object over {MAX_ITEM_BYTES} bytes")))?);
        Ok(count)
    }
}

struct ListSeed<'a, T> {
    left: &'a Cell<u64>,
    each: &'a mut dyn FnMut(T),
    item: PhantomData<T>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct ListMeta {
    #[serde(rename = "continue", deserialize_with = "or_default")]
    next: String,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for ListSeed<'_, T> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Page, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for ListSeed<'_, T> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        let mut page = Page::default();
        let mut listed = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metadata" => {
                    let meta: ListMeta = map.next_value()?;
                    page.next = Some(meta.next).filter(|next| !next.is_empty());
                }
                "items" => {
                    page.items +=
                        map.next_value_seed(ItemsSeed { left: self.left, each: self.each, item: self.item })?;
                    listed = true;
                }
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        if listed { Ok(page) } else { Err(serde::de::Error::custom("there are no items in it")) }
    }
}

struct ItemsSeed<'a, T> {
    left: &'a Cell<u64>,
    each: &'a mut dyn FnMut(T),
    item: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for ItemsSeed<'_, T> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for ItemsSeed<'_, T> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_unit<E>(self) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<usize, A::Error> {
        let mut count = 0;
        while let Some(item) = items.next_element::<T>()? {
            self.left.set(MAX_ITEM_BYTES);
            (self.each)(item);
            count += 1;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::objects::Namespace;
    use super::super::pod_object::Pod;
    use super::*;

    fn names(body: &[u8]) -> Result<(Vec<String>, Page), String> {
        let mut names = Vec::new();
        let page = read_list::<Namespace>(body, &mut |item| names.push(item.meta.name))?;
        Ok((names, page))
    }

    #[test]
    fn items_come_one_by_one_and_the_next_page_is_named() {
        let body = br#"{"kind":"X","metadata":{"continue":"abc","remainingItemCount":3},"items":[
            {"metadata":{"name":"a"}},{"metadata":{"name":"b","labels":null}}]}"#;
        let (names, page) = names(body).unwrap();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(page, Page { next: Some("abc".into()), items: 2 });
    }

    #[test]
    fn null_items_are_an_empty_list_and_missing_items_are_none() {
        let (none, page) = names(br#"{"metadata":{},"items":null}"#).unwrap();
        assert!(none.is_empty() && page.next.is_none());
        assert!(names(br#"{"kind":"Status","metadata":{}}"#).unwrap_err().contains("no items"));
    }

    #[test]
    fn a_body_cut_anywhere_is_an_error_never_a_short_list() {
        let body = br#"{"metadata":{},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"#;
        for end in 0..body.len() {
            assert!(names(&body[..end]).is_err(), "cut at {end}");
        }
        assert!(names(&[body.as_slice(), b"x"].concat()).is_err());
    }

    #[test]
    fn an_item_without_end_is_refused_before_it_fills_the_memory() {
        let head = io::Cursor::new(br#"{"items":[{"metadata":{"name":""#.as_slice());
        let endless = head.chain(io::repeat(b'x'));
        let error = read_list::<Pod>(endless, &mut |_| ()).unwrap_err();
        assert!(error.contains("an object over 16777216 bytes"), "{error}");
    }
}
