//! Counts of repeats: `{3}`, `{2,}`, `{2,5}`, and the bound that all counts together keep to.

use regex_syntax::hir::{Hir, HirKind};

/// Most repeats that nested counts may multiply to, as in Go.
pub(super) const MAX_REPEATS: u32 = 1000;

/// Reads a count and gives its bounds and its length in bytes.
pub(super) fn read(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let (body, _) = text.strip_prefix('{')?.split_once('}')?;
    let (min, max) = match body.split_once(',') {
        None => (number(body)?, Some(number(body)?)),
        Some((min, "")) => (number(min)?, None),
        Some((min, max)) => (number(min)?, Some(number(max)?)),
    };
    Some((min, max, body.len() + 2))
}

/// Digits without a needless zero in front; what is too large for the type is too large for a count.
fn number(digits: &str) -> Option<u32> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let zeros = digits.len() > 1 && digits.starts_with('0');
    (plain && !zeros).then(|| digits.parse().unwrap_or(u32::MAX))
}

/// Whether nested counts multiply to more than `allowed`.
pub(super) fn multiply_beyond(hir: &Hir, allowed: u32) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let count = repetition.max.unwrap_or(repetition.min);
            count > allowed || multiply_beyond(&repetition.sub, allowed / count.max(1))
        }
        HirKind::Capture(capture) => multiply_beyond(&capture.sub, allowed),
        HirKind::Concat(subs) | HirKind::Alternation(subs) => subs.iter().any(|sub| multiply_beyond(sub, allowed)),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}
