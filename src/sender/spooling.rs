//! The spool as the sender thread uses it: there or not, with pauses after a fault.
//!
//! # Invariants
//! A fault of the disk never reaches the sending: it is told once when it comes, once when it goes, and the disk is
//! tried again every [`PAUSE`].

use super::batch::{Parcel, Place};
use super::spool::{Spool, SpoolError, SpoolOrder, SpoolSettings};
use super::state::SenderState;
use crate::wire::pack::EncodedPack;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a disk that refused is left alone.
const PAUSE: Duration = Duration::from_secs(10);

/// How often the state hears how full it is.
const PUBLISH: Duration = Duration::from_secs(1);

/// The spool, when there is one.
#[derive(Debug)]
pub(super) struct Spooling {
    settings: Option<SpoolSettings>,
    spool: Option<Spool>,
    state: Arc<SenderState>,
    /// No opening and no writing before.
    write_again: Instant,
    /// No reading before.
    read_again: Instant,
    fault: Option<String>,
    published: Option<Instant>,
}

impl Spooling {
    /// Opens the spool of these settings, or tries to.
    pub(super) fn new(settings: Option<SpoolSettings>, state: Arc<SenderState>, now: Instant) -> Self {
        let mut spooling =
            Self { settings, spool: None, state, write_again: now, read_again: now, fault: None, published: None };
        spooling.open_when_due(now);
        spooling
    }

    /// Goes on under other settings. Returns whether it is still the same spool; the packs of another stay where they
    /// are.
    pub(super) fn reconfigure(&mut self, settings: Option<SpoolSettings>, now: Instant) -> bool {
        if dir(self.settings.as_ref()) == dir(settings.as_ref()) {
            if let Some((spool, settings)) = self.spool.as_mut().zip(settings.as_ref()) {
                spool.reconfigure(settings.clone());
            }
            self.settings = settings;
            return true;
        }
        self.state.set_spool(0, None);
        self.state.set_spool_fault(None);
        *self = Self::new(settings, Arc::clone(&self.state), now);
        false
    }

    /// Whether packs can be put into it now.
    pub(super) fn takes_packs(&mut self, now: Instant) -> bool {
        self.open_when_due(now);
        self.spool.is_some() && now >= self.write_again
    }

    /// Whether packs wait in it that can be taken now.
    pub(super) fn has_packs(&self, now: Instant) -> bool {
        now >= self.read_again && self.spool.as_ref().is_some_and(|spool| !spool.is_empty())
    }

    /// Whether fresh packs go before those of the spool.
    pub(super) fn fresh_first(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.order == SpoolOrder::Newest)
    }

    /// Writes a pack; false when the disk refuses, which is told.
    pub(super) fn put(&mut self, time_ms: i64, pack: &EncodedPack, now: Instant) -> bool {
        let Some(spool) = self.spool.as_mut().filter(|_| now >= self.write_again) else { return false };
        match spool.append(time_ms, pack) {
            Ok(()) => {
                self.state.packs_spooled.add(1);
                self.well();
                true
            }
            Err(error) => {
                self.write_again = now + PAUSE;
                self.ill(&error);
                false
            }
        }
    }

    /// Takes the next pack out.
    pub(super) fn next(&mut self, now: Instant) -> Option<Parcel> {
        let spool = self.spool.as_mut().filter(|_| now >= self.read_again)?;
        match spool.next() {
            Ok(parcel) => parcel,
            Err(error) => {
                self.read_again = now + PAUSE;
                self.ill(&error);
                None
            }
        }
    }

    /// The server has the pack.
    pub(super) fn confirm(&mut self, place: Place) {
        if let Some(spool) = &mut self.spool {
            spool.confirm(place);
        }
    }

    /// Whether the pack still lies on disk.
    pub(super) fn holds(&self, place: Place) -> bool {
        self.spool.as_ref().is_some_and(|spool| spool.holds(place))
    }

    /// Syncs when it is time, and tells the state.
    pub(super) fn tick(&mut self, now: Instant) {
        self.open_when_due(now);
        let Some(spool) = &mut self.spool else { return };
        if let Err(error) = spool.sync_due(now) {
            self.ill(&error);
        }
        if self.published.is_none_or(|at| now.saturating_duration_since(at) >= PUBLISH) {
            self.published = Some(now);
            self.publish();
        }
    }

    /// Closes the spool: everything is on the disk then.
    pub(super) fn close(&mut self) {
        self.publish();
        self.spool = None;
        self.settings = None;
    }

    fn publish(&self) {
        if let Some(spool) = &self.spool {
            self.state.set_spool(spool.bytes(), spool.oldest_ms());
        }
    }

    fn open_when_due(&mut self, now: Instant) {
        let Some(settings) = self.settings.as_ref().filter(|_| self.spool.is_none() && now >= self.write_again) else {
            return;
        };
        match Spool::open(settings.clone(), Arc::clone(&self.state.drops)) {
            Ok(spool) => {
                log::info!("spool {}: open with {} bytes", settings.dir.display(), spool.bytes());
                self.spool = Some(spool);
                self.well();
            }
            Err(error) => {
                self.write_again = now + PAUSE;
                self.ill(&error);
            }
        }
    }

    fn ill(&mut self, error: &SpoolError) {
        let fault = Some(error.to_string());
        if self.fault != fault {
            log::warn!("{error}; packs stay in memory until it does");
            self.state.set_spool_fault(fault.clone());
            self.fault = fault;
        }
    }

    fn well(&mut self) {
        if self.fault.take().is_some() {
            log::info!("the spool works again");
            self.state.set_spool_fault(None);
        }
    }
}

fn dir(settings: Option<&SpoolSettings>) -> Option<&Path> {
    settings.map(|settings| settings.dir.as_path())
}
