//! The process environment as a value that is passed in, so that tests run in parallel, each with its own.

use std::collections::BTreeMap;

/// Where environment variables are read from.
pub trait Environment: Send + Sync {
    /// The value of a variable; `None` when it is not set, empty or not UTF-8.
    fn var(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        // std panics on names it cannot ask for; keys of whatap.conf are not checked for those
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

impl Environment for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty()).cloned()
    }
}

impl<const N: usize> Environment for [(&str, &str); N] {
    fn var(&self, name: &str) -> Option<String> {
        self.iter().find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| (*value).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_none() {
        let environment = [("A", "1"), ("B", "")];
        assert_eq!(environment.var("A"), Some("1".into()));
        assert_eq!(environment.var("B"), None);
        assert_eq!(ProcessEnvironment.var("A=B"), None);
        assert_eq!(ProcessEnvironment.var(""), None);
    }
}
