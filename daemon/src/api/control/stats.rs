//! `StatsService`.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use hydra_protocol::v1;
use hydra_protocol::v1::stats_service_server::StatsService;
use hydra_protocol::v1::{
    GetHistoryRequest, GetHistoryResponse, ListSeriesRequest, ListSeriesResponse, SeriesValues,
};
use tonic::{Request, Response, Status};

use crate::api::control::convert;
use crate::hydra::Hydra;
use crate::telemetry::history::{
    Fold, HEAD_SERIES, NoSuchSeries, STEPS, Series, Unit, head_series, unix_now,
};

/// Series of one question.
const MAX_SERIES: usize = 64;

/// The service.
pub(super) struct Service {
    hydra: Arc<Hydra>,
}

impl Service {
    pub(super) fn new(hydra: Arc<Hydra>) -> Self {
        Self { hydra }
    }

    /// The newest complete value of each series at a step.
    fn newest(&self, names: &[String], step: u32) -> Vec<Option<f64>> {
        let now = unix_now();
        let read = self.hydra.archive.read(names, now - 3 * i64::from(step), now, Some(step));
        let newest = |values: &Vec<f32>| values.last().copied().filter(|v| !v.is_nan()).map(f64::from);
        read.map_or_else(|_| vec![None; names.len()], |read| read.values.iter().map(newest).collect())
    }
}

/// A series that can be asked for, without its newest value.
fn series(name: String, unit: Unit, fold: Fold, meaning: &str, steps: &[u32]) -> v1::Series {
    v1::Series {
        name,
        unit: unit.name().to_owned(),
        fold: fold.name().to_owned(),
        meaning: meaning.to_owned(),
        steps_seconds: steps.to_vec(),
        newest: None,
    }
}

/// The unit of a series that exists.
fn unit(name: &str) -> &'static str {
    let whole = Series::ALL.iter().find(|series| series.name() == name).map(|series| series.unit());
    let of_head = || {
        let end = name.rsplit_once('.')?.1;
        HEAD_SERIES.iter().find(|(of, ..)| *of == end).map(|(_, unit, _)| *unit)
    };
    whole.or_else(of_head).map_or("", Unit::name)
}

fn time(second: i64) -> Option<prost_types::Timestamp> {
    let since = Duration::from_secs(u64::try_from(second).ok()?);
    convert::timestamp(UNIX_EPOCH + since)
}

#[tonic::async_trait]
impl StatsService for Service {
    async fn list_series(
        &self,
        _request: Request<ListSeriesRequest>,
    ) -> Result<Response<ListSeriesResponse>, Status> {
        let steps = STEPS.map(|(step, _)| step);
        let whole = Series::ALL
            .iter()
            .map(|one| series(one.name().to_owned(), one.unit(), one.fold(), one.meaning(), &steps));
        let heads = self.hydra.archive.heads();
        let of_heads = heads.into_iter().flat_map(|index| {
            HEAD_SERIES.iter().map(move |(end, unit, meaning)| {
                series(head_series(index, end), *unit, Fold::Mean, meaning, &steps[2..3])
            })
        });
        let mut all: Vec<v1::Series> = whole.chain(of_heads).collect();
        let (whole, of_heads) = all.split_at_mut(Series::ALL.len());
        for (part, step) in [(whole, steps[0]), (of_heads, steps[2])] {
            let names: Vec<String> = part.iter().map(|series| series.name.clone()).collect();
            for (series, newest) in part.iter_mut().zip(self.newest(&names, step)) {
                series.newest = newest;
            }
        }
        let trouble = self.hydra.archive.trouble().unwrap_or_default();
        Ok(Response::new(ListSeriesResponse { series: all, trouble }))
    }

    async fn get_history(
        &self,
        request: Request<GetHistoryRequest>,
    ) -> Result<Response<GetHistoryResponse>, Status> {
        let GetHistoryRequest { series, since, step_seconds } = request.into_inner();
        if series.is_empty() || series.len() > MAX_SERIES {
            return Err(Status::invalid_argument(format!("name 1 to {MAX_SERIES} series")));
        }
        let Some(since) = since else { return Err(Status::invalid_argument("since: a time is missing")) };
        let now = unix_now();
        let since = since.seconds.clamp(0, now);
        let step = (step_seconds > 0).then_some(step_seconds);
        let stretch = self.hydra.archive.read(&series, since, now, step).map_err(|error| match error {
            NoSuchSeries::Name(_) => Status::not_found(error.to_string()),
            NoSuchSeries::Step(_) => Status::invalid_argument(error.to_string()),
        })?;
        let values = series.into_iter().zip(stretch.values);
        Ok(Response::new(GetHistoryResponse {
            begins: time(stretch.begins),
            step_seconds: stretch.step,
            series: values
                .map(|(name, values)| SeriesValues { unit: unit(&name).to_owned(), name, values })
                .collect(),
            starts: stretch.starts.into_iter().filter_map(time).collect(),
            trouble: self.hydra.archive.trouble().unwrap_or_default(),
        }))
    }
}
