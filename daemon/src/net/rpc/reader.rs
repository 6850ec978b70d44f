//! Messages from a stream.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Poll, ready};

use futures::AsyncRead;

use crate::telemetry::Drop as Reason;
use crate::wire::bounds::{LARGE_MESSAGE, MAX_LARGE_TOTAL, MAX_MESSAGE, MAX_PREFIX};
use crate::wire::frame::{Cut, cut};

/// Bytes read at once. One such buffer a thread, not a stream: an idle stream holds none.
const SCRATCH: usize = 16 << 10;

/// A buffer of at most this size is kept between messages.
const KEPT: usize = 1 << 10;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into());
}

/// Half-received large messages of the process, in bytes.
static LARGE: AtomicUsize = AtomicUsize::new(0);

/// Reads the messages of one stream.
#[derive(Debug)]
pub(super) struct Reader {
    /// Largest message taken.
    limit: usize,
    buf: Vec<u8>,
    /// Where the next message begins.
    at: usize,
    large: Large,
}

/// Why no message came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer closed its side between two messages.
    Closed,
    /// The stream broke, or ended within a message.
    Broken,
    /// What came cannot be served.
    Refused(Reason),
}

impl Default for Reader {
    fn default() -> Self {
        Self::limited(MAX_MESSAGE)
    }
}

impl Reader {
    /// Takes messages of at most so many bytes.
    pub(super) fn limited(limit: usize) -> Self {
        Self { limit, buf: Vec::new(), at: 0, large: Large::default() }
    }

    /// The body of the next message. Calls `began` when its first byte is here and the rest
    /// has to be waited for.
    pub(super) async fn next<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        began: impl Fn(),
    ) -> Result<&[u8], End> {
        loop {
            let received = &self.buf[self.at..];
            match cut(received).map_err(|_| End::Refused(Reason::MessageInvalid))? {
                Cut::Whole { start, end } if end - start > self.limit => {
                    return Err(End::Refused(Reason::MessageInvalid));
                }
                Cut::More { needed } if needed > self.limit.saturating_add(MAX_PREFIX) => {
                    return Err(End::Refused(Reason::MessageInvalid));
                }
                Cut::Whole { start, end } => {
                    let body = self.at + start..self.at + end;
                    self.at = body.end;
                    return Ok(&self.buf[body]);
                }
                Cut::More { needed } => {
                    let partial = !received.is_empty();
                    self.compact();
                    if partial {
                        began();
                        self.large.hold(needed.min(self.buf.len().max(LARGE_MESSAGE) * 2))?;
                    }
                    if self.fill(stream).await? == 0 {
                        return Err(if partial { End::Broken } else { End::Closed });
                    }
                }
            }
        }
    }

    /// The next message is here already: reading it will not wait.
    pub(super) fn has_next(&self) -> bool {
        matches!(cut(&self.buf[self.at..]), Ok(Cut::Whole { .. }))
    }

    fn compact(&mut self) {
        if self.at == 0 {
            return;
        }
        self.buf.drain(..self.at);
        self.at = 0;
        if self.buf.is_empty() {
            self.large = Large::default();
            if self.buf.capacity() > KEPT {
                self.buf = Vec::new();
            }
        }
    }

    async fn fill<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> Result<usize, End> {
        poll_fn(|cx| {
            BUFFER.with_borrow_mut(|scratch| {
                let read = ready!(Pin::new(&mut *stream).poll_read(cx, scratch)).map_err(|_| End::Broken)?;
                self.buf.extend_from_slice(&scratch[..read]);
                Poll::Ready(Ok(read))
            })
        })
        .await
    }
}

/// A share of the memory for large messages, given back when dropped.
#[derive(Debug, Default)]
struct Large(usize);

impl Large {
    /// Makes sure that `bytes` are held, when they are more than an ordinary message has.
    fn hold(&mut self, bytes: usize) -> Result<(), End> {
        if bytes <= LARGE_MESSAGE || bytes <= self.0 {
            return Ok(());
        }
        let more = bytes - self.0;
        if LARGE.fetch_add(more, Relaxed) + more > MAX_LARGE_TOTAL {
            LARGE.fetch_sub(more, Relaxed);
            return Err(End::Refused(Reason::MessageMemory));
        }
        self.0 = bytes;
        Ok(())
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        LARGE.fetch_sub(self.0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::io::Cursor;

    use super::*;
    use crate::wire::field::put_varint;

    fn framed(bodies: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for body in bodies {
            put_varint(&mut out, body.len() as u64);
            out.extend_from_slice(body);
        }
        out
    }

    #[test]
    fn messages_come_in_order_and_nothing_is_kept_after_them() {
        let big = vec![7; 3 * SCRATCH];
        let bytes = framed(&[b"one", b"", &big, b"two"]);
        let mut stream = Cursor::new(bytes);
        let mut reader = Reader::default();
        block_on(async {
            for body in [&b"one"[..], b"", &big, b"two"] {
                assert_eq!(reader.next(&mut stream, || ()).await, Ok(body));
            }
            assert_eq!(reader.next(&mut stream, || ()).await, Err(End::Closed));
        });
        assert!(reader.buf.capacity() <= KEPT);
        assert_eq!(reader.large.0, 0);
    }

    #[test]
    fn a_stream_cut_within_a_message_is_broken() {
        let mut bytes = framed(&[b"whole", b"cut off"]);
        bytes.pop();
        let mut stream = Cursor::new(bytes);
        let mut reader = Reader::default();
        block_on(async {
            assert!(reader.next(&mut stream, || ()).await.is_ok());
            assert_eq!(reader.next(&mut stream, || ()).await, Err(End::Broken));
        });
    }

    #[test]
    fn an_answer_larger_than_its_kind_may_be_is_refused_at_its_length() {
        for (len, taken) in [(100, true), (101, false), (MAX_MESSAGE, false)] {
            let mut bytes = framed(&[&vec![7; len]]);
            bytes.truncate(200);
            let read = block_on(async {
                Reader::limited(100).next(&mut Cursor::new(bytes), || ()).await.map(<[u8]>::len)
            });
            let refused = Err(End::Refused(Reason::MessageInvalid));
            assert_eq!(read, if taken { Ok(len) } else { refused }, "{len} bytes");
        }
    }

    #[test]
    fn large_messages_hold_memory_as_they_grow_and_no_more_than_all_may() {
        let prefix = |len: usize| {
            let mut out = Vec::new();
            put_varint(&mut out, len as u64);
            out
        };
        let taken = LARGE.fetch_add(MAX_LARGE_TOTAL - 8 * LARGE_MESSAGE, Relaxed);
        let mut stream = Cursor::new([prefix(MAX_MESSAGE), vec![0; 16 * LARGE_MESSAGE]].concat());
        let ended = block_on(async { Reader::default().next(&mut stream, || ()).await.map(<[u8]>::len) });
        assert_eq!(ended, Err(End::Refused(Reason::MessageMemory)));
        assert_eq!(
            LARGE.fetch_sub(MAX_LARGE_TOTAL - 8 * LARGE_MESSAGE, Relaxed),
            taken + MAX_LARGE_TOTAL - 8 * LARGE_MESSAGE
        );
        // a claim alone holds next to nothing
        let mut stream = Cursor::new(prefix(MAX_MESSAGE));
        let mut reader = Reader::default();
        assert_eq!(
            block_on(async { reader.next(&mut stream, || ()).await.map(<[u8]>::len) }),
            Err(End::Broken)
        );
        assert!(reader.large.0 <= 2 * LARGE_MESSAGE);
    }
}
