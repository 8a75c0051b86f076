//! Which namespaces a job takes.
//!
//! # Invariants
//! Pure. A job without a label selector on namespaces never needs the list of namespaces.

use super::objects::Namespace;
use crate::config::job::NamespaceSelection;
use std::collections::BTreeSet;

/// The namespaces of a job, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespaces {
    /// All there are.
    All,
    /// These; may be none.
    Names(BTreeSet<String>),
}

impl Namespaces {
    /// Whether a namespace is among them.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.contains(name),
        }
    }
}

/// Whether the selection asks for labels of namespaces.
pub fn needs_list(selection: &NamespaceSelection) -> bool {
    matches!(selection, NamespaceSelection::Matching { .. })
}

/// Resolves a selection against the namespaces there are.
pub fn resolve(selection: &NamespaceSelection, listed: &[Namespace]) -> Namespaces {
    match selection {
        NamespaceSelection::Any => Namespaces::All,
        NamespaceSelection::Names(names) => Namespaces::Names(names.clone()),
        NamespaceSelection::Matching { names, selector } => {
            let named = |name: &str| names.as_ref().is_none_or(|names| names.contains(name));
            let takes = |namespace: &&Namespace| {
                named(&namespace.meta.name) && selector.matches(|key| namespace.meta.labels.value(key))
            };
            Namespaces::Names(listed.iter().filter(takes).map(|namespace| namespace.meta.name.clone()).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::*;
    use crate::selector::{Operator, Requirement, Selector};

    fn matching(names: Option<&[&str]>, key: &str, operator: Operator) -> Vec<String> {
        let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let selector = Selector { requirements: vec![Requirement { key: key.into(), operator }] };
        let selection = NamespaceSelection::Matching { names, selector };
        assert!(needs_list(&selection));
        match resolve(&selection, &testdata::namespaces()) {
            Namespaces::Names(names) => names.into_iter().collect(),
            Namespaces::All => panic!("a label selector never means all"),
        }
    }

    #[test]
    fn labels_of_the_captured_namespaces() {
        let is = |value: &str| Operator::In(vec![value.to_owned()]);
        assert_eq!(matching(None, "env", is("prod")), ["production"]);
        assert_eq!(matching(None, "env", Operator::Exists), ["empty", "production", "staging"]);
        assert_eq!(matching(None, "nothing", Operator::Exists), ["empty"]);
        assert_eq!(matching(Some(&["staging", "default"]), "env", Operator::Exists), ["staging"]);
        assert_eq!(matching(None, "env", is("nowhere")), Vec::<String>::new());
        let without: Vec<_> = matching(None, "env", Operator::DoesNotExist);
        assert!(without.contains(&"default".to_owned()) && !without.contains(&"production".to_owned()));
        let not = matching(None, "env", Operator::NotIn(vec!["prod".into(), "none".into()]));
        assert!(not.contains(&"staging".to_owned()) && not.contains(&"default".to_owned()));
        assert!(!not.contains(&"production".to_owned()) && !not.contains(&"empty".to_owned()));
    }

    #[test]
    fn names_and_any_need_no_list() {
        assert_eq!(resolve(&NamespaceSelection::Any, &[]), Namespaces::All);
        let names: BTreeSet<String> = ["default".to_owned()].into();
        let selection = NamespaceSelection::Names(names.clone());
        assert!(!needs_list(&selection));
        assert_eq!(resolve(&selection, &[]), Namespaces::Names(names));
    }
}
