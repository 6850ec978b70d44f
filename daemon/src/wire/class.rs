//! What one raw multiaddr says: where, over what, and whether the public can reach it.
//!
//! Reads the binary form in place, without an allocation. It owns the length rules of the
//! components (multiaddr's `protocols.csv`; go-multiaddr `protocols.go`) and go-multiaddr's
//! notion of "public"; which addresses are stored, sent or dialled is decided in
//! `routing/policy.rs`.

mod ranges;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use unsigned_varint::decode;

pub use ranges::is_public_ip;

/// Most bytes of one multiaddr; a longer one is malformed to us. The largest in use
/// (WebTransport behind a relay, two certificate hashes) has about 200.
pub const MAX_ADDR: usize = 1024;

const IP4: u32 = 4;
const TCP: u32 = 6;
const DCCP: u32 = 33;
const IP6: u32 = 41;
const IP6ZONE: u32 = 42;
const IPCIDR: u32 = 43;
const DNS: u32 = 53;
const DNS4: u32 = 54;
const DNS6: u32 = 55;
const DNSADDR: u32 = 56;
const SCTP: u32 = 132;
const UDP: u32 = 273;
const P2P_WEBRTC_STAR: u32 = 275;
const P2P_WEBRTC_DIRECT: u32 = 276;
const P2P_STARDUST: u32 = 277;
const WEBRTC_DIRECT: u32 = 280;
const WEBRTC: u32 = 281;
const P2P_CIRCUIT: u32 = 290;
const UDT: u32 = 301;
const UTP: u32 = 302;
const UNIX: u32 = 400;
const P2P: u32 = 421;
const HTTPS: u32 = 443;
const ONION: u32 = 444;
const ONION3: u32 = 445;
const GARLIC64: u32 = 446;
const GARLIC32: u32 = 447;
const TLS: u32 = 448;
const SNI: u32 = 449;
const NOISE: u32 = 454;
const QUIC: u32 = 460;
const QUIC_V1: u32 = 461;
const WEBTRANSPORT: u32 = 465;
const CERTHASH: u32 = 466;
const WS: u32 = 477;
const WSS: u32 = 478;
const P2P_WEBSOCKET_STAR: u32 = 479;
const HTTP: u32 = 480;
const HTTP_PATH: u32 = 481;
const MEMORY: u32 = 777;

/// The facts of one multiaddr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    pub host: Host,
    pub transport: Transport,
    /// The first tcp or udp port.
    pub port: Option<u16>,
    /// The address ends in `/p2p/<id>`; [`Self::split`] takes it off.
    pub peer: bool,
    public: bool,
    /// A code we do not know: what follows it was not read.
    opaque: bool,
    /// Bytes before the trailing `/p2p/<id>`; at most [`MAX_ADDR`].
    bare: u16,
}

/// Where an address begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// ip4 or ip6, also behind an ip6zone. Of a relay address, the relay's.
    Ip(IpAddr),
    /// dns, dns4, dns6 or dnsaddr.
    Dns,
    /// A valid address that begins with anything else: unix, memory, onion, or a relay
    /// named by its id alone.
    Other,
}

/// How an address is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Plain tcp, the security being negotiated.
    Tcp,
    QuicV1,
    Ws,
    /// `/wss`, `/tls/ws` and `/tls/sni/<name>/ws`.
    Wss,
    WebTransport,
    WebRtcDirect,
    /// A p2p-circuit somewhere in it.
    Relay,
    /// None of these: a host without a transport, an http gateway, draft-29 QUIC, a zoned
    /// address, and whatever goes on with a code that we do not know.
    Other,
}

impl Class {
    /// What `manet.IsPublicAddr` of go-multiaddr says: the first component (after an
    /// ip6zone) is a globally routable IP, or a DNS name outside the special-use domains.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// The address without its trailing `/p2p/<id>`, and that id's bytes. `raw` is what
    /// [`class`] was given.
    #[must_use]
    pub fn split<'a>(&self, raw: &'a [u8]) -> (&'a [u8], Option<&'a [u8]>) {
        match raw.split_at_checked(usize::from(self.bare)) {
            // Two bytes of code and one of length, since ids have at most 42.
            Some((bare, tail)) if self.peer => (bare, tail.get(3..)),
            _ => (raw, None),
        }
    }
}

/// The facts of a raw multiaddr; `None` when it is malformed: empty, longer than
/// [`MAX_ADDR`], cut short, with a varint that is not minimal, or with a value that its
/// component forbids.
///
/// A code we do not know ends the reading, since its length is unknown too. After a host
/// and the components that were understood, the address is kept as [`Transport::Other`], so that
/// tomorrow's transports pass through us to those who know them. As the first code it
/// makes the address malformed. Go drops both.
#[must_use]
pub fn class(raw: &[u8]) -> Option<Class> {
    if raw.is_empty() || raw.len() > MAX_ADDR {
        return None;
    }
    let mut class = Class {
        host: Host::Other,
        transport: Transport::Other,
        port: None,
        peer: false,
        public: false,
        opaque: false,
        bare: 0,
    };
    let mut stack = Stack::default();
    let mut at_host = true;
    let mut rest = raw;
    while !rest.is_empty() {
        let start = raw.len() - rest.len();
        let Some((code, value, tail)) = component(rest)? else {
            if start == 0 || at_host {
                return None;
            }
            class.opaque = true;
            class.peer = false;
            break;
        };
        class.peer = code == P2P;
        class.bare = start as u16;
        if code == IP6ZONE {
            stack.push(code);
        } else if at_host {
            (class.host, class.public) = host(code, value);
            at_host = false;
            if class.host == Host::Other {
                stack.push(code);
            }
        } else {
            stack.push(code);
        }
        if let (TCP | UDP, None, [high, low]) = (code, class.port, value) {
            class.port = Some(u16::from_be_bytes([*high, *low]));
        }
        rest = tail;
    }
    if at_host {
        return None; // Nothing but a zone.
    }
    class.transport =
        if class.opaque && !stack.relay { Transport::Other } else { stack.transport(class.peer) };
    Some(class)
}

/// The components behind the host, as far as they tell transports apart.
#[derive(Default)]
struct Stack {
    codes: [u32; 6],
    len: usize,
    relay: bool,
}

impl Stack {
    fn push(&mut self, code: u32) {
        self.relay |= code == P2P_CIRCUIT;
        // Certificate hashes repeat and tell nothing.
        if code == CERTHASH {
            return;
        }
        if let Some(slot) = self.codes.get_mut(self.len) {
            *slot = code;
        }
        self.len += 1;
    }

    fn transport(&self, trailing_peer: bool) -> Transport {
        if self.relay {
            return Transport::Relay;
        }
        match self.codes.get(..self.len - usize::from(trailing_peer)) {
            Some([TCP]) => Transport::Tcp,
            Some([UDP, QUIC_V1]) => Transport::QuicV1,
            Some([TCP, WS]) => Transport::Ws,
            Some([TCP, WSS] | [TCP, TLS, WS] | [TCP, TLS, SNI, WS]) => Transport::Wss,
            Some([UDP, QUIC_V1, WEBTRANSPORT]) => Transport::WebTransport,
            Some([UDP, WEBRTC_DIRECT]) => Transport::WebRtcDirect,
            _ => Transport::Other,
        }
    }
}

/// The host that a component names, and whether it is public.
fn host(code: u32, value: &[u8]) -> (Host, bool) {
    let ip = |ip: IpAddr| (Host::Ip(ip), ranges::is_public_ip(ip));
    match code {
        IP4 => <[u8; 4]>::try_from(value).map_or((Host::Other, false), |v| ip(Ipv4Addr::from(v).into())),
        IP6 => <[u8; 16]>::try_from(value).map_or((Host::Other, false), |v| ip(Ipv6Addr::from(v).into())),
        DNS | DNS4 | DNS6 | DNSADDR => (Host::Dns, ranges::is_public_name(value)),
        _ => (Host::Other, false),
    }
}

/// Code, value and what follows; `Some(None)` when the code is not known to us.
#[expect(clippy::type_complexity, reason = "one private caller")]
fn component(bytes: &[u8]) -> Option<Option<(u32, &[u8], &[u8])>> {
    let (code, rest) = decode::u32(bytes).ok()?;
    let fixed = |len: usize| rest.split_at_checked(len).map(|(value, tail)| Some((code, value, tail)));
    match code {
        P2P_CIRCUIT | TLS | NOISE | QUIC | QUIC_V1 | WEBTRANSPORT | WEBRTC | WEBRTC_DIRECT | WS | WSS
        | HTTP | HTTPS | UDT | UTP | P2P_WEBRTC_STAR | P2P_WEBRTC_DIRECT | P2P_STARDUST
        | P2P_WEBSOCKET_STAR => fixed(0),
        IPCIDR => fixed(1),
        TCP | UDP | DCCP | SCTP => fixed(2),
        IP4 => fixed(4),
        MEMORY => fixed(8),
        ONION => fixed(12),
        IP6 => fixed(16),
        ONION3 => fixed(37),
        DNS | DNS4 | DNS6 | DNSADDR | SNI | IP6ZONE | UNIX | HTTP_PATH | GARLIC64 | GARLIC32 | CERTHASH
        | P2P => {
            let (len, rest) = decode::usize(rest).ok()?;
            let (value, tail) = rest.split_at_checked(len)?;
            is_valid(code, value).then_some(Some((code, value, tail)))
        }
        _ => Some(None),
    }
}

/// The rules for values of varying length: what go-multiaddr's transcoders check, and what
/// the `multiaddr` crate does, so that an address we keep parses in both.
fn is_valid(code: u32, value: &[u8]) -> bool {
    match code {
        _ if value.is_empty() => false,
        DNS | DNS4 | DNS6 | DNSADDR | SNI | IP6ZONE => {
            !value.contains(&b'/') && std::str::from_utf8(value).is_ok()
        }
        UNIX | HTTP_PATH => std::str::from_utf8(value).is_ok(),
        CERTHASH => multihash(value).is_some(),
        // Peer ids are sha2-256 or an identity hash of at most 42 bytes (libp2p peer-id spec).
        P2P => {
            matches!(multihash(value), Some((0x12, digest)) if digest.len() == 32)
                || matches!(multihash(value), Some((0x00, digest)) if digest.len() <= 42)
        }
        _ => true,
    }
}

/// Code and digest of a multihash of at most 64 bytes.
fn multihash(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (code, rest) = decode::u64(bytes).ok()?;
    let (len, digest) = decode::u64(rest).ok()?;
    (digest.len() <= 64 && len == digest.len() as u64).then_some((code, digest))
}
