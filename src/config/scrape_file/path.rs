//! The path of a node: the keys and indexes that lead to it, written out only when a fault needs it.

use std::rc::Rc;

/// The keys and indexes from the root to a node.
#[derive(Clone, Default)]
pub(super) struct Path<'a>(Option<Rc<Link<'a>>>);

pub(super) struct Link<'a> {
    parent: Path<'a>,
    step: Step<'a>,
}

/// One key or index.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    /// Of a mapping, as written.
    Key(&'a str),
    /// Of a list, from 0.
    Index(usize),
}

impl<'a> Path<'a> {
    /// The path one step further.
    pub(super) fn then(&self, step: Step<'a>) -> Self {
        Self(Some(Rc::new(Link { parent: self.clone(), step })))
    }
}

impl std::fmt::Display for Path<'_> {
    /// `features.openAgent.targets[2].endpoints[0]`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(link) = &self.0 else { return Ok(()) };
        link.parent.fmt(f)?;
        match link.step {
            Step::Key(key) if link.parent.0.is_none() => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(at) => write!(f, "[{at}]"),
        }
    }
}
