//! Health and reflection by hand: what any gRPC client would send, without our generated code.

use std::marker::PhantomData;

use anyhow::Context as _;
use prost::Message;
use tonic::Status;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;

struct Plain<E, D>(PhantomData<(E, D)>);

impl<E: Message + 'static, D: Message + Default + 'static> Codec for Plain<E, D> {
    type Encode = E;
    type Decode = D;
    type Encoder = Plain<E, D>;
    type Decoder = Plain<E, D>;

    fn encoder(&mut self) -> Self::Encoder {
        Self(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        Self(PhantomData)
    }
}

impl<E: Message, D> Encoder for Plain<E, D> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, item: E, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(out).map_err(|error| Status::internal(error.to_string()))
    }
}

impl<E, D: Message + Default> Decoder for Plain<E, D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        D::decode(bytes).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// `grpc.health.v1.HealthCheckRequest`.
#[derive(Clone, PartialEq, Message)]
struct HealthCheck {
    #[prost(string, tag = "1")]
    service: String,
}

/// `grpc.health.v1.HealthCheckResponse`.
#[derive(Clone, PartialEq, Message)]
struct Health {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `HealthCheckResponse.SERVING`.
pub(crate) const SERVING: i32 = 1;

/// What the health service says of a service; the empty name is the whole server.
pub(crate) async fn health(channel: Channel, service: &str) -> anyhow::Result<i32> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await?;
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let request = tonic::Request::new(HealthCheck { service: service.to_owned() });
    let answer: tonic::Response<Health> = grpc.unary(request, path, Plain(PhantomData)).await?;
    Ok(answer.into_inner().status)
}

/// `grpc.reflection.v1.ServerReflectionRequest`, one of its questions.
#[derive(Clone, PartialEq, Message)]
struct Question {
    #[prost(string, optional, tag = "4")]
    file_containing_symbol: Option<String>,
    #[prost(string, optional, tag = "7")]
    list_services: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Reflection {
    #[prost(message, optional, tag = "4")]
    files: Option<Files>,
    #[prost(message, optional, tag = "6")]
    services: Option<Services>,
}

#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Services {
    #[prost(message, repeated, tag = "1")]
    services: Vec<Service>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
}

async fn reflect(channel: Channel, question: Question) -> anyhow::Result<Reflection> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await?;
    let path = PathAndQuery::from_static("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    let questions = tokio_stream::once(question);
    let answer: tonic::Response<tonic::Streaming<Reflection>> =
        grpc.streaming(tonic::Request::new(questions), path, Plain(PhantomData)).await?;
    answer.into_inner().message().await?.context("no answer of the reflection service")
}

/// The services that reflection names.
pub(crate) async fn services(channel: Channel) -> anyhow::Result<Vec<String>> {
    let question = Question { list_services: Some(String::new()), ..Question::default() };
    let answer = reflect(channel, question).await?;
    Ok(answer.services.unwrap_or_default().services.into_iter().map(|service| service.name).collect())
}

/// Descriptors of the files that define a symbol.
pub(crate) async fn files(channel: Channel, symbol: &str) -> anyhow::Result<usize> {
    let question = Question { file_containing_symbol: Some(symbol.to_owned()), ..Question::default() };
    Ok(reflect(channel, question).await?.files.unwrap_or_default().files.len())
}
