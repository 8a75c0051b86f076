//! A target's labels before relabelling, packed: they are looked at rarely, by people, and there are a lot of them.
//!
//! A Kubernetes pod has some thirty, 2 KiB of text that mostly says `__meta_kubernetes_pod_`; packed it is a third.
//!
//! # Invariants
//! What comes out is what went in, sorted by name, without empty values, and with values over [`MAX_VALUE`] bytes cut:
//! an annotation may be 256 KiB long.

use crate::labels::{LabelBuf, Labels};

/// Bytes of a value that are kept; rules have seen it whole.
pub const MAX_VALUE: usize = 256;

/// Set in a prefix's code when the label's `…present_` twin was there too and is `true`.
const TWIN: u8 = 0x80;

/// Beginnings of names, most telling first; a name is the code of its prefix and what follows. The empty one, last,
/// takes any name.
const PREFIXES: [&str; 26] = [
    "__meta_kubernetes_pod_label_",
    "__meta_kubernetes_pod_annotation_",
    "__meta_kubernetes_service_label_",
    "__meta_kubernetes_service_annotation_",
    "__meta_kubernetes_endpointslice_label_",
    "__meta_kubernetes_endpointslice_annotation_",
    "__meta_kubernetes_endpoints_label_",
    "__meta_kubernetes_endpoints_annotation_",
    "__meta_kubernetes_pod_container_port_",
    "__meta_kubernetes_pod_container_",
    "__meta_kubernetes_pod_controller_",
    "__meta_kubernetes_pod_",
    "__meta_kubernetes_service_",
    "__meta_kubernetes_endpointslice_endpoint_conditions_",
    "__meta_kubernetes_endpointslice_endpoint_",
    "__meta_kubernetes_endpointslice_address_target_",
    "__meta_kubernetes_endpointslice_port_",
    "__meta_kubernetes_endpointslice_",
    "__meta_kubernetes_endpoints_",
    "__meta_kubernetes_endpoint_address_target_",
    "__meta_kubernetes_endpoint_port_",
    "__meta_kubernetes_endpoint_",
    "__meta_kubernetes_namespace",
    "__meta_kubernetes_",
    "__",
    "",
];

/// How many of the prefixes, from the first, have a twin.
const TWINNED: usize = 8;

/// Labels in a few bytes, one allocation.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PackedLabels(Box<[u8]>);

impl PackedLabels {
    /// The labels, to read.
    pub fn unpack(&self) -> Labels {
        let mut buf = LabelBuf::new();
        let mut name = String::new();
        for entry in self.entries() {
            if entry.twinned {
                twin_of(entry.prefix, entry.suffix, &mut name);
                buf.push(&name, "true");
            }
            name.clear();
            name.push_str(entry.prefix);
            name.push_str(entry.suffix);
            buf.push(&name, entry.value);
        }
        Labels::from(&buf)
    }

    /// The value of one label.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut twin = String::new();
        self.entries().find_map(|entry| {
            if entry.twinned && name.contains("present_") {
                twin_of(entry.prefix, entry.suffix, &mut twin);
                if twin == name {
                    return Some("true");
                }
            }
            (name.strip_prefix(entry.prefix) == Some(entry.suffix)).then_some(entry.value)
        })
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (code, tail) = rest.split_first()?;
            let (suffix, tail) = text(tail);
            let (value, tail) = text(tail);
            rest = tail;
            Some(Entry { prefix: PREFIXES[usize::from(code & !TWIN)], suffix, value, twinned: code & TWIN != 0 })
        })
    }
}

/// One label as it is packed.
struct Entry<'a> {
    prefix: &'static str,
    suffix: &'a str,
    value: &'a str,
    twinned: bool,
}

impl From<&LabelBuf> for PackedLabels {
    fn from(buf: &LabelBuf) -> Self {
        Self::from(&Labels::from(buf))
    }
}

impl From<&Labels> for PackedLabels {
    fn from(labels: &Labels) -> Self {
        let mut out = Vec::with_capacity(1024);
        let mut twin = String::new();
        for (name, value) in labels.iter() {
            if is_twin_of_another(labels, name, value) {
                continue;
            }
            let (code, suffix) = split(name);
            if code < TWINNED {
                twin_of(PREFIXES[code], suffix, &mut twin);
            }
            let twinned = code < TWINNED && labels.value(&twin) == Some("true");
            out.push(code as u8 | if twinned { TWIN } else { 0 });
            push(suffix, &mut out);
            push(&cut(value), &mut out);
        }
        Self(out.into())
    }
}

impl std::fmt::Debug for PackedLabels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.unpack().fmt(f)
    }
}

impl serde::Serialize for PackedLabels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.unpack().serialize(serializer)
    }
}

fn split(name: &str) -> (usize, &str) {
    let fits = PREFIXES.iter().enumerate().find_map(|(code, prefix)| Some((code, name.strip_prefix(prefix)?)));
    fits.expect("the last prefix is empty")
}

/// `…label_x` → `…labelpresent_x`.
fn twin_of(prefix: &str, suffix: &str, out: &mut String) {
    out.clear();
    out.push_str(prefix.trim_end_matches('_'));
    out.push_str("present_");
    out.push_str(suffix);
}

/// Whether unpacking another label brings this one back.
fn is_twin_of_another(labels: &Labels, name: &str, value: &str) -> bool {
    let Some((role, suffix)) = name.split_once("present_").filter(|_| value == "true") else { return false };
    let twin = format!("{role}_{suffix}");
    split(&twin).0 < TWINNED && labels.value(&twin).is_some()
}

fn cut(value: &str) -> std::borrow::Cow<'_, str> {
    if value.len() <= MAX_VALUE {
        return value.into();
    }
    let end = value.floor_char_boundary(MAX_VALUE);
    format!("{}…", &value[..end]).into()
}

/// Length in seven bits a byte, lowest first, then the text.
fn push(text: &str, out: &mut Vec<u8>) {
    let mut length = text.len();
    while length > 0x7f {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(text.as_bytes());
}

/// The text at the front, and what follows it.
fn text(bytes: &[u8]) -> (&str, &[u8]) {
    let ends = bytes.iter().position(|byte| byte & 0x80 == 0).expect("only `push` writes");
    let (length, rest) = bytes.split_at(ends + 1);
    let length = length.iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
    let (text, rest) = rest.split_at(length);
    (std::str::from_utf8(text).expect("only `push` writes"), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(pairs: &[(&str, &str)]) -> PackedLabels {
        PackedLabels::from(&LabelBuf::from_iter(pairs.iter().copied()))
    }

    #[test]
    fn every_name_comes_back_and_twins_too() {
        let pairs = [
            ("__address__", "127.0.0.1:80"),
            ("__meta_kubernetes_namespace", "production"),
            ("__meta_kubernetes_pod_annotation_note", "é \u{0} \"x\""),
            ("__meta_kubernetes_pod_annotationpresent_note", "true"),
            ("__meta_kubernetes_pod_label_app", "web"),
            ("__meta_kubernetes_pod_label_lonely", "no twin"),
            ("__meta_kubernetes_pod_labelpresent_app", "true"),
            ("__meta_kubernetes_pod_labelpresent_empty", "true"),
            ("__meta_kubernetes_pod_labelpresent_lonely", "false"),
            ("__meta_kubernetes_pod_name", "web-0"),
            ("__meta_kubernetes_service_label_present_", "x"),
            ("job", "web"),
            ("é", "ü"),
        ];
        let packed_pairs = packed(&pairs);
        assert_eq!(packed_pairs.unpack().iter().collect::<Vec<_>>(), pairs);
        for (name, value) in pairs {
            assert_eq!(packed_pairs.value(name), Some(value));
        }
        assert_eq!(packed_pairs.value("__meta_kubernetes_pod_labelpresent_none"), None);
        assert_eq!(packed(&pairs).value("job"), Some("web"));
        assert!(packed(&[]).unpack().is_empty() && packed(&[]) == PackedLabels::default());
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        let long = "한".repeat(100_000);
        assert_eq!(packed(&[("a", &long)]).value("a"), Some(format!("{}…", "한".repeat(85)).as_str()));
        let just = "x".repeat(256);
        assert_eq!(packed(&[("a", &just)]).value("a"), Some(just.as_str()));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_packed_is_unpacked(
            pairs in proptest::collection::btree_map(
                "(__meta_kubernetes_(pod|service)_(label|annotation)(present)?_|__)?[a-c_é]{0,3}", "(true|[a-z\u{0}é]{1,200})", 0..12,
            )
        ) {
            let pairs: Vec<_> = pairs.iter().filter(|(name, _)| !name.is_empty()).map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let unpacked = packed(&pairs).unpack();
            let expected: Vec<_> = pairs.iter().map(|(n, v)| (*n, cut(v).into_owned())).collect();
            let expected: Vec<_> = expected.iter().map(|(n, v)| (*n, v.as_str())).collect();
            proptest::prop_assert_eq!(unpacked.iter().collect::<Vec<_>>(), expected);
        }
    }
}
