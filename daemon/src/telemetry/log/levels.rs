//! What is logged, changed while it runs: the configured filter, and for parts something else.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Parts that may be set at a time.
const PARTS_MAX: usize = 32;

/// Bytes of a part's name.
const TARGET_MAX: usize = 128;

/// What a part logs instead of what is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// As it was given.
    pub target: String,
    pub level: LevelFilter,
    /// `None`: until the process ends.
    pub until: Option<SystemTime>,
    ends: Option<Instant>,
}

/// Why a level was not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSet {
    #[error(
        "{TARGET_MAX} letters, digits, _ and :: at most make the name of a part, such as hydrad::prefetch"
    )]
    Target,
    #[error("{PARTS_MAX} parts are set already: hydractl log level get")]
    Full,
    #[error("another log was there first: this process cannot change what it says")]
    NotOurs,
}

static LEVELS: OnceLock<Levels> = OnceLock::new();

struct Levels {
    configured: Mutex<Configured>,
    filter: reload::Handle<EnvFilter, Registry>,
    overrides: Mutex<Vec<Override>>,
}

struct Configured {
    text: String,
    /// What `text` comes to.
    directives: String,
}

/// Remembers the filter of this process's log.
pub(super) fn installed(configured: &str, directives: String, filter: reload::Handle<EnvFilter, Registry>) {
    let configured = Mutex::new(Configured { text: configured.to_owned(), directives });
    let levels = Levels { configured, filter, overrides: Mutex::default() };
    // a process has one log
    drop(LEVELS.set(levels));
}

/// The configured level or filter, and what parts log instead, the oldest first.
#[must_use]
pub fn levels() -> (String, Vec<Override>) {
    let levels = LEVELS.get();
    levels.map_or_else(Default::default, |all| {
        (all.configured.lock().text.clone(), all.overrides.lock().clone())
    })
}

/// Has another level or filter configured from now on; what parts log instead stays.
///
/// # Errors
/// Why it is not; nothing has changed then.
pub(super) fn configure(text: &str, directives: String) -> Result<(), NotSet> {
    let all = LEVELS.get().ok_or(NotSet::NotOurs)?;
    let overrides = all.overrides.lock();
    let before =
        std::mem::replace(&mut *all.configured.lock(), Configured { text: text.to_owned(), directives });
    let applied = all.apply(&overrides);
    if applied.is_err() {
        *all.configured.lock() = before;
    }
    applied
}

/// Has a part log at this level from now on, for a while or until the process ends; [`expire`]
/// ends it.
///
/// # Errors
/// Why it was not set; nothing has changed then.
pub fn set(target: &str, level: LevelFilter, time: Option<Duration>) -> Result<Override, NotSet> {
    let named = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    if target.is_empty() || target.len() > TARGET_MAX || !target.bytes().all(named) {
        return Err(NotSet::Target);
    }
    let all = LEVELS.get().ok_or(NotSet::NotOurs)?;
    let mut overrides = all.overrides.lock();
    let mut wanted = overrides.clone();
    wanted.retain(|other| other.target != target);
    if wanted.len() >= PARTS_MAX {
        return Err(NotSet::Full);
    }
    let new = Override {
        target: target.to_owned(),
        level,
        until: time.and_then(|time| SystemTime::now().checked_add(time)),
        ends: time.and_then(|time| Instant::now().checked_add(time)),
    };
    wanted.push(new.clone());
    all.apply(&wanted)?;
    *overrides = wanted;
    Ok(new)
}

/// Ends what has had its time; how long until the next one ends.
pub fn expire() -> Option<Duration> {
    let all = LEVELS.get()?;
    let mut overrides = all.overrides.lock();
    let now = Instant::now();
    let before = overrides.len();
    overrides.retain(|part| part.ends.is_none_or(|ends| ends > now));
    if overrides.len() != before
        && let Err(error) = all.apply(&overrides)
    {
        tracing::warn!(%error, "the log stays as it is");
    }
    overrides.iter().filter_map(|part| part.ends).min().map(|ends| ends.saturating_duration_since(now))
}

impl Levels {
    fn apply(&self, overrides: &[Override]) -> Result<(), NotSet> {
        let filter = EnvFilter::try_new(directives(&self.configured.lock().directives, overrides))
            .map_err(|_| NotSet::Target)?;
        self.filter.reload(filter).map_err(|_| NotSet::NotOurs)
    }
}

/// The filter with what parts log instead. Our modules stand in the crate `hydrad`, what people
/// call the hydra.
fn directives(configured: &str, overrides: &[Override]) -> String {
    let mut all = configured.to_owned();
    for Override { target, level, .. } in overrides {
        let mut add = |target: fmt::Arguments<'_>| all.push_str(&format!(",{target}={level}"));
        add(format_args!("{target}"));
        if let Some(module) = target.strip_prefix("hydra::") {
            add(format_args!("hydrad::{module}"));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_added_to_what_is_configured_under_both_of_its_names() {
        let part =
            |target: &str, level| Override { target: target.to_owned(), level, until: None, ends: None };
        let parts = [part("hydra::prefetch", LevelFilter::DEBUG), part("quinn", LevelFilter::OFF)];
        let text = directives("warn,hydrad=info", &parts);
        assert_eq!(text, "warn,hydrad=info,hydra::prefetch=debug,hydrad::prefetch=debug,quinn=off");
        EnvFilter::try_new(text).expect("a filter");
    }

    #[test]
    fn a_name_that_is_none_changes_nothing() {
        for wrong in ["", "a b", "a=debug,b", "é", &"a".repeat(200)] {
            assert_eq!(set(wrong, LevelFilter::DEBUG, None), Err(NotSet::Target), "{wrong}");
        }
    }
}
