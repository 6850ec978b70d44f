//! Transports of an identity: tcp with tls and noise over yamux, and quic-v1.

use std::net::IpAddr;
use std::time::Duration;

use libp2p::identity::Keypair;
use libp2p::multiaddr::{Multiaddr, Protocol};
use libp2p::{Swarm, SwarmBuilder, Transport as _, core::upgrade, quic, tcp, yamux};

use crate::net::Behaviour;
use crate::net::security::Security;
use crate::net::tcp::Tcp;

/// Sockets waiting to be accepted.
const BACKLOG: u32 = 1024;

/// Streams of one connection: 64 of kad, and those that are just being opened or closed. A
/// peer over this loses its connection (yamux has no other way), so it is well above.
const MAX_STREAMS: usize = 512;

/// Inbound streams of one connection whose protocol is not agreed on yet.
const MAX_NEGOTIATING: usize = 64;

/// quic-go's keep-alive; half of the idle time.
const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A QUIC connection silent for this long is gone.
const QUIC_IDLE_MS: u32 = 30_000;

/// Unread bytes a peer may have under way on one QUIC stream: a message fits in four steps.
const QUIC_STREAM_WINDOW: u32 = 1 << 20;

/// Unread bytes a peer may have under way on one QUIC connection.
const QUIC_CONNECTION_WINDOW: u32 = 4 << 20;

/// QUIC streams a peer may have open on one connection.
const QUIC_STREAMS: u32 = 128;

/// Time for a dial or an inbound handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Where an identity listens on an IP and a port: tcp, and quic-v1 on the same number.
#[must_use]
pub fn listen_addresses(ip: IpAddr, port: u16) -> [Multiaddr; 2] {
    let host = Multiaddr::from(ip);
    [host.clone().with(Protocol::Tcp(port)), host.with(Protocol::Udp(port)).with(Protocol::QuicV1)]
}

/// The transports could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("set up transports for {peer}: {reason}")]
pub struct TransportError {
    peer: libp2p::PeerId,
    reason: String,
}

/// A swarm with an identity's transports, listening nowhere yet.
///
/// # Errors
/// When the TLS certificate for the key cannot be made.
pub fn swarm(keypair: Keypair, behaviour: Behaviour) -> Result<Swarm<Behaviour>, TransportError> {
    let peer = keypair.public().to_peer_id();
    let failed = |reason: String| TransportError { peer, reason };
    let tcp = Tcp::new(tcp::Config::default().nodelay(true).listen_backlog(BACKLOG))
        .upgrade(upgrade::Version::V1Lazy)
        .authenticate(Security::new(&keypair).map_err(failed)?)
        .multiplex(muxer());
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_quic_config(quic_config)
        .with_other_transport(|_| tcp)
        .map_err(|e| failed(e.to_string()))?
        .with_behaviour(|_| behaviour)
        .map_err(|e| failed(e.to_string()))?
        .with_swarm_config(|config| {
            config
                .with_max_negotiating_inbound_streams(MAX_NEGOTIATING)
                // closing is the supervisor's business alone
                .with_idle_connection_timeout(Duration::from_secs(60))
        })
        .with_connection_timeout(HANDSHAKE)
        .build();
    Ok(swarm)
}

fn muxer() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(MAX_STREAMS);
    config
}

fn quic_config(mut config: quic::Config) -> quic::Config {
    config.handshake_timeout = HANDSHAKE;
    config.keep_alive_interval = QUIC_KEEP_ALIVE;
    config.max_idle_timeout = QUIC_IDLE_MS;
    config.max_concurrent_stream_limit = QUIC_STREAMS;
    config.max_stream_data = QUIC_STREAM_WINDOW;
    config.max_connection_data = QUIC_CONNECTION_WINDOW;
    config
}
