//! The question what a coverage takes. It changes nothing: the daemon only reckons.

use hydra_protocol::v1::PlanCoverageResponse;

use super::{Answer, Command, Key, Outcome, Turn, edit, neutral};

/// What can be typed.
const WHAT: &str = "a share from 0.1 % to 100 %, such as 50 % or 0.5, please";

/// From the question to the plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What was typed.
    pub typed: String,
    /// Why it did not do.
    pub error: String,
    /// The coverage that the daemon is asked about, in thousandths.
    pub asked: Option<u32>,
    /// What it takes.
    pub told: Option<Box<PlanCoverageResponse>>,
}

impl Plan {
    pub(super) fn key(&mut self, key: Key) -> (Turn, Option<Command>) {
        match (key, self.asked, &self.told) {
            (Key::Char('q') | Key::Enter, _, Some(_)) => return (Turn::Close, None),
            (_, Some(_), _) => {}
            (Key::Enter, None, _) => match per_mille(&self.typed) {
                Some(per_mille) => {
                    self.asked = Some(per_mille);
                    return (Turn::Stay, Some(Command::PlanCoverage { per_mille }));
                }
                None => WHAT.clone_into(&mut self.error),
            },
            _ => edit(&mut self.typed, &mut self.error, key),
        }
        (Turn::Stay, None)
    }

    /// Takes the answer, if it is the one that is awaited.
    pub(super) fn take(&mut self, answer: &Answer) -> bool {
        let Some(per_mille) = self.asked.filter(|_| self.told.is_none()) else { return false };
        if answer.command != (Command::PlanCoverage { per_mille }) {
            return false;
        }
        let trouble = match &answer.result {
            Ok(Outcome::Planned(plan)) => {
                self.told = Some(plan.clone());
                return true;
            }
            Ok(_) => "the answer is of another kind".to_owned(),
            Err(text) => neutral(text),
        };
        (self.asked, self.error) = (None, trouble);
        true
    }
}

/// `50`, `50 %` and `0.5` are the same.
fn per_mille(text: &str) -> Option<u32> {
    let text = text.trim();
    let number: f64 = text.trim_end_matches('%').trim_end().parse().ok()?;
    let share = if text.ends_with('%') || number > 1.0 { number / 100.0 } else { number };
    let per_mille = (share * 1_000.0).round();
    (1.0..=1_000.0).contains(&per_mille).then_some(per_mille as u32)
}

#[cfg(test)]
mod tests {
    use super::per_mille;

    #[test]
    fn a_share_may_be_written_in_three_ways() {
        assert_eq!(["50", "50 %", "0.5", "1", "2.5%"].map(per_mille), [500, 500, 500, 1_000, 25].map(Some));
        assert_eq!(["", "0", "-1", "101", "NaN", "inf", "0.01%"].map(per_mille), [None; 7]);
    }
}
