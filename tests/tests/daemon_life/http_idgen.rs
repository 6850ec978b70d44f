//! Ids for a fleet: handed out by one hydra over HTTP from the sequence of its own heads.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::ensure;
use data_encoding::BASE64;
use libp2p::identity::Keypair;

use crate::http::{Answer, ask, door};
use crate::place::{Hydrad, Place};

/// Peer ids of the fixture's seed by index: what heads there would be called.
async fn sequence(heads: u32) -> anyhow::Result<Vec<String>> {
    let place = Place::seeded(heads)?;
    let hydrad = place.serving(heads).await?;
    Ok(hydrad.identities().await?.into_iter().map(|(_, id)| id).collect())
}

async fn with_token(
    place: &Place,
    door: &str,
    method: &str,
    path: &str,
    body: &str,
) -> anyhow::Result<Answer> {
    let token = std::fs::read_to_string(place.data().join("http-token"))?;
    ask(door, method, path, &format!("Authorization: Bearer {}\r\n", token.trim()), body).await
}

/// A key as it is handed out, and its peer id.
async fn add(place: &Place, hydrad: &Hydrad) -> anyhow::Result<(String, String)> {
    let answer = with_token(place, &door(hydrad).await?, "POST", "/idgen/add", "").await?;
    ensure!(answer.status == 200, "{answer:?}");
    let key: String = serde_json::from_str(&answer.body)?;
    let pair = Keypair::from_protobuf_encoding(&BASE64.decode(key.as_bytes())?)?;
    Ok((answer.body, pair.public().to_peer_id().to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_come_from_the_heads_own_sequence_and_nobody_gets_one_twice() -> anyhow::Result<()> {
    let ids = sequence(6).await?;
    let place = Place::seeded(2)?;
    let hydrad = place.serving(2).await?;
    let at = door(&hydrad).await?;
    let token = place.data().join("http-token");
    ensure!(std::fs::metadata(&token)?.permissions().mode() & 0o777 == 0o600, "the token is private");
    let (first, id) = add(&place, &hydrad).await?;
    ensure!(id == ids[2], "the next after the two heads: {id} of {ids:?}");
    ensure!(add(&place, &hydrad).await?.1 == ids[3], "and the next");
    // a head that is added meanwhile takes neither
    let said = hydrad.hydractl(&["heads", "add", "1"]).await?;
    ensure!(said.code == Some(0), "{said:?}");
    ensure!(hydrad.head(4).await?.peer_id == ids[4], "it took the next free index");

    let list = with_token(&place, &at, "GET", "/idgen/list", "").await?;
    let leased: Vec<_> = list.lines()?.iter().map(|line| line["ID"].clone()).collect();
    ensure!(leased == [ids[2].as_str(), ids[3].as_str()], "{list:?}");
    let name = &list.lines()?[0]["Lease"];
    let leases = serde_json::json!({ &ids[2]: name, &ids[3]: "another", &ids[5]: name }).to_string();
    let renewed = with_token(&place, &at, "POST", "/idgen/renew", &leases).await?;
    let renewed: serde_json::Value = serde_json::from_str(&renewed.body)?;
    ensure!(renewed["Renewed"] == serde_json::json!([ids[2]]), "{renewed}");
    ensure!(renewed["Unknown"].as_array().map(Vec::len) == Some(2), "{renewed}");

    // leases outlive the process
    hydrad.kill().await?;
    let hydrad = place.serving(3).await?;
    let at = door(&hydrad).await?;
    ensure!(add(&place, &hydrad).await?.1 == ids[5], "what was handed out before the crash stays");
    for _ in 0..2 {
        let removed = with_token(&place, &at, "POST", "/idgen/remove", &first).await?;
        ensure!(removed.status == 204 && removed.body.is_empty(), "{removed:?}");
    }
    ensure!(add(&place, &hydrad).await?.1 == ids[2], "what was given back is handed out again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_and_with_nonsense_nothing_is_handed_out() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let hydrad = place.serving(1).await?;
    let at = door(&hydrad).await?;
    for header in ["", "Authorization: Bearer wrong\r\n", "Authorization: Basic OjEyMw==\r\n"] {
        let refused = ask(&at, "POST", "/idgen/add", header, "").await?;
        ensure!(refused.status == 401 && refused.reason()?.contains("http-token"), "{refused:?}");
        ensure!(refused.head.contains("www-authenticate: "), "{refused:?}");
    }
    for (path, body) in [
        ("/idgen/remove", ""),
        ("/idgen/remove", "\"!\""),
        ("/idgen/remove", "\"AAAA\""),
        ("/idgen/renew", "[]"),
        ("/idgen/renew", "{\"nobody\":\"x\"}"),
    ] {
        let refused = with_token(&place, &at, "POST", path, body).await?;
        ensure!(refused.status == 400, "{path} {body}: {refused:?}");
        refused.reason()?;
    }
    // the predecessor sends what stands in its address: http://any:TOKEN@host
    let token = std::fs::read_to_string(place.data().join("http-token"))?;
    let basic = BASE64.encode(format!("any:{}", token.trim()).as_bytes());
    let added = ask(&at, "POST", "/idgen/add", &format!("Authorization: Basic {basic}\r\n"), "").await?;
    ensure!(added.status == 200, "{added:?}");
    ensure!(!hydrad.said().contains(token.trim()), "the log does not tell the token");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_not_renewed_runs_out() -> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("http-idgen-lease-seconds", 10);
    let hydrad = place.serving(1).await?;
    let first = add(&place, &hydrad).await?.1;
    ensure!(add(&place, &hydrad).await?.1 != first, "it is leased");
    hydra_tests::harness::eventually(crate::place::PATIENCE, || async {
        let list = with_token(&place, &door(&hydrad).await?, "GET", "/idgen/list", "").await?;
        ensure!(!list.body.contains(&first), "still leased: {list:?}");
        Ok(())
    })
    .await?;
    let again = add(&place, &hydrad).await?.1;
    ensure!(again == first, "the index is free again: {again} and not {first}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hydra_without_a_seed_gets_its_ids_from_another_and_keeps_them() -> anyhow::Result<()> {
    let ids = sequence(6).await?;
    let server_place = Place::seeded(2)?;
    let server = server_place.serving(2).await?;
    let at = door(&server).await?;
    let place = Place::new()?
        .flag("heads", 2)
        .flag("idgen-addr", format!("http://{at}"))
        .flag("idgen-token-file", server_place.data().join("http-token").display());
    let mine = |heads: Vec<(u32, String)>| heads.into_iter().map(|(_, id)| id).collect::<Vec<_>>();
    let client = place.serving(2).await?;
    ensure!(mine(client.identities().await?) == ids[2..4], "the two after the server's own");
    let said = client.hydractl(&["heads", "add", "1"]).await?;
    ensure!(said.code == Some(0), "{said:?}");
    ensure!(mine(client.identities().await?) == ids[2..5], "and the next");
    // ids that are on lease are not leased on
    let refused = with_token(&place, &door(&client).await?, "POST", "/idgen/add", "").await?;
    ensure!(refused.status == 503 && refused.reason()?.contains("identity.idgen"), "{refused:?}");
    client.kill().await?;

    // it comes up with its ids while the server is away
    server.stop().await?;
    let client = place.serving(3).await?;
    ensure!(mine(client.identities().await?) == ids[2..5], "a restart keeps them");
    client.stop().await?;
    let without = place.without("idgen-addr").without("idgen-token-file").refused().await?;
    ensure!(without.words.contains("identity.idgen"), "{}", without.words);
    Ok(())
}

/// hydra-booster's server: no token, no leases, and busy at first.
async fn predecessor(listener: tokio::net::TcpListener, key: String) -> anyhow::Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut asked = 0;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).await?;
        let request = String::from_utf8_lossy(&request[..read]).into_owned();
        let answer = if request.starts_with("POST /idgen/add ") {
            asked += 1;
            let body = format!("\"{key}\"\n");
            match asked {
                1 | 2 => {
                    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        .to_owned()
                }
                _ => format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                ),
            }
        } else {
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_predecessors_server_serves_as_well_and_is_asked_until_it_does() -> anyhow::Result<()> {
    let key = Keypair::generate_ed25519();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    let serving = tokio::spawn(predecessor(listener, BASE64.encode(&key.to_protobuf_encoding()?)));
    let hydrad = Place::new()?.flag("idgen-addr", format!("http://{at}")).serving(1).await?;
    ensure!(hydrad.head(0).await?.peer_id == key.public().to_peer_id().to_string(), "its key is the head's");
    hydrad.stop().await?;
    serving.abort();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hydra_whose_lease_ran_out_while_it_was_away_says_whose_ids_are_gone() -> anyhow::Result<()> {
    let server_place = Place::seeded(1)?.flag("http-idgen-lease-seconds", 10);
    let server = server_place.serving(1).await?;
    let at = door(&server).await?;
    let place = Place::new()?
        .flag("idgen-addr", format!("http://{at}"))
        .flag("idgen-token-file", server_place.data().join("http-token").display());
    let client = place.serving(1).await?;
    let id = client.head(0).await?.peer_id;
    // longer than a lease: it is renewed
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    let list = with_token(&server_place, &at, "GET", "/idgen/list", "").await?;
    ensure!(list.body.contains(&id), "a running client keeps its lease: {list:?}");
    client.kill().await?;
    hydra_tests::harness::eventually(crate::place::PATIENCE, || async {
        let list = with_token(&server_place, &at, "GET", "/idgen/list", "").await?;
        ensure!(!list.body.contains(&id), "still leased: {list:?}");
        Ok(())
    })
    .await?;
    ensure!(add(&server_place, &server).await?.1 == id, "somebody else gets it");
    let client = place.serving(1).await?;
    hydra_tests::harness::eventually(crate::place::PATIENCE, || async {
        let said = client.said();
        ensure!(said.contains("no longer leases") && said.contains(&id), "it does not say so: {said}");
        Ok(())
    })
    .await
}
