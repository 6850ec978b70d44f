//! Numbers in JSON: whole ones without a fraction, others without digits beyond their precision.

use serde::Serializer;

/// A micro-unit: nothing we measure in seconds or as a ratio is finer.
const PRECISION: f64 = 1e6;

/// 1547, not 1547.0; 0.307, not 0.30700000000000005.
pub(super) fn plain<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let rounded = (number * PRECISION).round() / PRECISION;
    if !rounded.is_finite() {
        serializer.serialize_none()
    } else if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        serializer.serialize_i64(rounded as i64)
    } else {
        serializer.serialize_f64(rounded)
    }
}

/// As [`plain`]; unknown is `null`.
pub(super) fn maybe<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => plain(number, serializer),
        None => serializer.serialize_none(),
    }
}
