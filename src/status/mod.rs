//! The status server: health, own metrics, and the pages that answer "why?".

pub mod exposition;
pub mod http;
pub mod server;
