//! Length-prefixed frames on a stream.
//!
//! Owns the buffer of one stream and the bound of a frame. Knows nothing of what is in one.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest frame taken, in bytes: Go's `network.MessageSizeMax`.
pub const MAX_FRAME: usize = 4 << 20;

/// Room read at once, in bytes: a FIND_NODE reply and its prefix fit.
const CHUNK: usize = 4096;

/// A stream that gives and takes whole frames.
#[derive(Debug)]
pub struct Framed<S> {
    stream: S,
    /// Bytes `start..end` are read and not yet taken.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Framed<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new(), start: 0, end: 0 }
    }

    /// Writes bytes that carry their length already; [`Self::flush`] sends them.
    ///
    /// # Errors
    /// When the stream is closed or reset.
    pub async fn write(&mut self, framed: &[u8]) -> io::Result<()> {
        self.stream.write_all(framed).await
    }

    /// # Errors
    /// When the stream is closed or reset.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.stream.flush().await
    }

    /// Closes the writing side.
    ///
    /// # Errors
    /// When the stream was reset.
    pub async fn close(&mut self) -> io::Result<()> {
        self.stream.close().await
    }

    /// The next frame's body; `None` when the other side ended the stream between frames.
    ///
    /// # Errors
    /// `UnexpectedEof` inside a frame, `InvalidData` for a bad or too long length, and
    /// whatever the stream says.
    pub async fn read(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            let held = &self.buffer[self.start..self.end];
            let need = match unsigned_varint::decode::usize(held) {
                Ok((len, _)) if len > MAX_FRAME => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("a frame of {len} bytes"),
                    ));
                }
                Ok((len, rest)) => {
                    let prefix = held.len() - rest.len();
                    if rest.len() >= len {
                        let body = self.start + prefix..self.start + prefix + len;
                        self.start = body.end;
                        return Ok(Some(&self.buffer[body]));
                    }
                    prefix + len
                }
                Err(unsigned_varint::decode::Error::Insufficient) => held.len() + 1,
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            };
            if !self.fill(need).await? {
                let clean = self.start == self.end;
                return if clean { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Reads once, with room for a frame of `need` bytes from `start`. `false` at the end.
    async fn fill(&mut self, need: usize) -> io::Result<bool> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start + need > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let room = need.max(self.end + 1).max(CHUNK);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let got = self.stream.read(&mut self.buffer[self.end..]).await?;
        self.end += got;
        Ok(got > 0)
    }
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;

    use super::*;

    async fn frames(bytes: Vec<u8>) -> io::Result<Vec<usize>> {
        let mut framed = Framed::new(Cursor::new(bytes));
        let mut lengths = Vec::new();
        while let Some(body) = framed.read().await? {
            lengths.push(body.len());
        }
        Ok(lengths)
    }

    fn frame(len: usize) -> Vec<u8> {
        let mut buffer = unsigned_varint::encode::usize_buffer();
        let mut out = unsigned_varint::encode::usize(len, &mut buffer).to_vec();
        out.resize(out.len() + len, 7);
        out
    }

    #[tokio::test]
    async fn frames_of_all_sizes_come_out_whole() {
        let sizes = [0, 1, 127, 128, 4095, 4096, 4097, 3, 20_000, 1];
        let bytes = sizes.iter().flat_map(|len| frame(*len)).collect();
        assert_eq!(frames(bytes).await.expect("whole frames"), sizes);
    }

    #[tokio::test]
    async fn a_cut_frame_and_a_frame_past_the_bound_are_errors() {
        let mut cut = frame(300);
        cut.pop();
        assert_eq!(frames(cut).await.expect_err("cut").kind(), io::ErrorKind::UnexpectedEof);
        let mut buffer = unsigned_varint::encode::usize_buffer();
        let long = unsigned_varint::encode::usize(MAX_FRAME + 1, &mut buffer).to_vec();
        assert_eq!(frames(long).await.expect_err("long").kind(), io::ErrorKind::InvalidData);
    }
}
