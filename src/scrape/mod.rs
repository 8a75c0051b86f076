//! Scraping: a timer wheel, a fixed pool of threads, one streaming and atomic scrape per target and slot.
//!
//! | file | what |
//! | --- | --- |
//! | `pool` | the scheduler: the wheel, one scrape per target at a time |
//! | `lane`, `jobs` | the worker threads, fast and slow, the books they keep; what waits for them |
//! | `run` | one scrape from request to packs |
//! | `fetch`, `auth` | HTTP and credentials |
//! | `tls`, `source` | `tlsConfig` and the files it names |
//! | `series` | a sample's way: join, select, relabel, drop, encode |
//! | `join`, `limits`, `seen`, `payload` | its steps: labels joined, limits, repetitions, how a record begins and ends |
//! | `known`, `lesson` | expositions that look like one before; a scrape along one |
//! | `prepared` | what a target brings to each sample, worked out once |
//! | `families`, `help_book` | help records: which families, and when they are due |
//! | `tally`, `failure` | reasons: why a sample was dropped, why a scrape failed |
//! | `state`, `telling` | what is known of each target, and how often it is told |
//! | `adaptive`, `live` | the growing timeout; settings that change while running |

pub mod adaptive;
pub mod auth;
pub mod failure;
pub mod families;
pub mod fetch;
pub mod help_book;
mod jobs;
pub(crate) mod join;
pub mod known;
mod lane;
pub mod lesson;
mod limits;
pub mod live;
mod payload;
pub mod pool;
pub mod prepared;
pub mod run;
mod seen;
pub mod series;
mod source;
pub mod state;
pub mod tally;
mod telling;
mod tls;
