//! Records as the operator sees them, and what a restart and a crash leave of them.

use std::time::Duration;

use data_encoding::HEXLOWER;

use crate::place::{Hydrad, Place, fresh_keys};

const ADDRESS: &str = "/ip4/127.0.0.1/tcp/4321";

/// The records of `hydractl records list`, by multihash.
async fn listed(hydrad: &Hydrad) -> anyhow::Result<Vec<(String, String, String)>> {
    let list = hydrad.json(&["records", "list"]).await?;
    let mut records: Vec<_> = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|record| {
            assert_eq!(record["source"], "announced", "{record}");
            let text = |field: &str| record[field].to_string().trim_matches('"').to_owned();
            (text("multihash_hex"), text("provider_peer_id"), record["addresses"].to_string())
        })
        .collect();
    records.sort();
    Ok(records)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_record_is_listed_and_got_with_its_age_source_head_and_addresses() -> anyhow::Result<()>
{
    let place = Place::seeded(2)?;
    let hydrad = place.serving(2).await?;
    let empty = hydrad.hydractl(&["records", "list"]).await?;
    assert!(empty.good().is_empty() && empty.err.contains("no ADD_PROVIDER yet"), "{empty:?}");
    let key = fresh_keys(1).remove(0);
    let provider = hydrad.announce(0, std::slice::from_ref(&key), ADDRESS).await?.to_string();
    let list = hydrad.json(&["records", "list"]).await?;
    let record = &list["items"][0];
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(record["multihash_hex"], HEXLOWER.encode(&key));
    assert_eq!(record["provider_peer_id"], provider);
    assert_eq!(record["source"], "announced");
    assert_eq!(record["addresses"], serde_json::json!([ADDRESS]));
    let (age, left) = (record["age_seconds"].as_f64(), record["ttl_seconds"].as_f64());
    // the time is rounded down to the minute, never into the future
    assert!(age.is_some_and(|age| (0.0..120.0).contains(&age)), "{record}");
    let whole = age.zip(left).map(|(age, left)| age + left);
    assert!(whole.is_some_and(|whole| (whole - 172_800.0).abs() <= 1.0), "48 h are promised: {record}");
    let cid = record["cid_raw"].as_str().unwrap_or_default().to_owned();
    let id: cid::Cid = cid.parse()?;
    assert_eq!(id.hash().to_bytes(), key);

    for wanted in [&cid, &HEXLOWER.encode(&key)] {
        let got = hydrad.json(&["records", "get", wanted]).await?;
        assert_eq!(got["items"][0]["provider_peer_id"], provider, "{got}");
    }
    let none = hydrad.hydractl(&["records", "get", &HEXLOWER.encode(&fresh_keys(1)[0])]).await?;
    assert!(none.code == Some(5) && none.err.contains("no provider of "), "{none:?}");
    let wrong = hydrad.hydractl(&["records", "get", "bafybeid4ca2q!"]).await?;
    assert!(wrong.code == Some(2) && wrong.err.contains("not a CID"), "{wrong:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_and_addresses_survive_a_restart_and_after_two_seconds_a_crash() -> anyhow::Result<()> {
    let place = Place::seeded(2)?;
    let hydrad = place.serving(2).await?;
    hydrad.announce(0, &fresh_keys(100), ADDRESS).await?;
    let first = listed(&hydrad).await?;
    assert_eq!(first.len(), 100);
    assert!(first.iter().all(|(.., addresses)| addresses.contains(ADDRESS)));
    // at once: what was accepted is stored when it ends in order
    hydrad.stop().await?;
    let hydrad = place.serving(2).await?;
    assert_eq!(listed(&hydrad).await?, first);

    hydrad.announce(1, &fresh_keys(100), "/ip4/127.0.0.1/udp/4321/quic-v1").await?;
    let both = listed(&hydrad).await?;
    assert_eq!(both.len(), 200);
    let status = hydrad.status().await?;
    assert!(status.unsaved_max_seconds <= 1.0, "{}", status.unsaved_max_seconds);
    tokio::time::sleep(Duration::from_secs(2)).await;
    hydrad.kill().await?;
    let hydrad = place.serving(2).await?;
    assert_eq!(listed(&hydrad).await?, both);
    let status = hydrad.status().await?;
    assert_eq!((status.records, status.providers), (200, 2));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_found_by_the_beginning_of_their_key_and_by_provider() -> anyhow::Result<()> {
    let hydrad = Place::seeded(1)?.serving(1).await?;
    let keys = fresh_keys(40);
    let provider = hydrad.announce(0, &keys, ADDRESS).await?.to_string();
    hydrad.announce(0, &fresh_keys(2), ADDRESS).await?;
    let mine = hydrad.json(&["records", "list", "--provider", &provider]).await?;
    assert_eq!(mine["items"].as_array().map(Vec::len), Some(40));
    let some = mine["items"][7]["key_hex"].as_str().unwrap_or_default().to_owned();
    for digits in [1, 3, 6, 64] {
        let found = hydrad.json(&["records", "list", "--key", &some[..digits]]).await?;
        let items = found["items"].as_array().cloned().unwrap_or_default();
        assert!(items.iter().any(|record| record["key_hex"] == some.as_str()), "{digits}: {found}");
        let fits = |record: &serde_json::Value| {
            record["key_hex"].as_str().is_some_and(|key| key.starts_with(&some[..digits]))
        };
        assert!(items.iter().all(fits), "{digits}: {found}");
    }
    let none =
        hydrad.hydractl(&["records", "list", "--provider", &libp2p::PeerId::random().to_string()]).await?;
    assert!(none.good().is_empty() && !none.err.is_empty(), "{none:?}");
    let wrong = hydrad.hydractl(&["records", "list", "--key", "xyz"]).await?;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    Ok(())
}
