//! One question "can you dial me there?", and the number that comes back.

use std::collections::HashMap;
use std::io;

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use libp2p::Multiaddr;
use parking_lot::Mutex;

use super::message::{
    Body, DIAL_ERROR, DialBack, DialBackResponse, DialDataResponse, DialRequest, Message, OK, read, write,
    write_body,
};

/// Bytes that a server may ask for before it dials another address than the one it sees us at
/// (the specification says 30,000 to 100,000).
const MAX_DATA: u64 = 100_000;

/// Bytes in one message of those.
const CHUNK: u64 = 4096;

/// What a question gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The number came back to us.
    Reached,
    /// The server could not connect.
    NotReached,
    /// Nothing is known of the address by that.
    Nothing,
}

/// Numbers given to servers, and whether they came back.
#[derive(Debug, Default)]
pub(super) struct Nonces(Mutex<HashMap<u64, bool>>);

impl Nonces {
    pub(super) fn give(&self) -> u64 {
        let nonce = rand::random();
        self.0.lock().insert(nonce, false);
        nonce
    }

    /// Whether the number is one of ours that is waited for.
    fn came(&self, nonce: u64) -> bool {
        self.0.lock().get_mut(&nonce).is_some_and(|came| !std::mem::replace(came, true))
    }

    /// Ends the wait for a number; whether it came.
    pub(super) fn end(&self, nonce: u64) -> bool {
        self.0.lock().remove(&nonce).unwrap_or(false)
    }
}

/// Asks a server to dial the address and bring the number there. Whether it came is for the
/// asker to look: a server's word is not enough.
pub(super) async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    addr: Multiaddr,
    nonce: u64,
) -> io::Result<Answer> {
    let request = DialRequest { addrs: vec![addr.to_vec()], nonce };
    write_body(&mut stream, Body::Request(request)).await?;
    let mut paid = false;
    loop {
        match read::<Message>(&mut stream).await?.body {
            Some(Body::DataRequest(wanted)) if !paid && wanted.num_bytes <= MAX_DATA => {
                paid = true;
                let mut left = wanted.num_bytes;
                while left > 0 {
                    let data = vec![0; left.min(CHUNK) as usize];
                    left -= data.len() as u64;
                    write_body(&mut stream, Body::DataResponse(DialDataResponse { data })).await?;
                }
            }
            Some(Body::Response(said)) => {
                // the server may have closed first
                stream.close().await.ok();
                return Ok(match (said.status, said.dial_status) {
                    (OK, OK) => Answer::Reached,
                    (OK, DIAL_ERROR) => Answer::NotReached,
                    _ => Answer::Nothing,
                });
            }
            _ => return Err(io::Error::other("the server broke the order of messages")),
        }
    }
}

/// Takes a number that a peer brings over the connection that it dialled.
pub(super) async fn take(mut stream: impl AsyncRead + AsyncWrite + Unpin, nonces: &Nonces) -> io::Result<()> {
    let brought = read::<DialBack>(&mut stream).await?;
    if !nonces.came(brought.nonce) {
        return Err(io::Error::other("a number that nobody waits for"));
    }
    write(&mut stream, &DialBackResponse { status: 0 }).await?;
    stream.close().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_once_and_only_when_it_was_given() {
        let nonces = Nonces::default();
        let nonce = nonces.give();
        assert!(!nonces.came(nonce.wrapping_add(1)));
        assert!(nonces.came(nonce) && !nonces.came(nonce));
        assert!(nonces.end(nonce) && !nonces.end(nonce));
        assert!(nonces.0.lock().is_empty());
    }
}
