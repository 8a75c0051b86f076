//! Configuration: what the operator wrote becomes what the program runs on.

pub mod conf_file;
pub mod environment;
pub mod event;
pub mod fault;
pub mod file;
pub mod home;
pub mod job;
pub mod jobs;
pub mod key;
pub mod keys;
pub mod loader;
mod lookup;
pub mod reload;
pub mod scrape_file;
pub mod settings;
pub mod show;
pub mod value;
pub mod watch;

pub use conf_file::ConfFile;
pub use environment::{Environment, ProcessEnvironment};
pub use fault::{Fault, Severity};
pub use home::Home;
pub use job::ScrapeJob;
pub use jobs::Jobs;
pub use loader::{ConfEvent, Loader};
pub use scrape_file::ScrapeFile;
pub use settings::Settings;
pub use watch::{Request, Watch};
