//! Scraping: targets become samples.

pub mod auth;
pub mod fetch;
