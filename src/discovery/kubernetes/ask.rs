//! Asks the lists of a plan and hands them to a reader.
//!
//! # Invariants
//! A reader keeps only what whole lists gave it. Where lists of single namespaces were merged into one of all
//! namespaces and that right is missing, the single ones are asked, and the right is tried again after
//! [`FORGET`].

use super::api::Client;
use super::error::{ApiError, Fault};
use super::lists::{PAGE, Step, whole};
use super::namespaces::Namespaces;
use super::plan::{Query, Want, plan};
use super::resource::{Call, ListQuery, Resource};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a refusal is taken for granted: rights and API versions change rarely.
pub const FORGET: Duration = Duration::from_secs(600);

/// What earlier rounds learned of the cluster.
#[derive(Debug, Default)]
pub struct Learned {
    /// Resources that may not be listed in all namespaces.
    narrow: HashMap<Resource, Instant>,
    /// Since when EndpointSlices are known to be missing.
    no_slices: Option<Instant>,
}

impl Learned {
    fn is_wide(&self, resource: Resource) -> bool {
        self.narrow.get(&resource).is_none_or(|since| since.elapsed() > FORGET)
    }

    /// Whether EndpointSlices are worth asking for.
    pub(super) fn has_slices(&self) -> bool {
        self.no_slices.is_none_or(|since| since.elapsed() > FORGET)
    }

    /// EndpointSlices are missing.
    pub(super) fn no_slices(&mut self) {
        self.no_slices = Some(Instant::now());
    }
}

/// Takes the objects of lists.
pub(super) trait Reader<T> {
    /// A list begins.
    fn start(&mut self, _query: &Query) {}
    /// Forget what came since the list began.
    fn forget(&mut self, query: &Query);
    /// One object of it.
    fn item(&mut self, query: &Query, item: T);
    /// The list came whole.
    fn done(&mut self, _query: &Query) {}
}

/// A list that gave nothing.
pub(super) struct Failure {
    pub(super) query: Query,
    pub(super) error: ApiError,
}

/// Asks lists of one resource after the other.
pub(super) struct Asker<'a> {
    pub(super) client: &'a Client,
    pub(super) learned: &'a mut Learned,
    /// Lists of one resource at most, where merging can keep to that.
    pub(super) most: usize,
}

impl Asker<'_> {
    /// Asks whatever serves the wants; what failed comes back.
    pub(super) fn ask<T: DeserializeOwned>(
        &mut self,
        resource: Resource,
        wants: &[Want],
        field_selector: &str,
        reader: &mut dyn Reader<T>,
    ) -> Vec<Failure> {
        let wide = self.learned.is_wide(resource);
        let queries = plan(wants, self.most, wide);
        let mut failures = self.each(resource, queries, field_selector, reader);
        if wide && failures.iter().any(|failure| refused_wide(failure, wants)) {
            self.learned.narrow.insert(resource, Instant::now());
            failures = self.each(resource, plan(wants, self.most, false), field_selector, reader);
        }
        failures
    }

    fn each<T: DeserializeOwned>(
        &self,
        resource: Resource,
        queries: Vec<Query>,
        field_selector: &str,
        reader: &mut dyn Reader<T>,
    ) -> Vec<Failure> {
        let mut failures = Vec::new();
        for query in queries {
            let call = Call::list(resource, query.namespace.as_deref());
            let list = ListQuery {
                label_selector: query.selector.to_query(),
                field_selector: field_selector.to_owned(),
                limit: PAGE,
                next: None,
            };
            reader.start(&query);
            let result = whole(self.client, &call, &list, &mut |step| match step {
                Step::Begin => reader.forget(&query),
                Step::Item(item) => reader.item(&query, item),
            });
            match result {
                Ok(()) => reader.done(&query),
                Err(error) => {
                    reader.forget(&query);
                    failures.push(Failure { query, error });
                }
            }
        }
        failures
    }
}

/// Whether a list of all namespaces was refused that nobody wanted as such.
fn refused_wide(failure: &Failure, wants: &[Want]) -> bool {
    let named = |want: &&Want| failure.query.consumers.contains(&want.consumer) && want.namespaces != Namespaces::All;
    failure.query.namespace.is_none()
        && matches!(failure.error.fault, Fault::Forbidden(_))
        && wants.iter().any(|want| named(&want))
}
