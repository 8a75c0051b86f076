//! CONFIGURE_GET and SET_CONFIG: whatap.conf read and changed from the server's pages.
//!
//! # Invariants
//! Values of secret keys leave as `***`, and `***` coming back for such a key means the value that is there: a text
//! can be fetched, edited and sent back without the licence ever being seen or lost.

use super::environment;
use super::replace::replace;
use super::{ControlContext, as_text};
use crate::config::ConfFile;
use crate::config::conf_file::MAX_BYTES;
use crate::config::keys::KEYS;
use crate::secret::MASK;
use crate::wire::value::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::io;

/// The longest whatap.conf that is sent.
const MAX_SENT: usize = 64 << 10;

/// `contents`, or every key at the top level.
pub(super) fn read(arguments: &Map, context: &ControlContext<'_>) -> Map {
    let text = current(context);
    if arguments.text("config_type") != Some("text") {
        return text.map(|text| pairs(&ConfFile::parse(&text))).unwrap_or_default();
    }
    let contents = match text.map(|text| masked(&text)) {
        Ok(text) if text.len() <= MAX_SENT => Value::Text(text),
        Ok(text) => {
            log::warn!(
                "whatap.conf is {} bytes long, more than the {MAX_SENT} that are sent to the server",
                text.len()
            );
            Value::Null
        }
        Err(error) => {
            log::warn!("the server asked for {}: {error}", context.home.conf.display());
            Value::Null
        }
    };
    Map::new().with("contents", contents)
}

/// Replaces the file by `contents`, or merges `config` into it.
pub(super) fn write(arguments: &Map, context: &ControlContext<'_>) -> Result<(), String> {
    let old = match current(context) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("{} cannot be read: {error}", context.home.conf.display())),
    };
    let new = if arguments.text("config_type") == Some("text") {
        let contents = arguments.text("contents").ok_or("the command carries no contents")?;
        unmasked(contents, &ConfFile::parse(&old))?
    } else {
        merged(arguments, &old)?
    };
    if new.len() as u64 > MAX_BYTES {
        return Err(format!("{} bytes are more than the {MAX_BYTES} whatap.conf may have", new.len()));
    }
    if new == old {
        return Ok(());
    }
    replace(&context.home.conf, new.as_bytes())
        .map_err(|error| format!("{} cannot be written: {error}", context.home.conf.display()))?;
    log::info!("the server changed {}", context.home.conf.display());
    (context.changed)();
    Ok(())
}

/// The file's text, within its bound.
fn current(context: &ControlContext<'_>) -> io::Result<String> {
    let path = &context.home.conf;
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {MAX_BYTES} bytes")));
    }
    fs::read_to_string(path)
}

/// Keys and values at the top level; internal ones are left out, as in the Go agent.
fn pairs(file: &ConfFile) -> Map {
    let shown = file.pairs().filter(|(key, _)| !key.starts_with('_') && !key.contains("OID"));
    shown.map(|(key, value)| (key, if is_secret_name(key) && !value.is_empty() { MASK } else { value })).collect()
}

/// Whether a key's value is a secret: the table of keys decides, and the name for a key it does not have.
fn is_secret_name(key: &str) -> bool {
    let row = KEYS.iter().find(|row| row.is_named(key));
    row.map_or_else(|| environment::is_secret_name(key), |row| row.kind.is_secret())
}

/// The text with the values of secret keys masked.
fn masked(text: &str) -> String {
    mapped(text, |key, value| (is_secret_name(key) && !value.is_empty()).then(|| MASK.to_owned()))
}

/// The text with masked values put back.
fn unmasked(text: &str, old: &ConfFile) -> Result<String, String> {
    let mut lost = None;
    let text = mapped(text, |key, value| {
        let is_mask = value == MASK && is_secret_name(key);
        let kept = is_mask.then(|| old.value(key).map(str::to_owned)).flatten();
        if is_mask && kept.is_none() {
            lost.get_or_insert_with(|| key.to_owned());
        }
        kept
    });
    match lost {
        None => Ok(text),
        Some(key) => Err(format!("{key}={MASK} stands for the value in the file, which has none; write the value")),
    }
}

/// The text with the values that `change` gives in place of the old ones; all else stays byte for byte.
fn mapped(text: &str, mut change: impl FnMut(&str, &str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let file = ConfFile::parse(line);
        let changed = file.pairs().next().and_then(|(key, value)| Some((value.len(), change(key, value)?)));
        let Some((len, value)) = changed else {
            out.push_str(line);
            continue;
        };
        // a pair's value is what is left of its line without the white space around it
        let end = line.trim_end().len();
        out.push_str(line.get(..end.saturating_sub(len)).unwrap_or_default());
        out.push_str(&value);
        out.push_str(line.get(end..).unwrap_or_default());
    }
    out
}

/// The file with the pairs of `config` merged in.
fn merged(arguments: &Map, old: &str) -> Result<String, String> {
    let Some(Value::Map(config)) = arguments.value("config") else {
        return Err("the command carries no config map".to_owned());
    };
    let mut pairs = BTreeMap::new();
    for (key, value) in config.iter() {
        let text = as_text(value).ok_or_else(|| format!("the value of {key:?} is no text"))?;
        if !(text.trim() == MASK && is_secret_name(key)) {
            pairs.insert(key.to_owned(), text);
        }
    }
    let mut file = ConfFile::parse(old);
    file.merge(&pairs).map_err(|error| error.to_string())?;
    log::info!("the server sets {}", pairs.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
    Ok(file.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# licence below\r\nlicense = x41-z43 \r\n\tdebug=true\r\n#token=abc\r\nservice_account_token=never\r\nempty_key=\r\nx";

    #[test]
    fn masking_touches_values_of_secret_keys_alone_and_is_undone() {
        let shown = masked(TEXT);
        assert_eq!(shown, TEXT.replace("x41-z43", "***"));
        assert_eq!(unmasked(&shown, &ConfFile::parse(TEXT)).unwrap(), TEXT);
        let edited = shown.replace("debug=true", "debug=false");
        assert_eq!(unmasked(&edited, &ConfFile::parse(TEXT)).unwrap(), TEXT.replace("debug=true", "debug=false"));
    }

    #[test]
    fn a_mask_without_a_value_behind_it_is_refused() {
        let error = unmasked("api_token=***\n", &ConfFile::parse("")).unwrap_err();
        assert!(error.contains("api_token=***"), "{error}");
        assert_eq!(unmasked("stars=***\n", &ConfFile::parse("")).unwrap(), "stars=***\n", "an ordinary value");
    }
}
