//! The load generator against the echo server: what it counts is what happened.

use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::swarm::StreamProtocol;

use super::connections::{Hold, NewConnections, ask_once, hold, new_connections};
use super::echo::{Echo, EchoConfig, REPLY_BYTES};
use super::guard::Reach;
use super::message::{Kind, Message};
use super::node::{Node, NodeConfig, Target};
use super::run::{Reaching, RunConfig, run};
use super::server::Server;
use super::transport::Security;

const KAD: StreamProtocol = StreamProtocol::new("/ipfs/kad/1.0.0");

async fn echo(answer_announcements: bool) -> Echo {
    let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
    let listen: Vec<Multiaddr> = listen.iter().map(|addr| addr.parse().expect("a multiaddr")).collect();
    let config = EchoConfig {
        listen,
        protocol: KAD,
        reply_bytes: REPLY_BYTES,
        answer_announcements,
        reach: Reach::Loopback,
    };
    Echo::start(config).await.expect("an echo server")
}

fn reaching(targets: Vec<Target>, security: Security, connections: u32) -> Reaching {
    let reach = Reach::Loopback;
    Reaching { targets, protocol: KAD, security, reach, connections, identities: connections }
}

fn config(targets: Vec<Target>, mix: &str, requests: u64) -> RunConfig {
    RunConfig {
        reaching: reaching(targets, Security::Noise, 2),
        streams: 2,
        mix: mix.parse().expect("a mix"),
        batch: 8,
        rate: None,
        warmup: Duration::ZERO,
        duration: Duration::from_secs(60),
        requests: Some(requests),
        keys: 10,
        addresses: 5,
        seed: 7,
        any_reply: true,
        server: Some(Server(std::process::id())),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_sent_is_answered_and_counted_over_tcp_and_quic() {
    let echo = echo(false).await;
    for target in echo.targets() {
        let report =
            run(&config(vec![target.clone()], "add=45,get=25,find=29,ping=1", 1_000)).await.expect("a run");
        assert_eq!((report.requests, report.done), (1_000, 1_000), "{target}: {report:?}");
        assert!(report.errors.is_empty(), "{target}: {:?}", report.errors);
        assert_eq!(report.kinds.values().map(|kind| kind.sent).sum::<u64>(), 1_000);
        assert!(report.kinds["add"].sent > 300 && report.kinds["find"].sent > 150, "{:?}", report.kinds);
        assert_eq!(report.mean_closer_peers, 20.0);
        let latency = report.latency_us.expect("latencies");
        assert!(latency.p50 > 0.0 && latency.p50 <= latency.p99 && latency.p99 <= latency.max);
        assert!(report.server.expect("the server was read").cpu_us_per_request > 0.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn announcements_alone_are_proved_by_one_barrier_a_batch() {
    let echo = echo(false).await;
    let mut config = config(echo.targets()[..1].to_vec(), "add", 64);
    config.reaching.connections = 1;
    config.streams = 1;
    let report = run(&config).await.expect("a run");
    assert_eq!((report.requests, report.done, report.barriers), (64, 64, 8), "{report:?}");
    assert!(report.latency_us.is_none(), "an announcement has no latency");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_noise_are_both_spoken() {
    let echo = echo(true).await;
    for security in [Security::Tls, Security::Noise, Security::Both] {
        let mut config = config(echo.targets()[..1].to_vec(), "find", 20);
        config.reaching.security = security;
        let report = run(&config).await.expect("a run");
        assert_eq!((report.done, report.errors.len()), (20, 0), "{security:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_of_another_kind_is_an_error_unless_any_is_taken() {
    let echo = echo(true).await;
    let mut config = config(echo.targets()[..1].to_vec(), "get-miss", 8);
    config.any_reply = false;
    let report = run(&config).await.expect("a run");
    assert_eq!((report.requests, report.done), (8, 0));
    assert_eq!(report.errors["bad-reply"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_loop_keeps_its_rate_and_counts_what_it_could_not_send() {
    let echo = echo(true).await;
    let mut config = config(echo.targets()[..1].to_vec(), "find", u64::MAX);
    config.duration = Duration::from_millis(500);
    config.rate = Some(400.0);
    let report = run(&config).await.expect("a run");
    assert_eq!(report.requests + report.not_sent, 200, "{report:?}");
    config.rate = Some(1_000_000.0);
    let report = run(&config).await.expect("a run");
    assert!(report.not_sent > 100_000, "{report:?}");
    let latency = report.latency_us.expect("latencies");
    assert!(latency.p50 > 100_000.0, "a request that waited for its turn has waited: {latency:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_connections_are_counted_one_by_one() {
    let echo = echo(true).await;
    for (target, security) in
        echo.targets().into_iter().flat_map(|t| [(t.clone(), Security::Noise), (t, Security::Tls)])
    {
        let config = NewConnections {
            reaching: reaching(vec![target.clone()], security, 3),
            warmup: Duration::ZERO,
            duration: Duration::from_secs(60),
            requests: Some(12),
            seed: 7,
            server: None,
        };
        let report = new_connections(&config).await.expect("a run");
        assert_eq!((report.requests, report.done), (12, 12), "{target} {security:?}: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn held_connections_last_and_their_memory_is_told() {
    let echo = echo(true).await;
    for target in echo.targets() {
        let config = Hold {
            reaching: reaching(vec![target], Security::Noise, 20),
            with_stream: true,
            duration: Duration::from_millis(300),
            server: Some(Server(std::process::id())),
        };
        let report = hold(&config).await.expect("a hold");
        assert_eq!((report.connections, report.streams, report.alive_at_end), (20, 20, 20));
        assert!(report.rss_bytes_per_connection.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_the_protocol_and_no_server_at_all_are_told_apart() {
    let echo = echo(true).await;
    let target = echo.targets()[0].clone();
    let mut config = config(vec![target.clone()], "find", 1);
    config.reaching.protocol = StreamProtocol::new("/other/kad/1.0.0");
    let error = run(&config).await.expect_err("no such protocol");
    assert!(format!("{error:#}").contains("unsupported"), "{error:#}");
    drop(echo);
    config.reaching.protocol = KAD;
    let error = run(&config).await.expect_err("no server");
    assert!(format!("{error:#}").contains(&target.addr.to_string()), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guarded_node_dials_and_listens_on_nothing_outside_loopback() {
    let mut config = NodeConfig::client(Security::Noise, KAD, Reach::Loopback);
    let node = Node::start(config).await.expect("a node");
    for addr in ["/ip4/192.0.2.1/tcp/4001", "/ip4/192.0.2.1/udp/4001/quic-v1", "/ip6/2001:db8::1/tcp/4001"] {
        let addr: Multiaddr = addr.parse().expect("a multiaddr");
        let target = Target { peer: libp2p::PeerId::random(), addr };
        let start = std::time::Instant::now();
        let error = node.connect(&target).await.map(|_| ()).expect_err("out of reach");
        assert!(format!("{error:#}").contains("out of reach"), "{error:#}");
        assert!(start.elapsed() < Duration::from_secs(1), "denied, not timed out");
    }
    config = NodeConfig::client(Security::Noise, KAD, Reach::Loopback);
    config.listen = vec!["/ip4/0.0.0.0/tcp/0".parse().expect("a multiaddr")];
    assert!(Node::start(config).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_question_can_be_asked_on_a_connection_of_its_own() {
    let echo = echo(true).await;
    let node = Node::start(NodeConfig::client(Security::Both, KAD, Reach::Loopback)).await.expect("a node");
    for target in echo.targets() {
        let reply =
            ask_once(&node, &target, &Message::new(Kind::FindNode, &b"k"[..])).await.expect("a reply");
        assert_eq!(reply.closer.len(), 20);
    }
}
