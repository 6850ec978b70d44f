//! Ports that somebody else has.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, OwnedFd};

use anyhow::{Context as _, ensure};
use hydra_protocol::v1::{Finding, HeadState};
use hydra_tests::harness::eventually;
use rustix::net::{AddressFamily, SocketAddrV4, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

use crate::place::{Hydrad, PATIENCE, Place, free_ports, ping};

/// Somebody who has a port for tcp.
enum Holder {
    Plain(TcpListener),
    /// With SO_REUSEPORT, beside which the kernel lets others listen.
    Sharing(OwnedFd),
    Udp(UdpSocket),
}

impl Holder {
    fn take(port: u16, how: &str) -> anyhow::Result<Self> {
        let at = (Ipv4Addr::LOCALHOST, port);
        Ok(match how {
            "tcp" => Self::Plain(TcpListener::bind(at)?),
            "udp" => Self::Udp(UdpSocket::bind(at)?),
            _ => {
                // not inherited by the daemon that is started beside it
                let flags = SocketFlags::CLOEXEC;
                let fd = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
                sockopt::set_socket_reuseport(fd.as_fd(), true)?;
                bind(&fd, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
                listen(&fd, 16)?;
                Self::Sharing(fd)
            }
        })
    }

    fn release(self) {
        match self {
            Self::Plain(held) => drop(held),
            Self::Sharing(held) => drop(held),
            Self::Udp(held) => drop(held),
        }
    }
}

/// How often something was told of a head, or of the whole hydra.
async fn told(hydrad: &Hydrad, part: &str, code: &str) -> anyhow::Result<usize> {
    let events = hydrad.json(&["events", "--limit", "1000"]).await?;
    let events = events["items"].as_array().context("items")?;
    Ok(events.iter().filter(|event| event["part"] == part && event["code"] == code).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_whose_port_was_taken_fails_by_the_name_of_the_holder_and_comes_up_when_it_is_free()
-> anyhow::Result<()> {
    for how in ["tcp", "tcp shared", "udp"] {
        let begin = free_ports(3)?;
        let place = Place::seeded(3)?.flag("port-begin", begin);
        let hydrad = place.serving(3).await?;
        let port = begin + 1;
        let before = hydrad.identities().await?;
        hydrad.stop().await?;

        let held = Holder::take(port, how)?;
        let mut hydrad = place.up().await?;
        let failed = hydrad.head_when(1, HeadState::Failed).await?;
        let taken = format!("port {port} on 127.0.0.1 is taken by pid {} (", std::process::id());
        assert!(failed.state_reason.starts_with(&taken), "{how}: {}", failed.state_reason);
        let warned = |status: &hydra_protocol::v1::Status| {
            let mut warnings = status.warnings.iter().filter(|warning| warning.until.is_none());
            warnings
                .any(|w| w.code == "HEAD_FAILED" && w.text.starts_with("head-1: ") && w.text.contains(&taken))
        };
        let status = hydrad.status_when("HEAD_FAILED is told", |s| warned(s) && s.heads_serving == 2).await?;
        assert_eq!(status.network[0].finding(), Finding::Fail, "{:?}", status.network);
        for index in [0, 2] {
            let (_node, mut stream) = hydrad.stream(index).await?;
            ping(&mut stream).await?;
        }
        assert_eq!(hydrad.hydractl(&["status", "--check"]).await?.code, Some(8), "{how}");
        let said = hydrad.hydractl(&["heads", "start", "head-1"]).await?;
        assert!(said.code == Some(1) && said.err.contains(&taken), "{how}: {said:?}");
        if how == "tcp" {
            // while nothing changes it is tried and said, and not told again
            eventually(PATIENCE, || async {
                let head = hydrad.head(1).await?;
                ensure!(head.state() == HeadState::Failed, "{head:?}");
                ensure!(head.state_reason.contains("tried 2 times, again within 10 s"), "{head:?}");
                Ok(())
            })
            .await?;
            assert_eq!(told(&hydrad, "head-1", "HEAD_FAILED").await?, 1);
            assert_eq!(told(&hydrad, "hydrad", "HEAD_FAILED").await?, 1);
        }

        held.release();
        hydrad.serve(3).await?;
        assert_eq!(hydrad.identities().await?, before, "{how}");
        assert_eq!(hydrad.ports().await?, [begin, port, begin + 2], "{how}");
        hydrad.status_when("the warning has ended", |s| !warned(s)).await?;
        let events = hydrad.hydractl(&["events", "--limit", "1000"]).await?;
        assert!(events.good().contains("its ports are open, after"), "{how}: {events:?}");
        assert_eq!(hydrad.hydractl(&["status", "--check"]).await?.code, Some(0), "{how}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_was_chosen_freely_is_kept_and_another_one_is_chosen_when_it_was_taken()
-> anyhow::Result<()> {
    let mut place = Place::seeded(3)?;
    let begin = free_ports(3)?;
    place.set("port-begin", begin);
    place.serving(3).await?.stop().await?;
    // free ones from now on: those of now are kept
    place.set("port-begin", 0);
    let hydrad = place.serving(3).await?;
    let before = hydrad.identities().await?;
    assert_eq!(hydrad.ports().await?, [begin, begin + 1, begin + 2]);
    hydrad.stop().await?;

    let held = Holder::take(begin + 1, "tcp")?;
    let hydrad = place.serving(3).await?;
    let ports = hydrad.ports().await?;
    assert_eq!((ports[0], ports[2]), (begin, begin + 2), "the others keep theirs");
    assert!(ports[1] != begin + 1, "{ports:?}");
    assert_eq!(told(&hydrad, "head-1", "HEAD_PORT_CHANGED").await?, 1);
    assert_eq!(told(&hydrad, "head-1", "HEAD_FAILED").await?, 0);
    let head = hydrad.head(1).await?;
    assert!(head.addresses[0].contains(&format!("/{}", ports[1])), "{head:?}");
    let (_node, mut stream) = hydrad.stream(1).await?;
    ping(&mut stream).await?;
    drop((_node, stream));
    assert_eq!(hydrad.identities().await?, before);
    hydrad.stop().await?;
    // the new one is kept, unless somebody took that one in turn
    held.release();
    let hydrad = place.serving(3).await?;
    let kept = hydrad.ports().await?[1] == ports[1];
    assert!(kept || told(&hydrad, "head-1", "HEAD_PORT_CHANGED").await? == 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_not_added_on_a_port_that_is_taken() -> anyhow::Result<()> {
    let begin = free_ports(4)?;
    let place = Place::seeded(1)?.flag("port-begin", begin);
    let mut hydrad = place.serving(1).await?;
    let held = Holder::take(begin + 2, "tcp shared")?;
    let said = hydrad.hydractl(&["heads", "add", "3"]).await?;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains(&format!("port {} on 127.0.0.1 is taken by pid", begin + 2)), "{said:?}");
    assert!(said.err.contains("nothing was added"), "{said:?}");
    hydrad.serve(1).await?;
    held.release();
    hydrad.hydractl(&["heads", "add", "3"]).await?.good();
    hydrad.serve(4).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_a_taken_port_ended_is_no_start() -> anyhow::Result<()> {
    let begin = free_ports(2)?;
    let place = Place::seeded(2)?.flag("port-begin", begin);
    let held = Holder::take(begin + 1, "tcp")?;
    let refusal = place.refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    let taken = format!("port {} on 127.0.0.1 is taken by pid {}", begin + 1, std::process::id());
    assert!(refusal.words.contains(&taken), "{}", refusal.words);
    held.release();
    // both heads are wanted as much as before
    place.serving(2).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hydra_does_not_share_the_ports_of_the_first() -> anyhow::Result<()> {
    let begin = free_ports(1)?;
    let first = Place::seeded(1)?.flag("port-begin", begin);
    let hydrad = first.serving(1).await?;
    let refusal = Place::new()?.flag("port-begin", begin).refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    let taken = format!("port {begin} on 127.0.0.1 is taken by pid {} (hydrad)", hydrad.pid());
    assert!(refusal.words.contains(&taken), "{}", refusal.words);
    let (_node, mut stream) = hydrad.stream(0).await?;
    ping(&mut stream).await
}
