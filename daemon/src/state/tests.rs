//! The state as a whole: what survives, what is refused.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libp2p::Multiaddr;
use tempfile::TempDir;

use super::*;
use crate::identity::Sequence;
use crate::wire::AddrList;

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn open(dir: &Path) -> State {
    State::open(dir).expect("the state opens")
}

fn refused(dir: &Path) -> String {
    State::open(dir).err().expect("refused").to_string()
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn row(index: u32) -> HeadRow {
    let mut sequence = Sequence::new(Seed::from_bytes([3; 32]));
    HeadRow {
        index,
        peer_id: sequence.identity(index).expect("in range").peer_id,
        listen: vec![ip("203.0.113.7"), ip("2001:db8::7")],
        port: u16::try_from(30_000 + index).expect("a port"),
        status: HeadStatus::Active,
        added_at: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[tokio::test]
async fn what_was_added_is_there_after_a_restart() {
    let dir = scratch();
    let state = open(dir.path());
    let rows = vec![row(0), row(1), row(4)];
    state.add_heads(rows.clone()).await.expect("added");
    state.set_status(1, HeadStatus::Stopped).await.expect("stopped");
    state.set_endpoint(4, vec![ip("198.51.100.20")], 30_010).await.expect("moved");
    state.set_setting("belly key", Some(vec![1, 2])).await.expect("kept");
    drop(state);
    let state = open(dir.path());
    let heads = state.heads().await.expect("read");
    assert_eq!(heads.len(), 3);
    assert_eq!(heads[0], rows[0]);
    assert_eq!(heads[1], HeadRow { status: HeadStatus::Stopped, ..rows[1].clone() });
    assert_eq!(heads[2], HeadRow { listen: vec![ip("198.51.100.20")], port: 30_010, ..rows[2].clone() });
    assert_eq!(state.setting("belly key").await.expect("read"), Some(vec![1, 2]));
    state.set_setting("belly key", None).await.expect("forgotten");
    assert_eq!(state.setting("belly key").await.expect("read"), None);
}

#[tokio::test]
async fn directory_and_files_are_private() {
    let dir = scratch();
    let inner = dir.path().join("a/b");
    let state = open(&inner);
    state.add_heads(vec![row(0)]).await.expect("added");
    assert_eq!(mode(&inner), 0o700);
    for name in [FILE, "state.db-wal", "state.db-shm", dir::LOCK] {
        assert_eq!(mode(&inner.join(name)), 0o600, "{name}");
    }
    drop(state);
    // Loosened by hand: put right at the next start.
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).expect("chmod");
    fs::set_permissions(inner.join(FILE), fs::Permissions::from_mode(0o644)).expect("chmod");
    drop(open(&inner));
    assert_eq!((mode(&inner), mode(&inner.join(FILE))), (0o700, 0o600));
}

#[test]
fn a_directory_that_anyone_may_write_and_that_is_not_ours_is_refused_unchanged() {
    let dir = scratch();
    fs::write(dir.path().join("somebody's"), "x").expect("written");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).expect("chmod");
    assert!(refused(dir.path()).contains("may be written by anyone (mode 1777)"));
    assert_eq!(mode(dir.path()), 0o777);
    assert!(!dir.path().join(FILE).exists());
}

#[test]
fn a_second_daemon_is_refused_with_the_pid_of_the_first() {
    let dir = scratch();
    let first = open(dir.path());
    let message = refused(dir.path());
    assert!(message.contains(&format!("with pid {}", std::process::id())), "{message}");
    assert!(message.contains("--data-dir"), "{message}");
    drop(first);
    drop(open(dir.path()));
}

#[tokio::test]
async fn adding_is_all_or_none() {
    let dir = scratch();
    let state = open(dir.path());
    state.add_heads(vec![row(0)]).await.expect("added");
    let error = state.add_heads(vec![row(1), row(2), row(0)]).await.expect_err("refused");
    assert!(matches!(error, StateError::IndexTaken { index: 0, .. }), "{error}");
    let error = state.add_heads(vec![row(1), HeadRow { port: 30_001, ..row(2) }]).await.expect_err("refused");
    assert!(matches!(error, StateError::PortTaken { port: 30_001, index: 1, .. }), "{error}");
    assert_eq!(state.heads().await.expect("read").len(), 1);
    // The same port on another address is another port.
    let elsewhere = HeadRow { listen: vec![ip("198.51.100.20")], port: 30_000, ..row(1) };
    state.add_heads(vec![elsewhere]).await.expect("added");
    let error = state.set_endpoint(1, vec![ip("203.0.113.7")], 30_000).await.expect_err("refused");
    assert!(matches!(error, StateError::PortTaken { port: 30_000, index: 0, .. }), "{error}");
}

#[tokio::test]
async fn a_removed_heads_index_stays_reserved_until_it_is_purged() {
    let dir = scratch();
    let state = open(dir.path());
    state.add_heads(vec![row(0), row(1)]).await.expect("added");
    let error = state.purge(1).await.expect_err("refused");
    assert!(matches!(error, StateError::NotRemoved { index: 1, status: "active" }), "{error}");
    state.set_status(1, HeadStatus::Removed).await.expect("removed");
    let other = HeadRow { peer_id: row(9).peer_id, ..row(1) };
    assert!(matches!(
        state.add_heads(vec![other.clone()]).await,
        Err(StateError::IndexTaken { index: 1, .. })
    ));
    // Its port is free for others; it comes back as itself on another.
    state.add_heads(vec![HeadRow { port: 30_001, ..row(2) }]).await.expect("added");
    assert!(matches!(state.set_status(1, HeadStatus::Active).await, Err(StateError::PortTaken { .. })));
    state.add_heads(vec![HeadRow { port: 30_005, ..row(1) }]).await.expect("back again");
    state.set_status(1, HeadStatus::Removed).await.expect("removed");
    state.purge(1).await.expect("purged");
    assert!(matches!(state.purge(1).await, Err(StateError::NoHead { index: 1 })));
    state.add_heads(vec![HeadRow { port: 30_006, ..other }]).await.expect("the index is free");
}

#[tokio::test]
async fn the_made_seed_is_kept_and_the_configured_one_is_not() {
    let dir = scratch();
    let (made, origin) = open(dir.path()).seed(None).await.expect("a seed");
    assert_eq!(origin, SeedOrigin::Made);
    let (kept, origin) = open(dir.path()).seed(None).await.expect("a seed");
    assert_eq!((kept.as_bytes(), origin), (made.as_bytes(), SeedOrigin::Kept));
    let other = scratch();
    let secret = *b"a seed of thirty-two bytes here!";
    let (_, origin) = open(other.path()).seed(Some(Seed::from_bytes(secret))).await.expect("a seed");
    assert_eq!(origin, SeedOrigin::Configured);
    let file = fs::read(other.path().join(FILE)).expect("read");
    assert!(!file.windows(32).any(|window| window == secret));
}

#[tokio::test]
async fn another_seed_is_refused_once_heads_exist() {
    let dir = scratch();
    let seed = |byte| Some(Seed::from_bytes([byte; 32]));
    let state = open(dir.path());
    state.seed(None).await.expect("made");
    state.seed(seed(1)).await.expect("no heads yet: free to change");
    state.add_heads(vec![row(0)]).await.expect("added");
    state.set_status(0, HeadStatus::Removed).await.expect("removed");
    state.seed(seed(1)).await.expect("the same");
    let message = state.seed(seed(2)).await.expect_err("refused").to_string();
    let prints = [seed(1), seed(2)].map(|seed| seed.expect("a seed").fingerprint());
    assert!(prints.iter().all(|print| message.contains(print.as_str())), "{message}");
    let message = state.seed(None).await.expect_err("refused").to_string();
    assert!(message.contains("which is not configured now"), "{message}");
    state.purge(0).await.expect("purged");
    state.seed(seed(2)).await.expect("no heads: free again");
}

#[tokio::test]
async fn the_seed_does_not_leave_as_a_setting() {
    let dir = scratch();
    let state = open(dir.path());
    state.seed(None).await.expect("made");
    assert!(matches!(state.setting("seed").await, Err(StateError::SettingReserved { .. })));
    assert!(matches!(state.set_setting("seed", None).await, Err(StateError::SettingReserved { .. })));
    let large = vec![0; MAX_SETTING_VALUE + 1];
    assert!(matches!(state.set_setting("x", Some(large)).await, Err(StateError::SettingTooLarge { .. })));
    let long = "ä".repeat(100);
    assert!(matches!(state.setting(&long).await, Err(StateError::SettingTooLarge { .. })));
}

fn peer(index: u32) -> PeerRow {
    let addr: Multiaddr = format!("/ip4/192.0.2.1/tcp/{}", 4000 + index).parse().expect("an address");
    PeerRow {
        peer_id: row(index).peer_id,
        addrs: AddrList::from_iter([&addr]),
        agent: "kubo/0.43.0".to_owned(),
        protocols: "/ipfs/kad/1.0.0\n/ipfs/id/1.0.0".to_owned(),
        last_seen: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        latency: Some(Duration::from_millis(84)),
        walked: Some(UNIX_EPOCH + Duration::from_secs(1_700_000_100)),
    }
}

#[tokio::test]
async fn a_table_snapshot_replaces_the_one_before() {
    let dir = scratch();
    let state = open(dir.path());
    assert!(state.load_table().await.expect("read").is_empty());
    state.save_table(vec![peer(0), peer(1)]).await.expect("written");
    let bare = PeerRow { addrs: AddrList::default(), latency: None, walked: None, ..peer(2) };
    let talkative = PeerRow { agent: "ü".repeat(100), ..peer(3) };
    state.save_table(vec![peer(1), bare.clone(), talkative]).await.expect("written");
    drop(state);
    let mut table = open(dir.path()).load_table().await.expect("read");
    table.sort_by_key(|row| [peer(1), bare.clone(), peer(3)].iter().position(|x| x.peer_id == row.peer_id));
    assert_eq!(table[..2], [peer(1), bare]);
    assert_eq!(table[2].agent, "ü".repeat(MAX_AGENT / 2));
    assert_eq!(table.len(), 3);
}

#[tokio::test]
async fn a_backup_of_a_running_daemons_state_restores_elsewhere() {
    let dir = scratch();
    let state = open(&dir.path().join("one"));
    let (seed, _) = state.seed(None).await.expect("made");
    state.add_heads(vec![row(0), row(1)]).await.expect("added");
    state.save_table(vec![peer(0)]).await.expect("written");
    let file = dir.path().join("state.backup");
    assert_eq!(backup(&dir.path().join("one"), &file).expect("a backup"), 2);
    assert_eq!(mode(&file), 0o600);
    assert!(matches!(backup(&dir.path().join("one"), &file), Err(StateError::Exists { .. })));
    state.add_heads(vec![row(2)]).await.expect("added");
    let two = dir.path().join("two");
    let restored = restore(&file, &two, false).expect("restored");
    assert_eq!(restored, Restored { heads: 2, replaced: None });
    assert_eq!((mode(&two), mode(&two.join(FILE))), (0o700, 0o600));
    let copy = open(&two);
    assert_eq!(copy.heads().await.expect("read"), vec![row(0), row(1)]);
    assert_eq!(copy.seed(None).await.expect("kept").0.as_bytes(), seed.as_bytes());
    assert_eq!(copy.load_table().await.expect("read"), vec![peer(0)]);
    let left: Vec<_> = fs::read_dir(dir.path()).expect("read").filter_map(Result::ok).collect();
    assert_eq!(left.len(), 3, "no leftovers: {left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_of_one_moment_however_much_is_written() {
    let dir = scratch();
    let state = open(&dir.path().join("one"));
    let writer = state.clone();
    let writing = tokio::spawn(async move {
        // All agents are the same after each write.
        let peers: Vec<_> = (0..4).map(peer).collect();
        for round in 0_u32.. {
            let row = |peer: &PeerRow| PeerRow { agent: round.to_string(), ..peer.clone() };
            writer.save_table(peers.iter().map(row).collect()).await.expect("written");
        }
    });
    while state.load_table().await.expect("read").is_empty() {}
    for n in 0..5 {
        let file = dir.path().join(format!("file-{n}"));
        let (home, to) = (dir.path().join("one"), file.clone());
        tokio::task::spawn_blocking(move || backup(&home, &to)).await.expect("done").expect("a backup");
        let copy = dir.path().join(format!("copy-{n}"));
        restore(&file, &copy, false).expect("restored");
        let rows = open(&copy).load_table().await.expect("read");
        assert_eq!(rows.len(), 4);
        assert!(rows.iter().all(|row| row.agent == rows[0].agent), "{rows:?}");
    }
    writing.abort();
}

#[tokio::test]
async fn a_restore_does_not_touch_a_state_that_is_in_use_or_in_the_way() {
    let dir = scratch();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let file = dir.path().join("file");
    open(&one).add_heads(vec![row(0)]).await.expect("added");
    backup(&one, &file).expect("a backup");
    let state = open(&two);
    state.add_heads(vec![row(5), row(6)]).await.expect("added");
    for force in [false, true] {
        assert!(matches!(restore(&file, &two, force), Err(StateError::Held { .. })));
    }
    drop(state);
    assert!(matches!(restore(&file, &two, false), Err(StateError::StateExists { .. })));
    assert_eq!(open(&two).heads().await.expect("read").len(), 2);
    let restored = restore(&file, &two, true).expect("restored");
    let replaced = restored.replaced.expect("the former one is kept");
    assert_eq!(open(&two).heads().await.expect("read"), vec![row(0)]);
    assert_eq!(replaced, two.join("state.db.replaced"));
    let back = restore(&replaced, &two, true).expect("restored");
    assert_eq!((back.heads, back.replaced), (2, Some(two.join("state.db.replaced-2"))));
}

#[test]
fn what_is_no_state_is_neither_opened_nor_restored() {
    let dir = scratch();
    let home = dir.path().join("home");
    drop(open(&home));
    let good = fs::read(home.join(FILE)).expect("read");
    let file = dir.path().join("file");
    let mut scrambled = good.clone();
    scrambled[5000..9000].fill(0xa5);
    let text = b"my shopping list, long enough to be a database: milk, bread".repeat(20);
    for (content, said) in [
        (Vec::new(), "is damaged (it is empty)"),
        (text, "is damaged"),
        (good[..good.len() - 4096].to_vec(), "is damaged"),
        (scrambled, "is damaged"),
    ] {
        fs::write(&file, &content).expect("written");
        fs::write(home.join(FILE), &content).expect("written");
        let message = refused(&home);
        assert!(message.contains(said) && message.contains("restore"), "{message}");
        let message = restore(&file, &dir.path().join("new"), false).expect_err("refused").to_string();
        assert!(message.contains(said), "{message}");
        assert!(!dir.path().join("new").join(FILE).exists());
    }
    assert!(matches!(
        restore(&dir.path().join("none"), &home, true),
        Err(StateError::Io { operation: "read the backup", .. })
    ));
    assert!(matches!(backup(&dir.path().join("none"), &file), Err(StateError::Missing { .. })));
}

#[test]
fn a_damaged_state_can_be_replaced_and_is_kept() {
    let dir = scratch();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    drop(open(&one));
    backup(&one, &dir.path().join("file")).expect("a backup");
    drop(open(&two));
    fs::write(two.join(FILE), b"gone").expect("written");
    let restored = restore(&dir.path().join("file"), &two, true).expect("restored");
    assert_eq!(fs::read(restored.replaced.expect("kept")).expect("read"), b"gone");
    drop(open(&two));
}

#[test]
fn other_programs_and_newer_versions_are_refused_by_name() {
    let dir = scratch();
    drop(open(dir.path()));
    let db = Connection::open(dir.path().join(FILE)).expect("opens");
    db.pragma_update(None, "user_version", 99).expect("set");
    let message = refused(dir.path());
    assert!(message.contains("has version 99, this hydrad knows up to 2"), "{message}");
    db.pragma_update(None, "application_id", 7).expect("set");
    assert!(refused(dir.path()).contains("is a SQLite database of another program"));
}

#[test]
fn a_directory_that_cannot_be_made_is_named_with_the_way_out() {
    let dir = scratch();
    fs::write(dir.path().join("file"), "x").expect("written");
    assert!(refused(&dir.path().join("file")).contains("is not a directory; name another with --data-dir"));
    let message = refused(&dir.path().join("file/below"));
    assert!(message.starts_with("make the data directory"), "{message}");
    let message = refused(Path::new("/proc/hydra-test/below"));
    assert!(message.contains("/proc/hydra-test"), "{message}");
}

#[test]
fn a_state_of_another_user_is_refused_with_both_uids() {
    let dir = scratch();
    drop(open(dir.path()));
    if std::os::unix::fs::chown(dir.path().join(FILE), Some(54_321), None).is_err() {
        return; // Only root gives files away.
    }
    assert!(refused(dir.path()).contains("belongs to uid 54321 and this process runs as uid 0"));
}

#[tokio::test]
async fn a_full_disk_is_said_and_changes_nothing() {
    let dir = scratch();
    let state = open(dir.path());
    state.add_heads(vec![row(0)]).await.expect("added");
    let cap = |pages: u32| {
        move |db: &mut Connection, _: &Path| -> Result<(), Failure> {
            Ok(db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
        }
    };
    state.run("cap", cap(1)).await.expect("capped");
    let big = vec![7; 500_000];
    let message = state.set_setting("big", Some(big.clone())).await.expect_err("full").to_string();
    assert!(message.contains("the disk is full, nothing was changed; free space there"), "{message}");
    state.run("lift", cap(1_000_000)).await.expect("lifted");
    assert_eq!(state.heads().await.expect("read").len(), 1);
    state.set_setting("big", Some(big)).await.expect("written");
}

/// Set for the child of the next test: where it writes.
const CHILD_DIR: &str = "HYDRA_TEST_STATE_DIR";

#[test]
fn what_was_answered_survives_kill_9() {
    let dir = scratch();
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "state::tests::child_that_writes_until_killed", "--ignored", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let answered = lines
            .map(|line| line.expect("text"))
            .filter_map(|line| line.strip_prefix("wrote ").and_then(|n| n.parse::<u64>().ok()))
            .nth(20);
        child.kill().expect("killed");
        child.wait().expect("reaped");
        let answered = answered.expect("it wrote");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let state = open(dir.path());
        let kept = runtime.block_on(state.setting("count")).expect("read").expect("written");
        let kept = u64::from_le_bytes(kept.try_into().expect("eight bytes"));
        assert!(kept >= answered && kept >= round * 20, "kept {kept}, answered {answered}");
        assert_eq!(runtime.block_on(state.heads()).expect("read").len(), 1);
    }
}

#[tokio::test]
#[ignore = "the child of what_was_answered_survives_kill_9"]
async fn child_that_writes_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let state = open(Path::new(&dir));
    if state.heads().await.expect("read").is_empty() {
        state.add_heads(vec![HeadRow { added_at: SystemTime::now(), ..row(0) }]).await.expect("added");
    }
    let before = state.setting("count").await.expect("read");
    let mut count = before.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
    loop {
        count += 1;
        state.set_setting("count", Some(count.to_le_bytes().to_vec())).await.expect("written");
        writeln!(std::io::stdout(), "\nwrote {count}").expect("the parent reads");
    }
}

fn lease(index: u32, from: u64, to: u64) -> LeaseRow {
    let time = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let client = "192.0.2.1".to_owned();
    LeaseRow { index, peer_id: row(index).peer_id, client, leased_at: time(from), expires_at: time(to) }
}

#[tokio::test]
async fn leases_and_keys_on_lease_survive_a_restart_and_run_out() {
    const LATER: u64 = 4_000_000_000;
    let dir = scratch();
    let state = open(dir.path());
    let (past, lasting) = (lease(1, 10, 20), lease(2, 10, LATER));
    state.add_lease(past.clone()).await.expect("kept");
    state.add_lease(lasting.clone()).await.expect("kept");
    state.set_borrowed(7, Some(vec![1, 2])).await.expect("kept");
    drop(state);
    let state = open(dir.path());
    assert_eq!(state.leases().await.expect("read"), [lasting.clone()], "one has run out");
    assert_eq!(state.borrowed().await.expect("read"), [(7, vec![1, 2])]);
    state.add_lease(lease(2, 30, LATER)).await.expect_err("nobody gets what another has");

    let (both, end) = (vec![past.peer_id, lasting.peer_id], UNIX_EPOCH + Duration::from_secs(LATER + 5));
    assert_eq!(state.renew_leases(both, end).await.expect("written"), [lasting.peer_id], "only what lasts");
    assert_eq!(state.leases().await.expect("read")[0].expires_at, end);
    state.add_lease(lease(1, 30, LATER)).await.expect("what has run out is free");
    assert!(state.end_lease(lasting.peer_id).await.expect("written"));
    assert!(!state.end_lease(lasting.peer_id).await.expect("written"), "there is none any more");
    state.set_borrowed(7, None).await.expect("forgotten");
    assert_eq!(state.borrowed().await.expect("read"), []);
}
