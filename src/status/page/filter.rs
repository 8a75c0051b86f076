//! What a reader asked to see: a text, a health, a job, a page; the same with JavaScript and without.

use super::html::Query;
use crate::scrape::state::{Health, Report, TargetState};
use crate::status::dropped::DroppedTarget;
use crate::status::http::Request;
use std::fmt::Write as _;

/// Bytes of a search text that are looked at.
const MAX_TEXT: usize = 256;

/// The query of the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// The text as it was typed.
    pub(super) text: String,
    /// The words of the text in small letters; each must be there.
    words: Vec<String>,
    /// This health only.
    pub(super) health: Option<Health>,
    /// This job only.
    pub(super) job: Option<String>,
    /// Which page, from 1.
    pub(super) page: usize,
}

impl Filter {
    pub(super) fn of(request: &Request) -> Self {
        let text: String = request.param("q").unwrap_or("").trim().chars().take(MAX_TEXT).collect();
        let health = match request.param("health") {
            Some("up") => Some(Health::Up),
            Some("down") => Some(Health::Down),
            Some("unknown") => Some(Health::Unknown),
            _ => None,
        };
        let words = text.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let job = request.param("job").filter(|job| !job.is_empty()).map(str::to_owned);
        let page = request.param("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
        Self { text, words, health, job, page }
    }

    /// Whether everything is asked for.
    pub(super) fn is_open(&self) -> bool {
        self.words.is_empty() && self.health.is_none() && self.job.is_none()
    }

    /// Whether a target is asked for.
    pub(super) fn takes(&self, state: &TargetState, report: &Report) -> bool {
        let target = &*state.target;
        self.health.is_none_or(|health| health == report.health)
            && self.job.as_deref().is_none_or(|job| job == &*target.job.name)
            && (self.words.is_empty() || self.finds(&searched(state, report)))
    }

    /// Whether a dropped target is asked for.
    pub(super) fn takes_dropped(&self, dropped: &DroppedTarget) -> bool {
        self.health.is_none()
            && self.job.as_deref().is_none_or(|job| job == &*dropped.job)
            && (self.words.is_empty()
                || self.finds(&format!("{} {} {}", dropped.job, dropped.reason, dropped.discovered.unpack())))
    }

    /// The address of the same query on another page.
    pub(super) fn href(&self, page: usize) -> String {
        let mut href = format!("/targets?page={page}");
        if !self.text.is_empty() {
            let _ = write!(href, "&q={}", Query(&self.text));
        }
        if let Some(health) = self.health {
            let _ = write!(href, "&health={}", health.as_str());
        }
        if let Some(job) = &self.job {
            let _ = write!(href, "&job={}", Query(job));
        }
        href
    }

    fn finds(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// The text of a target that is searched: its job, URL, labels and reason.
pub(super) fn searched(state: &TargetState, report: &Report) -> String {
    let target = &*state.target;
    let mut text = format!("{} {} ", target.job.name, target.url());
    for (name, value) in target.labels.iter() {
        let _ = write!(text, "{name}={value} ");
    }
    if let Some(error) = &report.error {
        let _ = write!(text, "{error}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::job::{Discover, ScrapeJob};
    use crate::discovery::Target;
    use crate::labels::Labels;
    use std::sync::Arc;

    fn asked(query: &[(&str, &str)]) -> Filter {
        let query = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Filter::of(&Request { query, ..Request::default() })
    }

    #[test]
    fn all_words_must_be_there_in_any_case() {
        let job = Arc::new(ScrapeJob::new("shop", Discover::Static(Vec::new())));
        let target = Target::example(&job, "10.0.0.1:80", Labels::from_iter([("team", "Payments")]));
        let state = TargetState::new(Arc::new(target));
        let takes = |query: &[(&str, &str)]| asked(query).takes(&state, &state.report());
        assert!(
            takes(&[]) && takes(&[("q", "SHOP team=payments")]) && takes(&[("job", "shop"), ("health", "unknown")])
        );
        assert!(!takes(&[("q", "shop other")]) && !takes(&[("job", "sho")]) && !takes(&[("health", "up")]));
    }

    #[test]
    fn a_query_survives_a_change_of_page() {
        let filter = asked(&[("q", "a&b"), ("health", "down"), ("job", "x y"), ("page", "0")]);
        assert_eq!(filter.page, 1);
        assert_eq!(filter.href(2), "/targets?page=2&q=a%26b&health=down&job=x%20y");
        assert!(!filter.is_open() && asked(&[("health", "odd"), ("job", "")]).is_open());
    }
}
