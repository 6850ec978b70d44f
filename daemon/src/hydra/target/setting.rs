//! The setting: what the number of heads follows.

use std::fmt;
use std::str::FromStr;

use crate::routing::plan::heads_by_chance;

/// Most heads that a target may name.
const MAX_TARGET: u32 = 10_000;

/// The coverage that `auto` wants.
const AUTO: f64 = 0.9;

/// Least and greatest coverage that may be wanted: the last hundredth takes as many heads as
/// all before.
const COVERAGE: (f64, f64) = (0.01, 0.99);

/// What the number of heads follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Nothing: it is the operator's.
    None,
    Heads(u32),
    /// This share of all keys has a head among its 20 nearest servers.
    Coverage(f64),
    Auto,
}

impl Target {
    /// Heads that it comes to in a network of so many other servers; `None` while it depends on
    /// a size that is not known.
    #[must_use]
    pub(super) fn wanted(self, servers: Option<f64>) -> Option<f64> {
        let coverage = match self {
            Self::None => return None,
            Self::Heads(heads) => return Some(f64::from(heads)),
            Self::Coverage(coverage) => coverage,
            Self::Auto => AUTO,
        };
        servers.map(|servers| heads_by_chance(servers, coverage).clamp(1.0, f64::from(MAX_TARGET)))
    }

    /// It is a number that somebody chose, and no measurement.
    #[must_use]
    pub(super) fn is_exact(self) -> bool {
        matches!(self, Self::Heads(_))
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "none" => return Ok(Self::None),
            "auto" => return Ok(Self::Auto),
            _ => {}
        }
        if let Some(coverage) = text.trim().strip_prefix("coverage").filter(|rest| rest.starts_with(' ')) {
            let share = coverage.trim().parse::<f64>().map_err(|_| "names no share of keys".to_owned())?;
            let fits = share >= COVERAGE.0 && share <= COVERAGE.1;
            return if fits { Ok(Self::Coverage(share)) } else { Err("is out of range".to_owned()) };
        }
        let heads = text.trim().parse::<u32>().map_err(|_| "is no target".to_owned())?;
        if (1..=MAX_TARGET).contains(&heads) {
            Ok(Self::Heads(heads))
        } else {
            Err("is out of range".to_owned())
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Heads(heads) => write!(f, "{heads}"),
            Self::Coverage(share) => write!(f, "coverage {share}"),
            Self::Auto => f.write_str("auto"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_shown_as_it_is_read() {
        for text in ["none", "auto", "1", "10000", "coverage 0.9", "coverage 0.01"] {
            let target: Target = text.parse().expect(text);
            assert_eq!(target.to_string(), text);
        }
        for text in
            ["", "0", "10001", "-3", "coverage", "coverage0.9", "coverage 1", "coverage NaN", "coverage 90 %"]
        {
            text.parse::<Target>().expect_err(text);
        }
    }

    #[test]
    fn a_coverage_takes_the_heads_of_the_documented_table() {
        let heads = |share| Target::Coverage(share).wanted(Some(10_000.0)).expect("a size").ceil();
        assert_eq!([0.5, 0.9].map(heads), [353.0, 1221.0]);
        assert_eq!(Target::Auto.wanted(Some(10_000.0)), Target::Coverage(0.9).wanted(Some(10_000.0)));
        assert_eq!((Target::Auto.wanted(None), Target::Heads(7).wanted(None)), (None, Some(7.0)));
    }
}
