//! One target on the page: a line that says how it is and why, and what unfolds under it.

use super::html::Text;
use super::words::Words;
use super::{age, filter, labels, sparkline};
use crate::duration;
use crate::scrape::state::{Lane, Report, TargetState};
use std::io::{self, Write};

/// What all rows share.
pub(super) struct Row<'a> {
    pub(super) words: &'a Words,
    pub(super) now_ms: i64,
    /// Whether pages can look at samples.
    pub(super) samples: bool,
}

impl Row<'_> {
    /// Writes a target.
    pub(super) fn write(&self, out: &mut dyn Write, state: &TargetState, report: &Report) -> io::Result<()> {
        let id = super::id_text(state.target.id());
        let health = report.health.as_str();
        write!(
            out,
            "<details class=\"target {health}\" id=\"t{id}\" data-health=\"{health}\" data-job=\"{}\" data-text=\"{}\">",
            Text(&state.target.job.name),
            Text(filter::searched(state, report).to_lowercase()),
        )?;
        self.summary(out, state, report)?;
        out.write_all(b"<div class=\"more\">")?;
        self.facts(out, state, report, &id)?;
        labels::write(out, &state.target, self.words)?;
        out.write_all(b"</div></details>\n")
    }

    fn summary(&self, out: &mut dyn Write, state: &TargetState, report: &Report) -> io::Result<()> {
        let (words, target) = (self.words, &*state.target);
        write!(
            out,
            "<summary class=\"row\"><span class=\"health\">{}</span><span class=\"what\"><b>{}</b> <span class=\"url\">{}</span>",
            words.of_health(report.health),
            Text(&target.job.name),
            Text(target.url()),
        )?;
        if let Some(error) = &report.error {
            let class = words.of_class(error.class());
            let text = error.to_string();
            // English reasons often begin with those very words
            let text = text.strip_prefix(class).map_or(text.as_str(), str::trim_start);
            write!(out, "<span class=\"reason\"><b>{class}</b> {}</span>", Text(text))?;
        }
        write!(out, "</span><span class=\"chart\">{}</span>", sparkline::svg(&report.history, words.last_30))?;
        let scraped = report.scrapes > 0;
        let figure = |text: String| if scraped { text } else { "–".to_owned() };
        let lane = if report.lane == Lane::Slow { words.slow } else { words.fast };
        for (class, name, text) in [
            ("duration", words.duration, figure(age::duration(report.duration))),
            ("samples", words.samples, figure(age::count(report.tally.scraped))),
            ("size", words.size, figure(age::size(report.body_bytes))),
            ("last", words.last_scrape, age::ago(report.last_scrape, self.now_ms, words)),
            ("next", words.next_scrape, age::until(report.next_due, self.now_ms, words)),
            ("lane", words.lane, lane.to_owned()),
        ] {
            write!(out, "<span class=\"num {class}\" data-name=\"{name}\">{text}</span>")?;
        }
        out.write_all(b"</summary>")
    }

    fn facts(&self, out: &mut dyn Write, state: &TargetState, report: &Report, id: &str) -> io::Result<()> {
        let (words, tally) = (self.words, &report.tally);
        out.write_all(b"<dl class=\"facts\">")?;
        let fact = |out: &mut dyn Write, name: &str, text: &str| {
            write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", Text(text))
        };
        fact(out, words.last_scrape, &age::moment(report.last_scrape))?;
        fact(out, words.interval, &duration::format(state.target.interval))?;
        fact(out, words.timeout, &duration::format(report.timeout))?;
        let failures = format!("{}, {} {}", report.scrapes, report.failures, words.failed);
        fact(out, words.scrapes, &failures)?;
        if report.missed_slots > 0 {
            fact(out, words.missed, &age::count(report.missed_slots))?;
        }
        let (kept, scraped) = (age::count(tally.kept), age::count(tally.scraped));
        fact(out, words.samples, &Words::fill(words.kept_of, &kept, &scraped))?;
        for (reason, count) in tally.drops() {
            fact(out, words.of_drop(reason), &age::count(count))?;
        }
        if let Some(fault) = &report.first_fault {
            fact(out, words.first_fault, fault)?;
        }
        out.write_all(b"</dl>")?;
        if self.samples {
            write!(out, "<p><a class=\"see\" href=\"/samples?target={id}\">{}</a></p>", words.see_samples)?;
        }
        Ok(())
    }
}
