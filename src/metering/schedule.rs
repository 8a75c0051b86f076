//! When which pack is due: aligned to the clock, so that the server sees every agent's packs of a slot together.
//!
//! # Invariants
//! Time comes in as an argument, in Unix milliseconds. A slot is due once, however late; slots that were slept
//! through are not made up for. A clock set back starts the slots anew.

/// Milliseconds between two packs of a kind.
const COUNTERS: i64 = 5_000;
const TARGETS: i64 = 60_000;
const TEXTS: i64 = 300_000;
const BOOT: i64 = 3_600_000;

/// What is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switches {
    /// `tag_counter_enabled`.
    pub counters: bool,
    /// `endpoint_metering_enabled`.
    pub endpoints: bool,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// The texts of name, kind and node.
    pub texts: bool,
    /// The boot information.
    pub boot: bool,
    /// `common_agent_info` and `integrations_counter`.
    pub counters: bool,
    /// `openagent_scrape_target`.
    pub targets: bool,
    /// The URLs scraped.
    pub endpoints: bool,
}

/// The slots of all kinds.
#[derive(Debug, Default)]
pub struct Schedule {
    last: Option<i64>,
    counting: bool,
}

impl Schedule {
    /// What is due now. Texts and boot information are due at once when counting begins, the rest at its next slot.
    pub fn due(&mut self, now: i64, switches: Switches) -> Due {
        let begins = switches.counters && !self.counting;
        self.counting = switches.counters;
        let last = self.last.replace(now).filter(|last| *last <= now);
        // the first look sets the clock: only what begins is due
        let passed = |period| last.is_some_and(|last| now.div_euclid(period) > last.div_euclid(period));
        Due {
            texts: switches.counters && (begins || passed(TEXTS)),
            boot: switches.counters && (begins || passed(BOOT)),
            counters: switches.counters && passed(COUNTERS),
            targets: switches.counters && passed(TARGETS),
            endpoints: switches.endpoints && passed(TARGETS),
        }
    }

    /// Makes texts and boot information due again: the agent got another name.
    pub fn begin_again(&mut self) {
        self.counting = false;
    }

    /// Milliseconds until the next slot begins.
    pub fn wait(now: i64) -> i64 {
        COUNTERS - now.rem_euclid(COUNTERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Switches = Switches { counters: true, endpoints: true };
    const START: i64 = 1_718_668_801_234;

    fn due(schedule: &mut Schedule, now: i64) -> [bool; 5] {
        let due = schedule.due(now, ALL);
        [due.texts, due.boot, due.counters, due.targets, due.endpoints]
    }

    #[test]
    fn a_day_has_as_many_packs_of_a_kind_as_slots() {
        let mut schedule = Schedule::default();
        let mut counts = [0; 5];
        let mut now = START;
        while now < START + 86_400_000 {
            for (count, due) in counts.iter_mut().zip(due(&mut schedule, now)) {
                *count += u32::from(due);
            }
            now += Schedule::wait(now);
        }
        assert_eq!(counts, [288 + 1, 24 + 1, 17_280, 1_440, 1_440], "and texts and boot information at the start");
    }

    #[test]
    fn slots_are_aligned_to_the_clock() {
        assert_eq!(START + Schedule::wait(START), 1_718_668_805_000);
        assert_eq!(Schedule::wait(5_000), 5_000);
        let mut schedule = Schedule::default();
        assert_eq!(due(&mut schedule, 4_999), [true, true, false, false, false]);
        assert_eq!(due(&mut schedule, 5_000), [false, false, true, false, false]);
        assert_eq!(due(&mut schedule, 9_999), [false; 5]);
        assert_eq!(due(&mut schedule, 60_007), [false, false, true, true, true]);
        assert_eq!(due(&mut schedule, 300_000), [true, false, true, true, true]);
        assert_eq!(due(&mut schedule, 3_600_000), [true, true, true, true, true]);
    }

    #[test]
    fn a_sleep_is_not_made_up_for_and_a_clock_set_back_is_borne() {
        let mut schedule = Schedule::default();
        due(&mut schedule, START);
        assert_eq!(due(&mut schedule, START + 86_400_000), [true; 5], "each once");
        assert_eq!(due(&mut schedule, START), [false; 5]);
        assert_eq!(due(&mut schedule, START + 5_000), [false, false, true, false, false]);
    }

    #[test]
    fn switches_turn_their_packs_on_and_off() {
        let mut schedule = Schedule::default();
        let off = Switches::default();
        assert_eq!(schedule.due(START, off), Due::default());
        assert_eq!(schedule.due(START + 3_600_000, off), Due::default());
        let on = schedule.due(START + 3_605_000, ALL);
        assert!(on.texts && on.boot && on.counters, "counting begins");
        let endpoints = Switches { endpoints: true, ..off };
        let due = schedule.due(START + 7_200_000, endpoints);
        assert_eq!(due, Due { endpoints: true, ..Due::default() });
        schedule.due(START + 7_201_000, ALL);
        schedule.begin_again();
        assert!(schedule.due(START + 7_202_000, ALL).boot);
    }
}
