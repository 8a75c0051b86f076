//! The known name nearest to one that was written wrongly: commands, configuration keys, values.

/// Characters of a word that are compared; no name is longer.
const LONGEST: usize = 64;

/// The candidate with the fewest edits from `word`, when it is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) = candidates.map(|name| (edits(word, name), name)).min()?;
    (distance <= 1 + word.len().min(LONGEST) / 3).then_some(name)
}

/// `; did you mean "name"?`, or nothing when no candidate is near.
pub fn hint<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

/// Levenshtein distance, ignoring ASCII case; no more than [`LONGEST`] characters of each.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(LONGEST).enumerate() {
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
    fn the_nearest_name_is_the_one_meant() {
        let name = |word| nearest(word, ["foreground", "check", "targets", "metricSelector"].into_iter());
        assert_eq!(name("foregruond"), Some("foreground"));
        assert_eq!(name("chek"), Some("check"));
        assert_eq!(name("Targets"), Some("targets"));
        assert_eq!(name("metric_selector"), Some("metricSelector"));
        assert_eq!(name("xyzzy"), None);
        assert_eq!(name(&"x".repeat(100_000)), None);
    }

    #[test]
    fn a_hint_is_said_only_when_there_is_one() {
        assert_eq!(hint("chek", ["check"].into_iter()), "; did you mean \"check\"?");
        assert_eq!(hint("xyzzy", ["check"].into_iter()), "");
    }
}
