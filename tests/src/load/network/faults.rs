//! What becomes of a hydra's knowledge while the network changes: peers that go and come, and
//! half of the network out of reach.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libp2p::PeerId;
use libp2p::multiaddr::Protocol;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{LOOKUP, Network, PATIENCE};
use crate::harness::{eventually, netns};
use crate::load::keys::{self, Domain};
use crate::world::{LightPeer, World};

/// Gone for longer than this, a peer should have left the table.
const LONG_GONE: Duration = Duration::from_secs(180);

/// Between two rounds of churn, and between two lookups while the network is parted.
const ROUND: Duration = Duration::from_secs(5);

/// What was measured while light peers went and came.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Churn {
    pub per_minute: f64,
    pub minutes: f64,
    pub gone: usize,
    /// At the end, and on average over its last third: of the table, gone for more than three
    /// minutes, gone at all; of those that live, not in the table.
    pub long_gone_ratio: f64,
    pub long_gone_ratio_mean: f64,
    pub gone_ratio_mean: f64,
    pub missing_ratio_mean: f64,
    pub gone_per_minute_told: Option<f64>,
    pub size_by_crawl: Option<f64>,
    pub cpu_ratio: f64,
}

/// What was measured while half of the network could not be reached, and after that.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Partition {
    pub seconds: u64,
    /// Light peers that could not be reached.
    pub cut: usize,
    /// At the end of it: of these, no longer in the table; of the others, not in the table.
    pub left_ratio: f64,
    pub missing_ratio: f64,
    /// Lookups meanwhile, and the longest.
    pub lookups: u32,
    pub lookup_seconds_longest: f64,
    /// From its end until 99 % of all light peers stood in the table again.
    pub recovered_seconds: f64,
}

impl Network {
    /// Lets light peers go and others come.
    pub(super) async fn churn(&self, world: &mut World, daemon: &Asked) -> Result<Churn> {
        let mut churn = Churn { per_minute: self.churn, minutes: self.minutes, ..Churn::default() };
        let mut gone: HashMap<PeerId, Instant> = HashMap::new();
        let (before, began) = (daemon.usage()?, Instant::now());
        let lasts = Duration::from_secs_f64(60.0 * self.minutes);
        let (mut owed, mut looks) = (0.0, 0u32);
        while began.elapsed() < lasts {
            let round = Instant::now();
            owed += self.churn * self.peers as f64 * ROUND.as_secs_f64() / 60.0;
            let go = owed as usize;
            owed -= go as f64;
            gone.extend(world.churn(go).await?.into_iter().map(|peer| (peer, round)));
            tokio::time::sleep(ROUND.saturating_sub(round.elapsed())).await;
            if began.elapsed() < lasts.mul_f64(2.0 / 3.0) {
                continue;
            }
            let known = daemon.known().await?;
            let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
            let all: Vec<&Instant> = known.iter().filter_map(|peer| gone.get(peer)).collect();
            let long = all.iter().filter(|at| at.elapsed() > LONG_GONE).count();
            let missing = world.peers().iter().filter(|peer| !known.contains(&peer.peer())).count();
            looks += 1;
            churn.long_gone_ratio = share(long, known.len());
            churn.long_gone_ratio_mean += churn.long_gone_ratio;
            churn.gone_ratio_mean += share(all.len(), known.len());
            churn.missing_ratio_mean += share(missing, world.peers().len());
        }
        let network = daemon.network().await?;
        let looks = f64::from(looks.max(1));
        for mean in
            [&mut churn.long_gone_ratio_mean, &mut churn.gone_ratio_mean, &mut churn.missing_ratio_mean]
        {
            *mean /= looks;
        }
        churn.gone = gone.len();
        churn.gone_per_minute_told = network.gone_per_minute_ratio;
        churn.size_by_crawl = network.size_by_crawl;
        churn.cpu_ratio = (daemon.usage()?.cpu_seconds - before.cpu_seconds) / began.elapsed().as_secs_f64();
        Ok(churn)
    }

    /// Cuts half of the /16s off for a while.
    pub(super) async fn partition(&self, world: &World, daemon: &Asked) -> Result<Partition> {
        let networks: Vec<String> =
            (1..=self.groups / 2).map(|second| format!("45.{second}.0.0/16")).collect();
        let (cut, others): (Vec<_>, Vec<_>) =
            world.peers().iter().partition(|peer| second_byte(peer).is_some_and(|b| b <= self.groups / 2));
        let mut partition = Partition { seconds: self.partition, cut: cut.len(), ..Partition::default() };
        networks.iter().try_for_each(|network| netns::cut(network))?;
        let began = Instant::now();
        while began.elapsed().as_secs() < self.partition {
            let round = Instant::now();
            let key = keys::key(6, Domain::Missing, partition.lookups.into());
            let (_, report) = daemon.look_up(&key, LOOKUP).await?;
            partition.lookups += 1;
            partition.lookup_seconds_longest = partition.lookup_seconds_longest.max(report.took_seconds);
            tokio::time::sleep(ROUND.saturating_sub(round.elapsed())).await;
        }
        let known = daemon.known().await?;
        let missing = |peers: &[&std::sync::Arc<LightPeer>], known: &HashSet<PeerId>| {
            peers.iter().filter(|peer| !known.contains(&peer.peer())).count() as f64
                / peers.len().max(1) as f64
        };
        partition.left_ratio = missing(&cut, &known);
        partition.missing_ratio = missing(&others, &known);
        networks.iter().try_for_each(|network| netns::heal(network))?;
        let healed = Instant::now();
        eventually(PATIENCE, || async {
            let known = daemon.known().await?;
            let all: Vec<_> = world.peers().iter().collect();
            let missing = missing(&all, &known);
            ensure!(missing <= 0.01, "{missing} of the light peers are not known again");
            Ok(())
        })
        .await?;
        partition.recovered_seconds = healed.elapsed().as_secs_f64();
        Ok(partition)
    }
}

/// The second byte of a light peer's address: its /16.
fn second_byte(peer: &LightPeer) -> Option<u8> {
    match peer.addresses().first()?.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.octets()[1]),
        _ => None,
    }
}
