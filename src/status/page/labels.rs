//! A target unfolded: discovered labels → what each rule did → final labels.

use super::html::Text;
use super::words::Words;
use crate::discovery::Target;
use crate::labels::{LabelBuf, Labels};
use crate::relabel::{Explanation, Scratch, Step};
use std::io::{self, Write};

/// Writes the three columns.
pub(super) fn write(out: &mut dyn Write, target: &Target, words: &Words) -> io::Result<()> {
    let discovered = super::discovered(target);
    out.write_all(b"<div class=\"way\">")?;
    write!(out, "<section><h3>{}</h3>", words.discovered_labels)?;
    table(out, &discovered)?;
    write!(out, "</section><section><h3>{}</h3>", words.rules)?;
    if target.job.relabel.is_empty() {
        write!(out, "<p class=\"quiet\">{}</p>", words.no_rules)?;
    } else {
        let mut labels = LabelBuf::new();
        labels.extend(discovered.view());
        let (_, explanation) = target.job.relabel.explain(&mut labels, &mut Scratch::default());
        rules(out, &explanation, words)?;
    }
    write!(out, "</section><section><h3>{}</h3>", words.final_labels)?;
    table(out, &target.labels)?;
    out.write_all(b"</section></div>")
}

/// Writes labels as a table of names and values.
pub(super) fn table(out: &mut dyn Write, labels: &Labels) -> io::Result<()> {
    out.write_all(b"<table class=\"labels\">")?;
    for (name, value) in labels.iter() {
        write!(out, "<tr><th>{}</th><td>{}</td></tr>", Text(name), Text(value))?;
    }
    out.write_all(b"</table>")
}

fn rules(out: &mut dyn Write, explanation: &Explanation, words: &Words) -> io::Result<()> {
    out.write_all(b"<ol class=\"rules\">")?;
    for step in &explanation.steps {
        let class = if step.has_effect() { "" } else { " class=\"idle\"" };
        write!(out, "<li{class}><code>{}</code>", Text(&step.text))?;
        effect(out, step, words)?;
        out.write_all(b"</li>")?;
    }
    out.write_all(b"</ol>")
}

fn effect(out: &mut dyn Write, step: &Step, words: &Words) -> io::Result<()> {
    if step.dropped {
        return write!(out, "<div class=\"gone\">{}</div>", words.rule_dropped);
    }
    if !step.has_effect() {
        return write!(out, "<div class=\"quiet\">{}</div>", words.no_effect);
    }
    for set in step.set.iter().filter(|set| set.before.as_ref() != Some(&set.after)) {
        write!(out, "<div class=\"set\">{} = {}", Text(&set.name), Text(&set.after))?;
        if let Some(before) = &set.before {
            write!(out, " <span class=\"quiet\">({} {})</span>", words.was, Text(before))?;
        }
        out.write_all(b"</div>")?;
    }
    if !step.removed.is_empty() {
        write!(out, "<div class=\"gone\">{}: {}</div>", words.removed, Text(step.removed.join(", ")))?;
    }
    Ok(())
}
