//! What a round keeps of the objects that stream by: services with their slices, pods as targets or as labels.

use super::ask::Reader;
use super::collect::{Collector, Mark};
use super::namespaces::Namespaces;
use super::objects::{Namespace, Service};
use super::plan::Query;
use super::pod_object::Pod;
use super::pods;
use super::services::{PodIndex, selects};
use super::slices::{Endpoints, Slice};
use crate::config::job::Discover;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Namespace and name.
pub(super) type Id = (String, String);

/// A service that jobs take, and the slices behind it.
pub(super) struct Behind {
    pub(super) service: Service,
    pub(super) jobs: Vec<usize>,
    pub(super) slices: Vec<Slice>,
}

/// Keeps what whole lists gave, in the order it came.
pub(super) struct Kept<T> {
    pub(super) items: Vec<T>,
    start: usize,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { items: Vec::new(), start: 0 }
    }
}

impl<T> Kept<T> {
    fn start(&mut self) {
        self.start = self.items.len();
    }

    fn forget(&mut self) {
        self.items.truncate(self.start);
    }
}

impl Reader<Namespace> for Kept<Namespace> {
    fn start(&mut self, _: &Query) {
        Kept::start(self);
    }

    fn forget(&mut self, _: &Query) {
        Kept::forget(self);
    }

    fn item(&mut self, _: &Query, mut item: Namespace) {
        item.meta.annotations = Default::default();
        self.items.push(item);
    }
}

/// Reads services and keeps those that jobs take.
pub(super) struct ServiceReader<'a> {
    pub(super) collectors: &'a [Collector<'a>],
    pub(super) namespaces: &'a [Namespaces],
    pub(super) kept: Kept<(Service, Vec<usize>)>,
}

impl Reader<Service> for ServiceReader<'_> {
    fn start(&mut self, _: &Query) {
        self.kept.start();
    }

    fn forget(&mut self, _: &Query) {
        self.kept.forget();
    }

    fn item(&mut self, query: &Query, service: Service) {
        let takes = |job: &usize| match &self.collectors[*job].job().discover {
            Discover::Services(selection) => {
                self.namespaces[*job].contains(&service.meta.namespace) && selects(&service, selection)
            }
            _ => false,
        };
        let jobs: Vec<usize> = query.consumers.iter().copied().filter(takes).collect();
        if !jobs.is_empty() {
            self.kept.items.push((service, jobs));
        }
    }
}

impl ServiceReader<'_> {
    /// The services, each once with all jobs that take it.
    pub(super) fn services(self) -> BTreeMap<Id, Behind> {
        let mut services: BTreeMap<Id, Behind> = BTreeMap::new();
        for (service, jobs) in self.kept.items {
            let id = (service.meta.namespace.clone(), service.meta.name.clone());
            let behind = services.entry(id).or_insert_with(|| Behind { service, jobs: Vec::new(), slices: Vec::new() });
            behind.jobs.extend(jobs);
        }
        services
    }
}

/// Reads slices, or Endpoints, and keeps those of the services that jobs take.
pub(super) struct SliceReader<'a> {
    pub(super) services: &'a BTreeMap<Id, Behind>,
    pub(super) kept: Kept<(Id, Slice)>,
}

impl SliceReader<'_> {
    fn keep(&mut self, service: &str, slice: Slice) {
        let id = (slice.meta.namespace.clone(), service.to_owned());
        if self.services.contains_key(&id) {
            self.kept.items.push((id, slice));
        }
    }
}

impl Reader<Slice> for SliceReader<'_> {
    fn start(&mut self, _: &Query) {
        self.kept.start();
    }

    fn forget(&mut self, _: &Query) {
        self.kept.forget();
    }

    fn item(&mut self, _: &Query, slice: Slice) {
        if let Some(service) = slice.service().map(str::to_owned) {
            self.keep(&service, slice);
        }
    }
}

impl Reader<Endpoints> for SliceReader<'_> {
    fn start(&mut self, _: &Query) {
        self.kept.start();
    }

    fn forget(&mut self, _: &Query) {
        self.kept.forget();
    }

    fn item(&mut self, _: &Query, endpoints: Endpoints) {
        let service = endpoints.service().to_owned();
        for slice in endpoints.into_slices() {
            self.keep(&service, slice);
        }
    }
}

/// Reads pods: those of pod jobs become targets at once, those behind services are kept for their labels.
pub(super) struct PodReader<'a, 'c> {
    pub(super) collectors: &'a mut [Collector<'c>],
    pub(super) namespaces: &'a [Namespaces],
    /// `namespace/name` of the pods behind services.
    pub(super) behind: HashSet<String>,
    pub(super) index: PodIndex,
    pub(super) marks: HashMap<usize, Mark>,
}

impl Reader<Pod> for PodReader<'_, '_> {
    fn start(&mut self, query: &Query) {
        let mark = |job: &usize| (*job, self.collectors[*job].mark());
        self.marks = query.consumers.iter().map(mark).collect();
    }

    fn forget(&mut self, _: &Query) {
        for (job, mark) in &self.marks {
            self.collectors[*job].rewind(*mark);
        }
    }

    fn item(&mut self, query: &Query, pod: Pod) {
        for job in &query.consumers {
            let collector = &mut self.collectors[*job];
            let job_settings = collector.job().clone();
            if let Discover::Pods(selection) = &job_settings.discover
                && self.namespaces[*job].contains(&pod.meta.namespace)
            {
                pods::look(&pod, selection, collector);
            }
        }
        if !self.behind.is_empty() && self.behind.contains(&format!("{}/{}", pod.meta.namespace, pod.meta.name)) {
            self.index.insert(pod);
        }
    }
}
