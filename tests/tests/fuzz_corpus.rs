//! Each fuzz target over its seeds, and over damaged copies of them, without libFuzzer: a
//! target that no longer compiles, or that its own seeds break, fails with every test run.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use hydra_tests::fuzzing::{TARGETS, asker};
use hydra_tests::raw::message::{Message, Peer, Record, kind};
use hydrad::dht::records::testing::IpnsRecord;
use hydrad::dht::records::{ipns_key, pk_key};
use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use prost::Message as _;

/// Damaged copies of each seed.
const COPIES: u64 = 300;

#[test]
fn every_target_survives_its_seeds_and_damaged_copies_of_them() {
    for (name, target) in TARGETS {
        let files = files(name);
        assert!(!files.is_empty(), "{name} has no seeds");
        for file in files {
            let seed = fs::read(&file).expect("a seed");
            for copy in 0..=COPIES {
                let input = damaged(&seed, copy);
                if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
                    panic!("{name} fails on copy {copy} of {}: {input:02x?}", file.display());
                }
            }
        }
    }
}

#[test]
fn every_target_has_a_program() {
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("the manifest");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is not in the manifest");
        let program = fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).expect(name);
        assert!(program.contains(&format!("hydra_tests::fuzzing::{name}(data)")), "{name}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}

/// `HYDRA_BLESS=1 cargo test -p hydra-tests --test fuzz_corpus` writes them. What the fuzzer
/// finds is put beside them under another name (`found-…`), and stays.
#[test]
fn the_seeds_are_those_that_this_file_makes() {
    for (target, name, bytes) in seeds() {
        let file = fuzz().join("seeds").join(target).join(name);
        if std::env::var_os("HYDRA_BLESS").is_some() {
            fs::create_dir_all(file.parent().expect("a directory")).expect("made");
            fs::write(&file, &bytes).expect("written");
        }
        let found = fs::read(&file).unwrap_or_default();
        assert!(found == bytes, "{} is stale: run with HYDRA_BLESS=1", file.display());
    }
    let known: BTreeSet<_> = seeds().iter().map(|(target, name, _)| format!("{target}/{name}")).collect();
    for (target, _) in TARGETS {
        for file in files(target) {
            let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
            let known = known.contains(&format!("{target}/{name}")) || name.starts_with("found-");
            assert!(known, "{} is nobody's seed", file.display());
        }
    }
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn files(target: &str) -> Vec<PathBuf> {
    let dir = fuzz().join("seeds").join(target);
    let mut files: Vec<_> = fs::read_dir(&dir)
        .unwrap_or_else(|error| panic!("list {}: {error}", dir.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

/// Copy 0 is the seed; another is cut, or has bytes changed, moved or doubled, each in its own way.
fn damaged(seed: &[u8], copy: u64) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let mut state = copy;
    let mut below = |n: usize| {
        // SplitMix64: the same in each run
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    };
    for _ in 0..copy.min(4) {
        if bytes.is_empty() {
            break;
        }
        let (at, other) = (below(bytes.len()), below(bytes.len()));
        match below(6) {
            0 => bytes.truncate(at),
            1 => bytes[at] = below(256) as u8,
            2 => bytes[at] ^= 1 << below(8),
            3 => bytes.insert(at, [0, 1, 0x7f, 0x80, 0xff][below(5)]),
            4 => drop(bytes.drain(at.min(other)..at.max(other).min(at.min(other) + 16))),
            _ => bytes.extend_from_within(at.min(other)..at.max(other).min(at.min(other) + 64)),
        }
    }
    bytes
}

type Seed = (&'static str, &'static str, Vec<u8>);

fn seeds() -> Vec<Seed> {
    [wire_seeds(), ipns_seeds(), service_seeds(), text_seeds()].concat()
}

/// A piece as the targets read it.
fn piece(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).expect("a short seed");
    [&len.to_be_bytes(), bytes].concat()
}

fn multiaddr(text: &str) -> Vec<u8> {
    text.parse::<Multiaddr>().expect("a multiaddr").to_vec()
}

fn me(n: usize, addrs: &[&str]) -> Peer {
    let addrs = addrs.iter().map(|text| multiaddr(text)).collect();
    Peer { id: asker(n).to_bytes(), addrs, connection: 1 }
}

const PUBLIC: &[&str] =
    &["/ip4/1.2.3.4/tcp/4001", "/ip6/2606:4700::1/udp/4001/quic-v1", "/dns4/a.example/tcp/443/wss"];

const MULTIHASH: &[u8] = b"\x12\x2001234567890123456789012345678901";

fn announcement(n: usize) -> Message {
    Message { providers: vec![me(n, PUBLIC)], ..Message::new(kind::ADD_PROVIDER, MULTIHASH) }
}

fn wire_seeds() -> Vec<Seed> {
    let record =
        Record { key: b"/pk/x".to_vec(), value: vec![1; 9], time_received: "2026-11-20T03:12:40Z".into() };
    let put = Message { record: Some(record), ..Message::new(kind::PUT_VALUE, b"/pk/x".as_slice()) };
    let full = Message { closer: vec![me(1, PUBLIC), me(2, &[])], cluster_level_raw: -3, ..announcement(0) };
    let mut unknown = Message::new(kind::PING, b"".as_slice()).encode_to_vec();
    // field 666 as text, a group with a varint in it, a fixed64
    unknown.extend(b"\xd2\x29\x02hi\x5b\x10\x05\x5c\x61\x00\x00\x00\x00\x00\x00\x00\x01");
    let frames = [put.encode_length_delimited_to_vec(), full.encode_length_delimited_to_vec()].concat();
    let relay = format!("/ip4/1.2.3.4/tcp/1/p2p/{}/p2p-circuit", asker(0));
    let addrs =
        [PUBLIC, &[&relay, "/ip4/127.0.0.1/udp/1/quic-v1/webtransport", "/ip4/10.0.0.1/tcp/80/tls/sni/a/ws"]];
    vec![
        ("frame_cut", "two-messages", frames),
        ("frame_cut", "longest", b"\x80\x80\x80\x02".to_vec()),
        ("frame_cut", "not-minimal", b"\x81\x00\x00".to_vec()),
        ("message_read", "put-value", put.encode_to_vec()),
        ("message_read", "add-provider", full.encode_to_vec()),
        ("message_read", "unknown-fields", unknown),
        ("addr_class_admit", "one", multiaddr(&relay)),
        (
            "addr_class_admit",
            "list",
            addrs.concat().iter().flat_map(|text| piece(&multiaddr(text))).collect(),
        ),
    ]
}

fn ipns_seeds() -> Vec<Seed> {
    let key = Keypair::ed25519_from_bytes([1; 32]).expect("32 bytes are a key");
    let eol = UNIX_EPOCH + Duration::from_secs(1_800_003_600);
    let records: Vec<Vec<u8>> = (1..3)
        .flat_map(|n| piece(&IpnsRecord::new("/ipfs/bafkqaaa", n, eol).sign(&key).expect("signs")))
        .map(|byte| vec![byte])
        .collect();
    let made = |how: u8, validity: &str| {
        let fields =
            [&[how, 0, 0, 0, 0, 0, 0, 0, 7][..], &piece(b"/ipfs/bafkqaaa"), validity.as_bytes()].concat();
        piece(&fields)
    };
    let end = made(9, "2123-04-12T13:43:57.238038+02:00");
    vec![
        ("ipns_validate", "two-records", [&[0, 0, 0][..], &records.concat()].concat()),
        ("ipns_validate", "public-key", [&[2, 0, 0][..], &piece(&key.public().encode_protobuf())].concat()),
        ("ipns_validate", "made", [&[4, 0, 0][..], &made(1, ""), &end].concat()),
    ]
}

fn service_seeds() -> Vec<Seed> {
    let key = Keypair::ed25519_from_bytes([1; 32]).expect("32 bytes are a key");
    let name = key.public().to_peer_id();
    let eol = UNIX_EPOCH + Duration::from_secs(250_000_000_000);
    let put = |place: Vec<u8>, value: Vec<u8>| Message {
        record: Some(Record { key: place.clone(), value, time_received: String::new() }),
        ..Message::new(kind::PUT_VALUE, place)
    };
    let ipns = |n| put(ipns_key(&name), IpnsRecord::new("/ipfs/bafkqaaa", n, eol).sign(&key).expect("signs"));
    let conversation = |messages: &[(u8, Message)]| {
        let one = |(who, message): &(u8, Message)| [&[*who][..], &piece(&message.encode_to_vec())].concat();
        messages.iter().flat_map(one).collect::<Vec<u8>>()
    };
    let providers = [
        (0, announcement(0)),
        (4, announcement(1)),
        (2, Message { providers: vec![me(2, &["/ip4/10.0.0.1/tcp/1"])], ..announcement(2) }),
        (8, Message::new(kind::GET_PROVIDERS, MULTIHASH)),
        (3, Message::new(kind::FIND_NODE, asker(0).to_bytes())),
    ];
    let values = [
        (0, ipns(1)),
        (1, ipns(2)),
        (2, ipns(1)),
        (3, put(pk_key(&name), key.public().encode_protobuf())),
        (4, Message::new(kind::GET_VALUE, ipns_key(&name))),
        (5, Message::new(kind::GET_VALUE, b"/other/key".as_slice())),
    ];
    let nodes = [
        (0, Message::new(kind::FIND_NODE, b"any key".as_slice())),
        (4, Message { cluster_level_raw: 7, ..Message::new(kind::FIND_NODE, asker(2).to_bytes()) }),
        (5, Message { closer: vec![me(2, PUBLIC)], ..Message::new(kind::PING, b"".as_slice()) }),
        (6, Message::new(77, b"".as_slice())),
    ];
    vec![
        ("service_handle", "providers", conversation(&providers)),
        ("service_handle", "values", conversation(&values)),
        ("service_handle", "nodes", conversation(&nodes)),
    ]
}

const SETTINGS: &str = "\
data_dir = \"/data\"
name = \"lerna\"
[identity]
indexes = \"0..8:4,9\"
[heads]
count = 3
[listen]
ips = [\"127.0.0.1\", \"::1\"]
port_begin = 3001
announce = [\"/ip4/1.2.3.4/tcp/{port}\"]
no_announce = []
[network]
bootstrap_peers = [\"/ip4/1.2.3.4/tcp/1/p2p/12D3KooWSmYTxN4DR2BYdrkt7myJpMabvpcu8UYd7JbxedybLUPZ\"]
protocol_prefix = \"/ipfs\"
address_policy = \"any\"
[dht]
reply_max = \"64 KiB\"
[belly]
max_records = 5000000
[control]
socket = \"/data/control.sock\"
[limits]
max_connections = \"auto\"
max_memory = \"2 GiB\"
[log]
format = \"json\"
level = \"info,hydrad=debug\"
";

fn text_seeds() -> Vec<Seed> {
    let seed = "hjHT+Yq82BHSWwa1wZDAX/O/JkWDX3Y6xTHRIk+XbFY=";
    let url = seed.replace('+', "-").replace('/', "_");
    let secret = format!("[identity]\nseed = \"{seed}\"\n");
    let odd = "data_dir = 7\n[dht]\nreply_max = \"12 MiB\"\n[network]\nbootstrap_peers = [\"/ip4/1.2.3.4\", 1.5]\n[unknown]\n";
    vec![
        ("seed_parse", "standard", seed.into()),
        ("seed_parse", "url", format!(" {url}\n\0").into()),
        ("seed_parse", "short", seed[..40].into()),
        ("index_set", "parts", b" 3, 7..9 ,1000..:2".to_vec()),
        ("index_set", "stepped", b"0..8:4".to_vec()),
        ("index_set", "twice", b"0..4,4".to_vec()),
        ("config_toml", "all", SETTINGS.into()),
        ("config_toml", "secret", secret.into()),
        ("config_toml", "odd", odd.into()),
    ]
}
