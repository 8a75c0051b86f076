//! Where the agent's files are: `WHATAP_HOME`, and `WHATAP_OPEN_HOME` for those of this agent alone.

use super::environment::Environment;
use std::path::PathBuf;

/// The agent's file locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// `WHATAP_HOME/whatap.conf`.
    pub conf: PathBuf,
    /// `scrape_config.yaml` under `WHATAP_OPEN_HOME`, or `WHATAP_HOME` without one.
    pub scrape_config: PathBuf,
    /// `logs` beside the scrape configuration.
    pub logs: PathBuf,
}

impl Home {
    /// Reads the two variables; without `WHATAP_HOME` it is the working directory.
    pub fn from_environment(environment: &dyn Environment) -> Self {
        let home = environment.var("WHATAP_HOME").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let open = environment.var("WHATAP_OPEN_HOME").map_or_else(|| home.clone(), PathBuf::from);
        Self { conf: home.join("whatap.conf"), scrape_config: open.join("scrape_config.yaml"), logs: open.join("logs") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_home_takes_all_but_whatap_conf() {
        let paths = |environment: &dyn Environment| {
            let home = Home::from_environment(environment);
            [home.conf, home.scrape_config, home.logs].map(|path| path.display().to_string())
        };
        assert_eq!(paths(&[("A", "")]), ["./whatap.conf", "./scrape_config.yaml", "./logs"]);
        assert_eq!(paths(&[("WHATAP_HOME", "/app")]), ["/app/whatap.conf", "/app/scrape_config.yaml", "/app/logs"]);
        let both = [("WHATAP_HOME", "/app"), ("WHATAP_OPEN_HOME", "/open")];
        assert_eq!(paths(&both), ["/app/whatap.conf", "/open/scrape_config.yaml", "/open/logs"]);
    }
}
