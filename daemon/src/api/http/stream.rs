//! The bytes of one connection: tells [`Activity`] how they flow, gives hyper's own refusals a
//! reason, and ends so that the client still gets the last answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::activity::Activity;
use super::refusal::Refusal;

/// After the last answer so much of what the client still sends is read and thrown away:
/// closing over unread bytes resets the connection, and the answer is lost.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// A watched connection.
pub(super) struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
    /// What is sent in place of a write of hyper's, and how much of it is.
    instead: Option<(Vec<u8>, usize)>,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity, lingering: None, instead: None }
    }

    fn watch<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.activity.sent(polled.is_ready());
        polled
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.received();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.instead.is_none() {
            self.instead = with_reason(buf).map(|text| (text, 0));
        }
        let this = &mut *self;
        let Some((text, sent)) = &mut this.instead else {
            let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
            return self.watch(polled);
        };
        while *sent < text.len() {
            *sent += ready!(Pin::new(&mut this.stream).poll_write(cx, &text[*sent..]))?;
        }
        this.instead = None;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let (until, left) =
            this.lingering.get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), LINGER_BYTES));
        let mut thrown = [0; 4096];
        while *left > 0 && until.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut thrown);
            match Pin::new(&mut this.stream).poll_read(cx, &mut buf) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    *left = left.saturating_sub(buf.filled().len())
                }
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Hyper refuses by itself what it cannot read, with an empty body; ours always have one.
fn with_reason(written: &[u8]) -> Option<Vec<u8>> {
    let head = written.strip_prefix(b"HTTP/1.").filter(|rest| rest.get(2) == Some(&b'4'))?;
    let status = std::str::from_utf8(head.get(2..5)?).ok()?.parse().ok()?;
    let empty = written.ends_with(b"\r\n\r\n") && written.windows(EMPTY.len()).any(|part| part == EMPTY);
    if !empty {
        return None;
    }
    let reason = match status {
        414 => "the request's path is longer than is read",
        431 => "the request's line and headers are larger, or more, than are read",
        _ => "that is no HTTP/1.1 request",
    };
    let status = StatusCode::from_u16(status).ok()?;
    let body = Refusal::new(status, reason).json();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Some([head.as_bytes(), body.as_bytes()].concat())
}

const EMPTY: &[u8] = b"content-length: 0\r\n";
