//! Ports that somebody else has.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, OwnedFd};

use hydra_protocol::v1::{Finding, HeadState};
use rustix::net::{AddressFamily, SocketAddrV4, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

use crate::place::{Hydrad, Place, ping};

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

async fn port_of(hydrad: &Hydrad, index: u32) -> anyhow::Result<u16> {
    Ok(u16::try_from(hydrad.head(index).await?.port)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_whose_port_was_taken_fails_by_the_name_of_the_holder_and_the_others_serve()
-> anyhow::Result<()> {
    for how in ["tcp", "tcp shared", "udp"] {
        let place = Place::seeded(3)?;
        let hydrad = place.serving(3).await?;
        let port = port_of(&hydrad, 1).await?;
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

        held.release();
        hydrad.hydractl(&["heads", "start", "head-1"]).await?.good();
        hydrad.serve(3).await?;
        assert_eq!(hydrad.identities().await?, before, "{how}");
        hydrad.status_when("the warning has ended", |s| !warned(s)).await?;
        assert_eq!(hydrad.hydractl(&["status", "--check"]).await?.code, Some(0), "{how}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_not_added_on_a_port_that_is_taken() -> anyhow::Result<()> {
    let mut place = Place::seeded(1)?;
    // a free range: where a first hydra found its port
    let begin = port_of(&place.serving(1).await?, 0).await?;
    place = Place::seeded(1)?.flag("port-begin", begin);
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
    let begin = port_of(&Place::seeded(1)?.serving(1).await?, 0).await?;
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
    let begin = port_of(&Place::seeded(1)?.serving(1).await?, 0).await?;
    let first = Place::seeded(1)?.flag("port-begin", begin);
    let hydrad = first.serving(1).await?;
    let refusal = Place::new()?.flag("port-begin", begin).refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    let taken = format!("port {begin} on 127.0.0.1 is taken by pid {} (hydrad)", hydrad.pid());
    assert!(refusal.words.contains(&taken), "{}", refusal.words);
    let (_node, mut stream) = hydrad.stream(0).await?;
    ping(&mut stream).await
}
