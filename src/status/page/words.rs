//! What the pages say, in English and Korean, chosen by Accept-Language.

use crate::scrape::failure::ErrorClass;
use crate::scrape::state::Health;
use crate::scrape::tally::DropReason;

/// The words of one language.
pub(super) struct Words {
    pub(super) lang: &'static str,
    pub(super) targets: &'static str,
    pub(super) samples: &'static str,
    pub(super) metrics: &'static str,
    pub(super) configuration: &'static str,
    pub(super) up: &'static str,
    pub(super) down: &'static str,
    pub(super) unknown: &'static str,
    pub(super) dropped: &'static str,
    pub(super) server: &'static str,
    pub(super) connected: &'static str,
    pub(super) disconnected: &'static str,
    pub(super) waiting: &'static str,
    pub(super) on_disk: &'static str,
    pub(super) memory: &'static str,
    pub(super) running: &'static str,
    pub(super) sent: &'static str,
    pub(super) records: &'static str,
    pub(super) search: &'static str,
    pub(super) health: &'static str,
    pub(super) job: &'static str,
    pub(super) all: &'static str,
    pub(super) filter: &'static str,
    pub(super) clear: &'static str,
    pub(super) shown: &'static str,
    pub(super) nothing_matches: &'static str,
    pub(super) no_targets: &'static str,
    pub(super) target: &'static str,
    pub(super) last_30: &'static str,
    pub(super) duration: &'static str,
    pub(super) size: &'static str,
    pub(super) last_scrape: &'static str,
    pub(super) next_scrape: &'static str,
    pub(super) lane: &'static str,
    pub(super) fast: &'static str,
    pub(super) slow: &'static str,
    pub(super) interval: &'static str,
    pub(super) timeout: &'static str,
    pub(super) scrapes: &'static str,
    pub(super) failed: &'static str,
    pub(super) missed: &'static str,
    pub(super) kept_of: &'static str,
    pub(super) first_fault: &'static str,
    pub(super) see_samples: &'static str,
    pub(super) discovered_labels: &'static str,
    pub(super) rules: &'static str,
    pub(super) final_labels: &'static str,
    pub(super) no_rules: &'static str,
    pub(super) no_effect: &'static str,
    pub(super) rule_dropped: &'static str,
    pub(super) was: &'static str,
    pub(super) removed: &'static str,
    pub(super) dropped_targets: &'static str,
    pub(super) session_down: &'static str,
    pub(super) spool_fault: &'static str,
    pub(super) config_faults: &'static str,
    pub(super) last_good: &'static str,
    pub(super) previous: &'static str,
    pub(super) next: &'static str,
    pub(super) more: &'static str,
    pub(super) seconds: &'static str,
    pub(super) minutes: &'static str,
    pub(super) hours: &'static str,
    pub(super) days: &'static str,
    pub(super) ago: &'static str,
    pub(super) until: &'static str,
    pub(super) now: &'static str,
    pub(super) never: &'static str,
    pub(super) exposed: &'static str,
    pub(super) value: &'static str,
    pub(super) became: &'static str,
    pub(super) unchanged: &'static str,
    pub(super) not_sent: &'static str,
    pub(super) look_note: &'static str,
    pub(super) cut_note: &'static str,
    pub(super) look_failed: &'static str,
    pub(super) busy: &'static str,
    pub(super) no_such_target: &'static str,
    pub(super) no_samples: &'static str,
}

/// English.
pub(super) static ENGLISH: Words = Words {
    lang: "en",
    targets: "Targets",
    samples: "Samples",
    metrics: "Metrics",
    configuration: "Configuration",
    up: "up",
    down: "down",
    unknown: "not scraped yet",
    dropped: "dropped",
    server: "Server",
    connected: "connected",
    disconnected: "not connected",
    waiting: "Waiting",
    on_disk: "on disk",
    memory: "Memory",
    running: "Running for",
    sent: "Sent",
    records: "records",
    search: "Search targets, labels, reasons",
    health: "Health",
    job: "Job",
    all: "all",
    filter: "Filter",
    clear: "Clear",
    shown: "{} of {} targets",
    nothing_matches: "No target matches.",
    no_targets: "There are no targets. The configuration names none, or discovery has found none yet.",
    target: "Target",
    last_30: "Last 30",
    duration: "Duration",
    size: "Size",
    last_scrape: "Last",
    next_scrape: "Next",
    lane: "Lane",
    fast: "fast",
    slow: "slow",
    interval: "Interval",
    timeout: "Timeout",
    scrapes: "Scrapes",
    failed: "failed",
    missed: "Missed slots",
    kept_of: "{} of {} kept",
    first_fault: "First unreadable line",
    see_samples: "See its samples",
    discovered_labels: "Discovered labels",
    rules: "What each rule did",
    final_labels: "Final labels",
    no_rules: "No relabelling rules; labels that begin with __ are taken away.",
    no_effect: "no effect",
    rule_dropped: "dropped the target",
    was: "was",
    removed: "removed",
    dropped_targets: "Dropped targets",
    session_down: "No session with the server",
    spool_fault: "The spool on disk cannot be used",
    config_faults: "Faults in the configuration",
    last_good: "The last good configuration stays in force.",
    previous: "Previous",
    next: "Next",
    more: "{} more; narrow the search to see them",
    seconds: "s",
    minutes: "min",
    hours: "h",
    days: "d",
    ago: "{} ago",
    until: "in {}",
    now: "now",
    never: "never",
    exposed: "As exposed",
    value: "Value",
    became: "What became of it",
    unchanged: "sent as",
    not_sent: "not sent",
    look_note: "Fetched just now for this page, beside the schedule. Nothing of it is sent or counted.",
    cut_note: "The first samples only; the target exposes more.",
    look_failed: "The target could not be read to its end",
    busy: "Another look is under way. Try again in a moment.",
    no_such_target: "There is no such target any more; its labels or its address may have changed.",
    no_samples: "It exposes no samples.",
};

/// Korean.
pub(super) static KOREAN: Words = Words {
    lang: "ko",
    targets: "수집 대상",
    samples: "샘플",
    metrics: "메트릭",
    configuration: "설정",
    up: "정상",
    down: "실패",
    unknown: "수집 전",
    dropped: "제외됨",
    server: "수집 서버",
    connected: "연결됨",
    disconnected: "연결 안 됨",
    waiting: "전송 대기",
    on_disk: "디스크",
    memory: "메모리",
    running: "실행 시간",
    sent: "전송",
    records: "레코드",
    search: "대상, 레이블, 원인 검색",
    health: "상태",
    job: "작업",
    all: "전체",
    filter: "필터",
    clear: "초기화",
    shown: "대상 {1}개 중 {0}개",
    nothing_matches: "조건에 맞는 대상이 없습니다.",
    no_targets: "수집 대상이 없습니다. 설정에 대상이 없거나 아직 발견되지 않았습니다.",
    target: "대상",
    last_30: "최근 30회",
    duration: "소요 시간",
    size: "크기",
    last_scrape: "마지막",
    next_scrape: "다음",
    lane: "레인",
    fast: "빠름",
    slow: "느림",
    interval: "주기",
    timeout: "제한 시간",
    scrapes: "수집 횟수",
    failed: "실패",
    missed: "놓친 주기",
    kept_of: "{1}개 중 {0}개 전송",
    first_fault: "읽지 못한 첫 줄",
    see_samples: "샘플 보기",
    discovered_labels: "발견된 레이블",
    rules: "규칙별 결과",
    final_labels: "최종 레이블",
    no_rules: "relabel 규칙이 없습니다. __로 시작하는 레이블은 제거됩니다.",
    no_effect: "변화 없음",
    rule_dropped: "대상을 제외함",
    was: "이전 값",
    removed: "제거",
    dropped_targets: "제외된 대상",
    session_down: "수집 서버와 연결되어 있지 않습니다",
    spool_fault: "디스크 스풀을 사용할 수 없습니다",
    config_faults: "설정 오류",
    last_good: "마지막으로 올바른 설정이 계속 적용됩니다.",
    previous: "이전",
    next: "다음",
    more: "{}개 더 있습니다. 검색 조건을 좁혀 보세요",
    seconds: "초",
    minutes: "분",
    hours: "시간",
    days: "일",
    ago: "{} 전",
    until: "{} 후",
    now: "지금",
    never: "없음",
    exposed: "노출된 샘플",
    value: "값",
    became: "처리 결과",
    unchanged: "전송:",
    not_sent: "전송 안 함",
    look_note: "이 페이지를 위해 방금 따로 읽은 결과입니다. 전송되거나 집계되지 않습니다.",
    cut_note: "앞부분의 샘플만 표시했습니다. 대상은 더 많은 샘플을 노출합니다.",
    look_failed: "대상을 끝까지 읽지 못했습니다",
    busy: "다른 조회가 진행 중입니다. 잠시 후 다시 시도하세요.",
    no_such_target: "해당 대상이 더 이상 없습니다. 레이블이나 주소가 바뀌었을 수 있습니다.",
    no_samples: "노출하는 샘플이 없습니다.",
};

impl Words {
    /// The language that an Accept-Language header prefers; English when it names neither.
    pub(super) fn for_header(header: &str) -> &'static Self {
        let mut best: (&'static Self, f32) = (&ENGLISH, 0.0);
        for range in header.split(',') {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or("").trim().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            let language = match tag.split('-').next() {
                Some("ko") => &KOREAN,
                Some("en") => &ENGLISH,
                _ => continue,
            };
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }

    /// The word for a health.
    pub(super) fn of_health(&self, health: Health) -> &'static str {
        match health {
            Health::Up => self.up,
            Health::Down => self.down,
            Health::Unknown => self.unknown,
        }
    }

    /// A few words for why a scrape failed; the full reason stands beside them.
    pub(super) fn of_class(&self, class: ErrorClass) -> &'static str {
        let (english, korean) = match class {
            ErrorClass::None => ("", ""),
            ErrorClass::Timeout => ("timed out", "시간 초과"),
            ErrorClass::Refused => ("refused", "연결 거부"),
            ErrorClass::Dns => ("name not found", "이름 조회 실패"),
            ErrorClass::Tls => ("TLS failed", "TLS 오류"),
            ErrorClass::ClientError => ("HTTP 4xx", "HTTP 4xx"),
            ErrorClass::ServerError => ("HTTP 5xx", "HTTP 5xx"),
            ErrorClass::Parse => ("unreadable", "형식 오류"),
            ErrorClass::Other => ("failed", "실패"),
        };
        if self.lang == "ko" { korean } else { english }
    }

    /// Why samples were dropped.
    pub(super) fn of_drop(&self, reason: DropReason) -> &'static str {
        if self.lang != "ko" {
            return reason.explanation();
        }
        match reason {
            DropReason::MetricSelector => "metricSelector 또는 filter.whitelist에 없음",
            DropReason::Relabelling => "metricRelabelConfigs가 제외함",
            DropReason::NotANumber => "NaN 값은 서버가 받지 않음",
            DropReason::Infinite => "무한대 값은 서버가 받지 않음",
            DropReason::Duplicate => "한 번의 수집에서 중복된 시계열",
            DropReason::TooLarge => "프레임에 담기에 너무 큼",
            DropReason::Unreadable => "읽을 수 없는 줄",
        }
    }

    /// A sentence with two numbers in it; `{}` in order, or `{0}` and `{1}`.
    pub(super) fn fill(sentence: &str, first: &str, second: &str) -> String {
        if sentence.contains("{0}") {
            return sentence.replace("{0}", first).replace("{1}", second);
        }
        sentence.replacen("{}", first, 1).replacen("{}", second, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_of_the_two_is_spoken() {
        let lang = |header| Words::for_header(header).lang;
        assert_eq!(lang("ko-KR,ko;q=0.9,en-US;q=0.8"), "ko");
        assert_eq!(lang("en-US,en;q=0.9,ko;q=0.8"), "en");
        assert_eq!(lang("fr, ko;q=0.3, en;q=0.7"), "en");
        assert_eq!(lang("fr, ko;q=0.3"), "ko");
        for other in ["", "fr", "*", ";;q=x,,"] {
            assert_eq!(lang(other), "en", "{other}");
        }
    }

    #[test]
    fn numbers_take_their_places() {
        assert_eq!(Words::fill(ENGLISH.shown, "3", "10"), "3 of 10 targets");
        assert_eq!(Words::fill(KOREAN.shown, "3", "10"), "대상 10개 중 3개");
    }
}
