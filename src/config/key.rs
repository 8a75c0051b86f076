//! What a whatap.conf key is: its names, the kind of its value, its default and what a change of it does.

use super::value::Value;
use crate::{duration, size};
use std::time::Duration;

/// One row of the table of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// What the group of keys is about.
    pub group: &'static str,
    /// The name it is looked up by first, in the file and then in the environment.
    pub name: &'static str,
    /// Other names, each looked up likewise, in order.
    pub also: &'static [&'static str],
    /// What its value must be.
    pub kind: Kind,
    /// The value without a setting; empty is none.
    pub default: &'static str,
    /// What a change does while the agent runs.
    pub effect: Effect,
    /// What it is for, one or more sentences.
    pub doc: &'static str,
}

impl Key {
    /// Every name of the key.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.also.iter().copied())
    }

    /// Whether a name written in whatap.conf is this key.
    pub fn is_named(&self, name: &str) -> bool {
        match self.kind {
            Kind::Switches => name.starts_with(self.prefix()),
            _ => self.names().any(|known| known == name),
        }
    }

    /// A family's name without its star: `debug_tcp*` is every key that begins with `debug_tcp`.
    pub fn prefix(&self) -> &'static str {
        self.name.trim_end_matches('*')
    }
}

/// What a change of a key does while the agent runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Applies at once.
    Live,
    /// Ends the session with the server; the next one uses it.
    Reconnect,
    /// Waits for the agent's next start.
    Restart,
}

impl Effect {
    /// As the example file and the log say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Reconnect => "reconnects",
            Self::Restart => "at the next start",
        }
    }
}

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// true, yes, 1 and their opposites.
    Bool,
    /// A family of switches, on when one of them is.
    Switches,
    /// A whole number within bounds.
    Number(u64, u64),
    /// A size in bytes within bounds.
    Bytes(u64, u64),
    /// A time within bounds of milliseconds; a bare number is milliseconds.
    Millis(u64, u64),
    /// A time within bounds of milliseconds; a bare number is seconds.
    Time(u64, u64),
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    /// DEBUG, INFO, WARN, ERROR or 0 to 3.
    Level,
    /// Any text.
    Text,
    /// A text that is never shown.
    Secret,
    /// Hosts split by `/` or `,`.
    Hosts,
    /// `address:port`, or empty for none.
    Listen,
}

/// The log levels in the order of their numbers.
const LEVELS: [&str; 4] = ["DEBUG", "INFO", "WARN", "ERROR"];

impl Kind {
    /// Reads a value.
    ///
    /// # Errors
    /// What is allowed, when the text is not.
    pub fn read(self, text: &str) -> Result<Value, String> {
        self.value_of(text.trim()).ok_or_else(|| self.allowed())
    }

    fn value_of(self, text: &str) -> Option<Value> {
        match self {
            Self::Bool | Self::Switches => boolean(text).map(Value::Bool),
            Self::Number(min, max) => within(text.parse().ok(), min, max).map(Value::Number),
            Self::Bytes(min, max) => within(size::parse(text).ok(), min, max).map(Value::Number),
            Self::Millis(min, max) => time(millis(text), min, max),
            Self::Time(min, max) => time(duration::parse(text).ok(), min, max),
            Self::Choice(words) => {
                words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| text_value(word))
            }
            Self::Level => level(text),
            Self::Text | Self::Secret => Some(text_value(text)),
            Self::Hosts => Some(Value::List(hosts(text))),
            Self::Listen => (text.is_empty() || is_listen(text)).then(|| text_value(text)),
        }
    }

    /// What a value must be, as a sentence ends.
    pub fn allowed(self) -> String {
        let times = |min, max| [min, max].map(|ms| duration::format(Duration::from_millis(ms)));
        match self {
            Self::Bool | Self::Switches => "true, yes, 1 or false, no, 0".to_owned(),
            Self::Number(min, u64::MAX) => format!("a number from {min}"),
            Self::Number(min, max) => format!("a number from {min} to {max}"),
            Self::Bytes(min, u64::MAX) => format!("a size from {}, such as 16MiB or 1048576", size::format(min)),
            Self::Bytes(min, max) => format!("a size from {} to {}", size::format(min), size::format(max)),
            Self::Millis(min, max) => {
                format!("milliseconds, or a time such as 20s, from {} to {}", times(min, max)[0], times(min, max)[1])
            }
            Self::Time(min, max) => {
                format!("a time such as 15s, from {} to {}", times(min, max)[0], times(min, max)[1])
            }
            Self::Choice(words) => words.join(" or "),
            Self::Level => "DEBUG, INFO, WARN, ERROR or 0 to 3".to_owned(),
            Self::Text | Self::Secret => "a text".to_owned(),
            Self::Hosts => "hosts split by \"/\" or \",\"".to_owned(),
            Self::Listen => "ADDRESS:PORT such as 127.0.0.1:9527, or nothing for none".to_owned(),
        }
    }

    /// The unit of a bare number, for the example file.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Bytes(..) => Some("bytes, or with KiB, MiB, GiB"),
            Self::Millis(..) => Some("milliseconds"),
            Self::Time(..) => Some("seconds, or with ms, s, m, h, d"),
            _ => None,
        }
    }

    /// Whether an empty value in the file is a value of its own and not the absence of one.
    pub fn takes_empty(self) -> bool {
        matches!(self, Self::Listen)
    }

    /// Whether its values must not be shown.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Secret)
    }
}

/// true, yes, 1 and their opposites, in any case.
pub fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" | "on" => Some(true),
        "false" | "no" | "0" | "off" => Some(false),
        _ => None,
    }
}

fn within(number: Option<u64>, min: u64, max: u64) -> Option<u64> {
    number.filter(|n| (min..=max).contains(n))
}

fn millis(text: &str) -> Option<Duration> {
    match text.parse() {
        Ok(bare) => Some(Duration::from_millis(bare)),
        Err(_) => duration::parse(text).ok(),
    }
}

fn time(time: Option<Duration>, min: u64, max: u64) -> Option<Value> {
    time.filter(|t| (u128::from(min)..=u128::from(max)).contains(&t.as_millis())).map(Value::Time)
}

fn level(text: &str) -> Option<Value> {
    let by_name = LEVELS.iter().position(|name| name.eq_ignore_ascii_case(text));
    let at = by_name.or_else(|| text.parse().ok())?;
    LEVELS.get(at).map(|name| text_value(name))
}

fn text_value(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn hosts(text: &str) -> Vec<String> {
    text.split(['/', ',']).map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

fn is_listen(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bare_ipv6 = host.contains(':') && !host.starts_with('[');
    !bare_ipv6 && !host.contains(char::is_whitespace) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_reads_its_own_and_says_what_it_takes() {
        let second = Value::Time(Duration::from_secs(1));
        for (kind, good, value, bad) in [
            (Kind::Bool, "Yes", Value::Bool(true), "maybe"),
            (Kind::Number(1, 5), "5", Value::Number(5), "6"),
            (Kind::Bytes(1, u64::MAX), "2MiB", Value::Number(2 << 20), "0"),
            (Kind::Millis(0, 5000), "1000", second.clone(), "1h"),
            (Kind::Millis(0, 5000), "1s", second.clone(), "x"),
            (Kind::Time(100, 5000), "1", second, "50ms"),
            (Kind::Choice(&["json", "text"]), "JSON", text_value("json"), "xml"),
            (Kind::Level, "2", text_value("WARN"), "4"),
            (Kind::Level, "debug", text_value("DEBUG"), "-1"),
            (Kind::Hosts, "a/ b,,c", Value::List(vec!["a".into(), "b".into(), "c".into()]), ""),
            (Kind::Listen, "[::]:9527", text_value("[::]:9527"), "::1:9527"),
            (Kind::Listen, ":9527", text_value(":9527"), "9527"),
        ] {
            assert_eq!(kind.read(good), Ok(value), "{good}");
            if !matches!(kind, Kind::Hosts) {
                assert_eq!(kind.read(bad), Err(kind.allowed()), "{bad}");
            }
        }
    }
}
