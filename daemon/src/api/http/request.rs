//! The way of one request through a door: guard, rate, body, router, and an answer in any case.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode, Version};
use axum::response::IntoResponse as _;
use futures::FutureExt as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tower::ServiceExt as _;

use super::activity::Activity;
use super::guard::Guard;
use super::rates::Rates;
use super::refusal::{Refusal, in_json};
use super::serve::Bounds;
use crate::telemetry::doors::Door as Counters;
use crate::telemetry::drops::{self, Drop as Dropped};

/// Who asks, as an extension of each request.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    pub from: SocketAddr,
    /// The address of ours that was asked.
    pub at: SocketAddr,
}

/// What all requests of a door have in common.
pub(super) struct Handling {
    pub(super) router: Router,
    pub(super) guard: Guard,
    pub(super) rates: Option<Rates>,
    pub(super) bounds: Bounds,
    pub(super) counters: Arc<Counters>,
}

impl Handling {
    /// Answers one request.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        client: Client,
        activity: Arc<Activity>,
    ) -> Result<Response<Answer>, Infallible> {
        let begun = Begun::new(activity, request.version() == Version::HTTP_2);
        let began = Instant::now();
        let handled = AssertUnwindSafe(self.handled(request, client)).catch_unwind().await;
        let response = match handled {
            Ok(Ok(response)) => in_json(response).await,
            Ok(Err(refusal)) => refusal.into_response(),
            Err(_) => {
                drops::count(Dropped::HttpPanic);
                let text = "a fault of hydrad: the request could not be answered; the log says more";
                Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            }
        };
        self.counters.answered(response.status().as_u16(), began.elapsed());
        Ok(response.map(|body| Answer { body, begun }))
    }

    async fn handled(
        &self,
        request: Request<Incoming>,
        client: Client,
    ) -> Result<axum::response::Response, Refusal> {
        self.guard.check(&request, client.at.ip()).inspect_err(|_| drops::count(Dropped::HttpForeign))?;
        self.in_rate(client)?;
        let mut request = self.with_whole_body(request).await?;
        request.extensions_mut().insert(client);
        let routed = tokio::time::timeout(self.bounds.answer, self.router.clone().oneshot(request));
        let seconds = self.bounds.answer.as_secs();
        let Ok(Ok(response)) = routed.await.inspect_err(|_| drops::count(Dropped::HttpAnswerSlow)) else {
            let text = format!("no answer within {seconds} s; ask again later");
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(seconds));
        };
        Ok(response)
    }

    fn in_rate(&self, client: Client) -> Result<(), Refusal> {
        let Some(rates) = &self.rates else { return Ok(()) };
        rates.take(client.from.ip(), Instant::now()).map_err(|wait| {
            drops::count(Dropped::HttpRate);
            let text = "more requests from your address than one may make; ask more slowly";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, text).retry_after(wait.as_secs() + 1)
        })
    }

    /// Bodies are small: they are read before anything is done, so that no handler waits for a
    /// slow sender.
    async fn with_whole_body(&self, request: Request<Incoming>) -> Result<Request<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        if body.is_end_stream() {
            return Ok(Request::from_parts(parts, Body::empty()));
        }
        let too_large = || {
            drops::count(Dropped::HttpBodyLarge);
            let text = format!("the body is larger than {} bytes", self.bounds.body);
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text).close()
        };
        if body.size_hint().lower() > self.bounds.body as u64 {
            return Err(too_large());
        }
        let whole = Limited::new(body, self.bounds.body).collect();
        match tokio::time::timeout(self.bounds.body_time, whole).await {
            Ok(Ok(whole)) => Ok(Request::from_parts(parts, Body::from(whole.to_bytes()))),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(error)) => {
                Err(Refusal::bad_request(format!("the body could not be read: {error}")).close())
            }
            Err(_) => {
                drops::count(Dropped::HttpBodySlow);
                let text = format!("the body was not whole after {} s", self.bounds.body_time.as_secs());
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, text).close())
            }
        }
    }
}

/// A request from its head to the end of its answer.
struct Begun {
    activity: Arc<Activity>,
    number: u32,
}

impl Begun {
    fn new(activity: Arc<Activity>, multiplexed: bool) -> Self {
        let number = activity.begin(multiplexed);
        Self { activity, number }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.activity.finish(self.number);
    }
}

/// The body of an answer; tells when nobody asks for its next part.
pub(super) struct Answer {
    body: Body,
    begun: Begun,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.begun.activity.handed(self.begun.number, matches!(polled, Poll::Ready(Some(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
