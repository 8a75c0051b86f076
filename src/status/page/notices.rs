//! The top of the page: what is wrong with the agent itself, then its totals.

use super::age;
use super::html::Text;
use super::words::Words;
use crate::status::overview::Overview;
use std::io::{self, Write};

/// Faults of the configuration that are listed.
const MAX_FAULTS: usize = 20;

/// Writes what keeps the agent from its work, each with its reason; nothing when all is well.
pub(super) fn troubles(out: &mut dyn Write, overview: &Overview, words: &Words) -> io::Result<()> {
    let session = &overview.session;
    if !session.connected {
        let why = session.last_error.as_deref().unwrap_or("");
        trouble(out, words.session_down, why)?;
    }
    if let Some(fault) = &session.spool_fault {
        trouble(out, words.spool_fault, fault)?;
    }
    let configuration = &overview.configuration;
    if configuration.faults.is_empty() {
        return Ok(());
    }
    let weight = if configuration.successful { "note" } else { "trouble" };
    write!(out, "<section class=\"{weight}\"><h2>{}</h2>", words.config_faults)?;
    if !configuration.successful {
        write!(out, "<p>{}</p>", words.last_good)?;
    }
    out.write_all(b"<ul>")?;
    for fault in configuration.faults.iter().take(MAX_FAULTS) {
        write!(out, "<li><code>{}</code></li>", Text(fault))?;
    }
    if let Some(left @ 1..) = configuration.faults.len().checked_sub(MAX_FAULTS) {
        write!(out, "<li>+{left}</li>")?;
    }
    out.write_all(b"</ul></section>\n")
}

fn trouble(out: &mut dyn Write, title: &str, why: &str) -> io::Result<()> {
    writeln!(out, "<section class=\"trouble\"><h2>{title}</h2><p>{}</p></section>", Text(why))
}

/// Writes the totals.
pub(super) fn totals(out: &mut dyn Write, overview: &Overview, words: &Words) -> io::Result<()> {
    let (counts, session) = (&overview.targets, &overview.session);
    out.write_all(b"<dl class=\"totals\">\n")?;
    for (class, href, name, count) in [
        ("down", "/targets?health=down", words.down, counts.down),
        ("up", "/targets?health=up", words.up, counts.up),
        ("unknown", "/targets?health=unknown", words.unknown, counts.unknown),
        ("dropped", "#dropped", words.dropped, counts.dropped),
    ] {
        let none = if count == 0 { " none" } else { "" };
        let number = age::count(count as u64);
        writeln!(out, "<div class=\"{class}{none}\"><dt>{name}</dt><dd><a href=\"{href}\">{number}</a></dd></div>")?;
    }
    let since = if session.since_ms > 0 { age::span(overview.now_ms - session.since_ms, words) } else { String::new() };
    let state = if session.connected { words.connected } else { words.disconnected };
    fact(out, words.server, state, &[&session.server, &since])?;
    let disk = if session.spool_bytes > 0 {
        format!("{} {}", age::size(session.spool_bytes), words.on_disk)
    } else {
        String::new()
    };
    fact(out, words.waiting, &age::size(session.queue_bytes), &[&disk])?;
    let records = format!("{} {}", age::count(session.records_sent), words.records);
    fact(out, words.sent, &age::size(session.bytes_sent), &[&records])?;
    let running = age::span(overview.now_ms - overview.started_ms, words);
    fact(out, words.memory, &age::size(overview.resident_bytes), &[&format!("{} {running}", words.running)])?;
    out.write_all(b"</dl>\n")
}

fn fact(out: &mut dyn Write, name: &str, value: &str, small: &[&str]) -> io::Result<()> {
    write!(out, "<div class=\"fact\"><dt>{name}</dt><dd>{}", Text(value))?;
    for text in small.iter().filter(|text| !text.is_empty()) {
        write!(out, " <small>{}</small>", Text(text))?;
    }
    out.write_all(b"</dd></div>\n")
}
