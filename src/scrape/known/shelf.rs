//! Which expositions are kept: learned when a target is scraped that looks like one before, put away when unused.
//!
//! # Invariants
//! - No more than [`MAX_BYTES`] are kept. What fits somebody is not pushed out by what comes: where there is no room,
//!   targets are scraped as if nothing were known, so no order of targets makes one exposition push out the other forever.
//! - A target that is not like those of its kind gets a kind of its own ([`super::super::prepared::Prepared::part_from`])
//!   and spoils nothing for the others, whoever came first.
//! - Looked at once a scrape, never for a sample.

use super::Known;
use crate::exposition::Format;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of all known expositions at most.
pub const MAX_BYTES: usize = 4 << 20;
/// Kinds that are told apart at most.
const MAX_KINDS: usize = 4096;
/// What fitted nobody for so long is forgotten; what could not be kept is tried again after that.
const UNUSED: Duration = Duration::from_secs(600);
/// How often the unused are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// What expositions must have in common for the records of one to be the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind {
    /// The metric names of the target's last exposition, as [`super::super::families::Families::shape`] gives them.
    pub shape: u64,
    /// What the target and its job bring to a series, values of labels apart; [`super::super::prepared::Prepared::kind`]
    /// tells it.
    pub terms: u64,
    /// How its lines are read.
    pub format: Format,
    /// It is one target's alone.
    pub is_own: bool,
}

/// How to scrape a target.
#[derive(Debug)]
pub enum Plan {
    /// Along this exposition.
    Walk(Arc<Known>),
    /// Learn it.
    Learn,
    /// As if nothing were known.
    Plain,
}

/// What came of a plan.
#[derive(Debug)]
pub enum Learned {
    /// This, or nothing that could be kept.
    Lesson(Option<Known>),
    /// Nothing, for the scrape failed.
    Interrupted,
    /// Three quarters of the series were known, or more.
    Fit,
    /// Fewer were: this target is not like those of its kind.
    Unfit,
}

/// The known expositions.
#[derive(Debug, Default)]
pub struct Shelf {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<Kind, Entry>,
    bytes: usize,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    state: State,
    /// When it fitted last; else, when it came to this state.
    used: Instant,
}

#[derive(Debug)]
enum State {
    /// A target of that kind was about to be scraped, or a lesson was interrupted: the next one is worth learning.
    Seen,
    Learning,
    Known(Arc<Known>),
    /// Too large, or no room for it.
    Unkept,
}

impl Shelf {
    /// How to scrape a target of that kind.
    pub fn plan(&self, kind: Kind, now: Instant) -> Plan {
        let mut inner = self.lock();
        inner.sweep(now);
        let Some(entry) = inner.entries.get_mut(&kind) else {
            inner.enter(kind, State::Seen, now);
            return Plan::Plain;
        };
        match &entry.state {
            State::Seen => {
                (entry.state, entry.used) = (State::Learning, now);
                Plan::Learn
            }
            State::Known(known) => Plan::Walk(Arc::clone(known)),
            State::Learning | State::Unkept => Plan::Plain,
        }
    }

    /// Takes what came of a scrape.
    pub fn settle(&self, kind: Kind, learned: Learned, now: Instant) {
        let mut inner = self.lock();
        let state = match learned {
            Learned::Lesson(Some(known)) if inner.bytes + known.size() <= MAX_BYTES => State::Known(Arc::new(known)),
            Learned::Lesson(_) => State::Unkept,
            Learned::Interrupted => State::Seen,
            Learned::Fit => return inner.fitted(kind, now),
            // nobody else can want it
            Learned::Unfit if kind.is_own => return inner.remove(kind),
            Learned::Unfit => return,
        };
        inner.enter(kind, state, now);
    }

    /// Bytes that are kept.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Makes this the kind's state; a kind for which there is no room is not entered.
    fn enter(&mut self, kind: Kind, state: State, used: Instant) {
        if self.entries.len() >= MAX_KINDS && !self.entries.contains_key(&kind) {
            return;
        }
        self.bytes += state.size();
        let before = self.entries.insert(kind, Entry { state, used });
        self.bytes -= before.map_or(0, |entry| entry.state.size());
    }

    fn remove(&mut self, kind: Kind) {
        let before = self.entries.remove(&kind);
        self.bytes -= before.map_or(0, |entry| entry.state.size());
    }

    fn fitted(&mut self, kind: Kind, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&kind) {
            entry.used = now;
        }
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now.duration_since(swept) < SWEEP_EVERY) {
            return;
        }
        self.swept = Some(now);
        self.entries.retain(|_, entry| now.duration_since(entry.used) < UNUSED);
        self.bytes = self.entries.values().map(|entry| entry.state.size()).sum();
    }
}

impl State {
    fn size(&self) -> usize {
        if let Self::Known(known) = self { known.size() } else { 0 }
    }
}
