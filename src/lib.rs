//! OpenAgent scrapes Prometheus and OpenMetrics endpoints and delivers the samples to a WhaTap collection server.
//!
//! # The house
//!
//! Floors from top to bottom; a room imports from its own floor or a lower one, never from above.
//!
//! | floor | rooms |
//! | --- | --- |
//! | commands | [`cli`]: one file per command |
//! | processes | [`supervisor`]: the parent; [`agent`]: the worker, which builds the rooms below and joins them |
//! | threads and sockets | [`status`], [`control`], [`metering`], [`sender`], [`scrape`], [`discovery`], [`net`], [`config`], [`telemetry`], [`collector`], [`os`] |
//! | ground: pure, no I/O, no clock | [`exposition`], [`relabel`], [`encode`], [`wheel`], [`selector`], [`wire`], [`labels`], [`duration`], [`size`], [`yaml`], [`nearest`], [`prefix`], [`secret`] |
//!
//! A sample's way, once, forward:
//! `config::ScrapeJob → discovery::Target → wheel → scrape::pool → scrape::fetch (a reader) → exposition (a borrowed
//! sample) → relabel → encode (record bytes) → [channel] → sender → wire::frame → TCP`.

pub mod agent;
pub mod cli;
pub mod collector;
pub mod config;
pub mod control;
pub mod discovery;
pub mod duration;
pub mod encode;
pub mod exposition;
pub mod labels;
pub mod metering;
pub mod nearest;
pub mod net;
pub mod os;
pub mod prefix;
pub mod relabel;
pub mod scrape;
pub mod secret;
pub mod selector;
pub mod sender;
pub mod size;
pub mod status;
pub mod supervisor;
pub mod telemetry;
pub mod wheel;
pub mod wire;
pub mod yaml;
