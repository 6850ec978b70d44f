//! The last ten minutes, second by second, across the daemon's restarts.
//!
//! Seconds that nobody measured are absent, never zero. Charts read it in columns whose borders
//! stand at round times, so that a picture moves by whole columns and only when one is complete.

use std::collections::BTreeMap;

use hydra_protocol::v1::Sample;

/// Seconds that are kept.
pub const SECONDS_KEPT: i64 = 600;

/// Times that a clock can show: 1970 to 9999, in Unix seconds.
pub(super) const TIMES: std::ops::Range<i64> = 0..253_402_300_800;

/// One second, as far as charts need it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// ADD_PROVIDER accepted, a second.
    pub add_provider: f64,
    /// GET_PROVIDERS, a second.
    pub get_providers: f64,
    /// FIND_NODE, a second.
    pub find_node: f64,
    /// All requests, a second.
    pub requests: f64,
    /// Connections, both ways.
    pub connections: f64,
}

/// Values of a chart: one a column, `None` where nothing was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    /// Unix second at which the first column begins.
    pub begins: i64,
    /// Seconds a column.
    pub seconds: i64,
    /// Mean over each column, oldest first.
    pub values: Vec<Option<f64>>,
}

/// Readings by their Unix second.
#[derive(Clone, Debug, Default)]
pub struct History {
    readings: BTreeMap<i64, Reading>,
}

impl History {
    /// Adds what a sample measured; a gap takes nothing away.
    pub fn push(&mut self, sample: &Sample) {
        let (Some(at), Some(rates), false) = (sample.at, sample.rates, sample.gap) else { return };
        if !TIMES.contains(&at.seconds) {
            return;
        }
        if self.newest().is_some_and(|newest| at.seconds <= newest - SECONDS_KEPT) {
            // The daemon's clock was set back: what we know lies in a future that will not come.
            self.readings.clear();
        }
        let requests = rates.find_node
            + rates.get_providers
            + rates.add_provider
            + rates.get_value
            + rates.put_value
            + rates.ping;
        let reading = Reading {
            add_provider: rates.add_provider,
            get_providers: rates.get_providers,
            find_node: rates.find_node,
            requests,
            connections: sample.connections_in.saturating_add(sample.connections_out) as f64,
        };
        self.readings.insert(at.seconds, reading);
        let Some(newest) = self.newest() else { return };
        let oldest_kept = newest - SECONDS_KEPT + 1;
        while self.readings.first_key_value().is_some_and(|(second, _)| *second < oldest_kept) {
            self.readings.pop_first();
        }
    }

    /// The newest second, as a Unix time.
    #[must_use]
    pub fn newest(&self) -> Option<i64> {
        self.readings.last_key_value().map(|(second, _)| *second)
    }

    /// The newest reading.
    #[must_use]
    pub fn last(&self) -> Option<&Reading> {
        self.readings.last_key_value().map(|(_, reading)| reading)
    }

    /// `count` columns of `seconds` each; the last is the newest that is complete at the end of
    /// the second `end`.
    #[must_use]
    pub fn columns(&self, value: fn(&Reading) -> f64, end: i64, seconds: i64, count: usize) -> Columns {
        let seconds = seconds.max(1);
        let count_i = i64::try_from(count).unwrap_or(SECONDS_KEPT);
        let begins = ((end + 1).div_euclid(seconds) - count_i) * seconds;
        let mut sums = vec![(0.0, 0_u32); count];
        for (second, reading) in self.readings.range(begins..begins + count_i * seconds) {
            let column = usize::try_from((second - begins) / seconds).unwrap_or(usize::MAX);
            if let Some((sum, number)) = sums.get_mut(column) {
                *sum += value(reading);
                *number += 1;
            }
        }
        let mean = |(sum, number)| if number == 0 { None } else { Some(sum / f64::from(number)) };
        Columns { begins, seconds, values: sums.into_iter().map(mean).collect() }
    }
}

#[cfg(test)]
mod tests {
    use hydra_protocol::v1::Rates;
    use prost_types::Timestamp;

    use super::*;

    fn sample(second: i64, ping: f64) -> Sample {
        Sample {
            at: Some(Timestamp { seconds: second, nanos: 0 }),
            rates: Some(Rates { ping, ..Rates::default() }),
            ..Sample::default()
        }
    }

    #[test]
    fn columns_stand_at_round_times_and_only_complete_ones_are_drawn() {
        let mut history = History::default();
        (0..=13)
            .for_each(|second| history.push(&sample(second, f64::from(i32::try_from(second).unwrap_or(0)))));
        let columns = history.columns(|reading| reading.requests, 13, 5, 2);
        assert_eq!((columns.begins, columns.values), (0, vec![Some(2.0), Some(7.0)]));
        let columns = history.columns(|reading| reading.requests, 14, 5, 2);
        assert_eq!((columns.begins, columns.values), (5, vec![Some(7.0), Some(11.5)]));
    }

    #[test]
    fn what_was_not_measured_is_absent_and_not_zero() {
        let mut history = History::default();
        history.push(&sample(0, 1.0));
        history.push(&Sample { gap: true, ..sample(1, 9.0) });
        history.push(&sample(2, 0.0));
        let columns = history.columns(|reading| reading.requests, 2, 1, 3);
        assert_eq!(columns.values, [Some(1.0), None, Some(0.0)]);
    }

    #[test]
    fn a_clock_that_was_set_back_begins_a_new_history() {
        let mut history = History::default();
        history.push(&sample(90_000, 1.0));
        history.push(&sample(50, 1.0));
        assert_eq!((history.newest(), history.readings.len()), (Some(50), 1));
        history.push(&sample(i64::MAX, 1.0));
        history.push(&sample(-1, 1.0));
        assert_eq!(history.newest(), Some(50));
    }

    #[test]
    fn ten_minutes_are_kept_and_no_more() {
        let mut history = History::default();
        (0..5_000).for_each(|second| history.push(&sample(second, 1.0)));
        assert_eq!(history.readings.len(), 600);
        assert_eq!(history.newest(), Some(4_999));
    }
}
