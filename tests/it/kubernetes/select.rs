//! Label and field selectors as an API server reads them, for the fake one.

use serde_json::Value;

/// Whether an object's labels meet a `labelSelector`; `Err` is the server's complaint.
pub fn by_labels(object: &Value, selector: &str) -> Result<bool, String> {
    let mut rest = selector;
    while !rest.is_empty() {
        let (term, tail) = split_term(rest);
        if !term_holds(&object["metadata"]["labels"], term.trim())? {
            return Ok(false);
        }
        rest = tail;
    }
    Ok(true)
}

/// Whether an object meets a `fieldSelector`.
pub fn by_fields(object: &Value, selector: &str) -> bool {
    selector.split(',').filter(|term| !term.is_empty()).all(|term| {
        let (path, wanted) = term.split_once('=').unwrap();
        let value = path.split('.').fold(object, |value, key| &value[key]);
        value.as_str().unwrap_or_default() == wanted
    })
}

/// The first term, cut at the first comma outside parentheses.
fn split_term(text: &str) -> (&str, &str) {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

fn term_holds(labels: &Value, term: &str) -> Result<bool, String> {
    let label = |key: &str| labels.get(key.trim()).and_then(Value::as_str);
    let list = |text: &str| -> Result<Vec<String>, String> {
        let inner = text.trim().strip_prefix('(').and_then(|t| t.strip_suffix(')'));
        let inner = inner.ok_or_else(|| format!("unable to parse requirement: found '{text}', expected: '('"))?;
        Ok(inner.split(',').map(|value| value.trim().to_owned()).collect())
    };
    let among = |key: &str, values: &[String]| label(key).is_some_and(|v| values.iter().any(|one| one == v));
    if let Some((key, values)) = term.split_once(" notin ") {
        return Ok(!among(key, &list(values)?));
    }
    if let Some((key, values)) = term.split_once(" in ") {
        return Ok(among(key, &list(values)?));
    }
    if let Some((key, value)) = term.split_once('=') {
        return Ok(label(key) == Some(value.trim()));
    }
    match term.strip_prefix('!') {
        Some(key) => Ok(label(key).is_none()),
        None => Ok(label(term).is_some()),
    }
}
