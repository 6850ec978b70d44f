//! One stream of arbitrary bytes, and how it ended.

use std::io;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use prost::Message as _;

use super::message::{Message, frame};

/// Longest time a test waits for an answer before it calls the other side silent.
/// Generous: a loaded machine with two cores must not make an honest server fail.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Longest frame read: the protocol's 4 MiB.
const MAX_FRAME: usize = 4 << 20;

/// What came back on a stream.
#[derive(Debug)]
pub enum Answer {
    /// A whole frame.
    Frame(Vec<u8>),
    /// The other side ended the stream: reset, or closed without a frame. QUIC streams of
    /// rust-libp2p cannot be reset, so tests do not tell the two apart.
    Ended(String),
    /// Nothing within the time given.
    Silence,
}

/// A negotiated stream.
pub struct RawStream {
    inner: libp2p::Stream,
}

impl RawStream {
    pub(super) fn new(inner: libp2p::Stream) -> Self {
        Self { inner }
    }

    /// Writes bytes as they are and flushes.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        within(PATIENCE * 3, async {
            self.inner.write_all(bytes).await?;
            self.inner.flush().await
        })
        .await
    }

    /// Writes one framed message.
    pub async fn send(&mut self, message: &Message) -> io::Result<()> {
        self.write(&frame(&message.bytes())).await
    }

    /// Closes the writing side; reading goes on.
    pub async fn half_close(&mut self) -> io::Result<()> {
        within(PATIENCE, self.inner.close()).await
    }

    /// Reads one frame, for at most [`PATIENCE`].
    pub async fn answer(&mut self) -> Answer {
        self.answer_within(PATIENCE).await
    }

    /// Reads one frame, for at most `limit`.
    pub async fn answer_within(&mut self, limit: Duration) -> Answer {
        match tokio::time::timeout(limit, self.read_frame()).await {
            Ok(Ok(frame)) => Answer::Frame(frame),
            Ok(Err(error)) => Answer::Ended(error.to_string()),
            Err(_) => Answer::Silence,
        }
    }

    /// Sends a message and decodes its answer; an error names what came instead.
    pub async fn ask(&mut self, message: &Message) -> anyhow::Result<Message> {
        self.send(message).await?;
        self.reply().await
    }

    /// Reads and decodes one answer.
    pub async fn reply(&mut self) -> anyhow::Result<Message> {
        match self.answer().await {
            Answer::Frame(bytes) => Ok(Message::decode(&bytes[..])?),
            other => anyhow::bail!("no answer but {other:?}"),
        }
    }

    /// True when the other side ends the stream within `limit`; frames before that are an error.
    pub async fn ends_within(&mut self, limit: Duration) -> bool {
        matches!(self.answer_within(limit).await, Answer::Ended(_))
    }

    async fn read_frame(&mut self) -> io::Result<Vec<u8>> {
        let mut len = 0_usize;
        for shift in (0..63).step_by(7) {
            let mut byte = [0_u8];
            self.inner.read_exact(&mut byte).await?;
            len |= usize::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        if len > MAX_FRAME {
            return Err(io::Error::other(format!("a frame of {len} bytes was announced")));
        }
        let mut frame = vec![0; len];
        self.inner.read_exact(&mut frame).await?;
        Ok(frame)
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
