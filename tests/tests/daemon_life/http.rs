//! The HTTP API as scripts written for the predecessor use it: raw requests, as curl sends
//! them, and the answers to the letter.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use data_encoding::{BASE32_NOPAD, BASE64};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::place::{Hydrad, PATIENCE, Place, fresh_keys};

const ADDRESS: &str = "/ip4/127.0.0.1/tcp/4321";

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Each line as JSON.
    pub(crate) fn lines(&self) -> anyhow::Result<Vec<Value>> {
        self.body.lines().map(|line| serde_json::from_str(line).context(line.to_owned())).collect()
    }

    /// The reason, where there must be one.
    pub(crate) fn reason(&self) -> anyhow::Result<String> {
        let error: Value = serde_json::from_str(&self.body).with_context(|| format!("{self:?}"))?;
        ensure!(error["status"] == self.status, "{self:?}");
        ensure!(self.head.contains("content-type: application/json"), "{self:?}");
        Ok(error["error"].as_str().filter(|reason| !reason.is_empty()).context("no reason")?.to_owned())
    }
}

/// The door of a daemon.
pub(crate) async fn door(hydrad: &Hydrad) -> anyhow::Result<String> {
    let status = hydrad.status().await?;
    let door = status.doors.iter().find(|door| door.name == "http").context("no http door")?;
    Ok(door.addresses.first().context("it listens nowhere")?.clone())
}

/// Sends bytes and reads to the end.
pub(crate) async fn raw(door: &str, request: &[u8]) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(door).await?;
    // whoever is refused early need not be able to say all
    stream.write_all(request).await.ok();
    let mut all = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await.context("no end")?.ok();
    let text = String::from_utf8(all)?;
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no head: {text:?}"))?;
    let status = head.get(9..12).and_then(|code| code.parse().ok()).context("no status")?;
    let head = head.to_ascii_lowercase();
    let body = if head.contains("transfer-encoding: chunked") { unchunked(body)? } else { body.to_owned() };
    Ok(Answer { status, head, body })
}

fn unchunked(mut text: &str) -> anyhow::Result<String> {
    let mut body = String::new();
    loop {
        let (size, rest) = text.split_once("\r\n").context("the body was cut off")?;
        let size = usize::from_str_radix(size, 16)?;
        if size == 0 {
            return Ok(body);
        }
        body.push_str(rest.get(..size).context("the body was cut off")?);
        text = rest.get(size + 2..).context("the body was cut off")?;
    }
}

pub(crate) async fn ask(
    door: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> anyhow::Result<Answer> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {door}\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\nConnection: close\r\n\
         {headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw(door, request.as_bytes()).await
}

pub(crate) async fn get(door: &str, path: &str) -> anyhow::Result<Answer> {
    ask(door, "GET", path, "", "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_peers_and_connections_are_told_as_the_predecessor_told_them() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let hydrad = place.serving(2).await?;
    let door = door(&hydrad).await?;
    let mut ids = Vec::new();
    for method in ["GET", "POST"] {
        let heads = ask(&door, method, "/heads", "", "").await?;
        ensure!(heads.status == 200, "{heads:?}");
        for (line, head) in heads.body.lines().zip(hydrad.heads().await?) {
            ensure!(line.starts_with(&format!("{{\"ID\":\"{}\",\"Addrs\":[\"/ip4/", head.peer_id)), "{line}");
            ids.push(head.peer_id);
        }
    }
    ensure!(ids.len() == 4 && ids[..2] == ids[2..], "{ids:?}");

    let (node, _stream) = hydrad.stream(0).await?;
    let me = node.id().to_string();
    let swarm = get(&door, "/swarm/peers").await?;
    let line = swarm.body.lines().find(|line| line.contains(&me)).with_context(|| format!("{swarm:?}"))?;
    let start = format!("{{\"ID\":\"{}\",\"Peer\":{{\"ID\":\"{me}\",\"Addr\":\"/ip4/127.0.0.1/tcp/", ids[0]);
    ensure!(line.starts_with(&start) && line.ends_with(",\"Direction\":1}}"), "{line}");
    for (path, listed) in [
        (format!("/swarm/peers?head={}", ids[0]), true),
        (format!("/swarm/peers?head={}", ids[1]), false),
        ("/swarm/peers?head=nobody".to_owned(), false),
    ] {
        let answer = get(&door, &path).await?;
        ensure!(answer.status == 200 && answer.body.contains(&me) == listed, "{path}: {answer:?}");
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = ask(&door, "POST", "/swarm/peers", form, &format!("head={}", ids[1])).await?;
    ensure!(!answer.body.contains(&me), "a form counts as well: {answer:?}");

    let known = get(&door, "/pstore/list").await?;
    let line = known.body.lines().find(|line| line.contains(&me)).with_context(|| format!("{known:?}"))?;
    let start = format!("{{\"AddrInfo\":{{\"ID\":\"{me}\",\"Addrs\":[");
    ensure!(line.starts_with(&start), "{line}");
    let order =
        ["\"AddrInfo\":", "\"HeadID\":", "\"AgentVersion\":", "\"Protocols\":["].map(|name| line.find(name));
    ensure!(order.is_sorted() && order[0].is_some(), "{line}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_listed_in_the_predecessors_form_and_found_by_cid() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let door = door(&hydrad).await?;
    let empty = get(&door, "/records/list").await?;
    ensure!(empty.status == 200 && empty.body.is_empty(), "{empty:?}");
    // more than one page
    let keys = fresh_keys(2500);
    let provider = hydrad.announce(0, &keys, ADDRESS).await?;
    let list = get(&door, "/records/list").await?;
    ensure!(list.status == 200 && list.lines()?.len() == 2500, "{}", list.body.lines().count());
    let key = BASE32_NOPAD.encode(&keys[7]);
    let line = list.body.lines().find(|line| line.contains(&key)).context("a key is missing")?;
    let start =
        format!("{{\"Key\":\"/providers/{key}/{}\",\"Value\":\"", BASE32_NOPAD.encode(&provider.to_bytes()));
    ensure!(line.starts_with(&start), "{line}");
    ensure!(line.contains("\",\"Expiration\":\"0001-01-01T00:00:00Z\",\"Size\":9,\"Cid\":\""), "{line}");
    let record: Value = serde_json::from_str(line)?;
    ensure!(BASE64.decode(record["Value"].as_str().unwrap_or_default().as_bytes())?.len() == 9, "{line}");
    ensure!(record["Provider"] == provider.to_string() && record["Addrs"][0] == ADDRESS, "{line}");

    let cid = record["Cid"].as_str().context("no CID")?;
    for parameter in ["", "?nProviders=1", "?nProviders=0", "?nProviders=100000000"] {
        let found = get(&door, &format!("/records/fetch/{cid}{parameter}")).await?;
        let line = format!("{{\"ID\":\"{provider}\",\"Addrs\":[\"{ADDRESS}\"]}}\n");
        ensure!(found.status == 200 && found.body == line, "{parameter}: {found:?}");
    }
    let unknown = get(&door, "/records/fetch/QmVBEq6nnXQR2Ueb6etMFMUVhGM5vu34Y2KfHW5FVdGFok").await?;
    ensure!(unknown.status == 404 && unknown.reason()?.contains("no provider of Qm"), "{unknown:?}");
    for path in [
        "/records/fetch/notacid",
        &format!("/records/fetch/{cid}?nProviders=x"),
        &format!("/records/fetch/{cid}?nProviders=-1"),
    ] {
        let refused = get(&door, path).await?;
        ensure!(refused.status == 400, "{path}: {refused:?}");
        refused.reason()?;
    }
    let after = get(&door, "/records/list").await?;
    ensure!(after.lines()?.len() == 2500, "asking stores nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_why_and_paths_are_as_they_were() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let door = door(&hydrad).await?;
    for (method, path, status) in [
        ("GET", "/", 404),
        ("GET", "/heads/", 404),
        ("GET", "/records/fetch/", 404),
        ("GET", "/debug/pprof/cmdline", 404),
        ("GET", "//heads", 301),
        ("GET", "/idgen/add", 405),
        ("POST", "/idgen/add", 401),
        ("POST", "/idgen/remove", 401),
        ("POST", "/idgen/renew", 401),
        ("GET", "/idgen/list", 401),
        ("DELETE", "/idgen/remove", 405),
    ] {
        let answer = ask(&door, method, path, "", "").await?;
        ensure!(answer.status == status, "{method} {path}: {answer:?}");
        answer.reason()?;
    }
    ensure!(get(&door, "//heads").await?.head.contains("location: /heads"), "it leads to the path");
    let document: Value = serde_json::from_str(&get(&door, "/openapi.json").await?.body)?;
    ensure!(document["paths"]["/heads"].is_object(), "{document}");
    for (headers, status) in [
        ("Host: evil.example\r\n", 403),
        ("Host: localhost\r\nOrigin: http://evil.example\r\n", 403),
        ("Host: localhost\r\nOrigin: null\r\n", 403),
        ("Host: localhost\r\n", 200),
        ("", 400),
    ] {
        let request = format!("GET /heads HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        let answer = raw(&door, request.as_bytes()).await?;
        ensure!(answer.status == status, "{headers}: {answer:?}");
        if status != 200 {
            answer.reason()?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn others_reach_it_only_when_that_is_meant_and_status_says_so() -> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("http-listen", "0.0.0.0:0");
    let refused = place.refused().await?;
    ensure!(refused.code == Some(2) || refused.code == Some(1), "{:?}", refused.code);
    ensure!(
        refused.words.contains("http.listen") && refused.words.contains("http.expose"),
        "{}",
        refused.words
    );
    let place = place.flag("expose-http", "true");
    let hydrad = place.serving(1).await?;
    let status = hydrad.status().await?;
    let exposed: Vec<&str> =
        status.doors.iter().filter(|door| door.exposed).map(|door| &*door.name).collect();
    ensure!(exposed == ["http"], "{:?}", status.doors);
    let said = hydrad.hydractl(&["status"]).await?;
    ensure!(said.good().contains("other machines reach it"), "{said:?}");
    hydrad.stop().await?;
    let place = place.flag("http-listen", "off");
    let hydrad = place.serving(1).await?;
    ensure!(!hydrad.status().await?.doors.iter().any(|door| door.name == "http"), "off is off");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_stops_a_start_that_asked_for_it() -> anyhow::Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let place = Place::seeded(1)?.flag("http-listen", taken.local_addr()?);
    let refused = place.refused().await?;
    ensure!(
        refused.code == Some(1) && refused.words.contains("another program listens there"),
        "{}",
        refused.words
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_ends_its_list_and_shutdown_is_not_held_up_by_one_that_stays() -> anyhow::Result<()>
{
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let door = door(&hydrad).await?;
    hydrad.announce(0, &fresh_keys(20_000), ADDRESS).await?;
    let request = format!("GET /records/list HTTP/1.1\r\nHost: {door}\r\n\r\n");
    // as many lists as there may be, and none that reads
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(&*door).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_exact(&mut [0; 100]).await?;
        waiting.push(stream);
    }
    let busy = get(&door, "/records/list").await?;
    // small lists may have gone into the sockets' buffers whole
    ensure!(busy.status == 503 || busy.status == 200, "{busy:?}");
    drop(waiting);
    let free = async {
        while get(&door, "/records/list").await?.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, free).await.context("places of clients that went are free again")??;
    let mut stays = TcpStream::connect(&*door).await?;
    stays.write_all(request.as_bytes()).await?;
    stays.read_exact(&mut [0; 100]).await?;
    hydrad.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hydra_with_the_default_address_says_so_and_opens_it_when_it_is_free() -> anyhow::Result<()>
{
    // when somebody else has it, it is taken as well
    let taken = std::net::TcpListener::bind("127.0.0.1:7779");
    let place = Place::seeded(1)?.variable("HYDRA_HTTP_LISTEN", "");
    let mut hydrad = place.serving(1).await?;
    ensure!(!hydrad.status().await?.doors.iter().any(|door| door.name == "http"), "there is no door");
    let said = hydrad.said();
    ensure!(
        said.contains("listen on 127.0.0.1:7779") && said.contains("another program listens there"),
        "{said}"
    );
    let warned = |status: &hydra_protocol::v1::Status| {
        let mut lasting = status.warnings.iter().filter(|warning| warning.until.is_none());
        lasting.any(|warning| warning.code == "DOOR_NOT_OPEN" && warning.text.contains("127.0.0.1:7779"))
    };
    hydrad.status_when("it is warned", warned).await?;
    ensure!(hydrad.hydractl(&["status", "--check"]).await?.code == Some(8));
    if taken.is_ok() {
        drop(taken);
        let is_open = |status: &hydra_protocol::v1::Status| {
            status.doors.iter().any(|door| door.name == "http") && !warned(status)
        };
        hydrad.status_when("the door is open", is_open).await?;
    }
    hydrad.stop().await.map(drop)
}
