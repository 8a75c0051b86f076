//! `openagent scrape`: one scrape, looked at closely: where the time went, the samples after relabelling, what was
//! dropped and why. Sends nothing.

use super::args::{failed, usage};
use super::exit::Exit;
use super::settings as conf;
use super::uri;
use crate::agent::settings;
use crate::config::scrape_file::Context;
use crate::config::{ScrapeFile, ScrapeJob, Settings};
use crate::discovery::kubernetes::poll::is_kubernetes;
use crate::discovery::{NoSecrets, Target, static_};
use crate::duration;
use crate::labels::LabelBuf;
use crate::scrape::fetch::Fetcher;
use crate::scrape::help_book::HelpBook;
use crate::scrape::known::shelf::Shelf;
use crate::scrape::live::{Live, ScrapeSettings};
use crate::scrape::prepared::Prepared;
use crate::scrape::run::{Outcome, Outlet, ScrapedBatch, Scraping, Scratch};
use crate::wire::licence::Licence;
use crate::wire::pack::{Body, EncodedPack, Header, Pack};
use crate::wire::record;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes that the records of one pack may inflate to.
const MOST_PLAIN: usize = 64 << 20;

struct Asked {
    target: String,
    config: Option<PathBuf>,
    timeout: Option<Duration>,
}

/// Scrapes once and prints what came of it.
pub fn run(args: Vec<OsString>) -> Exit {
    let asked = match parse(args) {
        Ok(asked) => asked,
        Err(problem) => return usage("scrape", &problem),
    };
    match scrape(&asked) {
        Ok(true) => Exit::Ok,
        Ok(false) => Exit::Failed,
        Err(error) => failed("scrape", &error),
    }
}

fn parse(args: Vec<OsString>) -> Result<Asked, lexopt::Error> {
    use lexopt::prelude::{Long, Value, ValueExt as _};
    let (mut target, mut config, mut timeout) = (None, None, None);
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("config") => config = Some(parser.value()?.into()),
            Long("timeout") => {
                let time = duration::parse(&parser.value()?.string()?).map_err(|error| error.to_string())?;
                timeout = Some(time).filter(|time| !time.is_zero());
                if timeout.is_none() {
                    return Err("the timeout must be more than 0".into());
                }
            }
            Value(word) if target.is_none() => target = Some(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let target = target.ok_or("a URL or the name of a target is missing")?;
    Ok(Asked { target, config, timeout })
}

/// Whether every scrape went well.
fn scrape(asked: &Asked) -> Result<bool, String> {
    let (home, settings, _) = conf::read()?;
    let jobs = jobs(asked, &home.scrape_config, &settings)?;
    let found = static_::all_targets(&jobs);
    for dropped in &found.dropped {
        let _ = writeln!(io::stderr(), "not scraped: {dropped}");
    }
    let pcode = Licence::parse(settings.licence.expose()).map_or(0, |licence| licence.pcode);
    let printer = Arc::new(Packs::default());
    let scraping = Scraping {
        known: Shelf::default(),
        fetcher: Arc::new(Fetcher::new(settings::fetch(&settings), Arc::new(NoSecrets))),
        help: HelpBook::new(),
        settings: Live::new(ScrapeSettings { debug: false, ..settings::scraping(&settings, pcode) }),
        outlet: Arc::clone(&printer) as Arc<dyn Outlet>,
    };
    let mut all_up = !found.targets.is_empty();
    for target in &found.targets {
        let timeout = asked.timeout.unwrap_or(target.timeout);
        let prepared = Prepared::new(Arc::clone(target), pcode);
        let outcome = scraping.scrape(&prepared, timeout, &mut Scratch::default());
        all_up &= outcome.error.is_none();
        let _ = print(target, &outcome, &printer.take(), &mut io::stdout().lock());
        if let Some(error) = &outcome.error {
            let _ = writeln!(io::stderr(), "scrape of job {:?} target {}: {error}", target.job.name, target.url());
        }
    }
    Ok(all_up)
}

/// The jobs asked for: one for a URL, those of that name otherwise.
fn jobs(asked: &Asked, file: &Path, settings: &Settings) -> Result<Vec<Arc<ScrapeJob>>, String> {
    if asked.target.contains("://") {
        return Ok(vec![Arc::new(uri::job("scrape", &uri::parse(&asked.target)?))]);
    }
    let path = asked.config.as_deref().unwrap_or(file);
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let file = ScrapeFile::parse(&text, &name, &Context::from(settings)).map_err(|fault| fault.to_string())?;
    let jobs: Vec<_> = file.jobs.into_iter().filter(|job| *job.name == *asked.target).collect();
    if jobs.is_empty() {
        return Err(format!("{name} has no target named {:?}; a URL begins with http://", asked.target));
    }
    if jobs.iter().all(|job| is_kubernetes(job)) {
        return Err(format!(
            "target {:?} is found in the cluster; `openagent targets` prints the URLs it comes to, scrape one of those",
            asked.target
        ));
    }
    Ok(jobs)
}

/// Keeps the packs of a scrape for printing.
#[derive(Default)]
struct Packs(Mutex<Vec<EncodedPack>>);

impl Packs {
    fn take(&self) -> Vec<EncodedPack> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Outlet for Packs {
    fn deliver(&self, batch: ScrapedBatch) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(batch.packs);
    }

    fn session(&self) -> u64 {
        0
    }

    fn debug_lines(&self, _lines: &str) {}
}

fn print(target: &Target, outcome: &Outcome, packs: &[EncodedPack], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# url      {}", target.url())?;
    writeln!(out, "# labels   {}", target.labels)?;
    if let Some(answer) = &outcome.answer {
        writeln!(out, "# answer   200, Content-Type {:?}, read as {:?}", answer.content_type, answer.format)?;
        let peer = answer.peer.map(|peer| peer.to_string()).unwrap_or_default();
        writeln!(out, "# peer     {peer}, {} redirects", answer.redirects)?;
        writeln!(out, "# bytes    {} on the wire, {} after inflation", answer.wire_bytes, outcome.body_bytes)?;
    }
    let timings = &outcome.timings;
    let body = outcome.duration.saturating_sub(timings.dns + timings.connect + timings.tls + timings.first_byte);
    let [dns, connect, tls, first, body, whole] =
        [timings.dns, timings.connect, timings.tls, timings.first_byte, body, outcome.duration].map(milliseconds);
    writeln!(
        out,
        "# time     dns {dns}, connect {connect}, tls {tls}, first byte {first}, body {body}, whole {whole}"
    )?;
    let tally = &outcome.tally;
    writeln!(
        out,
        "# samples  {} scraped, {} after relabelling, {} kept",
        tally.scraped, tally.post_relabel, tally.kept
    )?;
    for (reason, count) in tally.drops() {
        writeln!(out, "# dropped  {count}: {}", reason.explanation())?;
    }
    if let Some(fault) = &outcome.first_fault {
        writeln!(out, "# skipped  the first at line {fault}")?;
    }
    packs.iter().try_for_each(|pack| print_samples(pack, out))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}ms", time.as_secs_f64() * 1e3)
}

/// The samples of a pack, read back from its bytes: what the server would get.
fn print_samples(pack: &EncodedPack, out: &mut impl Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    pack.write(&Header { pcode: 0, oid: 0, okind: 0, onode: 0, time_ms: 0 }, &mut bytes);
    let Ok(Pack { body: Body::OpenMx(mx), .. }) = Pack::decode(&bytes) else { return Ok(()) };
    let Ok(plain) = mx.records.plain(MOST_PLAIN) else { return Ok(()) };
    let Ok(samples) = record::samples(&plain) else { return Ok(()) };
    for sample in samples.map_while(Result::ok) {
        let labels: LabelBuf = sample.labels.iter().copied().collect();
        writeln!(out, "{}{} {} {}", sample.metric, labels.view(), sample.value, sample.time_ms)?;
    }
    Ok(())
}
