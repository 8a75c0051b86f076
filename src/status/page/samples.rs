//! `/samples?target=ID`: a target's first samples, and what became of each on its way.

use super::html::Text;
use super::words::Words;
use super::{age, frame};
use crate::scrape::state::TargetState;
use crate::status::Sources;
use crate::status::http::{Request, Response};
use crate::status::samples::{Look, NoLook, Seen};
use std::io::{self, Write};
use std::sync::Arc;

/// Answers with the page, or says why there is none.
pub(super) fn answer(sources: &Sources, request: &Request) -> Response {
    let words = Words::for_header(&request.accept_language);
    let id = request.param("target").unwrap_or("");
    let targets = sources.targets.snapshot();
    let Some(state) = targets.iter().find(|state| super::id_text(state.target.id()) == id).cloned() else {
        return Response::text(404, &format!("{}\n", words.no_such_target));
    };
    if request.method == "HEAD" {
        return Response::new(200, super::HTML, Vec::new()); // a head needs no fetch
    }
    let Some(captures) = &sources.samples else {
        return Response::text(404, &format!("{}\n", words.no_such_target));
    };
    match captures.look(&state.target, state.timeout()) {
        Ok(look) => Response::stream(super::HTML, move |out| write(out, words, &state, &look)),
        Err(NoLook::Busy) => Response::text(429, &format!("{}\n", words.busy)),
        Err(NoLook::Stopping) => Response::text(503, "the agent stops\n"),
    }
}

fn write(out: &mut dyn Write, words: &Words, state: &Arc<TargetState>, look: &Look) -> io::Result<()> {
    let target = &*state.target;
    frame::open(out, words, words.samples)?;
    writeln!(
        out,
        "<h1 class=\"subject\"><b>{}</b> <span class=\"url\">{}</span></h1><p class=\"quiet\">{} {} · {}</p>",
        Text(&target.job.name),
        Text(target.url()),
        words.look_note,
        age::moment(look.began_ms),
        age::duration(look.duration),
    )?;
    if let Some(error) = &look.error {
        writeln!(out, "<section class=\"trouble\"><h2>{}</h2><p>{}</p></section>", words.look_failed, Text(error))?;
    }
    if look.cut {
        writeln!(out, "<p class=\"note\">{}</p>", words.cut_note)?;
    }
    if look.samples.is_empty() {
        write!(out, "<p class=\"empty\">{}</p>", words.no_samples)?;
        return frame::close(out);
    }
    writeln!(
        out,
        "<table class=\"taken\"><thead><tr><th>{}</th><th class=\"num\">{}</th><th>{}</th></tr></thead><tbody>",
        words.exposed, words.value, words.became
    )?;
    for seen in &look.samples {
        row(out, words, seen)?;
    }
    out.write_all(b"</tbody></table>\n")?;
    frame::close(out)
}

fn row(out: &mut dyn Write, words: &Words, seen: &Seen) -> io::Result<()> {
    let class = if seen.fate.is_ok() { "kept" } else { "gone" };
    write!(out, "<tr class=\"{class}\"><td><code>{}</code></td>", Text(&seen.exposed))?;
    write!(out, "<td class=\"num\">{}</td><td>", seen.value)?;
    match &seen.fate {
        Ok(sent) => write!(out, "{} <code>{}</code>", words.unchanged, Text(sent))?,
        Err(reason) => write!(out, "<b>{}</b>: {}", words.not_sent, Text(reason))?,
    }
    for effect in &seen.effects {
        write!(out, "<div class=\"quiet\">{}</div>", Text(effect))?;
    }
    out.write_all(b"</td></tr>\n")
}
