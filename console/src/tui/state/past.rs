//! Values of the daemon's history in the columns of a chart.

use hydra_protocol::v1::GetHistoryResponse;

use super::history::{Columns, TIMES};

/// How the values of a column become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Their mean: rates and levels.
    Mean,
    /// The largest: queues.
    Most,
}

/// The sum of `series` in at most `dots` columns of whole steps, which end `back` seconds before
/// the newest step and span at least `window` seconds.
#[must_use]
pub fn columns(
    past: &GetHistoryResponse,
    series: &[&str],
    (window, back): (i64, i64),
    dots: usize,
    fold: Fold,
) -> Option<Columns> {
    let step = i64::from(past.step_seconds).max(1);
    let begins = past.begins.map(|begins| begins.seconds).filter(|begins| TIMES.contains(begins))?;
    let values: Vec<&[f32]> = series
        .iter()
        .map(|name| {
            past.series.iter().find(|values| values.name == *name).map(|values| values.values.as_slice())
        })
        .collect::<Option<_>>()?;
    let length = values.iter().map(|values| values.len()).max().unwrap_or(0);
    let dots_i = i64::try_from(dots.max(1)).unwrap_or(1);
    let seconds = ((window + dots_i - 1) / dots_i).max(1).div_euclid(step) * step;
    let seconds = if seconds * dots_i < window { seconds + step } else { seconds };
    let count = (window + seconds - 1) / seconds;
    let end = begins + i64::try_from(length).unwrap_or(0) * step - back;
    let first = (end.div_euclid(seconds) - count) * seconds;
    let at = |second: i64| -> Option<f64> {
        let place = usize::try_from((second - begins).div_euclid(step)).ok()?;
        let sum = values.iter().map(|values| values.get(place).copied().unwrap_or(f32::NAN)).sum::<f32>();
        (!sum.is_nan()).then_some(f64::from(sum))
    };
    let column = |number: i64| {
        let from = first + number * seconds;
        let known: Vec<f64> = (0..seconds / step).filter_map(|place| at(from + place * step)).collect();
        match fold {
            _ if known.is_empty() => None,
            Fold::Mean => Some(known.iter().sum::<f64>() / known.len() as f64),
            Fold::Most => known.into_iter().reduce(f64::max),
        }
    };
    Some(Columns { begins: first, seconds, values: (0..count).map(column).collect() })
}

#[cfg(test)]
mod tests {
    use hydra_protocol::v1::SeriesValues;
    use prost_types::Timestamp;

    use super::*;

    fn past(step: u32, begins: i64, values: &[f32]) -> GetHistoryResponse {
        let series =
            |name: &str| SeriesValues { name: name.into(), unit: "count".into(), values: values.to_vec() };
        GetHistoryResponse {
            begins: Some(Timestamp { seconds: begins, nanos: 0 }),
            step_seconds: step,
            series: vec![series("a"), series("b")],
            ..GetHistoryResponse::default()
        }
    }

    #[test]
    fn columns_are_whole_steps_at_round_times() {
        let past = past(10, 1_000, &[1.0, 2.0, 3.0, 4.0, 5.0, f32::NAN]);
        let drawn = columns(&past, &["a"], (60, 0), 3, Fold::Mean).expect("a series");
        assert_eq!((drawn.begins, drawn.seconds), (1_000, 20));
        assert_eq!(drawn.values, [Some(1.5), Some(3.5), Some(5.0)]);
        let most = columns(&past, &["a", "b"], (60, 0), 3, Fold::Most).expect("a series");
        assert_eq!(most.values, [Some(4.0), Some(8.0), Some(10.0)]);
        let moved = columns(&past, &["a"], (40, 20), 2, Fold::Mean).expect("a series");
        assert_eq!((moved.begins, moved.values), (1_000, vec![Some(1.5), Some(3.5)]));
    }

    #[test]
    fn what_is_not_there_is_absent() {
        let past = past(10, 1_000, &[1.0]);
        assert_eq!(columns(&past, &["c"], (60, 0), 3, Fold::Mean), None);
        let drawn = columns(&past, &["a"], (60, 0), 6, Fold::Mean).expect("a series");
        assert_eq!(drawn.values, [None, None, None, None, None, Some(1.0)]);
        assert!(columns(&past, &["a"], (60, 0), 0, Fold::Mean).is_some());
        assert!(columns(&GetHistoryResponse::default(), &[], (600, 0), 10, Fold::Mean).is_none());
        assert!(columns(&self::past(10, i64::MAX, &[1.0]), &["a"], (600, 0), 10, Fold::Mean).is_none());
    }
}
