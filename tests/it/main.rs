//! Integration tests: the built program with real sockets on loopback, free ports, in parallel.

#![allow(clippy::print_stderr, reason = "tests tell why they skip")]

mod support;

mod cli;
