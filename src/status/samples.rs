//! A look at one target's samples: a fetch of its own, made when somebody asks, beside the schedule. Nothing of it is
//! sent, nothing is counted, and the scrapes that are due go on over their own connection.
//!
//! # Invariants
//! - One look at a time, within the target's own timeout; another one of the same target within [`FRESH`] is shown the
//!   same again, so that a page cannot be used to flood a target.
//! - At most [`MAX_SAMPLES`] samples and [`MAX_BYTES`] of text, of one target; nothing is kept per target.
//! - What becomes of a sample is decided by the very code that scrapes.

use crate::discovery::Target;
use crate::discovery::target::TargetId;
use crate::exposition::window::{Window, pump};
use crate::exposition::{Fault, Flow, NativeHistogram, Options, Parser, PumpError, Sample, Sink, content_type};
use crate::labels::{LabelBuf, LabelView, NAME};
use crate::relabel::{self, Outcome};
use crate::scrape::failure::ScrapeError;
use crate::scrape::fetch::{FetchError, Fetcher};
use crate::scrape::join::join;
use crate::scrape::prepared::{PCODE, Prepared};
use crate::scrape::run::{Scraping, unix_ms};
use crate::scrape::series::{SeriesScratch, SeriesSink};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// Samples of one look.
pub const MAX_SAMPLES: usize = 1000;
/// Bytes of text of one look.
pub const MAX_BYTES: usize = 512 << 10;
/// Bytes of one text of a look; a longer one is cut.
const MAX_TEXT: usize = 4 << 10;
/// A look at a target is shown again for this long.
pub const FRESH: Duration = Duration::from_secs(5);

/// One sample and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// As the target exposes it: name and labels.
    pub exposed: String,
    /// Its value; a native histogram's sum.
    pub value: f64,
    /// What rules did to it, a line each.
    pub effects: Vec<String>,
    /// Name and labels as sent, or why it is not.
    pub fate: Result<String, String>,
}

/// One look at a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// When it began, Unix milliseconds.
    pub began_ms: i64,
    /// How long it took.
    pub duration: Duration,
    /// The first samples, in the order of the body.
    pub samples: Vec<Seen>,
    /// Whether the body holds more than is shown.
    pub cut: bool,
    /// Why it failed; what came before is shown all the same.
    pub error: Option<String>,
}

/// Why there is no look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLook {
    /// Another one is under way.
    Busy,
    /// The agent stops.
    Stopping,
}

/// Takes looks, one at a time.
pub struct Captures {
    scraping: Arc<Scraping>,
    /// The last look, for [`FRESH`]; locked while one is taken.
    last: Mutex<Option<(TargetId, Instant, Arc<Look>)>>,
    /// The fetcher of the look under way, to break it off.
    under_way: Mutex<UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    fetcher: Option<Arc<Fetcher>>,
    stopped: bool,
}

impl Captures {
    /// Looks through the settings of these scrapes.
    pub fn new(scraping: Arc<Scraping>) -> Self {
        Self { scraping, last: Mutex::default(), under_way: Mutex::default() }
    }

    /// Looks at a target within `timeout`.
    ///
    /// # Errors
    /// While another look is under way, or the agent stops.
    pub fn look(&self, target: &Arc<Target>, timeout: Duration) -> Result<Arc<Look>, NoLook> {
        let mut last = match self.last.try_lock() {
            Ok(last) => last,
            Err(TryLockError::WouldBlock) => return Err(NoLook::Busy),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        if let Some((id, at, look)) = &*last
            && *id == target.id()
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(look));
        }
        *last = None; // two looks at once would be twice the memory
        let fetcher = self.begin().ok_or(NoLook::Stopping)?;
        let look = Arc::new(take(&self.scraping, &fetcher, target, timeout));
        self.lock().fetcher = None;
        *last = Some((target.id(), Instant::now(), Arc::clone(&look)));
        Ok(look)
    }

    /// Breaks off the look under way; no other one begins.
    pub fn stop(&self) {
        let mut under_way = self.lock();
        under_way.stopped = true;
        if let Some(fetcher) = under_way.fetcher.take() {
            fetcher.shutdown();
        }
    }

    fn begin(&self) -> Option<Arc<Fetcher>> {
        let mut under_way = self.lock();
        if under_way.stopped {
            return None;
        }
        let fetcher = Arc::new(self.scraping.fetcher.apart());
        under_way.fetcher = Some(Arc::clone(&fetcher));
        Some(fetcher)
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Captures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Captures").finish_non_exhaustive()
    }
}

fn take(scraping: &Scraping, fetcher: &Fetcher, target: &Arc<Target>, timeout: Duration) -> Look {
    let (began, began_ms) = (Instant::now(), unix_ms());
    let settings = scraping.settings.load();
    let prepared = Prepared::new(Arc::clone(target), settings.pcode);
    let mut scratch = SeriesScratch::new();
    let mut sink = Watching {
        prepared: &prepared,
        series: SeriesSink::begin(&prepared, &mut scratch, began_ms, None, false),
        labels: LabelBuf::new(),
        exported: String::new(),
        relabel: relabel::Scratch::default(),
        samples: Vec::new(),
        bytes: 0,
        cut: false,
    };
    let error = read(fetcher, target, timeout, settings.max_line_bytes, settings.strict_text, &mut sink).err();
    let (samples, cut) = (sink.samples, sink.cut);
    Look { began_ms, duration: began.elapsed(), samples, cut, error: error.map(|error| error.to_string()) }
}

fn read(
    fetcher: &Fetcher,
    target: &Target,
    timeout: Duration,
    max_line_bytes: usize,
    strict_text: bool,
    sink: &mut Watching<'_>,
) -> Result<(), ScrapeError> {
    let mut response = fetcher.fetch(target, timeout).map_err(ScrapeError::Fetch)?;
    let format = content_type::of(&response.content_type).format;
    let mut parser = Parser::new(format, Options { strict_text });
    let mut window = Window::new(max_line_bytes);
    match pump(&mut response.body, &mut window, &mut parser, sink) {
        Ok(_) => Ok(()),
        Err(PumpError::Read(error)) => Err(ScrapeError::Fetch(FetchError::from_io(error))),
        Err(PumpError::Fault(fault)) => Err(ScrapeError::Parse(fault)),
        Err(PumpError::Overlong(fault, limit)) => Err(ScrapeError::Overlong { fault, limit }),
        Err(PumpError::Sink) => sink.series.breach.take().map_or(Ok(()), |breach| Err(ScrapeError::Limit(breach))),
    }
}

/// Gives each sample to the code that scrapes, and writes down what it does with it.
struct Watching<'a> {
    prepared: &'a Prepared,
    series: SeriesSink<'a>,
    labels: LabelBuf,
    exported: String,
    relabel: relabel::Scratch,
    samples: Vec<Seen>,
    bytes: usize,
    cut: bool,
}

impl Watching<'_> {
    fn see(
        &mut self,
        name: &str,
        labels: LabelView<'_>,
        value: f64,
        scrape: impl FnOnce(&mut SeriesSink<'_>) -> Flow,
    ) -> Flow {
        if self.samples.len() >= MAX_SAMPLES || self.bytes >= MAX_BYTES {
            self.cut = true;
            return Flow::Break(());
        }
        let before = self.series.tally;
        let flow = scrape(&mut self.series);
        let after = self.series.tally;
        let (effects, relabelled) = self.relabel(name, labels);
        let reason = after.drops().find(|(reason, count)| before.dropped(*reason) < *count).map(|(reason, _)| reason);
        let fate = match (reason, &self.series.breach) {
            (Some(reason), _) => Err(reason.explanation().to_owned()),
            (None, Some(breach)) => Err(breach.to_string()),
            (None, None) => Ok(relabelled),
        };
        let fate = fate.map(clip).map_err(clip);
        let effects = effects.into_iter().map(clip).collect();
        let seen = Seen { exposed: clip(braced(name, labels)), value, effects, fate };
        self.bytes += seen.bytes();
        self.samples.push(seen);
        flow
    }

    /// What rules do to a sample, told in lines, and what it is after them and with what is added last.
    fn relabel(&mut self, name: &str, labels: LabelView<'_>) -> (Vec<String>, String) {
        let joined = &mut self.labels;
        join(joined, &mut self.exported, name, labels, self.prepared);
        let rules = &self.prepared.target.job.metric_relabel;
        let mut effects = Vec::new();
        if !rules.is_empty() {
            let (outcome, explanation) = rules.explain(joined, &mut self.relabel);
            let told = explanation.steps.iter().filter(|step| step.has_effect());
            effects = told.map(ToString::to_string).collect();
            if matches!(outcome, Outcome::DroppedBy(_)) {
                return (effects, String::new());
            }
        }
        for (label, value) in self.prepared.external.iter() {
            if joined.value(label).is_none() {
                joined.push(label, value);
            }
        }
        joined.set(PCODE, &self.prepared.pcode);
        let name = joined.value(NAME).unwrap_or_default().to_owned();
        joined.remove(NAME);
        let text = braced(&name, joined.view());
        (effects, text)
    }
}

impl Sink for Watching<'_> {
    fn sample(&mut self, sample: &Sample<'_>) -> Flow {
        self.see(sample.name, sample.labels, sample.value, |series| series.sample(sample))
    }

    fn histogram(&mut self, histogram: &NativeHistogram<'_>) -> Flow {
        self.see(histogram.name, histogram.labels, histogram.sum, |series| series.histogram(histogram))
    }

    fn skipped(&mut self, fault: &Fault) {
        if self.samples.len() < MAX_SAMPLES && self.bytes < MAX_BYTES {
            let fate = Err(clip(format!("line {fault}")));
            let seen = Seen { exposed: String::new(), value: f64::NAN, effects: Vec::new(), fate };
            self.bytes += seen.bytes();
            self.samples.push(seen);
        }
    }
}

impl Seen {
    fn bytes(&self) -> usize {
        let fate = match &self.fate {
            Ok(text) | Err(text) => text.len(),
        };
        self.exposed.len() + fate + self.effects.iter().map(String::len).sum::<usize>() + size_of::<Self>()
    }
}

/// `name{label="value",…}`, without braces where there are no labels.
fn braced(name: &str, labels: LabelView<'_>) -> String {
    if labels.is_empty() { name.to_owned() } else { format!("{name}{labels}") }
}

/// Cuts a text that is too long to be looked at.
fn clip(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(clip("short".to_owned()), "short");
        let cut = clip("한".repeat(MAX_TEXT));
        assert!(cut.len() <= MAX_TEXT + '…'.len_utf8() && cut.ends_with("한…"), "{}", cut.len());
    }
}
