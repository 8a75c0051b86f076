//! What the agent says of itself: its counters, its log, its pulse, what it costs.

pub mod build;
pub mod cgroup;
pub mod counters;
pub mod heartbeat;
pub mod kubernetes;
pub mod log;
pub mod log_file;
pub mod log_format;
pub mod log_repeats;
pub mod process;
