//! Kubernetes label selectors: matchLabels and matchExpressions, all of which must hold.

/// A selector; without requirements it matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// All must hold.
    pub requirements: Vec<Requirement>,
}

/// One requirement on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label's name.
    pub key: String,
    /// What is demanded of it.
    pub operator: Operator,
}

/// What a requirement demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// The label's value is one of these (matchLabels is this with one value).
    In(Vec<String>),
    /// The label is absent or its value none of these.
    NotIn(Vec<String>),
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

impl Selector {
    /// Whether a set of labels, read through `value_of`, meets every requirement.
    pub fn matches<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = value_of(&requirement.key);
            match &requirement.operator {
                Operator::In(values) => value.is_some_and(|v| values.iter().any(|one| one == v)),
                Operator::NotIn(values) => value.is_none_or(|v| values.iter().all(|one| one != v)),
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
            }
        })
    }

    /// The form the API server's `labelSelector` parameter takes, not yet percent-encoded: `app in (a,b),!canary`.
    pub fn to_query(&self) -> String {
        let term = |requirement: &Requirement| {
            let key = &requirement.key;
            match &requirement.operator {
                Operator::In(values) if values.len() == 1 => format!("{key}={}", values[0]),
                Operator::In(values) => format!("{key} in ({})", values.join(",")),
                Operator::NotIn(values) => format!("{key} notin ({})", values.join(",")),
                Operator::Exists => key.clone(),
                Operator::DoesNotExist => format!("!{key}"),
            }
        };
        self.requirements.iter().map(term).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(key: &str, operator: Operator) -> Selector {
        Selector { requirements: vec![Requirement { key: key.into(), operator }] }
    }

    #[test]
    fn each_operator_as_kubernetes_reads_it() {
        let labels = [("app", "web"), ("tier", "front")];
        let value_of = |key: &str| labels.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
        let list = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
        for (key, operator, query, expected) in [
            ("app", Operator::In(list(&["web"])), "app=web", true),
            ("app", Operator::In(list(&["api", "db"])), "app in (api,db)", false),
            ("none", Operator::In(list(&["x"])), "none=x", false),
            ("app", Operator::NotIn(list(&["web", "db"])), "app notin (web,db)", false),
            ("none", Operator::NotIn(list(&["x"])), "none notin (x)", true),
            ("tier", Operator::Exists, "tier", true),
            ("tier", Operator::DoesNotExist, "!tier", false),
            ("none", Operator::DoesNotExist, "!none", true),
        ] {
            let selector = selector(key, operator);
            assert_eq!(selector.matches(value_of), expected, "{selector:?}");
            assert_eq!(selector.to_query(), query);
        }
    }

    #[test]
    fn an_empty_selector_matches_everything() {
        assert!(Selector::default().matches(|_| None));
        assert_eq!(Selector::default().to_query(), "");
    }
}
