//! Tests of this room: golden vectors, round trips, bytes nobody would send.

use super::*;
use crate::wire::codec::Found;
use proptest::prelude::*;

/// Any value, lists and maps up to four levels deep. Without NaN, which is not equal to itself.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Decimal),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Long),
        any::<f32>().prop_map(Value::Float),
        any::<f64>().prop_map(Value::Double),
        any::<String>().prop_map(Value::Text),
        any::<i32>().prop_map(Value::TextHash),
        any::<Vec<u8>>().prop_map(Value::Blob),
        any::<[u8; 4]>().prop_map(Value::Ip4),
        any::<Vec<i32>>().prop_map(Value::Ints),
        any::<Vec<f32>>().prop_map(Value::Floats),
        prop::collection::vec(any::<String>(), 0..5).prop_map(Value::Texts),
        any::<Vec<i64>>().prop_map(Value::Longs),
        any::<Vec<f64>>().prop_map(Value::Doubles),
        any::<Vec<bool>>().prop_map(Value::Bools),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            map_of(inner).prop_map(Value::Map),
        ]
    })
}

pub(crate) fn any_map() -> impl Strategy<Value = Map> {
    map_of(any_value())
}

fn map_of(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map> {
    prop::collection::vec((any::<String>(), values), 0..6).prop_map(Map::from_iter)
}

/// Bytes of memory a value holds, unused capacity included.
fn memory(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Text(v) => v.capacity(),
            Value::Blob(v) => v.capacity(),
            Value::Ints(v) => 4 * v.capacity(),
            Value::Floats(v) => 4 * v.capacity(),
            Value::Longs(v) => 8 * v.capacity(),
            Value::Doubles(v) => 8 * v.capacity(),
            Value::Bools(v) => v.capacity(),
            Value::Texts(v) => v.capacity() * size_of::<String>() + v.iter().map(String::capacity).sum::<usize>(),
            Value::List(v) => spare(v) + v.iter().map(memory).sum::<usize>(),
            Value::Map(Map(v)) => spare(v) + v.iter().map(|(k, v)| 24 + k.capacity() + memory(v)).sum::<usize>(),
            _ => 0,
        }
}

fn spare<T>(items: &Vec<T>) -> usize {
    (items.capacity() - items.len()) * size_of::<T>()
}

fn written(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    value.write(&mut out);
    out
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| [[tag::LIST, 1, 1].repeat(depth), vec![tag::NULL]].concat();
    assert!(Value::read(&mut Reader::new(&nested(MAX_DEPTH))).is_ok());
    let error = Value::read(&mut Reader::new(&nested(100_000))).unwrap_err();
    assert_eq!(error.to_string(), "value at byte 97: values are nested deeper than 32");
}

#[test]
fn the_number_of_values_is_bounded() {
    let list = written(&Value::List(vec![Value::Null; MAX_VALUES]));
    assert_eq!(Value::read(&mut Reader::new(&list)).unwrap_err().found, Found::TooMany(MAX_VALUES));
}

#[test]
fn faults_name_what_stood_there() {
    for (bytes, text) in [
        (&[99_u8][..], "value type at byte 0: unknown type 99"),
        (&[70, 1, 200], "list at byte 3: impossible length -56"),
        (&[70, 2, 100, 0, 0], "list at byte 4: needs 25600 bytes, 1 are left"),
        (&[74, 0x7f, 0xff], "array at byte 3: needs 262136 bytes, 0 are left"),
        (&[76, 4, 0x7f, 0xff, 0xff, 0xff], "array at byte 6: needs 2147483647 bytes, 0 are left"),
    ] {
        assert_eq!(Value::read(&mut Reader::new(bytes)).unwrap_err().to_string(), text);
    }
}

#[test]
fn a_map_keeps_its_order_and_replaces_by_name() {
    let mut map: Map = [("b", 1), ("a", 2)].into_iter().collect();
    map.put("b", "text");
    assert_eq!(map.iter().map(|(k, _)| k).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!((map.text("b"), map.text("a")), (Some("text"), None));
    assert_eq!(map.value("a").and_then(Value::as_i64), Some(2));
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in any_value()) {
        let bytes = written(&value);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(Value::read(&mut reader)?, value);
        reader.end("value")?;
    }

    #[test]
    fn no_bytes_panic_or_take_memory_beyond_their_order(
        bytes: Vec<u8>, value in any_value(), at: prop::sample::Index, with: u8,
    ) {
        let mut mutated = written(&value);
        let at = at.index(mutated.len());
        let torn = mutated[..at].to_vec();
        mutated[at] = with;
        for bytes in [bytes, torn, mutated] {
            if let Ok(read) = Value::read(&mut Reader::new(&bytes)) {
                prop_assert!(memory(&read) <= 200 * bytes.len(), "{read:?} of {bytes:?}");
            }
        }
    }
}
