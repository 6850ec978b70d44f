//! A changed and an unchanged configuration at the next start.

use crate::place::{Place, free_ports};

#[tokio::test(flavor = "multi_thread")]
async fn a_larger_number_adds_heads_and_an_unchanged_one_respects_what_the_operator_did() -> anyhow::Result<()>
{
    let mut place = Place::seeded(5)?;
    let hydrad = place.serving(5).await?;
    let five = hydrad.identities().await?;
    hydrad.stop().await?;

    place.set("heads", 7);
    let hydrad = place.serving(7).await?;
    let seven = hydrad.identities().await?;
    assert_eq!(seven[..5], five);
    hydrad.hydractl(&["heads", "rm", "head-6", "--yes"]).await?.good();
    hydrad.hydractl(&["heads", "rm", "head-2", "--yes"]).await?.good();
    hydrad.stop().await?;

    // the number is the one of before: head-6 and head-2 were removed on purpose
    let hydrad = place.serving(5).await?;
    let left = hydrad.identities().await?;
    assert_eq!(left.iter().map(|(index, ..)| *index).collect::<Vec<_>>(), [0, 1, 3, 4, 5]);
    hydrad.hydractl(&["heads", "add", "2"]).await?.good();
    hydrad.stop().await?;
    let hydrad = place.serving(7).await?;
    assert_eq!(hydrad.identities().await?.last().map(|(index, ..)| *index), Some(8));
    hydrad.stop().await?;

    // a smaller number takes none away
    place.set("heads", 3);
    place.serving(7).await?.stop().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_follow_a_changed_port_begin_and_keep_their_ids() -> anyhow::Result<()> {
    let mut place = Place::seeded(2)?;
    let hydrad = place.serving(2).await?;
    let before = hydrad.identities().await?;
    hydrad.stop().await?;
    let begin = free_ports(2)?;
    place.set("port-begin", begin);
    let hydrad = place.serving(2).await?;
    assert_eq!(hydrad.identities().await?, before);
    assert_eq!(hydrad.ports().await?, [begin, begin + 1]);
    hydrad.stop().await?;
    // back to free ports: those of now are kept
    place.set("port-begin", 0);
    let hydrad = place.serving(2).await?;
    assert_eq!(hydrad.identities().await?, before);
    assert_eq!(hydrad.ports().await?, [begin, begin + 1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_heads_at_all_are_a_hydra_too() -> anyhow::Result<()> {
    let place = Place::new()?.flag("heads", 0);
    let mut hydrad = place.up().await?;
    assert_eq!(hydrad.heads().await?.len(), 0);
    let list = hydrad.hydractl(&["heads", "list"]).await?;
    assert!(!list.err.is_empty(), "an empty answer says why: {list:?}");
    hydrad.hydractl(&["heads", "add", "1"]).await?.good();
    hydrad.serve(1).await
}
