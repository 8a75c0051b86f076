//! The faults found while one file is read.
//!
//! # Invariants
//! At most [`MAX_FAULTS`] are kept, so that a file of nothing but faults costs no more than a good one; how many more
//! there were is told.

use crate::config::fault::{Fault, Severity};
use crate::yaml::Position;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// The most faults that are kept of one file.
pub const MAX_FAULTS: usize = 1000;

/// Collects faults.
pub struct Faults {
    file: Arc<str>,
    list: RefCell<Vec<Fault>>,
    errors: Cell<usize>,
    left_out: Cell<usize>,
}

impl Faults {
    /// None yet, of a file.
    pub fn of(file: &str) -> Self {
        Self { file: file.into(), list: RefCell::default(), errors: Cell::new(0), left_out: Cell::new(0) }
    }

    /// Notes an error.
    pub fn error(&self, at: Position, path: String, what: String) {
        self.errors.set(self.errors.get() + 1);
        self.note(Severity::Error, at, path, what);
    }

    /// Notes a warning.
    pub fn warning(&self, at: Position, path: String, what: String) {
        self.note(Severity::Warning, at, path, what);
    }

    /// How many errors there were so far.
    pub fn errors(&self) -> usize {
        self.errors.get()
    }

    /// All faults in the order of their lines.
    pub fn into_list(self) -> Vec<Fault> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|fault| (fault.line, fault.column));
        if self.left_out.get() > 0 {
            let what = format!("{} more faults are not shown; mend these first", self.left_out.get());
            list.push(fault(Severity::Error, &self.file, Position::default(), String::new(), what));
        }
        list
    }

    fn note(&self, severity: Severity, at: Position, path: String, what: String) {
        let mut list = self.list.borrow_mut();
        if list.len() < MAX_FAULTS {
            list.push(fault(severity, &self.file, at, path, what));
        } else {
            self.left_out.set(self.left_out.get() + 1);
        }
    }
}

fn fault(severity: Severity, file: &Arc<str>, at: Position, path: String, what: String) -> Fault {
    Fault { severity, file: file.clone(), line: at.line, column: at.column, path, what }
}
