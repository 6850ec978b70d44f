//! What clients may ask, and what web pages may.

use std::net::SocketAddr;

use super::*;
use crate::api::http::Client;

fn from(peer: &str, path: &str) -> Request<Body> {
    let from = SocketAddr::new(peer.parse().expect("an address"), 5);
    let mut request = Request::get(path).body(Body::empty()).expect("a request");
    request.extensions_mut().insert(Client { from, at: from });
    request
}

#[tokio::test]
async fn clients_have_a_rate_of_requests_each_and_this_machine_has_none() {
    let scene = scene_with(Config { requests_per_second: 1, ..Config::default() });
    let (cid, key) = content();
    scene.announce(&key, 1);
    let path = format!("/routing/v1/providers/{cid}");
    let mut refused = None;
    for _ in 0..10 {
        let answered = scene.send(from("192.0.2.1", &path)).await;
        if answered.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answered);
            break;
        }
    }
    let refused = refused.expect("a limit");
    assert_eq!((refused.header("retry-after"), refused.header("access-control-allow-origin")), ("1", "*"));
    assert!(refused.json()["error"].as_str().is_some_and(|reason| reason.contains("requests")));
    assert_eq!(scene.send(from("192.0.2.2", &path)).await.status, StatusCode::OK);
    for _ in 0..10 {
        assert_eq!(scene.send(from("127.0.0.1", &path)).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn look_ups_have_a_rate_of_their_own_and_what_is_here_is_told_all_the_same() {
    let scene = scene_with(Config { lookups_per_second: 1, ..Config::default() });
    let (cid, key) = content();
    scene.announce(&key, 1);
    let path = |cid: &str| format!("/routing/v1/providers/{cid}");
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(scene.send(from("127.0.0.1", &path(&content().0))).await.status);
    }
    assert!(
        statuses.contains(&StatusCode::OK) && statuses.contains(&StatusCode::TOO_MANY_REQUESTS),
        "{statuses:?}"
    );
    assert!(scene.network.asked() < 20);
    assert_eq!(scene.get(&path(&cid), &[]).await.ids("Providers").len(), 1);
    assert_eq!(scene.get(&path(&cid), &[("accept", "application/x-ndjson")]).await.lines().len(), 1);
}

#[tokio::test]
async fn look_ups_under_way_are_bounded_over_all_clients() {
    let scene = scene_with(Config { lookups: 1, ..Config::default() });
    *scene.network.0.endless.lock() = true;
    *scene.network.0.providers.lock() = vec![named(addrs(&["/ip4/8.8.4.4/tcp/1"]))];
    let path = format!("/routing/v1/providers/{}", content().0);
    let request = Request::get(&path).header("accept", "application/x-ndjson").body(Body::empty());
    let reading = scene.routes.clone().oneshot(request.expect("a request")).await.expect("an answer");
    let refused = scene.get(&path, &[]).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    drop(reading);
    *scene.network.0.endless.lock() = false;
    assert_eq!(scene.get(&path, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn web_pages_of_anyone_may_ask() {
    let scene = scene();
    let request = Request::builder()
        .method("OPTIONS")
        .uri("/routing/v1/providers/x")
        .header("origin", "https://example.org")
        .header("access-control-request-method", "GET")
        .body(Body::empty());
    let answered = scene.send(request.expect("a request")).await;
    assert_eq!(answered.status, StatusCode::NO_CONTENT);
    assert_eq!(answered.header("access-control-allow-origin"), "*");
    assert_eq!(answered.header("access-control-allow-methods"), "GET, PUT, OPTIONS");
}
