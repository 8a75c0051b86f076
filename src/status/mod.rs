//! The status server: health, own metrics, and the pages that answer "why?".
//!
//! | file | what |
//! | --- | --- |
//! | `server`, `http` | a bounded little HTTP server |
//! | `metrics`, `exposition` | the agent's own metrics |

pub mod exposition;
pub mod http;
pub mod metrics;
pub mod server;

use crate::scrape::state::TargetTable;
use crate::sender::{Queue, SenderState};
use http::{Request, Response};
use std::net::SocketAddr;
use std::sync::Arc;

/// What the pages read.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The targets and what is known of them.
    pub targets: TargetTable,
    /// What the sender tells of itself.
    pub sender: Arc<SenderState>,
    /// What waits to be sent.
    pub queue: Queue,
}

impl Sources {
    /// Answers a request.
    pub fn answer(&self, request: &Request, _peer: SocketAddr) -> Response {
        if request.method != "GET" && request.method != "HEAD" {
            return Response::method_not_allowed("GET, HEAD");
        }
        match request.path.as_str() {
            "/-/healthy" => Response::text(200, "healthy\n"),
            "/-/ready" => self.ready(),
            "/metrics" => {
                let (content_type, body) = metrics::write(self, &request.accept);
                Response::new(200, content_type, body)
            }
            _ => Response::text(404, "no such page\n"),
        }
    }

    /// Ready once what is scraped has somewhere to go.
    fn ready(&self) -> Response {
        if self.sender.is_connected() || self.sender.spool_bytes() > 0 {
            return Response::text(200, "ready\n");
        }
        let why = self.sender.last_error().unwrap_or_else(|| "no session with the server yet".to_owned());
        Response::text(503, &format!("not ready: {why}\n"))
    }
}
