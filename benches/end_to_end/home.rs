//! What an agent's home holds: whatap.conf and scrape_config.yaml for this farm and this collector.

use crate::Outcome;
use crate::sink::Sink;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

/// A scrape configuration of the farm's exporters `numbers`.
pub fn scrape_config(farm: SocketAddr, numbers: Range<usize>, interval: Duration) -> String {
    let timeout = openagent::duration::format(interval.min(Duration::from_secs(10)));
    let interval = openagent::duration::format(interval);
    let mut yaml = "features:\n  openAgent:\n    enabled: true\n    targets:\n    - targetName: farm\n".to_owned();
    yaml += "      type: StaticEndpoints\n      endpoints:\n";
    for n in numbers {
        let _ = writeln!(
            yaml,
            "      - {{address: \"{farm}\", path: /t/{n}/metrics, interval: {interval}, timeout: {timeout}}}"
        );
    }
    yaml
}

/// whatap.conf; `more` are lines of it.
pub fn conf(sink: &Sink, more: &str) -> String {
    let (licence, server) = (sink.licence(), sink.address());
    format!(
        "license={licence}\nwhatap.server.host={}\nwhatap.server.port={}\nstatus_listen=127.0.0.1:0\n{more}\n",
        server.ip(),
        server.port()
    )
}

/// Writes a file beside and renames it over the old one, as a careful editor does.
pub fn write(folder: &Path, name: &str, text: &str) -> Outcome<()> {
    let beside = folder.join(format!(".{name}.new"));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, folder.join(name)));
    written.map_err(|error| format!("{name} in {}: {error}", folder.display()))
}
