//! The messages of AutoNAT v2, and their framing.

use std::io;

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
/// Largest message, in bytes: go-libp2p reads 8 KiB, rust-libp2p 4,104.
const MAX: usize = 8192;

/// A message of the dial-request stream, either direction.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Message {
    #[prost(oneof = "Body", tags = "1, 2, 3, 4")]
    pub(super) body: Option<Body>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Body {
    #[prost(message, tag = "1")]
    Request(DialRequest),
    #[prost(message, tag = "2")]
    Response(DialResponse),
    #[prost(message, tag = "3")]
    DataRequest(DialDataRequest),
    #[prost(message, tag = "4")]
    DataResponse(DialDataResponse),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DialRequest {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(super) addrs: Vec<Vec<u8>>,
    #[prost(fixed64, tag = "2")]
    pub(super) nonce: u64,
}

/// The server wants to see that we pay for what it sends to another address than ours.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DialDataRequest {
    #[prost(uint32, tag = "1")]
    pub(super) addr_idx: u32,
    #[prost(uint64, tag = "2")]
    pub(super) num_bytes: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DialDataResponse {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) data: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DialResponse {
    /// [`OK`], or why nothing was dialled.
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
    #[prost(uint32, tag = "2")]
    pub(super) addr_idx: u32,
    /// [`OK`], [`DIAL_ERROR`], or nothing that says something of the address.
    #[prost(int32, tag = "3")]
    pub(super) dial_status: i32,
}

/// Of both statuses of a [`DialResponse`].
pub(super) const OK: i32 = 200;

/// The address did not answer.
pub(super) const DIAL_ERROR: i32 = 100;

/// What the server brings over the connection that it dialled.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DialBack {
    #[prost(fixed64, tag = "1")]
    pub(super) nonce: u64,
}

/// Our receipt; its only status is 0.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DialBackResponse {
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
}

/// Reads one message.
pub(super) async fn read<M: prost::Message + Default>(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<M> {
    let mut len = 0;
    // two bytes of length are 16 KiB already
    for shift in [0, 7] {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        len |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            break;
        }
        if shift > 0 {
            len = usize::MAX;
        }
    }
    if len > MAX {
        return Err(io::Error::other(format!("a message of more than {MAX} bytes")));
    }
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).await?;
    M::decode(bytes.as_slice()).map_err(io::Error::other)
}

/// Writes one message.
pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &impl prost::Message,
) -> io::Result<()> {
    stream.write_all(&message.encode_length_delimited_to_vec()).await?;
    stream.flush().await
}

/// Writes one message of the dial-request stream.
pub(super) async fn write_body(stream: &mut (impl AsyncWrite + Unpin), body: Body) -> io::Result<()> {
    write(stream, &Message { body: Some(body) }).await
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use proptest::prelude::*;

    use super::*;
    use prost::Message as _;

    #[test]
    fn what_is_written_is_read_and_what_is_too_long_is_not() {
        let request = DialRequest { addrs: vec![b"addr".to_vec()], nonce: u64::MAX };
        let message = Message { body: Some(Body::Request(request)) };
        let mut bytes = Vec::new();
        block_on(write(&mut bytes, &message)).expect("written");
        assert_eq!(block_on(read::<Message>(&mut bytes.as_slice())).expect("read"), message);
        let long = DialDataResponse { data: vec![0; MAX] }.encode_length_delimited_to_vec();
        block_on(read::<DialDataResponse>(&mut long.as_slice())).expect_err("too long");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            drop(block_on(read::<Message>(&mut bytes.as_slice())));
            drop(block_on(read::<DialBack>(&mut bytes.as_slice())));
        }
    }
}
