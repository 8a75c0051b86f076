//! Rules as the operator wrote them, and how they are to be read.

use std::fmt;

/// One rule as the operator wrote it; what is absent takes Prometheus' default.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, serde::Serialize)]
pub struct RuleConfig {
    /// `source_labels`.
    pub source_labels: Vec<String>,
    /// `separator`, default `;`.
    pub separator: Option<String>,
    /// `regex`, default `(.*)`.
    pub regex: Option<String>,
    /// `modulus`, for hashmod.
    pub modulus: Option<u64>,
    /// `target_label`.
    pub target_label: Option<String>,
    /// `replacement`, default `$1`.
    pub replacement: Option<String>,
    /// `action`, default `replace`, in any case.
    pub action: Option<String>,
}

impl fmt::Display for RuleConfig {
    /// What was written, in one line: `keep source_labels=["job"] regex="api|web"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.action.as_deref().unwrap_or("replace").to_lowercase())?;
        if !self.source_labels.is_empty() {
            write!(f, " source_labels={:?}", self.source_labels)?;
        }
        let texts = [
            ("separator", &self.separator),
            ("regex", &self.regex),
            ("target_label", &self.target_label),
            ("replacement", &self.replacement),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                write!(f, " {key}={value:?}")?;
            }
        }
        self.modulus.map_or(Ok(()), |modulus| write!(f, " modulus={modulus}"))
    }
}

/// How a rule's regex must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Anchoring {
    /// The whole text, as Prometheus: `^(?s:…)$`.
    #[default]
    Full,
    /// Anywhere in the text, as the Go agent (`relabel_regex_anchored=false`). `replace` then takes its groups from
    /// the first match; what lies around that match is not kept.
    None,
}

/// Which label names a rule may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LabelNames {
    /// Any text that is not empty, as Prometheus 3.
    #[default]
    Utf8,
    /// `[a-zA-Z_][a-zA-Z0-9_]*`, as Prometheus 2 and `metric_name_validation_scheme: legacy`.
    Legacy,
}

impl LabelNames {
    /// Whether a label may have this name.
    pub fn allow(self, name: &str) -> bool {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        match self {
            Self::Utf8 => !name.is_empty(),
            Self::Legacy => {
                name.bytes().next().is_some_and(|b| plain(b) && !b.is_ascii_digit()) && name.bytes().all(plain)
            }
        }
    }

    /// Whether a template may give label names: in legacy, letters and variables, and digits after either.
    pub(super) fn allow_template(self, template: &str) -> bool {
        if self == Self::Utf8 {
            return !template.is_empty();
        }
        let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let mut rest = template.as_bytes();
        let mut digits_allowed = false;
        while let Some((first, after)) = rest.split_first() {
            rest = match first {
                b'$' => {
                    let (body, braced) = after.strip_prefix(b"{").map_or((after, false), |body| (body, true));
                    let name = body.iter().take_while(|b| word(b)).count();
                    let after = &body[name..];
                    match (name, braced, after.strip_prefix(b"}")) {
                        (1.., true, Some(after)) => after,
                        (1.., false, _) => after,
                        _ => return false,
                    }
                }
                b if word(b) && (digits_allowed || !b.is_ascii_digit()) => after,
                _ => return false,
            };
            digits_allowed = true;
        }
        !template.is_empty()
    }
}

/// How rules are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Options {
    /// How their regexes must match.
    pub anchoring: Anchoring,
    /// Which label names they may write.
    pub names: LabelNames,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_as_one_line() {
        let rule = RuleConfig {
            source_labels: vec!["a".into(), "b".into()],
            regex: Some("x\"y".into()),
            modulus: Some(3),
            action: Some("HashMod".into()),
            ..RuleConfig::default()
        };
        assert_eq!(rule.to_string(), r#"hashmod source_labels=["a", "b"] regex="x\"y" modulus=3"#);
        assert_eq!(RuleConfig::default().to_string(), "replace");
    }

    #[test]
    fn legacy_names_and_templates() {
        for (name, allowed) in [("a", true), ("_9", true), ("9a", false), ("", false), ("a-b", false), ("é", false)] {
            assert_eq!(LabelNames::Legacy.allow(name), allowed, "{name}");
        }
        for (template, allowed) in [
            ("label${1}", true),
            ("${1}label", true),
            ("$1", true),
            ("asd$2asd", true),
            ("_${1}_", true),
            ("foo${bar}foo", true),
            ("${1}9", true),
            ("9${1}", false),
            ("${", false),
            ("$", false),
            ("${}", false),
            ("foo${", false),
            ("-foo${1}bar-", false),
            ("bar.foo${1}bar", false),
            ("", false),
        ] {
            assert_eq!(LabelNames::Legacy.allow_template(template), allowed, "{template}");
        }
        assert!(LabelNames::Utf8.allow("a-b") && !LabelNames::Utf8.allow(""));
    }
}
