//! TLS or noise, whichever both sides speak, TLS first: the choice that libp2p's builder makes
//! for its own tcp, here for ours.
//!
//! Owns the choice alone; the handshakes are libp2p's.

use std::iter::Chain;

use futures::future::{BoxFuture, Either, FutureExt as _, TryFutureExt as _};
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::UpgradeInfo;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p::identity::Keypair;
use libp2p::{PeerId, noise, tls};

/// A connection that was secured one way or the other.
pub(super) type Secured<C> = Either<tls::TlsStream<C>, noise::Output<C>>;

type Securing<C> = BoxFuture<'static, Result<(PeerId, Secured<C>), Unsecured>>;

/// Why a connection could not be secured.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsecured {
    #[error(transparent)]
    Tls(#[from] tls::UpgradeError),
    #[error(transparent)]
    Noise(#[from] noise::Error),
}

/// Both ways, with one identity.
#[derive(Clone)]
pub(super) struct Security {
    tls: tls::Config,
    noise: noise::Config,
}

impl Security {
    /// # Errors
    /// When no certificate can be made for the key.
    pub(super) fn new(keypair: &Keypair) -> Result<Self, String> {
        let tls = tls::Config::new(keypair).map_err(|error| error.to_string())?;
        Ok(Self { tls, noise: noise::Config::new(keypair).map_err(|error| error.to_string())? })
    }

    fn is_tls(&self, name: &'static str) -> bool {
        self.tls.protocol_info().any(|tls| tls == name)
    }
}

impl UpgradeInfo for Security {
    type Info = &'static str;
    type InfoIter = Chain<<tls::Config as UpgradeInfo>::InfoIter, <noise::Config as UpgradeInfo>::InfoIter>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.tls.protocol_info().chain(self.noise.protocol_info())
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C> for Security {
    type Output = (PeerId, Secured<C>);
    type Error = Unsecured;
    type Future = Securing<C>;

    fn upgrade_inbound(self, socket: C, name: Self::Info) -> Self::Future {
        if self.is_tls(name) {
            let secured = self.tls.upgrade_inbound(socket, name).map_ok(left);
            return secured.map_err(Unsecured::from).boxed();
        }
        self.noise.upgrade_inbound(socket, name).map_ok(right).map_err(Unsecured::from).boxed()
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C> for Security {
    type Output = (PeerId, Secured<C>);
    type Error = Unsecured;
    type Future = Securing<C>;

    fn upgrade_outbound(self, socket: C, name: Self::Info) -> Self::Future {
        if self.is_tls(name) {
            let secured = self.tls.upgrade_outbound(socket, name).map_ok(left);
            return secured.map_err(Unsecured::from).boxed();
        }
        self.noise.upgrade_outbound(socket, name).map_ok(right).map_err(Unsecured::from).boxed()
    }
}

fn left<A, B>((peer, stream): (PeerId, A)) -> (PeerId, Either<A, B>) {
    (peer, Either::Left(stream))
}

fn right<A, B>((peer, stream): (PeerId, B)) -> (PeerId, Either<A, B>) {
    (peer, Either::Right(stream))
}
