//! Transports and the standing protocols, with the settings that a head has.
//!
//! Owns those settings (DESIGN §3; reasons in `docs/performance.md`) and the one
//! [`Swarm`] type of this crate: the generator, the echo server and the light peers are
//! all made here, so that a figure compares servers and not settings.

use std::time::Duration;

use anyhow::{Context as _, Result};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{Swarm, SwarmBuilder, identify, noise, ping, quic, tcp, tls, yamux};

use super::guard::Guard;
use super::streams::Streams;

/// Streams a connection, in each direction.
const MAX_STREAMS: u16 = 64;
/// QUIC: quic-go's values; the defaults of rust-libp2p cost 2 % of a core for 400 idle connections.
const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(15);
const QUIC_IDLE: Duration = Duration::from_secs(30);
const QUIC_STREAM_WINDOW: u32 = 1 << 20;
const QUIC_CONNECTION_WINDOW: u32 = 4 << 20;
const IDENTIFY_EVERY: Duration = Duration::from_secs(6 * 3600);
const PING_EVERY: Duration = Duration::from_secs(5 * 60);
/// The handler keeps connections alive; this only covers the moment before it exists.
const IDLE: Duration = Duration::from_secs(3600);
const MAX_NEGOTIATING: usize = 16;

/// What secures a tcp connection. QUIC has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    Noise,
    Tls,
    /// Offers both; as a dialler prefers tls.
    Both,
}

/// All that a node of this crate runs.
#[derive(NetworkBehaviour)]
pub struct Behaviour {
    guard: Guard,
    pub(crate) streams: Streams,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

/// A swarm that listens nowhere yet. `agent` is what identify tells.
pub(crate) fn swarm(
    keypair: Keypair,
    security: Security,
    agent: &str,
    guard: Guard,
    streams: Streams,
) -> Result<Swarm<Behaviour>> {
    let identify = identify::Config::new("ipfs/0.1.0".to_owned(), keypair.public())
        .with_agent_version(agent.to_owned())
        .with_interval(IDENTIFY_EVERY)
        .with_cache_size(0);
    let behaviour = Behaviour {
        guard,
        streams,
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_EVERY)),
    };
    let tcp = tcp::Config::default().nodelay(true);
    let builder = SwarmBuilder::with_existing_identity(keypair).with_tokio();
    macro_rules! finish {
        ($security:expr) => {
            builder
                .with_tcp(tcp, $security, muxer)
                .context("make the tcp transport")?
                .with_quic_config(quic_settings)
                .with_behaviour(|_| behaviour)
                .context("make the behaviour")?
                .with_swarm_config(|config| {
                    config
                        .with_idle_connection_timeout(IDLE)
                        .with_max_negotiating_inbound_streams(MAX_NEGOTIATING)
                })
                .build()
        };
    }
    Ok(match security {
        Security::Noise => finish!(noise::Config::new),
        Security::Tls => finish!(tls::Config::new),
        Security::Both => finish!((tls::Config::new, noise::Config::new)),
    })
}

fn muxer() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(usize::from(MAX_STREAMS));
    config
}

fn quic_settings(mut config: quic::Config) -> quic::Config {
    config.keep_alive_interval = QUIC_KEEP_ALIVE;
    config.max_idle_timeout = QUIC_IDLE.as_millis() as u32;
    config.max_concurrent_stream_limit = u32::from(MAX_STREAMS);
    config.max_stream_data = QUIC_STREAM_WINDOW;
    config.max_connection_data = QUIC_CONNECTION_WINDOW;
    config
}
