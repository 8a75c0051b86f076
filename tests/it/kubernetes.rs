//! Kubernetes discovery against an API server: a fake one that answers as the captures of a real one, and, where
//! `OPENAGENT_TEST_KUBECONFIG` names a kubeconfig, a real one too.

mod access;
mod captures;
mod config;
mod polling;
mod real;
mod rights;
mod select;
mod server;
mod size;
mod support;
mod targets_command;
