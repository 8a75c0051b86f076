//! `openagent targets`: finds the targets once, as the worker would, and prints them and what is not scraped.

mod findings;
mod print;

use super::args::{failed, usage};
use super::exit::Exit;
use super::settings;
use crate::config::file::WatchedFile;
use crate::config::scrape_file::Context;
use crate::config::{Home, ScrapeFile};
use crate::discovery::kubernetes::access::Surroundings;
use crate::discovery::kubernetes::api::Client;
use crate::discovery::kubernetes::configmap::{self, ConfigMapText};
use crate::yaml;
use findings::Findings;
use lexopt::Arg::Long;
use std::ffi::OsString;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Finds and prints the targets.
pub fn run(args: Vec<OsString>) -> Exit {
    let asked = match Asked::parse(args) {
        Ok(asked) => asked,
        Err(error) => return usage("targets", &error),
    };
    match find(&asked) {
        Ok(findings) => answer(&findings, &asked),
        Err(error) => failed("targets", &error),
    }
}

/// What the arguments ask for.
struct Asked {
    config: Option<PathBuf>,
    style: print::Style,
    standalone: bool,
}

impl Asked {
    fn parse(args: Vec<OsString>) -> Result<Self, lexopt::Error> {
        let mut asked = Self { config: None, style: print::Style::default(), standalone: false };
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("config") => asked.config = Some(parser.value()?.into()),
                Long("json") => asked.style.json = true,
                Long("explain") => asked.style.explain = true,
                Long("standalone") => asked.standalone = true,
                other => return Err(other.unexpected()),
            }
        }
        Ok(asked)
    }
}

fn find(asked: &Asked) -> Result<Findings, String> {
    let (home, settings, _) = settings::read()?;
    let surroundings = Surroundings::of_process().with_namespace(settings.pod_namespace.as_deref());
    let in_pod = surroundings.in_pod();
    let client = (!asked.standalone).then(|| Client::new(surroundings, Arc::default()));
    let configmap_of = client.as_ref().filter(|_| in_pod && asked.config.is_none());
    let (name, text) = configuration(asked.config.as_deref(), &home, configmap_of)?;
    let file = ScrapeFile::parse(&text, &name, &Context::from(&settings)).map_err(|fault| fault.to_string())?;
    Ok(Findings::of(&file, &settings, client.as_ref()))
}

/// The scrape configuration and its name: the file that was asked for, the ConfigMap, or the file of the home.
fn configuration(asked: Option<&Path>, home: &Home, client: Option<&Client>) -> Result<(String, String), String> {
    if let Some(ConfigMapText::Present { name, text }) = client.map(configmap::read) {
        return Ok((name, text));
    }
    let path = asked.unwrap_or(&home.scrape_config);
    let name = path.display().to_string();
    match WatchedFile::new(path, yaml::MAX_BYTES as u64).read() {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(format!("{name} cannot be read: {error}; name another with --config, or set WHATAP_HOME")),
    }
}

fn answer(findings: &Findings, asked: &Asked) -> Exit {
    let mut out = BufWriter::new(io::stdout().lock());
    match print::print(findings, asked.style, &mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return failed("targets", &error),
        _ => {}
    }
    for fault in &findings.faults {
        let _ = writeln!(io::stderr(), "{fault}");
    }
    if findings.failed { Exit::Failed } else { Exit::Ok }
}
