//! Replacement templates: `$1`, `${1}_total`, `$name`, `$$`, as Go's `regexp.Expand` reads them.
//!
//! ```text
//! variable = "$" name / "${" name "}"      name = 1*( letter / digit / "_" ), as long as it goes: $1x is group "1x"
//! dollar   = "$$"                          and a "$" that begins no variable is itself
//! ```

use super::slots::Slots;

/// A template, resolved against the groups of its pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Group(usize),
    /// The first group of these (they share a name) that took part in the match.
    FirstOf(Vec<usize>),
}

impl Template {
    /// Reads a template; a variable that names no group stands for nothing.
    pub fn new(text: &str, groups: &[Option<Box<str>>]) -> Self {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            plain.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                plain.push('$');
                rest = after;
            } else if let Some((name, after)) = variable(rest) {
                rest = after;
                push_text(&mut parts, &mut plain);
                parts.extend(resolve(name, groups));
            } else {
                plain.push('$');
            }
        }
        plain.push_str(rest);
        push_text(&mut parts, &mut plain);
        Self(parts)
    }

    /// The text, when it is the same for every match.
    pub fn fixed(&self) -> Option<&str> {
        match &self.0[..] {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Appends the template with the groups of a match in `text` put in.
    pub fn expand(&self, text: &str, slots: &Slots, out: &mut String) {
        for part in &self.0 {
            let group = match part {
                Part::Text(plain) => {
                    out.push_str(plain);
                    continue;
                }
                Part::Group(group) => slots.group(*group),
                Part::FirstOf(groups) => groups.iter().find_map(|group| slots.group(*group)),
            };
            out.push_str(group.and_then(|range| text.get(range)).unwrap_or_default());
        }
    }
}

fn push_text(parts: &mut Vec<Part>, plain: &mut String) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain).into()));
    }
}

/// The name of the variable that begins behind a `$`, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let body = braced.unwrap_or(text);
    let end = body.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len());
    let (name, rest) = body.split_at(end);
    let rest = if braced.is_some() { rest.strip_prefix('}')? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}

/// The groups a name means: a number without leading zeros, or every group of that name.
fn resolve(name: &str, groups: &[Option<Box<str>>]) -> Option<Part> {
    let number = name.bytes().all(|b| b.is_ascii_digit()) && !(name.len() > 1 && name.starts_with('0'));
    if number {
        let index: usize = name.parse().ok()?;
        return (index < groups.len()).then_some(Part::Group(index));
    }
    let same = |group: &Option<Box<str>>| group.as_deref() == Some(name);
    let named: Vec<usize> = (0..groups.len()).filter(|i| same(&groups[*i])).collect();
    match named[..] {
        [] => None,
        [one] => Some(Part::Group(one)),
        _ => Some(Part::FirstOf(named)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_as_go_does() {
        // what Go's regexp.Expand gives for `(?P<first>\w+)-(\w+)(-x)?` on "ab-cd"
        let groups = [None, Some("first".into()), None, None];
        let mut slots = Slots::default();
        slots.reset(4);
        for (group, range) in [(0, 0..5), (1, 0..2), (2, 3..5)] {
            slots.set(group, range);
        }
        for (template, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$0", "ab-cd"),
            ("$1", "ab"),
            ("${1}x", "abx"),
            ("$1x", ""),
            ("$1_x", ""),
            ("$1-x", "ab-x"),
            ("$first", "ab"),
            ("${first}", "ab"),
            ("$first$2", "abcd"),
            ("$firstx", ""),
            ("$3", ""),
            ("$9", ""),
            ("$01", ""),
            ("$$1", "$1"),
            ("$$$1", "$ab"),
            ("$", "$"),
            ("a$-b$", "a$-b$"),
            ("${1", "${1"),
            ("${", "${"),
            ("${}", "${}"),
            ("${1-}", "${1-}"),
            ("$99999999999999999999", ""),
            ("é$1é", "é"),
            ("é${1}é", "éabé"),
        ] {
            let mut out = String::new();
            Template::new(template, &groups).expand("ab-cd", &slots, &mut out);
            assert_eq!(out, expected, "{template}");
        }
    }

    #[test]
    fn of_groups_with_one_name_the_first_that_matched_is_taken() {
        let groups = [None, Some("n".into()), Some("n".into())];
        let mut slots = Slots::default();
        slots.reset(3);
        slots.set(2, 1..2);
        let mut out = String::new();
        Template::new("<$n>", &groups).expand("ab", &slots, &mut out);
        assert_eq!(out, "<b>");
    }
}
