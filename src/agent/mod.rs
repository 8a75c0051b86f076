//! The worker: builds the rooms, starts and joins their threads, carries changes of the configuration to them.
//!
//! | file | what |
//! | --- | --- |
//! | `rooms` | the running rooms: sender, scrape pool, status server; the one way they start and stop |
//! | `settings` | what whatap.conf says, turned into each room's own settings |
//! | `outlet` | the joint between scraping and sending |
//! | `cluster` | the Kubernetes side, or nothing of it |
//! | `commands`, `introspection` | what the server asks, what metering looks up |
//! | `worker` | `openagent foreground`: files, signals, the main loop |

pub mod cluster;
mod commands;
mod introspection;
pub mod outlet;
pub mod rooms;
pub mod settings;
pub mod worker;
