//! What the agent says of itself: its counters and its log.

pub mod counters;
