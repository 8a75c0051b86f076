//! Where metering looks things up in a running worker.

use super::settings::LastIdentity;
use crate::config::Settings;
use crate::metering::Sources;
use crate::metering::packs::Process;
use crate::metering::schedule::Switches;
use crate::scrape::live::Live;
use crate::sender::SenderState;
use crate::telemetry::{cgroup, process};
use crate::wire::identity::Identity;
use std::sync::Arc;

/// The worker as metering sees it.
pub struct Introspection {
    /// The settings in force.
    pub settings: Arc<Live<Settings>>,
    /// Who the agent is, once a connection has told.
    pub identity: LastIdentity,
    /// Tells how far the server's clock is ahead.
    pub sender: Arc<SenderState>,
    /// When the agent was started, Unix milliseconds.
    pub started_ms: i64,
}

impl Sources for Introspection {
    fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.known()
    }

    fn clock_offset_ms(&self) -> i64 {
        self.sender.clock_offset_ms()
    }

    fn switches(&self) -> Switches {
        let settings = self.settings.load();
        Switches { counters: settings.tag_counter_enabled, endpoints: settings.endpoint_metering_enabled }
    }

    fn process(&self) -> Process {
        let settings = self.settings.load();
        Process {
            started_ms: self.started_ms,
            hostname: process::hostname(),
            name_pattern: settings.name_pattern.clone(),
            app_name: settings.app_name.clone().unwrap_or_default(),
            cpu_cores: cgroup::cpu_cores(),
        }
    }
}
