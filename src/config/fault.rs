//! A fault of a configuration: where it is, what is wrong, how to mend it.

use std::fmt;
use std::sync::Arc;

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Something was taken otherwise than written, or has no effect; nothing is left out.
    Warning,
    /// The file, target or value it is in is refused.
    Error,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Whether something was refused.
    pub severity: Severity,
    /// The file as it was named, or `environment`.
    pub file: Arc<str>,
    /// Line from 1; 0 when the fault is of the file as a whole or of no file.
    pub line: u32,
    /// Column from 1, in characters; 0 when unknown.
    pub column: u32,
    /// The key: `features.openAgent.targets[2].endpoints[0].tlsConfig`, or a key of whatap.conf.
    pub path: String,
    /// What is wrong and how to mend it.
    pub what: String,
}

impl Fault {
    /// Whether something was refused because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.column].into_iter().filter(|n| *n > 0) {
            write!(f, ":{number}")?;
        }
        let warning = if self.is_error() { "" } else { "warning: " };
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(f, ": {warning}{}{colon}{}", self.path, self.what)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_reads_as_compilers_write_theirs() {
        let mut fault = Fault {
            severity: Severity::Error,
            file: "a.yaml".into(),
            line: 3,
            column: 5,
            path: "scrape_configs[0]".into(),
            what: "job_name is missing".into(),
        };
        assert_eq!(fault.to_string(), "a.yaml:3:5: scrape_configs[0]: job_name is missing");
        fault = Fault { severity: Severity::Warning, line: 0, column: 0, path: String::new(), ..fault };
        assert_eq!(fault.to_string(), "a.yaml: warning: job_name is missing");
    }
}
