//! On a host with public addresses, and on one without: what is announced.

use std::process::Command;

use anyhow::{Context as _, ensure};
use hydra_protocol::v1::Status;
use hydra_tests::harness::Namespace;

use crate::place::Place;

/// A namespace with two public-looking addresses of different groups on a dummy interface.
/// Nothing leads out of it.
pub(crate) fn host(addresses: &[&str]) -> anyhow::Result<Option<Namespace>> {
    let Some(namespace) = Namespace::new()? else { return Ok(None) };
    let ip = |words: &[&str]| -> anyhow::Result<bool> {
        let done = Command::new("ip").args(["-n", namespace.name()]).args(words).output().context("ip")?;
        Ok(done.status.success())
    };
    // some kernels have no dummy interfaces; the loopback interface takes any address
    let dummy = ip(&["link", "add", "wan", "type", "dummy"])? && ip(&["link", "set", "wan", "up"])?;
    let on = if dummy { "wan" } else { "lo" };
    for address in addresses {
        let family: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
        ensure!(ip(&[&["address", "add", address, "dev", on], family].concat())?, "cannot add {address}");
    }
    Ok(Some(namespace))
}

fn inside(namespace: &Namespace, heads: u32) -> anyhow::Result<Place> {
    let place = Place::new()?.under(&["ip", "netns", "exec", namespace.name()]);
    Ok(place.flag("heads", heads).flag("address-policy", "public").without("listen"))
}

fn warned(status: &Status) -> bool {
    status.warnings.iter().any(|warning| warning.code == "ADDRESS_PRIVATE" && warning.until.is_none())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_spread_over_the_public_addresses_of_the_host_and_announce_them() -> anyhow::Result<()> {
    let Some(host) = host(&["45.76.1.2/24", "89.0.2.3/24", "10.1.2.3/24", "2a01:4f8::7/64"])? else {
        return Ok(());
    };
    let mut hydrad = inside(&host, 4)?.serving(4).await?;
    let heads = hydrad.heads().await?;
    for (head, ip) in heads.iter().zip(["45.76.1.2", "89.0.2.3", "45.76.1.2", "89.0.2.3"]) {
        let port = head.port;
        let mut announced = head.addresses.clone();
        announced.sort();
        let mut expected = vec![
            format!("/ip4/{ip}/tcp/{port}"),
            format!("/ip4/{ip}/udp/{port}/quic-v1"),
            format!("/ip6/2a01:4f8::7/tcp/{port}"),
            format!("/ip6/2a01:4f8::7/udp/{port}/quic-v1"),
        ];
        expected.sort();
        assert_eq!(announced, expected, "{}", head.name);
    }
    assert_eq!((&*heads[0].address_group, &*heads[1].address_group), ("45.76.0.0/16", "89.0.0.0/16"));
    let status = hydrad.status_when("it runs for a while", |status| status.uptime_seconds > 5.0).await?;
    assert!(!warned(&status), "{:?}", status.warnings);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_on_loopback_announces_nothing_on_the_public_network_and_the_operator_is_told()
-> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("address-policy", "public");
    let mut hydrad = place.serving(1).await?;
    let status = hydrad.status_when("ADDRESS_PRIVATE is told", warned).await?;
    let warning = status.warnings.iter().find(|w| w.code == "ADDRESS_PRIVATE").context("a warning")?;
    assert!(warning.text.contains("127.0.0.1 is private"), "{}", warning.text);
    assert!(warning.remedy.contains("listen.announce"), "{}", warning.remedy);
    assert_eq!(hydrad.head(0).await?.address_group, "");
    let node = hydra_tests::raw::RawNode::new(hydra_tests::raw::Transport::TcpNoise)?;
    let id = node.dial(&hydrad.address(0).await?).await?;
    let told = node.identified(id).await?.listen_addrs;
    assert!(told.is_empty(), "identify tells {told:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_nat_the_template_is_announced_and_the_private_address_is_not() -> anyhow::Result<()> {
    let place = Place::seeded(2)?
        .flag("address-policy", "public")
        .flag("announce", "/ip4/45.76.1.2/tcp/{port},/ip4/45.76.1.2/udp/{port}/quic-v1")
        .flag("no-announce", "/ip4/45.76.1.2/udp/{port}");
    let mut hydrad = place.serving(2).await?;
    for head in hydrad.heads().await? {
        assert_eq!(head.addresses, [format!("/ip4/45.76.1.2/tcp/{}", head.port)]);
        let node = hydra_tests::raw::RawNode::new(hydra_tests::raw::Transport::TcpNoise)?;
        let id = node.dial(&hydrad.address(head.index).await?).await?;
        let told = node.identified(id).await?.listen_addrs;
        assert_eq!(told.iter().map(ToString::to_string).collect::<Vec<_>>(), head.addresses);
    }
    let status = hydrad.status_when("it runs for a while", |status| status.uptime_seconds > 5.0).await?;
    assert!(!warned(&status), "{:?}", status.warnings);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_only_loopback_it_starts_and_says_what_is_missing() -> anyhow::Result<()> {
    let Some(host) = host(&[])? else { return Ok(()) };
    let id = libp2p::PeerId::random();
    let place = inside(&host, 1)?.flag("bootstrap-peers", format!("/dnsaddr/bootstrap.invalid/p2p/{id}"));
    let mut hydrad = place.up().await?;
    let status = hydrad
        .status_when("nobody answers", |status| {
            status.state() == hydra_protocol::v1::DaemonState::NoPeers && warned(status)
        })
        .await?;
    assert_eq!(status.heads_serving, 0);
    let outbound = status.network.iter().find(|check| check.name == "outbound").context("outbound")?;
    assert!(outbound.text.starts_with("0 of 1 bootstrap peers answered"), "{}", outbound.text);
    assert!(outbound.text.contains("bootstrap.invalid"), "{}", outbound.text);
    Ok(())
}
