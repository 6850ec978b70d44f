//! Errors as every door says them: `{"error": "…", "status": 400}`.

use axum::body::{Body, Bytes};
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use http_body_util::{BodyExt as _, Limited};

/// Of a framework's own error text, at most so much is repeated.
const MAX_TEXT: usize = 1024;

/// Why a request is not answered as asked.
#[derive(Debug, Clone)]
pub struct Refusal {
    status: StatusCode,
    reason: String,
    retry_after: Option<u64>,
    close: bool,
}

impl Refusal {
    /// The reason is for whoever asked: what is wrong and what would be right.
    #[must_use]
    pub fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), retry_after: None, close: false }
    }

    /// 400.
    #[must_use]
    pub fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// Says when to ask again, in whole seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Ends the connection after the answer: the rest of the request is not read.
    pub(super) fn close(mut self) -> Self {
        self.close = true;
        self
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body.
    pub(super) fn json(&self) -> String {
        serde_json::json!({ "error": self.reason, "status": self.status.as_u16() }).to_string() + "\n"
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> axum::response::Response {
        let mut response = Response::new(Body::from(self.json()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let schemes = HeaderValue::from_static("Bearer, Basic realm=\"hydrad\"");
            headers.insert(WWW_AUTHENTICATE, schemes);
        }
        if self.close {
            headers.insert("connection", HeaderValue::from_static("close"));
        }
        response
    }
}

/// An answer of the framework itself (no such path, a parameter that is none) in our words.
pub(super) async fn in_json(response: axum::response::Response) -> axum::response::Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if !(status.is_client_error() || status.is_server_error()) || kind.starts_with(b"application/json") {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = Limited::new(body, MAX_TEXT).collect().await.map(|whole| whole.to_bytes());
    let reason = reason(status, &text.unwrap_or_default(), parts.headers.get(ALLOW));
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    axum::response::Response::from_parts(parts, Body::from(Refusal::new(status, reason).json()))
}

fn reason(status: StatusCode, text: &Bytes, allow: Option<&HeaderValue>) -> String {
    let text = String::from_utf8_lossy(text);
    if !text.trim().is_empty() {
        return text.trim().to_owned();
    }
    let allowed = allow.and_then(|methods| methods.to_str().ok());
    match (status, allowed) {
        (StatusCode::NOT_FOUND, _) => "there is no such path".to_owned(),
        (StatusCode::METHOD_NOT_ALLOWED, Some(methods)) => {
            format!("this path does not take that method; it takes {methods}")
        }
        _ => status.canonical_reason().unwrap_or("refused").to_ascii_lowercase(),
    }
}
