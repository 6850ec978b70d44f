//! What a series is, and how its samples are written.
//!
//! Each subject declares its series as constants; the same constants make the scrape, the
//! documentation and the tests. A family is always written with its HELP and TYPE, also
//! while it has no sample.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit as ClientUnit;

use crate::telemetry::latency::Snapshot;

/// What kind of numbers a series has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Grows until the process ends; the name in queries ends in `_total`.
    Counter,
    Gauge,
    /// Times in seconds by doublings.
    Histogram,
    /// Always 1; what it says is in its labels. The name in queries ends in `_info`.
    Info,
    /// A counter whose name cannot end in `_total`.
    Unknown,
}

/// The unit that a name ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of what the name says.
    None,
    Seconds,
    Bytes,
    /// From 0 to 1.
    Ratio,
}

impl Unit {
    fn client(self) -> Option<ClientUnit> {
        match self {
            Self::None => None,
            Self::Seconds => Some(ClientUnit::Seconds),
            Self::Bytes => Some(ClientUnit::Bytes),
            Self::Ratio => Some(ClientUnit::Other("ratio".to_owned())),
        }
    }

    /// As names end in it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
        }
    }
}

/// One series: a name, what it counts, and by what.
#[derive(Debug, Clone, Copy)]
pub struct Series {
    /// Without unit and without `_total`.
    pub stem: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    /// Names of its labels, in the order in which their values are given.
    pub labels: &'static [&'static str],
    /// A sentence.
    pub help: &'static str,
}

impl Series {
    pub(super) const fn counter(stem: &'static str, help: &'static str) -> Self {
        Self { stem, kind: Kind::Counter, unit: Unit::None, labels: &[], help }
    }

    pub(super) const fn gauge(stem: &'static str, help: &'static str) -> Self {
        Self { stem, kind: Kind::Gauge, unit: Unit::None, labels: &[], help }
    }

    pub(super) const fn histogram(stem: &'static str, help: &'static str) -> Self {
        Self { stem, kind: Kind::Histogram, unit: Unit::Seconds, labels: &[], help }
    }

    pub(super) const fn info(stem: &'static str, help: &'static str) -> Self {
        Self { stem, kind: Kind::Info, unit: Unit::None, labels: &[], help }
    }

    pub(super) const fn unknown(stem: &'static str, help: &'static str) -> Self {
        Self { stem, kind: Kind::Unknown, unit: Unit::None, labels: &[], help }
    }

    pub(super) const fn by(self, labels: &'static [&'static str]) -> Self {
        Self { labels, ..self }
    }

    pub(super) const fn seconds(self) -> Self {
        Self { unit: Unit::Seconds, ..self }
    }

    pub(super) const fn bytes(self) -> Self {
        Self { unit: Unit::Bytes, ..self }
    }

    pub(super) const fn ratio(self) -> Self {
        Self { unit: Unit::Ratio, ..self }
    }

    /// The name of the family, with its unit.
    #[must_use]
    pub fn family(&self) -> String {
        match self.unit {
            Unit::None => self.stem.to_owned(),
            unit => format!("{}_{}", self.stem, unit.name()),
        }
    }

    /// The name to ask for in queries.
    #[must_use]
    pub fn name(&self) -> String {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram | Kind::Unknown => "",
        };
        self.family() + suffix
    }
}

/// A number of a sample.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Self::Whole(number as u64)
    }
}

impl From<u32> for Number {
    fn from(number: u32) -> Self {
        Self::Whole(number.into())
    }
}

impl From<bool> for Number {
    fn from(is: bool) -> Self {
        Self::Whole(is.into())
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<Duration> for Number {
    fn from(time: Duration) -> Self {
        Self::Real(time.as_secs_f64())
    }
}

/// A scrape that is being written.
pub(super) struct Page<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl<'a> Page<'a> {
    pub(super) fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self { encoder }
    }

    /// Writes a family; `samples` puts its samples.
    pub(super) fn put(
        &mut self,
        series: &Series,
        samples: impl FnOnce(&mut Samples<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let kind = match series.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
            Kind::Info => MetricType::Info,
            Kind::Unknown => MetricType::Unknown,
        };
        let unit = series.unit.client();
        let encoder = self.encoder.encode_descriptor(series.stem, series.help, unit.as_ref(), kind)?;
        samples(&mut Samples { encoder, series })
    }

    /// Writes a family of one sample without labels.
    pub(super) fn one(&mut self, series: &Series, value: impl Into<Number>) -> fmt::Result {
        self.maybe(series, Some(value))
    }

    /// The same where there may be no sample.
    pub(super) fn maybe(&mut self, series: &Series, value: Option<impl Into<Number>>) -> fmt::Result {
        self.put(series, |out| value.map_or(Ok(()), |value| out.put(&[], value)))
    }
}

/// The samples of one family.
pub(super) struct Samples<'a> {
    encoder: MetricEncoder<'a>,
    series: &'a Series,
}

impl Samples<'_> {
    /// A sample with the values of the series' labels.
    pub(super) fn put(&mut self, values: &[&str], number: impl Into<Number>) -> fmt::Result {
        let (kind, number) = (self.series.kind, number.into());
        self.with(values, |encoder, labels| match kind {
            Kind::Info => encoder.encode_info(&labels),
            Kind::Counter => match number {
                Number::Whole(n) => encoder.encode_counter::<NoLabelSet, _, f64>(&n, None),
                Number::Real(n) => encoder.encode_counter::<NoLabelSet, _, f64>(&n, None),
            },
            Kind::Gauge | Kind::Histogram | Kind::Unknown => match number {
                Number::Whole(n) => match i64::try_from(n) {
                    Ok(n) => encoder.encode_gauge(&n),
                    Err(_) => encoder.encode_gauge(&(n as f64)),
                },
                Number::Real(n) => encoder.encode_gauge(&n),
            },
        })
    }

    /// A histogram with the values of the series' labels.
    pub(super) fn times(&mut self, values: &[&str], times: &Snapshot) -> fmt::Result {
        self.histogram(values, times.sum().as_secs_f64(), &buckets(times, 1.0))
    }

    /// A histogram of another unit than seconds.
    pub(super) fn histogram(&mut self, values: &[&str], sum: f64, buckets: &[(f64, u64)]) -> fmt::Result {
        let count = buckets.iter().map(|(_, count)| count).sum();
        self.with(values, |encoder, _| encoder.encode_histogram::<NoLabelSet>(sum, count, buckets, None))
    }

    /// Writes with labels, or without where the series has none.
    fn with(
        &mut self,
        values: &[&str],
        write: impl FnOnce(&mut MetricEncoder<'_>, &[(&str, &str)]) -> fmt::Result,
    ) -> fmt::Result {
        debug_assert_eq!(values.len(), self.series.labels.len(), "{}", self.series.stem);
        let labels: Vec<(&str, &str)> =
            self.series.labels.iter().copied().zip(values.iter().copied()).collect();
        // what an info says is its own to write; for the others labels make a family
        if labels.is_empty() || self.series.kind == Kind::Info {
            return write(&mut self.encoder, &labels);
        }
        let set = labels.as_slice();
        write(&mut self.encoder.encode_family(&set)?, set)
    }
}

/// Buckets of times: each doubling from 4 µs to 8 s. Shorter ones are no news, longer ones
/// are no answer any more.
pub(super) fn buckets(times: &Snapshot, per_second: f64) -> Vec<(f64, u64)> {
    const FIRST: Duration = Duration::from_micros(4);
    const LAST: Duration = Duration::from_secs(9);
    let (mut buckets, mut held) = (Vec::with_capacity(24), 0);
    for (edge, count) in times.doublings() {
        held += count;
        if let Some(edge) = edge.filter(|edge| (FIRST..=LAST).contains(edge)) {
            buckets.push((edge.as_secs_f64() * per_second, std::mem::take(&mut held)));
        }
    }
    buckets.push((f64::INFINITY, held));
    buckets
}
