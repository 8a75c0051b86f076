//! The flags of a group, `(?ims-U)`.

use super::Fault;

/// Flags in force at a place of the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags {
    /// `i`: letters match either case.
    pub fold: bool,
    /// `m`: `^` and `$` match at line ends too.
    pub lines: bool,
    /// `s`: `.` matches a newline.
    pub dot_newline: bool,
    /// `U`: `x*` is lazy and `x*?` greedy.
    pub swap_greed: bool,
}

/// What ends a list of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlagsEnd {
    /// `:`, a group of its own.
    Group,
    /// `)`, the rest of the enclosing group.
    Rest,
}

impl Flags {
    /// Reads the flags after `(?` and gives them with what ended them and how many bytes they took.
    ///
    /// # Errors
    /// An unknown flag, a `-` with none after it, no end.
    pub fn read(self, text: &str, at: usize) -> Result<(Self, FlagsEnd, usize), Fault> {
        let unknown = || Fault::new(at, "invalid or unsupported Perl syntax after \"(?\"");
        let (mut flags, mut value, mut seen_negated) = (self, true, false);
        for (i, c) in text.char_indices() {
            match c {
                'i' => flags.fold = value,
                'm' => flags.lines = value,
                's' => flags.dot_newline = value,
                'U' => flags.swap_greed = value,
                '-' if value => {
                    value = false;
                    continue;
                }
                ':' | ')' if value || seen_negated => {
                    let end = if c == ':' { FlagsEnd::Group } else { FlagsEnd::Rest };
                    return Ok((flags, end, i + 1));
                }
                _ => return Err(unknown()),
            }
            seen_negated = !value;
        }
        Err(unknown())
    }
}
