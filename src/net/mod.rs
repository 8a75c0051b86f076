//! The HTTP client that scraping and the Kubernetes API client share: `ureq` with our own resolver, connector and
//! buffers.
//!
//! # Invariants
//! - One [`Client`] is one target: one idle connection at most, none shared with another target.
//! - An idle connection holds no buffers; memory follows the requests under way, not the targets known.
//! - One deadline holds from the first byte asked for to the last byte read, whatever the server does.
//! - Every failure is a [`FetchError`]; a body that broke off is never a clean end.

pub mod body;
pub mod client;
mod connector;
pub mod error;
pub mod resolver;
mod tcp;
pub mod tls;
mod trace;
mod window;

pub use body::Body;
pub use client::{Client, ClientSettings, Deadline, Request, Response};
pub use error::FetchError;
pub use resolver::Resolver;
pub use tls::ClientTls;
pub use trace::{Phase, Timings};
