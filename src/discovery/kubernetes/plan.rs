//! Which lists a round asks for: what many jobs want is asked once.
//!
//! # Invariants
//! Pure. Every object a consumer wants is in one of the lists that name the consumer; a list may hold more, so who
//! reads it looks at selector and namespace again. Merging begins only when there are more lists than the bound.

use super::namespaces::Namespaces;
use crate::selector::{Operator, Requirement, Selector};
use std::collections::{BTreeMap, BTreeSet};

/// Longest list of values a merged selector names; a longer one would strain the URL.
const MAX_VALUES_BYTES: usize = 2 << 10;

/// What a consumer wants of one resource.
#[derive(Debug, Clone)]
pub struct Want {
    /// Who wants it.
    pub consumer: usize,
    /// Where.
    pub namespaces: Namespaces,
    /// Which.
    pub selector: Selector,
}

/// One list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Of this namespace; `None` is all of them.
    pub namespace: Option<String>,
    /// What the server selects by.
    pub selector: Selector,
    /// Who reads it, each once, in order.
    pub consumers: BTreeSet<usize>,
}

/// The lists that serve all wants, `most` of them where merging can do that; lists of single namespaces become one of
/// all namespaces only when `wide` allows it.
pub fn plan(wants: &[Want], most: usize, wide: bool) -> Vec<Query> {
    let exact = exact(wants);
    if exact.len() <= most {
        return exact;
    }
    let per_namespace = merged(exact, |query| query.namespace.clone());
    if per_namespace.len() <= most || !wide {
        return per_namespace;
    }
    merged(per_namespace, |_| None)
}

/// One list per namespace and selector.
fn exact(wants: &[Want]) -> Vec<Query> {
    let mut queries: BTreeMap<(Option<&str>, String), Query> = BTreeMap::new();
    let wide: BTreeSet<String> =
        wants.iter().filter(|w| w.namespaces == Namespaces::All).map(|w| w.selector.to_query()).collect();
    for want in wants {
        let text = want.selector.to_query();
        let names: Vec<Option<&str>> = match &want.namespaces {
            Namespaces::Names(names) if !wide.contains(&text) => names.iter().map(|name| Some(name.as_str())).collect(),
            Namespaces::Names(names) if names.is_empty() => Vec::new(),
            _ => vec![None],
        };
        for name in names {
            let query = queries.entry((name, text.clone())).or_insert_with(|| Query {
                namespace: name.map(str::to_owned),
                selector: want.selector.clone(),
                consumers: BTreeSet::new(),
            });
            query.consumers.insert(want.consumer);
        }
    }
    queries.into_values().collect()
}

/// Merges the lists that have the same key; the key is the namespace of what comes out.
fn merged(queries: Vec<Query>, key: impl Fn(&Query) -> Option<String>) -> Vec<Query> {
    let mut groups: BTreeMap<Option<String>, Vec<Query>> = BTreeMap::new();
    for query in queries {
        groups.entry(key(&query)).or_default().push(query);
    }
    let merge = |(namespace, group): (Option<String>, Vec<Query>)| Query {
        namespace,
        selector: cover(group.iter().map(|query| &query.selector)),
        consumers: group.iter().flat_map(|query| query.consumers.iter().copied()).collect(),
    };
    groups.into_iter().map(merge).collect()
}

/// A selector that matches whatever one of the given ones matches, as narrow as keys they share allow.
pub fn cover<'a>(selectors: impl Iterator<Item = &'a Selector> + Clone) -> Selector {
    let Some(first) = selectors.clone().next() else { return Selector::default() };
    let mut requirements: Vec<Requirement> = Vec::new();
    for candidate in &first.requirements {
        let shared = shared(candidate, selectors.clone());
        requirements.extend(shared.filter(|shared| !requirements.contains(shared)));
    }
    Selector { requirements }
}

/// The narrowest requirement on the candidate's key that every selector implies.
fn shared<'a>(
    candidate: &Requirement,
    mut selectors: impl Iterator<Item = &'a Selector> + Clone,
) -> Option<Requirement> {
    if selectors.clone().all(|selector| selector.requirements.contains(candidate)) {
        return Some(candidate.clone());
    }
    let of_key = |selector: &'a Selector| selector.requirements.iter().filter(|r| r.key == candidate.key);
    let mut union = BTreeSet::new();
    let all_in = selectors.clone().all(|selector| {
        let values =
            of_key(selector).find_map(|r| if let Operator::In(values) = &r.operator { Some(values) } else { None });
        union.extend(values.into_iter().flatten().cloned());
        values.is_some()
    });
    let requirement = |operator| Some(Requirement { key: candidate.key.clone(), operator });
    if all_in && union.iter().map(String::len).sum::<usize>() <= MAX_VALUES_BYTES {
        return requirement(Operator::In(union.into_iter().collect()));
    }
    let needs_key = |r: &Requirement| matches!(r.operator, Operator::In(_) | Operator::Exists);
    if selectors.all(|selector| of_key(selector).any(needs_key)) { requirement(Operator::Exists) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(terms: &[(&str, Operator)]) -> Selector {
        let requirement =
            |(key, operator): &(&str, Operator)| Requirement { key: (*key).into(), operator: operator.clone() };
        Selector { requirements: terms.iter().map(requirement).collect() }
    }

    fn is(values: &[&str]) -> Operator {
        Operator::In(values.iter().map(|v| (*v).to_owned()).collect())
    }

    fn want(consumer: usize, namespaces: &[&str], app: &str) -> Want {
        let names = namespaces.iter().map(|name| (*name).to_owned()).collect();
        Want { consumer, namespaces: Namespaces::Names(names), selector: selector(&[("app", is(&[app]))]) }
    }

    fn shown(queries: &[Query]) -> Vec<String> {
        let one = |q: &Query| {
            format!("{} {} {:?}", q.namespace.as_deref().unwrap_or("*"), q.selector.to_query(), q.consumers)
        };
        queries.iter().map(one).collect()
    }

    #[test]
    fn equal_wants_share_a_list() {
        let wants = [want(0, &["a", "b"], "web"), want(1, &["b"], "web"), want(2, &["b"], "api")];
        assert_eq!(shown(&plan(&wants, 6, true)), ["a app=web {0}", "b app=api {2}", "b app=web {0, 1}"]);
    }

    #[test]
    fn too_many_selectors_of_a_namespace_become_one_that_covers_them() {
        let wants = [want(0, &["a"], "web"), want(1, &["a"], "api"), want(2, &["b"], "web")];
        assert_eq!(shown(&plan(&wants, 2, true)), ["a app in (api,web) {0, 1}", "b app=web {2}"]);
    }

    #[test]
    fn too_many_namespaces_become_all_of_them_where_that_is_allowed() {
        let wants = [want(0, &["a", "b", "c"], "web"), want(1, &["c"], "api")];
        assert_eq!(shown(&plan(&wants, 2, true)), ["* app in (api,web) {0, 1}"]);
        assert_eq!(shown(&plan(&wants, 2, false)), ["a app=web {0}", "b app=web {0}", "c app in (api,web) {0, 1}"]);
    }

    #[test]
    fn a_list_of_all_namespaces_serves_single_ones_of_the_same_selector() {
        let all = Want { namespaces: Namespaces::All, ..want(0, &[], "web") };
        assert_eq!(shown(&plan(&[all, want(1, &["a"], "web")], 6, true)), ["* app=web {0, 1}"]);
        assert!(plan(&[want(0, &[], "web")], 6, true).is_empty());
    }

    #[test]
    fn a_cover_matches_whatever_one_of_its_selectors_matches() {
        let web = selector(&[("app", is(&["web"])), ("tier", Operator::Exists), ("x", Operator::DoesNotExist)]);
        let api = selector(&[("tier", is(&["back"])), ("app", is(&["api", "web"])), ("x", Operator::DoesNotExist)]);
        assert_eq!(cover([&web, &api].into_iter()).to_query(), "app in (api,web),tier,!x");
        let any = Selector::default();
        assert_eq!(cover([&web, &any].into_iter()), any);
        let long = "v".repeat(1500);
        let (a, b) = (selector(&[("app", is(&[&long]))]), selector(&[("app", is(&[&format!("w{long}")]))]));
        assert_eq!(cover([&a, &b].into_iter()).to_query(), "app");
    }

    proptest::proptest! {
        #[test]
        fn no_object_is_lost_by_merging(
            terms in proptest::collection::vec(proptest::collection::vec((0..3_usize, 0..4_usize, 0..3_usize), 0..3), 1..5),
            labels in proptest::collection::vec(0..4_usize, 3),
        ) {
            let keys = ["a", "b", "c"];
            let values = ["", "1", "2", "3"];
            let operator = |kind: usize, value: usize| match kind {
                0 => is(&[values[value]]),
                1 => Operator::NotIn(vec![values[value].to_owned()]),
                2 => Operator::Exists,
                _ => Operator::DoesNotExist,
            };
            let selectors: Vec<Selector> = terms.iter().map(|terms| {
                let terms: Vec<_> = terms.iter().map(|(key, kind, value)| (keys[*key], operator(*kind, *value))).collect();
                selector(&terms)
            }).collect();
            // value 0 stands for a label that is absent
            let value_of = |key: &str| {
                let at = keys.iter().position(|k| *k == key).unwrap();
                Some(values[labels[at]]).filter(|value| !value.is_empty())
            };
            let cover = cover(selectors.iter());
            if selectors.iter().any(|selector| selector.matches(value_of)) {
                proptest::prop_assert!(cover.matches(value_of), "{} does not cover", cover.to_query());
            }
        }
    }
}
