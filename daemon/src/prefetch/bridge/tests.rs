//! Routers that answer well, badly, endlessly and not at all.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::Router as Routes;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream;
use libp2p::PeerId;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::{Config, MAX_BODY, Router, sources};
use crate::belly::Provider;
use crate::prefetch::work::MAX_PROVIDERS;
use crate::prefetch::{Asked, Errand, Failed, Source};
use crate::routing::AddressPolicy;

const NDJSON: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/x-ndjson")];

/// Deadline of what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on loopback whose providers endpoint answers so; the base of its URL.
async fn serving<F, A>(answer: F) -> String
where
    F: Fn(String, HeaderMap) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let handler = move |Path(cid): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap| {
        answer(format!("{cid}?{}", query.unwrap_or_default()), headers)
    };
    let routes = Routes::new().route("/routing/v1/providers/{cid}", get(handler));
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("serve") });
    base
}

fn source_of(base: &str, change: impl FnOnce(&mut Config)) -> Arc<dyn Source> {
    let router: Router = base.parse().expect("a router");
    let mut config = Config { routers: vec![router], ..Config::default() };
    change(&mut config);
    sources(&config, AddressPolicy::Any).expect("a client").remove(0)
}

fn record() -> Value {
    json!({"Schema": "peer", "ID": PeerId::random().to_string(), "Addrs": ["/ip4/127.0.0.1/tcp/4001"]})
}

fn key() -> Bytes {
    let mut key = vec![0x12, 0x20];
    key.extend(rand::random::<[u8; 32]>());
    key.into()
}

async fn fetch_within(source: &dyn Source, time: Duration) -> Option<Result<Vec<Provider>, Failed>> {
    let errand = Errand { key: key(), until: Instant::now() + time, asked: Asked::default() };
    let until = errand.until;
    tokio::time::timeout_at(until, source.fetch(errand)).await.ok()
}

async fn fetch(source: &dyn Source) -> Result<Vec<Provider>, Failed> {
    fetch_within(source, PATIENCE).await.expect("an answer in time")
}

fn text(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    (status, [(header::CONTENT_TYPE, kind)], body.into()).into_response()
}

#[tokio::test]
async fn streams_and_documents_are_read_and_the_question_is_a_cid_with_a_filter() {
    let base = serving(async |asked, headers: HeaderMap| {
        let (cid, query) = asked.split_once('?').expect("a query");
        assert!(cid.starts_with("bafkrei"), "{cid}");
        assert_eq!(query, "filter-protocols=unknown,transport-bitswap");
        let accept = headers[header::ACCEPT].to_str().expect("text");
        assert!(accept.starts_with("application/x-ndjson"), "{accept}");
        assert!(headers[header::USER_AGENT].to_str().expect("text").starts_with("hydrad/"));
        let lines = format!("{}\n\n{}", record(), record());
        (NDJSON, lines).into_response()
    })
    .await;
    assert_eq!(fetch(&*source_of(&base, |_| {})).await.expect("found").len(), 2);

    let base = serving(async |_, _| {
        let body = json!({"Providers": [record(), {"Schema": "other"}, record()], "More": 1});
        text(StatusCode::OK, "application/json; charset=utf-8", body.to_string())
    })
    .await;
    let source = source_of(&base, |_| {});
    assert_eq!(source.name(), base);
    assert_eq!(fetch(&*source).await.expect("found").len(), 2);
}

#[tokio::test]
async fn nothing_known_is_no_failure_and_a_failure_is_not_nothing_known() {
    for (status, kind, body) in [
        (StatusCode::OK, "application/json", r#"{"Providers":[]}"#),
        (StatusCode::OK, "application/json", r#"{"Providers":null}"#),
        (StatusCode::OK, "application/x-ndjson", ""),
        (StatusCode::NOT_FOUND, "text/plain", "not found"),
    ] {
        let base = serving(move |_, _| async move { text(status, kind, body) }).await;
        assert_eq!(fetch(&*source_of(&base, |_| {})).await, Ok(Vec::new()), "{status} {body}");
    }
    for (status, kind, body, said) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "", "answered 500"),
        (StatusCode::FOUND, "text/plain", "", "answered 302"),
        (StatusCode::OK, "text/html", "<p>", "answered with text/html"),
        (StatusCode::OK, "application/json", "{\"Providers\":[", "not JSON"),
        (StatusCode::OK, "application/x-ndjson", "{\"Schema\"\n", "not JSON"),
    ] {
        let base = serving(move |_, _| async move { text(status, kind, body) }).await;
        let failed = fetch(&*source_of(&base, |_| {})).await.expect_err(said);
        assert!(failed.0.contains(said), "{failed}");
    }
    // nobody listens there
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let failed = fetch(&*source_of(&format!("http://{port}"), |_| {})).await.expect_err("refused");
    assert!(failed.0.contains("refused"), "{failed}");
}

/// Records without an end; tells when nobody reads them any more.
fn endless(line: impl Fn() -> String + Send + 'static, ended: Arc<Notify>) -> Response {
    struct Tell(Arc<Notify>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let tell = Tell(ended);
    let lines = stream::repeat_with(move || {
        let _told = &tell;
        Ok::<_, Infallible>(Bytes::from(line()))
    });
    (NDJSON, Body::from_stream(lines)).into_response()
}

#[tokio::test]
async fn a_stream_is_left_at_the_limit_and_an_answer_over_a_mebibyte_is_refused() {
    let ended = Arc::new(Notify::new());
    let told = Arc::clone(&ended);
    let base = serving(move |_, _| {
        let ended = Arc::clone(&told);
        async { endless(|| format!("{}\n", record()), ended) }
    })
    .await;
    assert_eq!(fetch(&*source_of(&base, |_| {})).await.expect("found").len(), MAX_PROVIDERS);
    timeout(PATIENCE, ended.notified()).await.expect("the router may stop");

    // as many as you like of what nobody can use; and one line without an end
    for line in ["{\"Schema\":\"other\"}\n", "x"] {
        let ended = Arc::new(Notify::new());
        let told = Arc::clone(&ended);
        let base = serving(move |_, _| {
            let ended = Arc::clone(&told);
            async move { endless(move || line.repeat(100), ended) }
        })
        .await;
        let failed = fetch(&*source_of(&base, |_| {})).await.expect_err("too much");
        assert_eq!(failed.0, "sent more than 1 MiB");
        timeout(PATIENCE, ended.notified()).await.expect("the router may stop");
    }
    let base = serving(async |_, _| text(StatusCode::OK, "application/json", vec![b' '; MAX_BODY + 1])).await;
    let failed = fetch(&*source_of(&base, |_| {})).await.expect_err("too much");
    assert_eq!(failed.0, "sent more than 1 MiB");
}

#[tokio::test]
async fn at_the_deadline_what_came_counts_and_silence_is_a_timeout() {
    let base = serving(async |_, _| {
        let first = stream::iter([Ok::<_, Infallible>(format!("{}\n", record()))]);
        let body = futures::StreamExt::chain(first, stream::pending());
        (NDJSON, Body::from_stream(body)).into_response()
    })
    .await;
    // the first record came long before; only the end of the stream does not
    let found = fetch_within(&*source_of(&base, |_| {}), Duration::from_secs(3)).await;
    assert_eq!(found.expect("by itself").expect("found").len(), 1);

    let base = serving(async |_, _| std::future::pending::<Response>().await).await;
    let source = source_of(&base, |_| {});
    for _ in 0..5 {
        assert_eq!(fetch_within(&*source, Duration::from_millis(100)).await, None);
    }
    let failed = fetch(&*source).await.expect_err("left alone");
    assert!(failed.0.ends_with("no answer in time"), "{failed}");
    assert_eq!(source.trouble(), Some(failed.0));
}

#[tokio::test]
async fn a_router_that_says_too_many_is_left_alone_as_long_as_it_says() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let base = serving(move |_, _| {
        count.fetch_add(1, SeqCst);
        async { (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "100")], "slower").into_response() }
    })
    .await;
    let source = source_of(&base, |_| {});
    fetch(&*source).await.expect_err("429");
    let failed = fetch(&*source).await.expect_err("left alone");
    assert!(failed.0.starts_with("not asked for 100 s: answered 429"), "{failed}");
    assert_eq!(asked.load(SeqCst), 1);
}

#[tokio::test]
async fn each_router_has_a_budget_of_requests_and_of_places() {
    let (asked, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, wait) = (Arc::clone(&asked), Arc::clone(&go));
    let base = serving(move |_, _| {
        count.fetch_add(1, SeqCst);
        let wait = Arc::clone(&wait);
        async move {
            wait.notified().await;
            (NDJSON, "").into_response()
        }
    })
    .await;
    let source = source_of(&base, |config| (config.requests, config.requests_per_second) = (1, 2));
    let first = tokio::spawn(source.fetch(Errand {
        key: key(),
        until: Instant::now() + PATIENCE,
        asked: Asked::default(),
    }));
    while asked.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fetch(&*source).await, Err(Failed("not asked: 1 requests are under way".to_owned())));
    go.notify_one();
    assert_eq!(first.await.expect("ended"), Ok(Vec::new()));
    // what waits for no answer is notified already
    let mut refused = None;
    for _ in 0..100 {
        go.notify_one();
        if let Err(failed) = fetch(&*source).await {
            refused = Some(failed.0);
            break;
        }
    }
    assert_eq!(refused.as_deref(), Some("not asked: 2 requests a second are its budget"));
    // and keys that no router can have a name for are not worth a request
    let before = asked.load(SeqCst);
    let errand = Errand {
        key: Bytes::from_static(b"no multihash"),
        until: Instant::now() + PATIENCE,
        asked: Asked::default(),
    };
    assert_eq!(source.fetch(errand).await, Ok(Vec::new()));
    assert_eq!(asked.load(SeqCst), before);
}
