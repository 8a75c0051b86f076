//! One look at the cluster: namespaces, services, slices, pods, in that order, each asked for as few times as can be.
//!
//! # Invariants
//! A round ends with something for every job. Where a list failed the job keeps its last good targets of that
//! namespace, with the reason; nothing else of the round suffers.

use super::api::Client;
use super::ask::{Asker, Failure, Learned};
use super::collect::{Collector, JobFault, JobTargets};
use super::error::Fault;
use super::namespaces::{self, Namespaces};
use super::needs::{equalities, most, of_services, selection, wants_pods};
use super::plan::{Want, cover};
use super::readers::{Behind, Id, Kept, PodReader, ServiceReader, SliceReader};
use super::resource::Resource;
use super::services::{Around, PodIndex, look};
use super::slices::Slice;
use crate::config::ScrapeJob;
use crate::config::job::Discover;
use crate::discovery::shard::Shard;
use crate::selector::Selector;
use crate::telemetry::counters::COUNTERS;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What a round is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundSettings {
    /// Take only what runs on this node (`node_local` with `NODE_NAME`).
    pub node: Option<String>,
    /// Which of the targets are this agent's.
    pub shard: Shard,
}

/// What a round gave.
pub struct RoundResult {
    /// For each Kubernetes job, in the order they were given.
    pub jobs: Vec<JobTargets>,
    /// Whether the API server is in trouble, so that asking less often helps.
    pub outage: bool,
    /// Whether it was broken off because the agent is ending.
    pub interrupted: bool,
}

/// Looks at the cluster once. Jobs with static targets are left out.
pub fn round(
    client: &Client,
    learned: &mut Learned,
    settings: &RoundSettings,
    jobs: &[Arc<ScrapeJob>],
    last: &[JobTargets],
) -> RoundResult {
    COUNTERS.kubernetes.polls.add(1);
    let of_job = |job: &Arc<ScrapeJob>| last.iter().find(|known| Arc::ptr_eq(&known.job, job) || known.job == *job);
    let collector = |job: &Arc<ScrapeJob>| {
        let known = of_job(job);
        // the job of the last round goes on living, so that its targets stay the same
        let (job, targets) = known.map_or((job, [].as_slice()), |known| (&known.job, known.targets.as_slice()));
        Collector::new(job.clone(), targets, settings.shard)
    };
    let collectors: Vec<_> = jobs.iter().filter(|job| selection(job).is_some()).map(collector).collect();
    let most = most(&collectors);
    let asker = Asker { client, learned, most };
    let namespaces = vec![Namespaces::Names(BTreeSet::new()); collectors.len()];
    Round { asker, settings, collectors, namespaces, outage: false, interrupted: false }.run()
}

struct Round<'a> {
    asker: Asker<'a>,
    settings: &'a RoundSettings,
    collectors: Vec<Collector<'a>>,
    namespaces: Vec<Namespaces>,
    outage: bool,
    interrupted: bool,
}

impl Round<'_> {
    fn run(mut self) -> RoundResult {
        self.resolve_namespaces();
        let mut services = self.read_services();
        self.read_slices(&mut services);
        let pods = self.read_pods(&services);
        self.look_at(&services, &pods);
        let jobs = self.collectors.into_iter().map(Collector::finish).collect();
        RoundResult { jobs, outage: self.outage, interrupted: self.interrupted }
    }

    fn resolve_namespaces(&mut self) {
        let all: Vec<Want> =
            self.wants(|job| selection(job).filter(|s| namespaces::needs_list(&s.namespaces)).is_some());
        let all: Vec<_> =
            all.into_iter().map(|w| Want { namespaces: Namespaces::All, selector: Selector::default(), ..w }).collect();
        let mut listed = Kept::default();
        let failures = self.asker.ask(Resource::Namespaces, &all, "", &mut listed);
        let unknown = self.faults(&failures, &|_| true);
        for (job, collector) in self.collectors.iter().enumerate() {
            let known = selection(collector.job()).filter(|_| !unknown.contains(&job));
            self.namespaces[job] = known.map_or(Namespaces::Names(BTreeSet::new()), |selection| {
                namespaces::resolve(&selection.namespaces, &listed.items)
            });
        }
    }

    fn read_services(&mut self) -> BTreeMap<Id, Behind> {
        let wants = self.wants(|job| matches!(job.discover, Discover::Services(_)));
        let mut reader =
            ServiceReader { collectors: &self.collectors, namespaces: &self.namespaces, kept: Kept::default() };
        let failures = self.asker.ask(Resource::Services, &wants, "", &mut reader);
        let services = reader.services();
        self.faults(&failures, &|_| true);
        services
    }

    fn read_slices(&mut self, services: &mut BTreeMap<Id, Behind>) {
        let mut wants = self.wants_of_services(services, |_| true);
        let mut reader = SliceReader { services, kept: Kept::default() };
        let mut failures = Vec::new();
        if self.asker.learned.has_slices() {
            let selector = of_services(services.keys());
            wants.iter_mut().for_each(|want| want.selector = selector.clone());
            failures = self.asker.ask::<Slice>(Resource::Slices, &wants, "", &mut reader);
        }
        if failures.iter().any(|f| matches!(f.error.fault, Fault::NotFound(_) | Fault::Forbidden(_))) {
            self.asker.learned.no_slices();
            reader.kept = Kept::default();
        }
        if !self.asker.learned.has_slices() {
            wants.iter_mut().for_each(|want| want.selector = Selector::default());
            let of_endpoints = self.asker.ask::<super::slices::Endpoints>(Resource::Endpoints, &wants, "", &mut reader);
            // where both are forbidden the right to slices is the one to grant
            let forbidden = failures.iter().any(|failure| matches!(failure.error.fault, Fault::Forbidden(_)));
            if of_endpoints.is_empty() || !forbidden {
                failures = of_endpoints;
            }
        }
        for (id, slice) in reader.kept.items {
            if let Some(behind) = services.get_mut(&id) {
                behind.slices.push(slice);
            }
        }
        self.faults(&failures, &|_| true);
    }

    fn read_pods(&mut self, services: &BTreeMap<Id, Behind>) -> PodIndex {
        let mut wants = self.wants(|job| matches!(job.discover, Discover::Pods(_)));
        wants.extend(self.wants_of_services(services, wants_pods));
        let wants_labels = |behind: &&Behind| behind.jobs.iter().any(|job| wants_pods(self.collectors[*job].job()));
        let endpoints = services.values().filter(wants_labels).flat_map(|behind| &behind.slices).flat_map(|slice| {
            let namespace = &slice.meta.namespace;
            slice
                .endpoints
                .iter()
                .filter(|e| e.target.kind == "Pod")
                .map(move |e| format!("{namespace}/{}", e.target.name))
        });
        let behind = endpoints.collect();
        let field = self.settings.node.as_ref().map(|node| format!("spec.nodeName={node}")).unwrap_or_default();
        let (collectors, namespaces) = (self.collectors.as_mut_slice(), self.namespaces.as_slice());
        let (index, marks) = (PodIndex::default(), HashMap::new());
        let mut reader = PodReader { collectors, namespaces, behind, index, marks };
        let failures = self.asker.ask(Resource::Pods, &wants, &field, &mut reader);
        let index = reader.index;
        // a service job goes on without labels of pods that it may not see
        self.faults(&failures, &|job| matches!(job.discover, Discover::Pods(_)));
        index
    }

    fn look_at(&mut self, services: &BTreeMap<Id, Behind>, pods: &PodIndex) {
        for ((namespace, _), behind) in services {
            let slices: Vec<_> = behind.slices.iter().collect();
            let around = Around { slices: &slices, pods, node: self.settings.node.as_deref() };
            for job in &behind.jobs {
                let collector = &mut self.collectors[*job];
                let job = collector.job().clone();
                if let Some(selection) = selection(&job).filter(|_| !collector.keeps(namespace)) {
                    look(&behind.service, &around, selection, collector);
                }
            }
        }
    }

    /// What jobs want by their own selection.
    fn wants(&self, test: impl Fn(&ScrapeJob) -> bool) -> Vec<Want> {
        let want = |(job, collector): (usize, &Collector<'_>)| {
            let selection = selection(collector.job()).filter(|_| test(collector.job()))?;
            let (namespaces, selector) = (self.namespaces[job].clone(), selection.selector.clone());
            Some(Want { consumer: job, namespaces, selector })
        };
        self.collectors.iter().enumerate().filter_map(want).collect()
    }

    /// What jobs want in the namespaces of the services they take: pods that a service's selector matches.
    fn wants_of_services(&self, services: &BTreeMap<Id, Behind>, test: impl Fn(&ScrapeJob) -> bool) -> Vec<Want> {
        let jobs = (0..self.collectors.len()).filter(|job| test(self.collectors[*job].job()));
        let want = |job: usize| {
            let taken = services.iter().filter(|(_, behind)| behind.jobs.contains(&job));
            let names: BTreeSet<String> = taken.clone().map(|((namespace, _), _)| namespace.clone()).collect();
            let selectors: Vec<Selector> = taken.map(|(_, behind)| equalities(&behind.service.spec.selector)).collect();
            let selected = selectors.iter().filter(|selector| !selector.requirements.is_empty());
            Want { consumer: job, namespaces: Namespaces::Names(names), selector: cover(selected) }
        };
        jobs.map(want).collect()
    }

    /// Tells the jobs of what failed; which jobs they are.
    fn faults(&mut self, failures: &[Failure], essential: &dyn Fn(&ScrapeJob) -> bool) -> BTreeSet<usize> {
        let mut told = BTreeSet::new();
        for Failure { query, error } in failures {
            self.outage |= error.is_outage();
            self.interrupted |= error.fault == Fault::Interrupted;
            for job in &query.consumers {
                let collector = &mut self.collectors[*job];
                let keeps = essential(collector.job()) || !matches!(error.fault, Fault::Forbidden(_));
                collector.fault(JobFault { namespace: query.namespace.clone(), what: error.to_string(), keeps });
                told.insert(*job);
            }
        }
        told
    }
}
