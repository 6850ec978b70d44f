//! The daemon that is measured, and what it answers over its control socket.

use std::collections::HashSet;

use anyhow::{Context as _, Result};
use data_encoding::HEXLOWER;
use hydra_protocol::v1::fetch_records_response::Told;
use hydra_protocol::v1::network_service_client::NetworkServiceClient;
use hydra_protocol::v1::peer_service_client::PeerServiceClient;
use hydra_protocol::v1::record_service_client::RecordServiceClient;
use hydra_protocol::v1::{
    FetchRecordsRequest, FetchReport, FetchedProvider, GetNetworkRequest, HeadState, ListPeersRequest,
    Network, PeerScope, Status,
};
use libp2p::PeerId;
use prost_types::Timestamp;

use crate::harness::daemon::{Daemon, Options};
use crate::harness::process::Usage;

/// Peers a page of the control socket.
const PAGE: u32 = 1000;

/// The daemon.
pub(super) struct Asked(Daemon);

impl Asked {
    /// Starts it at a public address, with these peers to start from; with none it is alone.
    /// `presence`: seconds between two measurements of a head's presence.
    pub(super) async fn start(ip: &str, heads: u32, bootstrap: &str, presence: u64) -> Result<Self> {
        let options = Options::heads(heads).listen(ip);
        let options = if bootstrap.is_empty() {
            options
        } else {
            options.address_policy("public").bootstrap(bootstrap)
        };
        let options = options.arg("--reachability").arg("assume-public");
        let options = options.arg("--presence-measure-seconds").arg(presence.to_string());
        Ok(Self(options.start().await?))
    }

    pub(super) fn usage(&self) -> Result<Usage> {
        self.0.usage()
    }

    pub(super) async fn status(&self) -> Result<Status> {
        self.0.status().await
    }

    pub(super) async fn network(&self) -> Result<Network> {
        let mut client = NetworkServiceClient::new(self.0.channel().await?);
        let answer = client.get_network(GetNetworkRequest {}).await?.into_inner();
        answer.network.context("an empty network")
    }

    /// The heads that serve.
    pub(super) async fn serving(&self) -> Result<Vec<PeerId>> {
        let heads = self.0.heads().await?;
        let serving = heads.iter().filter(|head| head.state() == HeadState::Serving);
        serving.map(|head| head.peer_id.parse().context("the id of a head")).collect()
    }

    /// The servers of its table.
    pub(super) async fn known(&self) -> Result<HashSet<PeerId>> {
        let mut client = PeerServiceClient::new(self.0.channel().await?);
        let scope = PeerScope::Known.into();
        let mut request = ListPeersRequest { page_size: PAGE, page_token: String::new(), scope };
        let mut known = HashSet::new();
        loop {
            let page = client.list_peers(request.clone()).await?.into_inner();
            for peer in page.peers {
                known.insert(peer.peer_id.parse().with_context(|| format!("a peer {:?}", peer.peer_id))?);
            }
            if page.next_page_token.is_empty() {
                return Ok(known);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Looks the providers of a key up in the network.
    pub(super) async fn look_up(
        &self,
        key: &[u8],
        seconds: f64,
    ) -> Result<(Vec<FetchedProvider>, FetchReport)> {
        let mut client = RecordServiceClient::new(self.0.channel().await?);
        let key = HEXLOWER.encode(key);
        let request = FetchRecordsRequest { key, deadline_seconds: seconds, ..Default::default() };
        let mut stream = client.fetch_records(request).await?.into_inner();
        let mut providers = Vec::new();
        loop {
            let message = stream.message().await?.context("a lookup ended without a report")?;
            match message.told {
                Some(Told::Provider(provider)) => providers.push(provider),
                Some(Told::Report(report)) => return Ok((providers, report)),
                None => {}
            }
        }
    }
}

/// Seconds since 1970.
pub(super) fn seconds(at: Option<Timestamp>) -> f64 {
    at.map_or(0.0, |at| at.seconds as f64 + f64::from(at.nanos) / 1e9)
}
