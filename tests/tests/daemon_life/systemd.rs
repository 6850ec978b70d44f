//! What systemd is told, and how the daemon ends.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use data_encoding::HEXLOWER;
use hydra_protocol::v1::HeadState;
use hydra_tests::raw::{Message, message::frame};
use rustix::process::Signal;

use crate::place::{Hydrad, PATIENCE, Place, fresh_keys};

/// systemd's end of the notification socket.
pub(crate) struct Systemd {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Systemd {
    pub(crate) fn listen(place: &Place) -> anyhow::Result<(Self, PathBuf)> {
        let path = place.dir().join("notify");
        let socket = UnixDatagram::bind(&path)?;
        socket.set_nonblocking(true)?;
        Ok((Self { socket, heard: Vec::new() }, path))
    }

    /// All lines so far.
    pub(crate) fn heard(&self) -> &[String] {
        &self.heard
    }

    fn read(&mut self) {
        let mut bytes = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut bytes) {
            self.heard.extend(String::from_utf8_lossy(&bytes[..length]).lines().map(str::to_owned));
        }
    }

    /// Waits for a line that begins so; how many there were before it.
    pub(crate) async fn wait(&mut self, start: &str) -> anyhow::Result<usize> {
        let began = Instant::now();
        loop {
            self.read();
            if let Some(at) = self.heard.iter().position(|line| line.starts_with(start)) {
                return Ok(at);
            }
            anyhow::ensure!(began.elapsed() < PATIENCE, "no {start}; {:?}", self.heard);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn all_open(hydrad: &Hydrad, count: usize) -> anyhow::Result<()> {
    let heads = hydrad.heads().await?;
    assert_eq!(heads.len(), count);
    for head in heads {
        let open = matches!(head.state(), HeadState::Warming | HeadState::Serving);
        assert!(open, "READY=1 while {} is {:?}", head.name, head.state());
        tokio::net::TcpStream::connect((&*head.listen_ip, u16::try_from(head.port)?)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_ready_when_the_heads_are_up_and_of_life_and_of_the_end() -> anyhow::Result<()> {
    let place = Place::seeded(20)?;
    let (mut systemd, path) = Systemd::listen(&place)?;
    let place = place.variable("NOTIFY_SOCKET", path).variable("WATCHDOG_USEC", "1000000");
    // the first start makes heads, the second finds them
    for _ in 0..2 {
        systemd.heard.clear();
        let hydrad = place.spawn()?;
        systemd.wait("READY=1").await?;
        all_open(&hydrad, 20).await?;
        systemd.wait("STATUS=").await?;
        systemd.wait("WATCHDOG=1").await?;
        // twice in a watchdog's time
        systemd.heard.clear();
        tokio::time::sleep(Duration::from_secs(3)).await;
        systemd.read();
        let alive = systemd.heard.iter().filter(|line| *line == "WATCHDOG=1").count();
        assert!((4..=8).contains(&alive), "{alive} signs of life in 3 s: {:?}", systemd.heard);
        assert!(!systemd.heard.iter().any(|line| line == "READY=1" || line == "STOPPING=1"));
        systemd.heard.clear();
        systemd.wait("STATUS=serving: 20/20 heads serve").await?;
        hydrad.stop().await?;
        systemd.wait("STOPPING=1").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_heads_that_come_up_systemd_hears_nothing_of_ready() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let (mut systemd, path) = Systemd::listen(&place)?;
    let place = place.variable("NOTIFY_SOCKET", path).data_dir(std::path::Path::new("/dev/null"));
    place.refused().await?;
    systemd.read();
    assert!(systemd.heard.is_empty(), "{:?}", systemd.heard);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_when_it_was_told_to_end_is_stored() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let mut hydrad = place.serving(2).await?;
    let (node, mut stream) = hydrad.stream(0).await?;
    let keys = fresh_keys(2);
    let announce = |key: &Vec<u8>| -> anyhow::Result<Vec<u8>> {
        let message = Message::add_provider(key.clone(), node.id(), &["/ip4/127.0.0.1/tcp/9".parse()?]);
        Ok(frame(&message.bytes()))
    };
    // one whole, and half of another
    let (first, second) = (announce(&keys[0])?, announce(&keys[1])?);
    let (half, rest) = second.split_at(second.len() / 2);
    stream.write(&[&first, half].concat()).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    hydrad.signal(Signal::TERM)?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    stream.write(rest).await.context("the stream was cut while it drained")?;
    assert_eq!(hydrad.ended().await?.code(), Some(0));
    let hydrad = place.serving(2).await?;
    for key in &keys {
        hydrad.hydractl(&["records", "get", &HEXLOWER.encode(key)]).await?.good();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_nobody_gets_in_and_the_console_sees_it() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let mut hydrad = place.serving(1).await?;
    // an open connection is waited for
    let (_node, _stream) = hydrad.stream(0).await?;
    let began = Instant::now();
    hydrad.signal(Signal::INT)?;
    let draining = hydra_protocol::v1::DaemonState::Draining;
    hydrad.status_when("it drains", |status| status.state() == draining).await?;
    assert_eq!(hydrad.ended().await?.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(!place.control().exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once_and_nothing_that_counts_is_lost() -> anyhow::Result<()> {
    let place = Place::seeded(3)?;
    let mut hydrad = place.serving(3).await?;
    let before = hydrad.identities().await?;
    let (_node, _stream) = hydrad.stream(0).await?;
    hydrad.signal(Signal::TERM)?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(hydrad.running(), "an open connection is waited for");
    let began = Instant::now();
    hydrad.signal(Signal::TERM)?;
    let status = hydrad.ended().await?;
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(began.elapsed() < Duration::from_millis(1800), "{:?}", began.elapsed());
    assert_eq!(place.serving(3).await?.identities().await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_end_while_it_starts_it_ends_and_starts_again() -> anyhow::Result<()> {
    let place = Place::seeded(30)?;
    // whatever it is doing at that moment
    for pause in (0..20).map(|step| step * 15) {
        let mut hydrad = place.spawn()?;
        let began = Instant::now();
        while hydrad.said().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        hydrad.signal(Signal::TERM)?;
        let status = hydrad.ended().await?;
        assert_eq!(status.code(), Some(0), "after {pause} ms: {status}");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert!(!place.control().exists() && !place.observe().exists(), "after {pause} ms: a socket is left");
    }
    place.serving(30).await.map(drop)
}
