//! The HTTP API under clients that mean no good: many, slow, large, wrong. Others are served
//! meanwhile.

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::{ask, door, get, raw};
use crate::place::{PATIENCE, Place};

/// Connections that do nothing; `HYDRA_LONG_TESTS` has as many as the issue names.
fn idle() -> usize {
    if std::env::var_os("HYDRA_LONG_TESTS").is_some() { 10_000 } else { 500 }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_give_way_and_others_are_served() -> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("http-max-connections", 100);
    let hydrad = place.serving(1).await?;
    let door = door(&hydrad).await?;
    let mut idle_ones = Vec::new();
    for n in 0..idle() {
        // what the test itself may open is bounded, too
        if idle_ones.len() >= 800 {
            idle_ones.clear();
        }
        idle_ones.push(TcpStream::connect(&*door).await?);
        if n % 100 == 99 {
            ensure!(get(&door, "/heads").await?.status == 200, "after {n} idle connections");
        }
    }
    let status = hydrad.status().await?;
    ensure!(status.doors[0].connections <= 100, "{:?}", status.doors);
    let gave_way =
        status.drops.iter().find(|drop| drop.reason == "http_gave_way").context("none gave way")?;
    ensure!(gave_way.count as usize + 110 >= idle(), "{gave_way:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn large_heads_and_bodies_and_slow_clients_harm_nobody() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let door = door(&hydrad).await?;
    let mut slow = Vec::new();
    for n in 0..50 {
        let mut stream = TcpStream::connect(&*door).await?;
        // half of them never finish their head, half never their body
        let begun = if n % 2 == 0 {
            "GET /heads HT"
        } else {
            "POST /idgen/remove HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n\""
        };
        stream.write_all(begun.as_bytes()).await?;
        slow.push(stream);
    }
    for _ in 0..20 {
        let long = format!("GET /heads HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
        let answer = raw(&door, long.as_bytes()).await?;
        ensure!(answer.status == 431, "{answer:?}");
        answer.reason()?;
        let many: String = (0..500).map(|n| format!("X-{n}: y\r\n")).collect();
        let answer =
            raw(&door, format!("GET /heads HTTP/1.1\r\nHost: localhost\r\n{many}\r\n").as_bytes()).await?;
        ensure!(answer.status == 431, "{answer:?}");
        let large = "POST /idgen/remove HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\nxxxx";
        let answer = raw(&door, large.as_bytes()).await?;
        ensure!(answer.status == 413, "{answer:?}");
        answer.reason()?;
    }
    // one that really sends what it said
    let mut stream = TcpStream::connect(&*door).await?;
    stream.write_all(b"POST /heads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n").await?;
    let (mut reads, mut writes) = stream.into_split();
    let sending = tokio::spawn(async move {
        let piece = vec![b'x'; 1 << 20];
        let mut sent = 0usize;
        while sent < 100_000_000 && writes.write_all(&piece).await.is_ok() {
            sent += piece.len();
        }
        sent
    });
    let mut answer = vec![0; 12];
    tokio::time::timeout(PATIENCE, reads.read_exact(&mut answer)).await??;
    ensure!(answer == b"HTTP/1.1 413", "{}", String::from_utf8_lossy(&answer));
    let sent = tokio::time::timeout(PATIENCE, sending).await??;
    ensure!(sent < 50_000_000, "{sent} bytes of a refused body were read");
    ensure!(get(&door, "/heads").await?.status == 200, "others are served");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_by_the_thousand_is_refused_and_costs_nothing() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let door = door(&hydrad).await?;
    let before = hydrad.status().await?.rss_bytes;
    let mut stream = TcpStream::connect(&*door).await?;
    for n in 0..3000u32 {
        let cid = match n % 4 {
            0 => format!("Qm{n}"),
            1 => "l".repeat(1 + n as usize % 3000),
            2 => format!("bafy%{:02x}%ff{n}", n % 256),
            _ => format!("{}{n}", "1".repeat(60)),
        };
        let request = format!("GET /records/fetch/{cid} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tokio::time::timeout(PATIENCE, stream.read_u8()).await??);
        }
        let head = String::from_utf8(head)?;
        ensure!(head.starts_with("HTTP/1.1 400"), "{cid}: {head}");
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
        let mut body = vec![0; length.parse()?];
        stream.read_exact(&mut body).await?;
        let reason: serde_json::Value = serde_json::from_slice(&body)?;
        ensure!(reason["error"].is_string(), "{cid}: {reason}");
    }
    for garbage in [
        &b"\x00\x01\x02\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET /heads HTTP/9.9\r\n\r\n",
        b"GET /he ads HTTP/1.1\r\n\r\n",
    ] {
        let answer = raw(&door, garbage).await?;
        ensure!((400..600).contains(&answer.status), "{answer:?}");
        answer.reason()?;
    }
    let after = hydrad.status().await?.rss_bytes;
    ensure!(after < before + (64 << 20), "{before} bytes before, {after} after");
    ensure!(ask(&door, "GET", "/heads", "", "").await?.status == 200, "it still answers");
    Ok(())
}
