//! Integration tests: the built program with real sockets on loopback, free ports, in parallel.

#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "tests tell why they skip, and fail where they stand")]

mod exporter;
mod hostile;
mod support;

mod cli;
mod collector;
mod config_check;
mod config_files;
mod config_keys;
mod config_watch;
mod control;
mod corpus_exposition;
mod delivery;
mod docs;
mod docs_install;
mod docs_scripts;
mod fetch;
mod fetch_cost;
mod fetch_tls;
mod kubernetes;
mod labels;
mod lanes;
mod large_body;
mod logs;
mod metering;
mod node_exporter;
mod parse;
mod pki;
mod relabel;
mod reload;
mod send_sample;
mod sender;
mod sharding;
mod status;
mod supervised_worker;
mod supervisor;
mod targets;
mod tidy;
mod try_it;
