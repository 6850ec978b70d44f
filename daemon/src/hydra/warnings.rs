//! Warnings: whatever is not as it should be, with a code, a beginning and an end.

use std::time::{Duration, SystemTime};

use crate::hydra::pending::Pending;
use crate::hydra::{Finding, HeadState, Hydra};
use crate::limits::machine::open_files;
use crate::telemetry::{Events, Level};

/// A warning that has ended is shown for this long.
const SHOWN: Duration = Duration::from_secs(3600);

/// Share of a limit from which on it is worth a look.
const NEAR: f64 = 0.8;

/// Every code that a warning may have, and whether it may be grave: what `status --check` fails
/// for, and what an operator is called for.
pub const CODES: &[(&str, bool)] = &[
    ("ADDRESS_PRIVATE", true),
    ("BELLY_TROUBLE", true),
    ("BOOTSTRAP_FAILING", true),
    ("CLOCK_WRONG", true),
    ("CONFIG_INVALID", false),
    ("CONFIG_NEEDS_RESTART", false),
    ("CONNECTIONS_NEAR_LIMIT", false),
    ("DNS_FAILING", true),
    ("DOOR_NOT_OPEN", true),
    ("FILES_EXHAUSTED", true),
    ("FILES_NEAR_LIMIT", false),
    ("HEAD_FAILED", true),
    ("MEMORY_NEAR_LIMIT", false),
    ("NETWORK_SIZES_DIFFER", false),
    ("NOBODY_COMES_IN", false),
    ("NO_ROUTE", true),
    ("OTHER_NETWORK", true),
    ("PORT_CLOSED", true),
    ("PREFETCH_QUEUE_FULL", false),
    ("PRESENCE_LOW", false),
    ("REACH_UNKNOWN", false),
    ("TABLE_EMPTY", true),
    ("TABLE_SMALL", false),
];

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub code: &'static str,
    pub since: SystemTime,
    /// `None` while it lasts.
    pub until: Option<SystemTime>,
    pub text: String,
    pub severity: Level,
    pub remedy: String,
}

/// A condition found now.
struct Condition {
    code: &'static str,
    severity: Level,
    text: String,
    remedy: String,
    /// Numbers that the text tells, by name.
    numbers: Vec<(&'static str, u64)>,
}

/// Warnings of now and of the last hour.
#[derive(Debug, Default)]
pub(super) struct Warnings(Vec<Warning>);

impl Warnings {
    /// Begins, continues and ends warnings by what is found now.
    fn update(&mut self, found: Vec<Condition>, now: SystemTime, events: &Events) {
        for warning in self.0.iter_mut().filter(|warning| warning.until.is_none()) {
            if !found.iter().any(|condition| condition.code == warning.code) {
                warning.until = Some(now);
                events.tell(Level::Good, "hydrad", warning.code, format!("over: {}", warning.text));
            }
        }
        for condition in found {
            let lasting = self.0.iter_mut().find(|w| w.code == condition.code && w.until.is_none());
            if let Some(warning) = lasting {
                warning.text = condition.text;
                warning.severity = condition.severity;
                continue;
            }
            let numbers = condition.numbers;
            events.tell_numbers(condition.severity, "hydrad", condition.code, &condition.text, numbers);
            self.0.push(Warning {
                code: condition.code,
                since: now,
                until: None,
                text: condition.text,
                severity: condition.severity,
                remedy: condition.remedy,
            });
        }
        let old = |until: SystemTime| now.duration_since(until).is_ok_and(|since| since > SHOWN);
        self.0.retain(|warning| !warning.until.is_some_and(old));
    }
}

impl Pending {
    fn conditions(&self, found: &mut Vec<Condition>) {
        let mut warn = |code, text: String, remedy: &str| {
            let remedy = remedy.to_owned();
            found.push(Condition { code, severity: Level::Warn, text, remedy, numbers: Vec::new() });
        };
        if !self.wrong.is_empty() {
            let text =
                format!("the settings are no good by now, hydrad would not start again: {}", self.wrong);
            warn("CONFIG_INVALID", text, "mend what it names; check: hydractl config validate");
        }
        if !self.restart.is_empty() {
            let text = format!("other settings wait for a restart: {}", self.restart.join(", "));
            warn(
                "CONFIG_NEEDS_RESTART",
                text,
                "hydractl config show --origin; sudo systemctl restart hydrad",
            );
        } else if !self.reload.is_empty() {
            let text = format!("other settings wait for a reload: {}", self.reload.join(", "));
            warn("CONFIG_NEEDS_RESTART", text, "hydractl config reload");
        }
    }
}

impl Hydra {
    /// Warnings, those that last first.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.warnings.lock().0.clone();
        warnings
            .sort_by_key(|warning| (warning.until.is_some(), warning.severity == Level::Warn, warning.since));
        warnings
    }

    /// Looks at everything once.
    pub(super) fn watch_conditions(&self) {
        let mut found = Vec::new();
        self.network_conditions(&mut found);
        self.size_conditions(&mut found);
        self.head_conditions(&mut found);
        self.limit_conditions(&mut found);
        self.prefetch_conditions(&mut found);
        self.pending.lock().conditions(&mut found);
        self.door_conditions(&mut found);
        if let Some(trouble) = self.belly.health().trouble {
            let remedy = "free space or mend the disk; the belly writes again by itself".to_owned();
            found.push(Condition {
                code: "BELLY_TROUBLE",
                severity: Level::Fail,
                text: trouble,
                remedy,
                numbers: Vec::new(),
            });
        }
        self.warnings.lock().update(found, SystemTime::now(), &self.events);
    }

    fn network_conditions(&self, found: &mut Vec<Condition>) {
        for check in self.network() {
            // each failed head is a warning of its own
            let code = check.code;
            if code.is_empty() || found.iter().any(|earlier| earlier.code == code) {
                continue;
            }
            let severity = match check.finding {
                Finding::Warn => Level::Warn,
                Finding::Fail => Level::Fail,
                _ => continue,
            };
            found.push(Condition {
                code,
                severity,
                text: check.text,
                remedy: check.remedy,
                numbers: Vec::new(),
            });
        }
    }

    fn prefetch_conditions(&self, found: &mut Vec<Condition>) {
        if self.prefetch.queue_was_full() {
            let status = self.prefetch.glance();
            found.push(Condition {
                code: "PREFETCH_QUEUE_FULL",
                severity: Level::Warn,
                text: format!(
                    "prefetch queue full: {} of {} keys wait, {} of {} look-ups run, {} walks/s allowed; new \
                     keys are refused, look-ups go on",
                    status.waiting,
                    status.waiting_limit,
                    status.lookups,
                    status.lookups_limit,
                    status.walks_per_second
                ),
                remedy: "hydractl prefetch status; raise prefetch.walks_per_second or prefetch.lookups, or \
                         narrow prefetch.scope"
                    .to_owned(),
                numbers: vec![("waiting", status.waiting), ("waiting_limit", status.waiting_limit)],
            });
        }
    }

    fn door_conditions(&self, found: &mut Vec<Condition>) {
        let closed: Vec<String> = self.closed_doors.lock().values().cloned().collect();
        if !closed.is_empty() {
            found.push(Condition {
                code: "DOOR_NOT_OPEN",
                severity: Level::Fail,
                text: closed.join("; "),
                remedy: "free the address: it is tried again by itself; or give the door another one, or off"
                    .to_owned(),
                numbers: Vec::new(),
            });
        }
    }

    fn size_conditions(&self, found: &mut Vec<Condition>) {
        let Some(text) = self.sizes().alarm() else { return };
        let remedy = "compare with `hydractl network size` in an hour; peers that cannot be reached from here, or ids \
                      put near some keys, mislead one of the two (docs/coverage.md)";
        found.push(Condition {
            code: "NETWORK_SIZES_DIFFER",
            severity: Level::Warn,
            text,
            remedy: remedy.to_owned(),
            numbers: Vec::new(),
        });
    }

    fn head_conditions(&self, found: &mut Vec<Condition>) {
        let failed: Vec<_> =
            self.heads().into_iter().filter(|head| head.state == HeadState::Failed).collect();
        if let Some(first) = failed.first() {
            let others = if failed.len() > 1 {
                format!(" (and {} more heads)", failed.len() - 1)
            } else {
                String::new()
            };
            found.push(Condition {
                code: "HEAD_FAILED",
                severity: Level::Fail,
                text: format!("{}: {}{others}", first.name(), first.reason),
                remedy: format!(
                    "mend the cause; it is tried again by itself, and at once by: hydractl heads start {}",
                    first.name()
                ),
                numbers: vec![("heads_failed", failed.len() as u64)],
            });
        }
    }

    fn limit_conditions(&self, found: &mut Vec<Condition>) {
        let config = self.budget.config();
        let mut near = |code, what: &str, used: u64, limit: u64, remedy: &str| {
            if limit > 0 && used as f64 >= limit as f64 * NEAR {
                found.push(Condition {
                    code,
                    severity: Level::Warn,
                    text: format!("{what}: {used} of {limit}"),
                    remedy: remedy.to_owned(),
                    numbers: vec![("used", used), ("limit", limit)],
                });
            }
        };
        let connections = self.budget.used() as u64;
        near(
            "CONNECTIONS_NEAR_LIMIT",
            "connections",
            connections,
            config.connections as u64,
            "raise limits.max_connections, or run fewer heads",
        );
        near(
            "FILES_NEAR_LIMIT",
            "open files",
            open_files(),
            config.files,
            "raise LimitNOFILE= in hydrad.service and restart",
        );
        let rss = self.averages().rss_bytes;
        near(
            "MEMORY_NEAR_LIMIT",
            "memory in MiB",
            rss >> 20,
            config.memory >> 20,
            "raise limits.max_memory, or run fewer heads",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(code: &'static str) -> Condition {
        Condition {
            code,
            severity: Level::Warn,
            text: "text".to_owned(),
            remedy: String::new(),
            numbers: Vec::new(),
        }
    }

    #[test]
    fn every_code_that_the_rooms_sources_name_is_in_the_list_and_documented() {
        let sources = [include_str!("warnings.rs"), include_str!("network.rs"), include_str!("causes.rs")]
            .map(|text| {
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let list = code.find("pub const CODES").map(|at| at..at + code[at..].find("];").unwrap_or(0));
                list.map_or(code.to_owned(), |list| format!("{}{}", &code[..list.start], &code[list.end..]))
            });
        let words = sources.iter().flat_map(|text| text.split('"').skip(1).step_by(2));
        let is_code = |word: &&str| {
            word.contains('_') && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        };
        let mut named: Vec<&str> = words.filter(is_code).collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, CODES.iter().map(|(code, _)| *code).collect::<Vec<_>>());
        let manual = include_str!("../../../docs/operations.md");
        for code in named {
            assert!(manual.contains(&format!("`{code}`")), "{code} stands in docs/operations.md");
        }
    }

    #[test]
    fn a_warning_begins_once_ends_and_is_forgotten_after_an_hour() {
        let (mut warnings, events) = (Warnings::default(), Events::default());
        let start = SystemTime::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        warnings.update(vec![condition("A")], at(0), &events);
        warnings.update(vec![condition("A"), condition("B")], at(10), &events);
        assert_eq!(
            warnings.0.iter().map(|w| (w.code, w.since)).collect::<Vec<_>>(),
            [("A", at(0)), ("B", at(10))]
        );
        warnings.update(vec![condition("B")], at(20), &events);
        assert_eq!(warnings.0[0].until, Some(at(20)));
        warnings.update(vec![condition("A"), condition("B")], at(30), &events);
        assert_eq!(warnings.0.iter().filter(|w| w.code == "A").count(), 2);
        warnings.update(vec![], at(31), &events);
        warnings.update(vec![], at(31 + 3601), &events);
        assert!(warnings.0.is_empty());
        assert_eq!(events.last(100).0.len(), 6);
    }
}
