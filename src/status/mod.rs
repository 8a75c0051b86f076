//! The status server: health, own metrics, and the pages that answer "why?".
//!
//! | file | what |
//! | --- | --- |
//! | `server`, `http` | a bounded little HTTP server |
//! | `metrics`, `exposition` | the agent's own metrics |
//! | `overview` | the agent in a few figures, for the page, the API and `openagent status` |
//! | `api` | JSON in the shape of Prometheus' API |
//! | `reload` | who may ask for a reload |
//! | `dropped` | targets that relabelling or a limit took away |
//! | `samples` | a look at one target's samples and what became of each |
//! | `page` | the pages for people |
//!
//! # Invariants
//! - No secret is shown; what comes from targets or the configuration is escaped wherever it is shown.
//! - Nothing is kept per target for the sake of a page; a page is written as it is made.

pub mod api;
pub mod dropped;
pub mod exposition;
pub mod http;
pub mod metrics;
pub mod overview;
mod page;
mod reload;
pub mod samples;
pub mod server;

use crate::config::reload::ReloadState;
use crate::scrape::state::TargetTable;
use crate::sender::{Queue, SenderState};
use dropped::DroppedTable;
use http::{Request, Response};
use overview::Overview;
use samples::Captures;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the pages read.
#[derive(Clone)]
pub struct Sources {
    /// The targets and what is known of them.
    pub targets: TargetTable,
    /// What the sender tells of itself.
    pub sender: Arc<SenderState>,
    /// What waits to be sent.
    pub queue: Queue,
    /// Targets that are not scraped, each with the reason.
    pub dropped: DroppedTable,
    /// How reading the configuration went; `None` where it is fixed.
    pub reload: Option<Arc<ReloadState>>,
    /// Gives the configuration in force as YAML, secrets masked; `None` where there is none to show.
    pub config: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    /// Asks for the configuration to be read again, without waiting for it; `None` where that has no sense.
    pub reload_now: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Takes a look at a target's samples; `None` where nothing is scraped.
    pub samples: Option<Arc<Captures>>,
}

impl Sources {
    /// Sources with nothing but targets and sender.
    pub fn new(targets: TargetTable, sender: Arc<SenderState>, queue: Queue) -> Self {
        let dropped = DroppedTable::default();
        Self { targets, sender, queue, dropped, reload: None, config: None, reload_now: None, samples: None }
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request, peer: SocketAddr) -> Response {
        if request.path == "/-/reload" {
            return reload::answer(self.reload_now.as_deref(), request, peer);
        }
        if request.method != "GET" && request.method != "HEAD" {
            return Response::method_not_allowed("GET, HEAD");
        }
        match request.path.as_str() {
            "/" => Response::redirect("/targets"),
            "/targets" => page::targets(self, request),
            "/samples" => page::samples(self, request),
            "/-/healthy" => Response::text(200, "healthy\n"),
            "/-/ready" => self.ready(),
            "/metrics" => {
                let (content_type, body) = metrics::write(self, &request.accept);
                Response::new(200, content_type, body)
            }
            "/api/v1/targets" => api::targets(self, request),
            "/api/v1/status/config" => api::config(self),
            "/api/v1/status/agent" => api::agent(self),
            path => {
                page::asset(path).unwrap_or_else(|| Response::text(404, "no such page; /targets has the overview\n"))
            }
        }
    }

    /// Ready once there is a configuration, and what it scrapes has somewhere to go.
    fn ready(&self) -> Response {
        match Overview::of(self).why_not_ready() {
            None => Response::text(200, "ready\n"),
            Some(why) => Response::text(503, &format!("not ready: {why}\n")),
        }
    }
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").field("targets", &self.targets.snapshot().len()).finish_non_exhaustive()
    }
}
