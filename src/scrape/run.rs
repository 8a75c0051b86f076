//! One scrape: fetch → parse → relabel → encode, and the finished packs handed over in one piece.
//!
//! # Invariants
//! - Atomic: a body that breaks off, passes a limit or is not what its format demands sends none of its samples; the
//!   report series (`up` 0) go out all the same.
//! - Peak memory is the scratch (window, open pack, finished packs), not the body.

use super::failure::{ErrorClass, ScrapeError};
use super::fetch::{FetchError, Fetcher, Timings};
use super::help_book::HelpBook;
use super::known::shelf::{Kind, Shelf};
use super::lesson;
use super::live::{Live, ScrapeSettings};
use super::prepared::Prepared;
use super::series::{SeriesScratch, SeriesSink};
use super::tally::Tally;
use crate::exposition::content_type::{self, ContentType};
use crate::exposition::window::DEFAULT_MAX_LINE_BYTES;
use crate::exposition::{Format, Options, Parser, PumpError, Window, pump};
use crate::telemetry::counters::COUNTERS;
use crate::wire::pack::EncodedPack;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The packs of one scrape, and when it began.
#[derive(Debug)]
pub struct ScrapedBatch {
    /// Unix milliseconds.
    pub time_ms: i64,
    /// Help before samples.
    pub packs: Vec<EncodedPack>,
}

/// Where finished scrapes go: the sender's queue, or a printing command.
pub trait Outlet: Send + Sync {
    /// Takes the packs of a scrape; never blocks.
    fn deliver(&self, batch: ScrapedBatch);

    /// A number that grows with each session set up; help records are sent again in a new one.
    fn session(&self) -> u64;

    /// Takes the lines that `debug=true` asks for.
    fn debug_lines(&self, lines: &str);
}

/// What all scrapes share.
pub struct Scraping {
    /// Fetches bodies.
    pub fetcher: Arc<Fetcher>,
    /// Which help records were sent.
    pub help: HelpBook,
    /// Settings that change while running.
    pub settings: Live<ScrapeSettings>,
    /// What expositions looked like before.
    pub known: Shelf,
    /// Where packs go.
    pub outlet: Arc<dyn Outlet>,
}

/// The buffers of one scrape under way.
#[derive(Debug)]
pub struct Scratch {
    series: SeriesScratch,
    window: Window,
    /// What the window was made for; another setting makes another one.
    max_line_bytes: usize,
    parsers: Vec<(Format, Options, Parser)>,
    fingerprints: Vec<u64>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            series: SeriesScratch::new(),
            window: Window::default(),
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            parsers: Vec::new(),
            fingerprints: Vec::new(),
        }
    }
}

impl Scratch {
    /// Makes the window anew when another bound of lines is in force.
    fn fit(&mut self, max_line_bytes: usize) {
        if self.max_line_bytes != max_line_bytes {
            self.window = Window::new(max_line_bytes);
            self.max_line_bytes = max_line_bytes;
        }
    }
}

/// How a scrape went.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// When it began, Unix milliseconds.
    pub began_ms: i64,
    /// From before the request to after the last sample.
    pub duration: Duration,
    /// What became of the samples.
    pub tally: Tally,
    /// Bytes of the body after inflation.
    pub body_bytes: u64,
    /// Where the time went.
    pub timings: Timings,
    /// What the answer said of itself; `None` when there was none.
    pub answer: Option<Answer>,
    /// Why it failed.
    pub error: Option<ScrapeError>,
    /// The first line that could not be read, in lenient text.
    pub first_fault: Option<String>,
}

/// What a target's answer said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The Content-Type header; empty when there was none.
    pub content_type: String,
    /// The format it was read as.
    pub format: Format,
    /// Who answered.
    pub peer: Option<SocketAddr>,
    /// Redirects that were followed.
    pub redirects: u32,
    /// Whether an idle connection was used.
    pub reused: bool,
    /// Bytes of the body on the wire, before inflation.
    pub wire_bytes: u64,
}

/// What the body gave.
struct Got {
    body_bytes: u64,
    timings: Timings,
    answer: Option<Answer>,
    /// What the body was expected to be like.
    kind: Option<Kind>,
    result: Result<(), ScrapeError>,
}

impl Scraping {
    /// Scrapes a target once, within `timeout`, and delivers what it gave.
    pub fn scrape(&self, prepared: &Prepared, timeout: Duration, scratch: &mut Scratch) -> Outcome {
        let settings = self.settings.load();
        let endpoint = settings.endpoint_metering.then(|| prepared.target.url());
        let (began, began_ms) = (Instant::now(), unix_ms());
        scratch.fit(settings.max_line_bytes);
        let Scratch { series, window, parsers, fingerprints, .. } = scratch;
        let mut sink = SeriesSink::begin(prepared, series, began_ms, endpoint.as_deref(), settings.debug);
        let got = self.fetch_into(prepared, timeout, &settings, window, parsers, &mut sink);
        let duration = began.elapsed();
        let error = got.result.err();
        if error.is_some() {
            sink.discard(endpoint.as_deref());
            sink.tally.kept = 0;
        }
        let outcome = Outcome {
            began_ms,
            duration,
            tally: sink.tally,
            body_bytes: got.body_bytes,
            timings: got.timings,
            answer: got.answer,
            error,
            first_fault: sink.first_fault.as_ref().map(ToString::to_string),
        };
        report(&mut sink, &settings, prepared, timeout, &outcome);
        self.deliver(series, fingerprints, began_ms);
        let known = lesson::end(&self.known, prepared, got.kind, series, outcome.error.is_none());
        COUNTERS.samples_known.add(known);
        count(&outcome);
        outcome
    }

    fn fetch_into(
        &self,
        prepared: &Prepared,
        timeout: Duration,
        settings: &ScrapeSettings,
        window: &mut Window,
        parsers: &mut Vec<(Format, Options, Parser)>,
        sink: &mut SeriesSink<'_>,
    ) -> Got {
        let mut response = match self.fetcher.fetch(&prepared.target, timeout) {
            Ok(response) => response,
            Err(error) => {
                let result = Err(ScrapeError::Fetch(error));
                return Got { body_bytes: 0, timings: Timings::default(), answer: None, kind: None, result };
            }
        };
        let ContentType { format, fallback } = content_type::of(&response.content_type);
        if fallback {
            COUNTERS.content_type_fallbacks.add(1);
        }
        let kind = lesson::begin(&self.known, prepared, format, sink);
        let options = Options { strict_text: settings.strict_text };
        let parser = parser_for(parsers, format, options);
        let result = pump(&mut response.body, window, parser, sink).map(drop).map_err(|error| match error {
            PumpError::Read(error) => ScrapeError::Fetch(FetchError::from_io(error)),
            PumpError::Fault(fault) => ScrapeError::Parse(fault),
            PumpError::Overlong(fault, limit) => ScrapeError::Overlong { fault, limit },
            PumpError::Sink => {
                let breach = sink.breach.take();
                ScrapeError::Limit(breach.expect("a sink only stops a body for a limit it has noted"))
            }
        });
        let answer = Answer {
            content_type: response.content_type,
            format,
            peer: response.peer,
            redirects: response.redirects,
            reused: response.reused,
            wire_bytes: response.body.wire_bytes(),
        };
        let body_bytes = response.body.inflated_bytes();
        Got { body_bytes, timings: response.timings, answer: Some(answer), kind, result }
    }

    /// Adds the help records that are due and hands everything over.
    fn deliver(&self, series: &mut SeriesScratch, fingerprints: &mut Vec<u64>, began_ms: i64) {
        let SeriesScratch { families, encoder, debug_lines, .. } = series;
        fingerprints.clear();
        families.needed(|family| fingerprints.push(family.fingerprint()));
        self.help.take_due(self.outlet.session(), Instant::now(), fingerprints);
        if !fingerprints.is_empty() {
            fingerprints.sort_unstable();
            families.needed(|family| {
                if fingerprints.binary_search(&family.fingerprint()).is_ok() {
                    encoder.help(family.name, family.help, family.kind.as_str());
                }
            });
        }
        let packs = encoder.finish();
        if !packs.is_empty() {
            self.outlet.deliver(ScrapedBatch { time_ms: began_ms, packs });
        }
        if !debug_lines.is_empty() {
            self.outlet.debug_lines(debug_lines);
        }
    }
}

/// The parser for a format, made when first needed and used again after that.
fn parser_for(parsers: &mut Vec<(Format, Options, Parser)>, format: Format, options: Options) -> &mut Parser {
    let at = match parsers.iter().position(|(of, with, _)| (*of, *with) == (format, options)) {
        Some(at) => at,
        None => {
            parsers.retain(|(of, _, _)| *of != format);
            parsers.push((format, options, Parser::new(format, options)));
            parsers.len() - 1
        }
    };
    &mut parsers[at].2
}

/// The series that tell of the scrape itself, as Prometheus adds them.
fn report(
    sink: &mut SeriesSink<'_>,
    settings: &ScrapeSettings,
    prepared: &Prepared,
    timeout: Duration,
    outcome: &Outcome,
) {
    if !settings.report_series {
        return;
    }
    let tally = &outcome.tally;
    let series = [
        ("up", if outcome.error.is_none() { 1.0 } else { 0.0 }),
        ("scrape_duration_seconds", outcome.duration.as_secs_f64()),
        ("scrape_samples_scraped", tally.scraped as f64),
        ("scrape_samples_post_metric_relabeling", tally.post_relabel as f64),
    ];
    let extra = [
        ("scrape_timeout_seconds", timeout.as_secs_f64()),
        ("scrape_sample_limit", prepared.target.job.limits.samples as f64),
        ("scrape_body_size_bytes", outcome.body_bytes as f64),
    ];
    let extra = extra.into_iter().filter(|_| settings.extra_series);
    for (name, value) in series.into_iter().chain(extra) {
        sink.report(name, value);
    }
}

fn count(outcome: &Outcome) {
    let class = outcome.error.as_ref().map_or(ErrorClass::None, ScrapeError::class);
    COUNTERS.scrapes[class.index()].add(1);
    COUNTERS.samples_scraped.add(outcome.tally.scraped);
    COUNTERS.samples_kept.add(outcome.tally.kept);
    COUNTERS.body_bytes.add(outcome.body_bytes);
    for (reason, dropped) in outcome.tally.drops() {
        COUNTERS.samples_dropped[reason as usize].add(dropped);
    }
}

/// Unix milliseconds by the system's clock.
pub fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
