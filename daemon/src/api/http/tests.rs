//! A door against clients that behave, and against those that do not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use axum::{Extension, Router};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::serve::{Bounds, Door, Open, open};
use super::{Client, Origins, Rate};

/// However loaded the machine is.
const LONG: Duration = Duration::from_secs(60);

struct House {
    addr: SocketAddr,
    open: Option<Open>,
    stop: watch::Sender<bool>,
}

impl House {
    async fn with(change: impl FnOnce(&mut Bounds)) -> Self {
        let mut bounds = Bounds::default();
        change(&mut bounds);
        let (stop, stopping) = watch::channel(false);
        let door = Door {
            name: "test",
            addrs: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            chosen: true,
            hosts: vec!["hydra.example".to_owned()],
            hosts_setting: "test.hosts",
            origins: Origins::Same,
            bounds,
        };
        let open = open(door, router(), stopping).await.expect("a door");
        Self { addr: open.addrs()[0], open: Some(open), stop }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.expect("a connection")
    }

    /// Sends bytes, closes that side, and reads all that comes.
    async fn ask(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // a door may have said all before it has read all
        stream.write_all(request.as_ref()).await.ok();
        stream.shutdown().await.ok();
        rest(stream).await
    }

    async fn get(&self, path: &str) -> String {
        self.ask(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await
    }
}

async fn rest(mut stream: TcpStream) -> String {
    let mut all = Vec::new();
    tokio::time::timeout(LONG, stream.read_to_end(&mut all)).await.expect("the door ends it").ok();
    String::from_utf8(all).expect("text")
}

#[derive(serde::Deserialize)]
struct Number {
    n: u8,
}

fn router() -> Router {
    let endless = || async {
        Body::from_stream(futures::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 65_536]))
        }))
    };
    Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route(
            "/who",
            get(|Extension(client): Extension<Client>| async move { client.from.ip().to_string() }),
        )
        .route("/number/{n}", get(|Path(n): Path<u8>| async move { n.to_string() }))
        .route("/query", get(|Query(Number { n }): Query<Number>| async move { n.to_string() }))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        )
        .route("/never", get(std::future::pending::<()>))
        .route("/endless", get(endless))
}

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// The reason in an error's body, which must be JSON that repeats the status.
fn reason(answer: &str) -> String {
    let body = answer.split_once("\r\n\r\n").expect("a head").1;
    let value: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("JSON: {answer}"));
    assert_eq!(value["status"], status(answer), "{answer}");
    assert!(answer.contains("content-type: application/json"), "{answer}");
    value["error"].as_str().expect("a reason").to_owned()
}

#[tokio::test]
async fn it_answers_and_says_who_asks() {
    let house = House::with(|_| {}).await;
    assert!(house.get("/hello").await.ends_with("\r\n\r\nhello"));
    assert!(house.get("/who").await.ends_with("127.0.0.1"));
    assert_eq!(house.open.as_ref().expect("open").view.answers(), [0, 2, 0, 0, 0]);
}

#[tokio::test]
async fn every_error_has_a_reason_in_json() {
    let house = House::with(|bounds| bounds.answer = Duration::from_millis(50)).await;
    for (path, code, says) in [
        ("/nothing", 404, "no such path"),
        ("/number/potato", 400, "potato"),
        ("/number/%ff", 400, "UTF-8"),
        ("/query", 400, "missing field"),
        ("/query?n=300", 400, "too large"),
        ("/echo", 405, "it takes POST"),
        ("/panic", 500, "a fault of hydrad"),
        ("/never", 503, "no answer within"),
    ] {
        let answer = house.get(path).await;
        assert_eq!(status(&answer), code, "{path}: {answer}");
        assert!(reason(&answer).contains(says), "{path}: {answer}");
    }
    assert!(house.get("/hello").await.ends_with("hello"), "a panic is nobody else's business");
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused() {
    let house = House::with(|_| {}).await;
    let ask = |headers: &str| house.ask(format!("GET /hello HTTP/1.1\r\n{headers}connection: close\r\n\r\n"));
    for (headers, code) in [
        ("host: hydra.example\r\n", 200),
        ("host: evil.example\r\n", 403),
        ("host: localhost\r\norigin: http://evil.example\r\n", 403),
        ("host: localhost\r\nhost: localhost\r\n", 400),
        ("", 400),
    ] {
        let answer = ask(headers).await;
        assert_eq!(status(&answer), code, "{headers}: {answer}");
        if code != 200 {
            reason(&answer);
        }
    }
    assert_eq!(status(&house.ask("GET /hello HTTP/1.0\r\n\r\n").await), 200, "HTTP/1.0 has no Host");
}

#[tokio::test]
async fn large_heads_and_bodies_are_refused_with_a_reason() {
    let house = House::with(|_| {}).await;
    let answer = house
        .ask(format!("GET /hello HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(65_536)))
        .await;
    assert_eq!((status(&answer), reason(&answer).contains("larger")), (431, true), "{answer}");
    for garbage in ["GET /he llo HTTP/1.1\r\n\r\n", "\x01\x02\r\n\r\n", "GET / HTTP/1.1\r\nx y\r\n\r\n"] {
        let answer = house.ask(garbage).await;
        assert_eq!((status(&answer), reason(&answer).contains("no HTTP/1.1")), (400, true), "{answer}");
    }
    let answer =
        house.ask("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000000\r\n\r\nxx").await;
    assert_eq!(status(&answer), 413);
    assert!(reason(&answer).contains("larger than 65536 bytes"));
    let chunk = format!("{:x}\r\n{}\r\n", 70_000, "x".repeat(70_000));
    let answer = house
        .ask(format!(
            "POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
        ))
        .await;
    assert_eq!(status(&answer), 413, "{answer}");
    let answer = house
        .ask("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        .await;
    assert!(answer.ends_with("ok"), "{answer}");
}

#[tokio::test]
async fn slow_senders_are_given_up() {
    let house = House::with(|bounds| {
        bounds.head_time = Duration::from_millis(100);
        bounds.body_time = Duration::from_millis(100);
    })
    .await;
    let mut stream = house.connect().await;
    stream.write_all(b"GET /hello HTTP/1.1\r\nhost:").await.expect("sent");
    assert_eq!(rest(stream).await, "", "a head that does not become whole has no answer");
    let mut stream = house.connect().await;
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nx")
        .await
        .expect("sent");
    let answer = rest(stream).await;
    assert_eq!((status(&answer), reason(&answer).contains("not whole")), (408, true), "{answer}");
}

#[tokio::test]
async fn connections_that_ask_nothing_are_closed() {
    let house = House::with(|bounds| bounds.idle = Duration::from_millis(100)).await;
    assert_eq!(rest(house.connect().await).await, "");
    let mut stream = house.connect().await;
    stream.write_all(b"GET /hello HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    assert!(rest(stream).await.ends_with("hello"), "closed after its answer");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_closed() {
    let house = House::with(|bounds| bounds.progress = Duration::from_millis(200)).await;
    let mut stream = house.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    let counters = Arc::clone(&house.open.as_ref().expect("open").view);
    let closed = async {
        // the count is taken whenever somebody comes or goes
        while counters.open_connections() != 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while counters.open_connections() != 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, closed).await.expect("closed");
}

#[tokio::test]
async fn the_longest_idle_connection_gives_way_and_busy_ones_do_not() {
    let house = House::with(|bounds| bounds.connections = 3).await;
    let mut idle = Vec::new();
    for _ in 0..12 {
        idle.push(house.connect().await);
    }
    assert!(house.get("/hello").await.ends_with("hello"), "however many do nothing");
    let first = idle.remove(0);
    assert_eq!(rest(first).await, "");
    drop(idle);

    let mut busy = Vec::new();
    for _ in 0..3 {
        let mut stream = house.connect().await;
        stream.write_all(b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
        stream.read_exact(&mut [0; 1000]).await.expect("it has begun");
        busy.push(stream);
    }
    let answer = house.get("/hello").await;
    assert_eq!((status(&answer), reason(&answer).contains("busy")), (503, true), "{answer}");
}

#[tokio::test]
async fn a_client_over_its_rate_is_told_when_to_come_back() {
    let house = House::with(|bounds| bounds.rate = Some(Rate { per_second: 0.1, burst: 2.0 })).await;
    for _ in 0..2 {
        assert_eq!(status(&house.get("/hello").await), 200);
    }
    let answer = house.get("/hello").await;
    assert_eq!((status(&answer), answer.contains("retry-after: 1")), (429, true), "{answer}");
    reason(&answer);
}

#[tokio::test]
async fn the_end_lets_open_answers_finish_and_cuts_endless_ones() {
    let mut house = House::with(|_| {}).await;
    let mut endless = house.connect().await;
    endless.write_all(b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    endless.read_exact(&mut [0; 1000]).await.expect("it has begun");
    house.stop.send_replace(true);
    let open = house.open.take().expect("open");
    tokio::time::timeout(LONG, open.stopped()).await.expect("it ends");
    TcpStream::connect(house.addr).await.expect_err("closed");
}
