//! Configuration: what the operator wrote becomes what the program runs on.

pub mod job;

pub use job::ScrapeJob;
