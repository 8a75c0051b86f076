//! Counts of the answers of the Kubernetes API server.

use super::counters::Counter;

/// Answers by status, and their bytes.
#[derive(Debug, Default)]
pub struct KubernetesCounters {
    /// 2xx.
    pub ok: Counter,
    /// 401.
    pub unauthorized: Counter,
    /// 403.
    pub forbidden: Counter,
    /// 404.
    pub not_found: Counter,
    /// 410.
    pub expired: Counter,
    /// 429.
    pub busy: Counter,
    /// Any other 1xx, 3xx or 4xx.
    pub refused: Counter,
    /// 5xx.
    pub server_error: Counter,
    /// No answer at all.
    pub no_answer: Counter,
    /// Bytes of bodies after inflation.
    pub bytes: Counter,
    /// Rounds of polling, each some requests.
    pub polls: Counter,
}

impl KubernetesCounters {
    /// All zero.
    pub const fn new() -> Self {
        Self {
            ok: Counter::new(),
            unauthorized: Counter::new(),
            forbidden: Counter::new(),
            not_found: Counter::new(),
            expired: Counter::new(),
            busy: Counter::new(),
            refused: Counter::new(),
            server_error: Counter::new(),
            no_answer: Counter::new(),
            bytes: Counter::new(),
            polls: Counter::new(),
        }
    }

    /// The counter of a status; `None` when no answer came.
    pub fn answers(&self, status: Option<u16>) -> &Counter {
        match status {
            None => &self.no_answer,
            Some(200..=299) => &self.ok,
            Some(401) => &self.unauthorized,
            Some(403) => &self.forbidden,
            Some(404) => &self.not_found,
            Some(410) => &self.expired,
            Some(429) => &self.busy,
            Some(500..) => &self.server_error,
            Some(_) => &self.refused,
        }
    }

    /// Each count of answers with its status, as a metric's `code` label gives it.
    pub fn by_code(&self) -> [(&'static str, u64); 9] {
        [
            ("2xx", self.ok.value()),
            ("401", self.unauthorized.value()),
            ("403", self.forbidden.value()),
            ("404", self.not_found.value()),
            ("410", self.expired.value()),
            ("429", self.busy.value()),
            ("4xx", self.refused.value()),
            ("5xx", self.server_error.value()),
            ("none", self.no_answer.value()),
        ]
    }
}
