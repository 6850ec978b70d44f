//! `LogService`: what the log says, and how much. Only on the control socket.

use std::sync::Arc;
use std::time::Duration;

use hydra_protocol::v1;
use hydra_protocol::v1::log_service_server::LogService;
use hydra_protocol::v1::{
    GetLogLevelsRequest, GetLogLevelsResponse, LogLevel, LogLine, LogOverride, SetLogLevelRequest,
    SetLogLevelResponse, TailLogRequest, TailLogResponse,
};
use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::task::AbortHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::api::control::{Access, audit, convert};
use crate::telemetry::log::{self, Line, NotSet, Override};
use crate::telemetry::{Drop as Reason, drops};

/// Readers at a time.
const MAX_READERS: usize = 16;

/// Messages a reader may be behind.
const AHEAD: usize = 16;

/// The longest time that a level holds before it goes back by itself.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

type Message = Result<TailLogResponse, Status>;

/// The service.
pub(super) struct Service {
    access: Access,
    readers: Arc<Semaphore>,
    /// Ends what was set for a while.
    timer: Mutex<Option<AbortHandle>>,
}

impl Service {
    pub(super) fn new(access: Access) -> Self {
        Self { access, readers: Arc::new(Semaphore::new(MAX_READERS)), timer: Mutex::default() }
    }

    fn control_only(&self, what: &str) -> Result<(), Status> {
        if self.access == Access::Observe {
            return Err(Status::permission_denied(format!(
                "{what}: this is the observe socket, which does not tell the log; use the control socket"
            )));
        }
        Ok(())
    }

    /// Waits for what ends next, in place of whoever waited before.
    fn restart_timer(&self) {
        let timer = tokio::spawn(async {
            while let Some(left) = log::expire() {
                tokio::time::sleep(left).await;
            }
        });
        if let Some(before) = self.timer.lock().replace(timer.abort_handle()) {
            before.abort();
        }
    }
}

#[tonic::async_trait]
impl LogService for Service {
    async fn get_log_levels(
        &self,
        _: Request<GetLogLevelsRequest>,
    ) -> Result<Response<GetLogLevelsResponse>, Status> {
        self.control_only("log level get")?;
        let (configured, overrides) = log::levels();
        let overrides = overrides.iter().map(told).collect();
        Ok(Response::new(GetLogLevelsResponse { configured, overrides }))
    }

    async fn set_log_level(
        &self,
        request: Request<SetLogLevelRequest>,
    ) -> Result<Response<SetLogLevelResponse>, Status> {
        let asked = audit::change(self.access, "log level set", request)?;
        let level = filter(asked.level()).ok_or_else(|| Status::invalid_argument("level: none was named"))?;
        let time = match asked.for_seconds {
            0.0 => None,
            seconds => Some(
                Duration::try_from_secs_f64(seconds)
                    .ok()
                    .filter(|time| *time <= LONGEST)
                    .ok_or_else(|| Status::invalid_argument("for_seconds: more than 0, 30 days at most"))?,
            ),
        };
        let set = log::set(&asked.target, level, time).map_err(|error| match error {
            NotSet::Target => Status::invalid_argument(format!("target {:?}: {error}", asked.target)),
            NotSet::Full => Status::resource_exhausted(error.to_string()),
            NotSet::NotOurs => Status::failed_precondition(error.to_string()),
        })?;
        self.restart_timer();
        let (configured, _) = log::levels();
        Ok(Response::new(SetLogLevelResponse { r#override: Some(told(&set)), configured }))
    }

    type TailLogStream = ReceiverStream<Message>;

    async fn tail_log(
        &self,
        request: Request<TailLogRequest>,
    ) -> Result<Response<Self::TailLogStream>, Status> {
        self.control_only("log tail")?;
        let Ok(place) = Arc::clone(&self.readers).try_acquire_owned() else {
            return Err(Status::resource_exhausted(format!(
                "{MAX_READERS} readers are at the log already; end one"
            )));
        };
        let asked = request.into_inner();
        let (mut kept, feed) = log::lines();
        kept.retain(|line| fits(&asked, line));
        if let Some(last) = asked.last {
            kept.drain(..kept.len().saturating_sub(last as usize));
        }
        let (send, receive) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            let _place = place;
            tell(&asked, &kept, feed, &send).await;
        });
        Ok(Response::new(ReceiverStream::new(receive)))
    }
}

async fn tell(
    asked: &TailLogRequest,
    kept: &[Line],
    mut feed: broadcast::Receiver<Line>,
    send: &mpsc::Sender<Message>,
) {
    let message = |lines: Vec<LogLine>, missed| Ok(TailLogResponse { lines, missed });
    let mut open = send.send(message(kept.iter().map(line).collect(), 0)).await.is_ok();
    while open && asked.follow {
        let next = tokio::select! {
            next = feed.recv() => next,
            () = send.closed() => return,
        };
        open = match next {
            Ok(new) if fits(asked, &new) => send.send(message(vec![line(&new)], 0)).await.is_ok(),
            Ok(_) => true,
            Err(RecvError::Lagged(missed)) => {
                drops::add(Reason::EventLagged, missed);
                send.send(message(Vec::new(), missed)).await.is_ok()
            }
            Err(RecvError::Closed) => return,
        };
    }
}

fn fits(asked: &TailLogRequest, line: &Line) -> bool {
    filter(asked.level()).is_none_or(|most| line.level <= most) && line.target.starts_with(&asked.target)
}

fn line(line: &Line) -> LogLine {
    let level = match line.level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    };
    LogLine {
        at: convert::timestamp(line.at),
        level: level.into(),
        target: line.target.to_owned(),
        text: line.text.clone(),
    }
}

fn told(part: &Override) -> LogOverride {
    let level = match part.level.into_level() {
        None => LogLevel::Off,
        Some(Level::ERROR) => LogLevel::Error,
        Some(Level::WARN) => LogLevel::Warn,
        Some(Level::INFO) => LogLevel::Info,
        Some(Level::DEBUG) => LogLevel::Debug,
        Some(Level::TRACE) => LogLevel::Trace,
    };
    LogOverride {
        target: part.target.clone(),
        level: level.into(),
        until: part.until.and_then(convert::timestamp),
    }
}

fn filter(level: v1::LogLevel) -> Option<LevelFilter> {
    match level {
        LogLevel::Unspecified => None,
        LogLevel::Off => Some(LevelFilter::OFF),
        LogLevel::Error => Some(LevelFilter::ERROR),
        LogLevel::Warn => Some(LevelFilter::WARN),
        LogLevel::Info => Some(LevelFilter::INFO),
        LogLevel::Debug => Some(LevelFilter::DEBUG),
        LogLevel::Trace => Some(LevelFilter::TRACE),
    }
}
