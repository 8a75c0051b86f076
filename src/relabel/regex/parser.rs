//! The parser: one loop over the text, open groups on a stack of its own.
//!
//! ```text
//! pattern = branch *( "|" branch )
//! branch  = *( atom [ ( "*" / "+" / "?" / "{" n [ "," [ m ] ] "}" ) [ "?" ] ] )
//! atom    = char / "." / "^" / "$" / class / escape / "\Q" text [ "\E" ] / group
//! group   = "(" pattern ")" / "(?" flags ":" pattern ")" / "(?" flags ")" / ( "(?P<" / "(?<" ) name ">" pattern ")"
//! ```
//! A `{` that begins no such count is a character.

use super::class::ClassReader;
use super::count::{self, MAX_REPEATS};
use super::flags::{Flags, FlagsEnd};
use super::fold::Folds;
use super::{Fault, Pattern, escape};
use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, Look, Repetition};

/// Groups that may be open at once. Go allows 1000, but compiling recurses over them, in 4 KiB of stack each
/// (32 KiB in an unoptimised build), and threads here have small stacks.
pub(super) const MAX_DEPTH: usize = 32;

/// Reads a whole pattern, anchors and all.
pub(super) fn parse(text: &str) -> Result<Pattern, Fault> {
    let mut parser = Parser {
        text,
        at: 0,
        flags: Flags::default(),
        frame: Frame::default(),
        outer: Vec::new(),
        groups: vec![None],
        folds: Folds::default(),
    };
    while parser.at < text.len() {
        parser.step()?;
    }
    if !parser.outer.is_empty() {
        return Err(Fault::new(parser.frame.opened_at, "missing closing )"));
    }
    let hir = parser.frame.finish();
    if count::multiply_beyond(&hir, MAX_REPEATS) {
        return Err(Fault::new(0, format!("invalid repeat count: nested counts multiply to more than {MAX_REPEATS}")));
    }
    Ok(Pattern { hir, groups: parser.groups })
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    flags: Flags,
    /// The group being read.
    frame: Frame,
    /// The groups around it, outermost first.
    outer: Vec<Frame>,
    groups: Vec<Option<Box<str>>>,
    folds: Folds,
}

/// A group that is not closed yet.
#[derive(Default)]
struct Frame {
    opened_at: usize,
    /// Flags to go back to when it closes.
    flags: Flags,
    /// Its number, when it captures.
    index: Option<u32>,
    /// Branches that are complete.
    branches: Vec<Hir>,
    /// Atoms of the branch being read.
    branch: Vec<Hir>,
    /// Whether the last atom was repeated already.
    repeated: bool,
}

impl Frame {
    fn end_branch(&mut self) {
        self.branches.push(Hir::concat(std::mem::take(&mut self.branch)));
        self.repeated = false;
    }

    fn finish(mut self) -> Hir {
        self.end_branch();
        let hir = Hir::alternation(self.branches);
        match self.index {
            Some(index) => Hir::capture(Capture { index, name: None, sub: Box::new(hir) }),
            None => hir,
        }
    }
}

impl<'p> Parser<'p> {
    fn rest(&self) -> &'p str {
        &self.text[self.at..]
    }

    /// Reads the next piece of the pattern.
    fn step(&mut self) -> Result<(), Fault> {
        match self.rest().as_bytes()[0] {
            b'(' => self.open(),
            b')' => self.close(),
            b'|' => {
                self.frame.end_branch();
                self.at += 1;
                Ok(())
            }
            b'*' => self.repeat(1, 0, None),
            b'+' => self.repeat(1, 1, None),
            b'?' => self.repeat(1, 0, Some(1)),
            b'{' => self.count(),
            b'[' => self.class(),
            b'.' => self.dot(),
            b'^' => self.look(1, if self.flags.lines { Look::StartLF } else { Look::Start }),
            b'$' => self.look(1, if self.flags.lines { Look::EndLF } else { Look::End }),
            b'\\' => self.backslash(),
            _ => self.plain(),
        }
    }

    fn push(&mut self, len: usize, atom: Hir) -> Result<(), Fault> {
        self.frame.branch.push(atom);
        self.frame.repeated = false;
        self.at += len;
        Ok(())
    }

    fn look(&mut self, len: usize, look: Look) -> Result<(), Fault> {
        self.push(len, Hir::look(look))
    }

    fn dot(&mut self) -> Result<(), Fault> {
        let dot = if self.flags.dot_newline { Dot::AnyChar } else { Dot::AnyCharExceptLF };
        self.push(1, Hir::dot(dot))
    }

    fn plain(&mut self) -> Result<(), Fault> {
        let c = self.rest().chars().next().unwrap_or_default();
        self.literal(c.len_utf8(), c)
    }

    fn literal(&mut self, len: usize, c: char) -> Result<(), Fault> {
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
        if self.flags.fold {
            self.folds.close(&mut class);
        }
        self.push(len, Hir::class(Class::Unicode(class)))
    }

    fn class_reader(&self) -> ClassReader<'_> {
        ClassReader { folds: self.flags.fold.then_some(&self.folds) }
    }

    fn class(&mut self) -> Result<(), Fault> {
        let (class, len) = self.class_reader().bracketed(self.rest(), self.at)?;
        self.push(len, Hir::class(Class::Unicode(class)))
    }

    fn backslash(&mut self) -> Result<(), Fault> {
        match self.rest().as_bytes().get(1) {
            Some(b'A') => return self.look(2, Look::Start),
            Some(b'z') => return self.look(2, Look::End),
            Some(b'b') => return self.look(2, Look::WordAscii),
            Some(b'B') => return self.look(2, Look::WordAsciiNegate),
            Some(b'Q') => return self.quoted(),
            _ => {}
        }
        if let Some(class) = self.class_reader().perl(self.rest()) {
            return self.push(2, Hir::class(Class::Unicode(class)));
        }
        let (c, len) = escape::character(self.rest(), self.at)?;
        self.literal(len, c)
    }

    /// `\Q…\E`, or to the end of the pattern.
    fn quoted(&mut self) -> Result<(), Fault> {
        let body = &self.rest()[2..];
        let (quoted, len) = body.split_once("\\E").map_or((body, body.len()), |(quoted, _)| (quoted, quoted.len() + 2));
        for c in quoted.chars() {
            self.literal(0, c)?;
        }
        self.at += 2 + len;
        Ok(())
    }

    fn open(&mut self) -> Result<(), Fault> {
        let Some(after) = self.rest().strip_prefix("(?") else {
            return self.enter(1, Some(None), self.flags);
        };
        if let Some(named) = after.strip_prefix("P<").or_else(|| after.strip_prefix('<')) {
            let name = self.group_name(named)?;
            let len = self.rest().len() - named.len() + name.len() + 1;
            return self.enter(len, Some(Some(name.into())), self.flags);
        }
        let (flags, end, len) = self.flags.read(after, self.at)?;
        match end {
            FlagsEnd::Group => self.enter(len + 2, None, flags),
            FlagsEnd::Rest => {
                self.flags = flags;
                self.at += len + 2;
                Ok(())
            }
        }
    }

    fn group_name(&self, text: &'p str) -> Result<&'p str, Fault> {
        let name = text.split_once('>').map_or("", |(name, _)| name);
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(Fault::new(self.at, "invalid named capture; a name is ASCII letters, digits and _"));
        }
        Ok(name)
    }

    fn enter(&mut self, len: usize, group: Option<Option<Box<str>>>, flags: Flags) -> Result<(), Fault> {
        if self.outer.len() == MAX_DEPTH {
            return Err(Fault::new(self.at, format!("groups nest deeper than {MAX_DEPTH}")));
        }
        let mut frame = Frame { opened_at: self.at, flags: self.flags, ..Frame::default() };
        if let Some(name) = group {
            frame.index = u32::try_from(self.groups.len()).ok();
            self.groups.push(name);
        }
        self.outer.push(std::mem::replace(&mut self.frame, frame));
        self.flags = flags;
        self.at += len;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(outer) = self.outer.pop() else {
            return Err(Fault::new(self.at, "unexpected )"));
        };
        let closed = std::mem::replace(&mut self.frame, outer);
        self.flags = closed.flags;
        self.push(1, closed.finish())
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else that begins with `{` is text.
    fn count(&mut self) -> Result<(), Fault> {
        let Some((min, max, len)) = count::read(self.rest()) else {
            return self.literal(1, '{');
        };
        let shown = &self.rest()[..len];
        if min > MAX_REPEATS || max.is_some_and(|max| max > MAX_REPEATS || max < min) {
            let what = format!("invalid repeat count: {shown}; at most {MAX_REPEATS}, the smaller number first");
            return Err(Fault::new(self.at, what));
        }
        self.repeat(len, min, max)
    }

    fn repeat(&mut self, len: usize, min: u32, max: Option<u32>) -> Result<(), Fault> {
        let lazy = self.rest()[len..].starts_with('?');
        let len = len + usize::from(lazy);
        let shown = &self.rest()[..len];
        if self.frame.repeated {
            let what = format!("invalid nested repetition operator: {shown}; put (?:…) around what it repeats");
            return Err(Fault::new(self.at, what));
        }
        let Some(sub) = self.frame.branch.pop() else {
            return Err(Fault::new(self.at, format!("missing argument to repetition operator: {shown}")));
        };
        let greedy = lazy == self.flags.swap_greed;
        self.push(len, Hir::repetition(Repetition { min, max, greedy, sub: Box::new(sub) }))?;
        self.frame.repeated = true;
        Ok(())
    }
}
