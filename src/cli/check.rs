//! `openagent check`: reads both configuration files as the worker would and prints every fault; connects to nothing.

use super::args::usage;
use super::exit::Exit;
use crate::config::conf_file::{self, ConfFile};
use crate::config::file::WatchedFile;
use crate::config::scrape_file::Context;
use crate::config::{Fault, Home, Jobs, ProcessEnvironment, ScrapeFile, Settings, Severity, show};
use crate::wire::licence::Licence;
use crate::yaml;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the arguments ask for.
struct Asked {
    scrape_config: Option<PathBuf>,
    conf: Option<PathBuf>,
    show: bool,
}

/// What was read, and everything to mend in it.
struct Report {
    settings: Settings,
    jobs: Jobs,
    faults: Vec<Fault>,
}

/// Checks the files that the arguments, or else the environment, name.
pub fn run(args: Vec<OsString>) -> Exit {
    let asked = match parse(args) {
        Ok(asked) => asked,
        Err(problem) => return usage("check", &problem),
    };
    let home = Home::from_environment(&ProcessEnvironment);
    let report = Report::of(&asked, &home);
    let _ = print(&report, asked.show, &mut io::stdout().lock()); // a closed pipe: nobody reads on
    if report.errors() == 0 { Exit::Ok } else { Exit::Failed }
}

fn parse(args: Vec<OsString>) -> Result<Asked, lexopt::Error> {
    use lexopt::prelude::{Long, Value};
    let mut asked = Asked { scrape_config: None, conf: None, show: false };
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("config") if asked.scrape_config.is_none() => asked.scrape_config = Some(parser.value()?.into()),
            Long("conf") if asked.conf.is_none() => asked.conf = Some(parser.value()?.into()),
            Long("show") => asked.show = true,
            Value(file) if asked.scrape_config.is_none() => asked.scrape_config = Some(file.into()),
            other => return Err(other.unexpected()),
        }
    }
    Ok(asked)
}

impl Report {
    fn of(asked: &Asked, home: &Home) -> Self {
        let mut faults = Vec::new();
        let conf_path = asked.conf.as_deref().unwrap_or(&home.conf);
        let conf = read_conf(conf_path, asked.conf.is_some(), &mut faults);
        let name = conf_path.display().to_string();
        let (settings, found) = Settings::resolve(&conf, &name, &ProcessEnvironment);
        faults.extend(found);
        // whoever names a scrape configuration alone asks about that one, perhaps on a machine without a licence
        let severity =
            if asked.conf.is_none() && asked.scrape_config.is_some() { Severity::Warning } else { Severity::Error };
        faults.extend(server_fault(&settings, &name, severity));
        let scrape_path = asked.scrape_config.as_deref().unwrap_or(&home.scrape_config);
        let jobs = read_jobs(scrape_path, &Context::from(&settings), &mut faults);
        Self { settings, jobs, faults }
    }

    fn errors(&self) -> usize {
        self.faults.iter().filter(|fault| fault.is_error()).count()
    }
}

/// A missing file is a fault only when it was asked for: the environment may hold everything.
fn read_conf(path: &Path, asked_for: bool, faults: &mut Vec<Fault>) -> ConfFile {
    match WatchedFile::new(path, conf_file::MAX_BYTES).read() {
        Ok(text) => ConfFile::parse(&text),
        Err(error) => {
            if asked_for || error.kind() != io::ErrorKind::NotFound {
                faults.push(unreadable(path, &error));
            }
            ConfFile::default()
        }
    }
}

fn server_fault(settings: &Settings, file: &str, severity: Severity) -> Option<Fault> {
    let what = match settings.server(file) {
        Err(missing) => missing.to_string(),
        Ok(server) => Licence::parse(server.licence.expose()).err()?.to_string(),
    };
    Some(Fault { severity, file: file.into(), line: 0, column: 0, path: String::new(), what })
}

fn read_jobs(path: &Path, context: &Context, faults: &mut Vec<Fault>) -> Jobs {
    let text = match WatchedFile::new(path, yaml::MAX_BYTES as u64).read() {
        Ok(text) => text,
        Err(error) => {
            faults.push(unreadable(path, &error));
            return Jobs::default();
        }
    };
    match ScrapeFile::parse(&text, &path.display().to_string(), context) {
        Ok(file) => {
            faults.extend(file.faults);
            Jobs(file.jobs)
        }
        Err(fault) => {
            faults.extend(fault.faults);
            Jobs::default()
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let what = format!("cannot be read: {error}");
    Fault {
        severity: Severity::Error,
        file: path.display().to_string().into(),
        line: 0,
        column: 0,
        path: String::new(),
        what,
    }
}

fn print(report: &Report, show: bool, out: &mut dyn Write) -> io::Result<()> {
    if show {
        writeln!(out, "# settings\n{}\n# jobs\n{}", show::settings(&report.settings), show::jobs(&report.jobs))?;
    }
    for fault in &report.faults {
        writeln!(out, "{fault}")?;
    }
    let (jobs, errors) = (report.jobs.0.len(), report.errors());
    writeln!(out, "jobs: {jobs}, errors: {errors}, warnings: {}", report.faults.len() - errors)
}
