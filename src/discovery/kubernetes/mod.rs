//! Kubernetes: pods and services become targets, by polling the API server.
//!
//! Pure rooms: [`objects`], [`slices`], [`list`] (JSON), [`pods`], [`services`], [`namespaces`] (objects and a job's
//! selection → [`Found`] or [`Missed`]).

mod found;
pub mod list;
mod meta;
pub mod namespaces;
pub mod objects;
pub mod pods;
pub mod services;
pub mod slices;
#[cfg(test)]
mod testdata;

pub use found::{Found, Missed, Reason, Sink};
