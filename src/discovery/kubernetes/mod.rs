//! Kubernetes: pods and services become targets, by polling the API server.
//!
//! | rooms | |
//! | --- | --- |
//! | pure | [`objects`], [`pod_object`], [`slices`], [`list`] (JSON); [`pods`], [`services`], [`namespaces`] (objects and a job's selection → [`Found`] or [`Missed`]); [`plan`] (what jobs want → lists) |
//! | the way to the server | [`access`], [`kubeconfig`], [`exec`], [`api`] |
//! | one look, and looks again and again | [`round`], [`poll`], [`collect`] |
//! | beside it | [`configmap`], [`secrets`] |

pub mod access;
pub mod api;
pub mod ask;
pub mod collect;
pub mod configmap;
mod credentials;
pub mod error;
pub mod exec;
mod found;
mod http;
pub mod kubeconfig;
mod kubeconfig_file;
pub mod list;
pub mod lists;
mod meta;
pub mod namespaces;
pub mod needs;
pub mod objects;
pub mod plan;
pub mod pod_object;
pub mod pods;
pub mod poll;
mod readers;
pub mod resource;
pub mod round;
pub mod secrets;
pub mod services;
mod session;
pub mod slices;
#[cfg(test)]
mod testdata;
mod time;

pub use found::{Found, Missed, Reason, Sink};
