//! selector and namespaceSelector of the CR format, and ports.

use super::cursor::Cursor;
use super::fields::Fields;
use crate::config::job::{NamespaceSelection, Port};
use crate::nearest;
use crate::selector::{Operator, Requirement, Selector};
use std::collections::BTreeSet;

/// Operators of matchExpressions.
const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];

/// Reads a selector; an empty one matches everything.
pub fn read_selector(cursor: &Cursor<'_>) -> Option<Selector> {
    let fields = cursor.fields()?;
    let selector = match_of(&fields);
    fields.finish();
    Some(selector)
}

/// Reads a namespaceSelector; one that demands nothing is `default`, as if it were not there.
pub fn read_namespaces(cursor: &Cursor<'_>) -> Option<NamespaceSelection> {
    let fields = cursor.fields()?;
    let any = fields.take("any").and_then(|value| value.boolean()).unwrap_or(false);
    let names: BTreeSet<String> =
        fields.take("matchNames").map(|list| list.words()).unwrap_or_default().into_iter().collect();
    let selector = match_of(&fields);
    fields.finish();
    let named = !names.is_empty();
    if any && (named || !selector.requirements.is_empty()) {
        cursor
            .error("any: true takes every namespace; leave away matchNames, matchLabels and matchExpressions, or any");
    }
    Some(match (any, selector.requirements.is_empty()) {
        (true, _) => NamespaceSelection::Any,
        (false, false) => NamespaceSelection::Matching { names: named.then_some(names), selector },
        (false, true) if named => NamespaceSelection::Names(names),
        (false, true) => default_namespace(),
    })
}

/// What a target without a namespaceSelector looks at.
pub fn default_namespace() -> NamespaceSelection {
    NamespaceSelection::Names(BTreeSet::from(["default".to_owned()]))
}

/// matchLabels and matchExpressions, all of which must hold.
fn match_of(fields: &Fields<'_>) -> Selector {
    let labels = fields.take("matchLabels").map(|map| map.text_pairs()).unwrap_or_default();
    let labels = labels.into_iter().map(|(key, value)| Requirement { key, operator: Operator::In(vec![value]) });
    let expressions = fields.take("matchExpressions").map(|list| list.items()).unwrap_or_default();
    Selector { requirements: labels.chain(expressions.iter().filter_map(read_expression)).collect() }
}

fn read_expression(cursor: &Cursor<'_>) -> Option<Requirement> {
    let fields = cursor.fields()?;
    let key = fields.need("key", "name the label").and_then(|value| value.word().map(str::to_owned));
    let operator = fields.need("operator", "write In, NotIn, Exists or DoesNotExist");
    let values = fields.take("values");
    fields.finish();
    let operator = operator.and_then(|word| read_operator(&word, values, cursor));
    Some(Requirement { key: key?, operator: operator? })
}

fn read_operator(operator: &Cursor<'_>, values: Option<Cursor<'_>>, whole: &Cursor<'_>) -> Option<Operator> {
    let written = operator.word()?;
    let Some(word) = OPERATORS.iter().find(|known| known.eq_ignore_ascii_case(written)) else {
        let hint = nearest::hint(written, OPERATORS.iter().copied());
        operator.error(format!("{written:?} is no operator; write In, NotIn, Exists or DoesNotExist{hint}"));
        return None;
    };
    let list: Vec<String> = values
        .map(|list| list.items().iter().filter_map(Cursor::text).map(str::to_owned).collect())
        .unwrap_or_default();
    match (*word, list.is_empty()) {
        ("In", false) => Some(Operator::In(list)),
        ("NotIn", false) => Some(Operator::NotIn(list)),
        ("Exists", true) => Some(Operator::Exists),
        ("DoesNotExist", true) => Some(Operator::DoesNotExist),
        (word, true) => told(whole, format!("{word} needs values")),
        (word, false) => told(whole, format!("{word} takes no values; take them away, or write In or NotIn")),
    }
}

fn told<T>(cursor: &Cursor<'_>, what: String) -> Option<T> {
    cursor.error(what);
    None
}

/// A port's name or number, written as a text or a number.
pub fn read_port(cursor: &Cursor<'_>) -> Option<Port> {
    let text = cursor.word()?;
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Port::Name(text.to_owned()));
    }
    match text.parse::<u16>() {
        Ok(number) if number > 0 => Some(Port::Number(number)),
        _ => told(cursor, format!("{text} is no port; ports are 1 to 65535")),
    }
}

/// A static address, `host:port`; the port may be left to the scheme.
pub fn read_address(cursor: &Cursor<'_>) -> Option<String> {
    let text = cursor.word()?;
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.starts_with('[') && host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let wrong = if text.contains("://") {
        "an address has no scheme; write host:port and give scheme beside it"
    } else if text.contains('/') {
        "an address has no path; write host:port and give path beside it"
    } else if port.is_none() && text.contains(':') && !(text.starts_with('[') && text.ends_with(']')) {
        "an IPv6 address stands in brackets: [::1]:9100"
    } else if host.is_empty()
        || text.contains(|c: char| c.is_whitespace() || c.is_control() || "@?#\"<>\\^`{|}".contains(c))
    {
        "is no address; write host:port"
    } else if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|n| n > 0)) {
        "its port is not a number from 1 to 65535"
    } else {
        return Some(text.to_owned());
    };
    told(cursor, format!("{text:?}: {wrong}"))
}
