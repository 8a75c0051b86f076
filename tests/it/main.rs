//! Integration tests: the built program with real sockets on loopback, free ports, in parallel.

#![allow(clippy::print_stderr, reason = "tests tell why they skip")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

mod hostile;
mod support;

mod cli;
mod logs;
mod supervisor;
mod corpus_exposition;
mod fetch;
