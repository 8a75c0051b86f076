//! What all commands share of reading arguments.

use super::exit::Exit;
use std::io::Write as _;

/// Every command there is, for the help and the nearest-name hint.
pub const COMMANDS: [&str; 14] = [
    "foreground",
    "standalone",
    "try",
    "collector",
    "check",
    "targets",
    "scrape",
    "parse",
    "relabel",
    "send-sample",
    "status",
    "supervisor",
    "version",
    "help",
];

/// Says which command was not understood and which is nearest to it.
pub fn unknown_command(word: &str) -> Exit {
    let hint =
        nearest(word, COMMANDS.iter().copied()).map(|name| format!("; did you mean {name:?}?")).unwrap_or_default();
    let _ = writeln!(std::io::stderr(), "openagent: unknown command {word:?}{hint} `openagent help` lists them");
    Exit::Usage
}

/// The candidate with the fewest edits from `word`, when it is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) = candidates.map(|name| (edits(word, name), name)).min()?;
    (distance <= 1 + word.len() / 3).then_some(name)
}

/// Levenshtein distance, ignoring ASCII case.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (above + 1).min(row[j] + 1).min(diagonal + usize::from(!x.eq_ignore_ascii_case(y)));
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_command_is_the_one_meant() {
        let name = |word| nearest(word, COMMANDS.iter().copied());
        assert_eq!(name("foregruond"), Some("foreground"));
        assert_eq!(name("chek"), Some("check"));
        assert_eq!(name("Targets"), Some("targets"));
        assert_eq!(name("xyzzy"), None);
    }
}
