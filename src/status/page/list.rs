//! `/targets`: totals, filter, one line per target with the failing ones first, and the dropped ones with their rule.
//!
//! # Invariants
//! The order is one that a reader can rely on: down, not scraped yet, up; within each by job, then by URL.

use super::filter::Filter;
use super::html::Text;
use super::row::Row;
use super::words::Words;
use super::{age, frame, labels, notices};
use crate::scrape::state::{Health, TargetState};
use crate::status::Sources;
use crate::status::dropped::DroppedTarget;
use crate::status::http::Request;
use crate::status::overview::Overview;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

/// Targets on one page.
const PAGE: usize = 1000;
/// Dropped targets that are shown.
const DROPPED: usize = 200;

/// What a page is made of: shared lists, nothing per target but its place.
pub(super) struct Page {
    words: &'static Words,
    filter: Filter,
    overview: Overview,
    states: Arc<Vec<Arc<TargetState>>>,
    dropped: Arc<Vec<DroppedTarget>>,
    samples: bool,
}

impl Page {
    pub(super) fn of(sources: &Sources, request: &Request) -> Self {
        Self {
            words: Words::for_header(&request.accept_language),
            filter: Filter::of(request),
            overview: Overview::of(sources),
            states: sources.targets.snapshot(),
            dropped: sources.dropped.snapshot(),
            samples: sources.samples.is_some(),
        }
    }

    /// Writes the page.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let found = self.found();
        let first = (self.filter.page - 1).saturating_mul(PAGE).min(found.len());
        let shown = &found[first..(first + PAGE).min(found.len())];
        frame::open(out, self.words, self.words.targets)?;
        notices::troubles(out, &self.overview, self.words)?;
        notices::totals(out, &self.overview, self.words)?;
        self.form(out, self.filter.is_open() && shown.len() == self.states.len())?;
        self.count(out, shown.len())?;
        self.rows(out, shown)?;
        self.pager(out, found.len())?;
        self.dropped(out)?;
        frame::close(out)
    }

    /// The targets asked for, as places in the list, in the order of the page.
    fn found(&self) -> Vec<u32> {
        let mut found: Vec<(u8, u32)> = Vec::new();
        for (index, state) in self.states.iter().enumerate() {
            let report = state.report();
            if self.filter.takes(state, &report) {
                found.push((rank(report.health), index as u32));
            }
        }
        let place = |index: u32| {
            let target = &self.states[index as usize].target;
            (&target.job.name, &target.address, &target.path_and_query)
        };
        found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| place(a.1).cmp(&place(b.1))));
        found.into_iter().map(|(_, index)| index).collect()
    }

    fn form(&self, out: &mut dyn Write, whole: bool) -> io::Result<()> {
        let (words, filter) = (self.words, &self.filter);
        let whole = if whole { " data-whole" } else { "" };
        write!(
            out,
            "<form class=\"filter\" action=\"/targets\" method=\"get\"{whole}><input type=\"search\" name=\"q\" value=\"{}\" \
             placeholder=\"{search}\" aria-label=\"{search}\" autocomplete=\"off\" spellcheck=\"false\">",
            Text(&filter.text),
            search = words.search,
        )?;
        let healths = [Health::Down, Health::Up, Health::Unknown];
        let healths = healths.map(|health| (health.as_str(), words.of_health(health)));
        let chosen = filter.health.map(Health::as_str);
        select(out, ("health", words.health, words.all), healths.into_iter(), chosen)?;
        let jobs: BTreeSet<&str> = self.states.iter().map(|state| &*state.target.job.name).collect();
        let jobs = jobs.into_iter().map(|job| (job, job));
        select(out, ("job", words.job, words.all), jobs, filter.job.as_deref())?;
        write!(out, "<button>{}</button>", words.filter)?;
        if !filter.is_open() {
            write!(out, " <a class=\"clear\" href=\"/targets\">{}</a>", words.clear)?;
        }
        out.write_all(b"</form>\n")
    }

    fn count(&self, out: &mut dyn Write, shown: usize) -> io::Result<()> {
        let all = age::count(self.states.len() as u64);
        let sentence = |number: &str| Words::fill(self.words.shown, number, &all);
        // the script puts its own number where this one stands
        let marked = sentence(&format!("<span id=\"shown\">{}</span>", age::count(shown as u64)));
        writeln!(out, "<p class=\"count\" role=\"status\">{marked}</p>")
    }

    fn rows(&self, out: &mut dyn Write, shown: &[u32]) -> io::Result<()> {
        let words = self.words;
        if shown.is_empty() {
            let why = if self.states.is_empty() { words.no_targets } else { words.nothing_matches };
            return writeln!(out, "<p class=\"empty\">{why}</p>");
        }
        out.write_all(b"<section class=\"targets\">\n<div class=\"row head\" aria-hidden=\"true\">")?;
        for (class, name) in [
            ("", words.health),
            ("", words.target),
            ("chart", words.last_30),
            ("num", words.duration),
            ("num", words.samples),
            ("num", words.size),
            ("num", words.last_scrape),
            ("num", words.next_scrape),
            ("num", words.lane),
        ] {
            write!(out, "<span class=\"{class}\">{name}</span>")?;
        }
        out.write_all(b"</div>\n")?;
        let row = Row { words, now_ms: self.overview.now_ms, samples: self.samples };
        for index in shown {
            let state = &self.states[*index as usize];
            row.write(out, state, &state.report())?;
        }
        out.write_all(b"</section>\n")
    }

    fn pager(&self, out: &mut dyn Write, found: usize) -> io::Result<()> {
        let (pages, page) = (found.div_ceil(PAGE), self.filter.page);
        if pages <= 1 {
            return Ok(());
        }
        out.write_all(b"<nav class=\"pager\">")?;
        if page > 1 {
            let to = (page - 1).min(pages);
            write!(out, "<a href=\"{}\">{}</a> ", Text(self.filter.href(to)), self.words.previous)?;
        }
        write!(out, "<span>{} / {pages}</span>", page.min(pages))?;
        if page < pages {
            write!(out, " <a href=\"{}\">{}</a>", Text(self.filter.href(page + 1)), self.words.next)?;
        }
        out.write_all(b"</nav>\n")
    }

    fn dropped(&self, out: &mut dyn Write) -> io::Result<()> {
        let asked = || self.dropped.iter().filter(|one| self.filter.takes_dropped(one));
        let count = asked().count();
        if count == 0 {
            return Ok(());
        }
        let title = self.words.dropped_targets;
        write!(
            out,
            "<section class=\"dropped-list\" id=\"dropped\"><h2>{title} <small>{}</small></h2>",
            age::count(count as u64)
        )?;
        for one in asked().take(DROPPED) {
            let discovered = one.discovered.unpack();
            let address = discovered.value("__address__").or_else(|| discovered.value("instance")).unwrap_or("");
            write!(
                out,
                "<details class=\"target gone\"><summary class=\"row\"><span class=\"health\">{}</span><span class=\"what\">\
                 <b>{}</b> <span class=\"url\">{}</span><span class=\"reason\">{}</span></span></summary><div class=\"more\">",
                self.words.dropped,
                Text(&one.job),
                Text(address),
                Text(&one.reason),
            )?;
            labels::table(out, &discovered)?;
            out.write_all(b"</div></details>\n")?;
        }
        if let Some(left @ 1..) = count.checked_sub(DROPPED) {
            write!(out, "<p class=\"quiet\">{}</p>", self.words.more.replace("{}", &age::count(left as u64)))?;
        }
        out.write_all(b"</section>\n")
    }
}

fn rank(health: Health) -> u8 {
    match health {
        Health::Down => 0,
        Health::Unknown => 1,
        Health::Up => 2,
    }
}

/// Writes a select: its name, label and the word for no choice; then values with their words.
fn select<'a>(
    out: &mut dyn Write,
    (name, label, all): (&str, &str, &str),
    options: impl Iterator<Item = (&'a str, &'a str)>,
    chosen: Option<&str>,
) -> io::Result<()> {
    write!(out, "<label><span>{label}</span> <select name=\"{name}\"><option value=\"\">{all}</option>")?;
    for (value, word) in options {
        let selected = if chosen == Some(value) { " selected" } else { "" };
        write!(out, "<option value=\"{}\"{selected}>{}</option>", Text(value), Text(word))?;
    }
    out.write_all(b"</select></label>")
}
