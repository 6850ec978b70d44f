//! The table of all settings, in the order of their sections.

use super::{Kind, Setting};

const fn setting(
    key: &'static str,
    flag: &'static str,
    variables: &'static [&'static str],
    kind: Kind,
    default: &'static str,
    allowed: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting {
        key,
        flag,
        flag_alias: None,
        variables,
        kind,
        default,
        allowed,
        meaning,
        secret: false,
        live: false,
    }
}

/// One that a reload changes while the daemon runs.
const fn live(setting: Setting) -> Setting {
    Setting { live: true, ..setting }
}

/// All settings, in the order of their sections.
pub const SETTINGS: &[Setting] = &[
    setting(
        "data_dir",
        "data-dir",
        &["HYDRA_DATA_DIR"],
        Kind::Text,
        "auto",
        "a directory, or auto",
        "Where the state (keys, ports, settings) and the belly live; made at the first start. auto is \
         $STATE_DIRECTORY, else /var/lib/hydrad for root and for whoever may write there, else \
         $XDG_STATE_HOME/hydra (~/.local/state/hydra).",
    ),
    setting(
        "name",
        "name",
        &["HYDRA_NAME"],
        Kind::Text,
        "auto",
        "1 to 64 letters, digits, '.', '_' and '-', or auto",
        "What this hydra is called in screens, logs and metrics. auto is the host's name.",
    ),
    Setting {
        secret: true,
        ..setting(
            "identity.seed",
            "random-seed",
            &["HYDRA_RANDOM_SEED"],
            Kind::Text,
            "",
            "32 bytes as base64, standard or URL alphabet; empty for none",
            "The secret all peer ids follow from. With neither this nor a file, one is made at the first \
             start and kept in the data directory. On a command line everyone on the machine can read it: \
             better a file.",
        )
    },
    setting(
        "identity.seed_file",
        "random-seed-file",
        &["HYDRA_RANDOM_SEED_FILE"],
        Kind::Text,
        "",
        "a file that holds a seed; empty for none",
        "A file with the seed, instead of identity.seed. White space, newlines and NULs around the seed are \
         trimmed.",
    ),
    setting(
        "identity.id_offset",
        "id-offset",
        &["HYDRA_ID_OFFSET"],
        Kind::Number,
        "0",
        "0 to 99999",
        "The first index of the seed's sequence that this hydra uses: machines that share a seed take \
         different ones.",
    ),
    setting(
        "identity.indexes",
        "indexes",
        &["HYDRA_INDEXES"],
        Kind::Text,
        "",
        "an index set such as 3, 0..4 (both ends), 5.., 1..:2 (every second), joined by commas; empty for \
         all from id_offset on",
        "The indices of the seed's sequence that this hydra may use, instead of an offset: machine k of n \
         takes k..:n.",
    ),
    setting(
        "identity.idgen",
        "idgen-addr",
        &["HYDRA_IDGEN_ADDR"],
        Kind::Text,
        "",
        "an address such as http://10.0.0.1:7779; empty for none",
        "Another hydra that hands out the ids of the heads from its own sequence, on lease, instead of a seed \
         here. The keys are kept in the data directory and their leases renewed; purging a head gives its id back.",
    ),
    setting(
        "identity.idgen_token_file",
        "idgen-token-file",
        &["HYDRA_IDGEN_TOKEN_FILE"],
        Kind::Text,
        "",
        "a file; empty for none",
        "A file with the token of that hydra (its http.token_file).",
    ),
    Setting {
        flag_alias: Some("nheads"),
        ..setting(
            "heads.count",
            "heads",
            &["HYDRA_HEADS", "HYDRA_NHEADS"],
            Kind::Number,
            "auto",
            "0 to 10000, or auto",
            "How many heads to bring up; `hydractl heads` adds and removes while it runs. auto is as many as \
             identity.indexes has when it has an end, else 1.",
        )
    },
    live(setting(
        "heads.target",
        "heads-target",
        &["HYDRA_HEADS_TARGET"],
        Kind::Mixed,
        "none",
        "1 to 10000, coverage and a share from 0.01 to 0.99, auto or none",
        "What the number of heads follows while the daemon runs, from heads.count on. A number; or `coverage \
         0.9`: as many as it takes for 90 % of all keys to have a head among their 20 nearest servers, as the \
         network grows and shrinks; auto is coverage 0.9. Heads come and go one at a time, 5 % of them a day at \
         most and at least one, and only when the network's size has been off by a tenth for 6 hours. None comes that \
         files, connections, indices or ports do not suffice for, or that would be the ninth on a public \
         address. The head with the highest index goes first. none leaves the number to the operator.",
    )),
    setting(
        "listen.ips",
        "listen",
        &["HYDRA_LISTEN"],
        Kind::List,
        "auto",
        "IPv4 and IPv6 addresses of this host, at most 64; 0.0.0.0 or :: for all of a family; or auto",
        "Addresses that heads are spread over. 0.0.0.0 and :: stand for each address of the family that the \
         host has at start, loopback aside. auto is the host's public addresses; where there is none, the \
         address that outgoing traffic leaves from.",
    ),
    setting(
        "listen.port_begin",
        "port-begin",
        &["HYDRA_PORT_BEGIN"],
        Kind::Number,
        "0",
        "0 to 65535",
        "The port of the first head, for tcp and udp; the next head takes the next. With 0 each head takes a \
         free port once and keeps it.",
    ),
    setting(
        "listen.announce",
        "announce",
        &["HYDRA_ANNOUNCE"],
        Kind::List,
        "",
        "at most 16 multiaddrs in which {ip} and {port} stand for the head's own; empty for the addresses \
         listened on",
        "What heads announce instead of the addresses they listen on, such as \
         /ip4/203.0.113.5/tcp/{port} behind a NAT.",
    ),
    setting(
        "listen.no_announce",
        "no-announce",
        &["HYDRA_NO_ANNOUNCE"],
        Kind::List,
        "",
        "at most 16 multiaddrs in which {ip} and {port} stand for the head's own; empty for none",
        "What heads do not announce: each address that begins with one of these.",
    ),
    setting(
        "network.bootstrap_peers",
        "bootstrap-peers",
        &["HYDRA_BOOTSTRAP_PEERS"],
        Kind::List,
        "default",
        "at most 256 multiaddrs that end in /p2p/ID; default for the public IPFS ones (also among others); \
         or none",
        "Peers that are dialled first.",
    ),
    setting(
        "network.protocol_prefix",
        "protocol-prefix",
        &["HYDRA_PROTOCOL_PREFIX"],
        Kind::Text,
        "/ipfs",
        "a / and up to 63 more characters without white space, not ending in /",
        "The DHT is <prefix>/kad/1.0.0.",
    ),
    setting(
        "network.address_policy",
        "address-policy",
        &["HYDRA_ADDRESS_POLICY"],
        Kind::Text,
        "public",
        "public or any",
        "Which addresses are stored, announced, told and dialled: public ones only, or any, for private \
         networks.",
    ),
    setting(
        "network.reachability",
        "reachability",
        &["HYDRA_REACHABILITY"],
        Kind::Text,
        "auto",
        "auto or assume-public",
        "When heads may serve on a public network. auto: once another peer has dialled the head back (AutoNAT \
         v2) by tcp or QUIC. assume-public: at once, for networks in which nobody offers that. With the \
         address policy any, heads serve at once.",
    ),
    setting(
        "presence.per_bucket",
        "presence-per-bucket",
        &["HYDRA_PRESENCE_PER_BUCKET"],
        Kind::Number,
        "2",
        "0 to 16",
        "Servers that each head stays connected with in every farther part of the keyspace, beside the 20 \
         nearest to it.",
    ),
    setting(
        "presence.measure_seconds",
        "presence-measure-seconds",
        &["HYDRA_PRESENCE_MEASURE_SECONDS"],
        Kind::Number,
        "600",
        "10 to 86400",
        "Once in so many seconds the 20 servers nearest to each head are asked whether they list it.",
    ),
    setting(
        "scout.crawl_seconds",
        "crawl-seconds",
        &["HYDRA_CRAWL_SECONDS"],
        Kind::Number,
        "3600",
        "60 to 86400",
        "Each known server is asked once in so many seconds for all servers that it knows; whether it still \
         answers is checked more often.",
    ),
    setting(
        "scout.parallel",
        "scout-parallel",
        &["HYDRA_SCOUT_PARALLEL"],
        Kind::Number,
        "64",
        "1 to 1024",
        "Servers visited at a time. More makes the first crawl quicker and costs memory and processor time.",
    ),
    setting(
        "dht.reply_max",
        "reply-max",
        &["HYDRA_REPLY_MAX"],
        Kind::Size,
        "64 KiB",
        "16 KiB to 4 MiB",
        "Largest answer to GET_PROVIDERS; of more providers a random sample is given.",
    ),
    setting(
        "belly.index",
        "belly-index",
        &["HYDRA_BELLY_INDEX"],
        Kind::Text,
        "auto",
        "auto, memory or segments",
        "Where records are looked up. memory: all in an index in memory, 15 bytes each, never from the disk. \
         segments: only the hours that are not yet over in memory, older ones from sorted segments on disk behind \
         a filter of 3 bytes a record. auto: in memory until belly.max_memory is short, then the oldest hours from \
         their segments.",
    ),
    setting(
        "belly.max_records",
        "max-records",
        &["HYDRA_MAX_RECORDS"],
        Kind::Number,
        "auto",
        "1000 to 10000000000, or auto",
        "Most provider records kept; more are refused and counted. auto is what belly.max_memory holds at 15 \
         bytes each, or, unless belly.index is memory, what belly.max_disk holds at 132 bytes each, whichever is \
         more.",
    ),
    setting(
        "belly.max_memory",
        "belly-max-memory",
        &["HYDRA_BELLY_MAX_MEMORY"],
        Kind::Size,
        "auto",
        "1 MiB to 64 TiB, or auto",
        "Memory for the index of records and the filters of segments. auto is 55 % of limits.max_memory.",
    ),
    setting(
        "belly.max_disk",
        "belly-max-disk",
        &["HYDRA_BELLY_MAX_DISK"],
        Kind::Size,
        "auto",
        "64 MiB to 1024 TiB, or auto",
        "Disk for records: above it the oldest records of keys far from all heads go, then no new ones are taken. \
         auto is 90 % of what the disk had free at the start and the belly has already.",
    ),
    live(setting(
        "prefetch.scope",
        "prefetch-scope",
        &["HYDRA_PREFETCH_SCOPE"],
        Kind::Text,
        "any",
        "any, near or off",
        "Which keys are looked up when a GET_PROVIDERS finds nothing: any that is asked for, only those that a \
         head is near to, or none. What is found is kept for prefetch.keep_seconds.",
    )),
    live(setting(
        "prefetch.queue",
        "prefetch-queue",
        &["HYDRA_PREFETCH_QUEUE"],
        Kind::Number,
        "1000",
        "1 to 100000",
        "Most keys that wait to be looked up; more are refused and counted.",
    )),
    live(setting(
        "prefetch.queue_per_asker",
        "prefetch-queue-per-asker",
        &["HYDRA_PREFETCH_QUEUE_PER_ASKER"],
        Kind::Number,
        "64",
        "1 to 100000",
        "Most keys of one asker that wait or are being looked up. An asker is a public IPv4 address, an IPv6 \
         /56, or else a peer.",
    )),
    live(setting(
        "prefetch.lookups",
        "prefetch-lookups",
        &["HYDRA_PREFETCH_LOOKUPS"],
        Kind::Number,
        "32",
        "1 to 1000",
        "Most keys looked up at one time.",
    )),
    live(setting(
        "prefetch.walks_per_second",
        "prefetch-walks-per-second",
        &["HYDRA_PREFETCH_WALKS_PER_SECOND"],
        Kind::Number,
        "32",
        "1 to 10000",
        "Most keys whose look-up begins in a second, whatever strangers ask for: each may cost requests to \
         some twenty peers.",
    )),
    setting(
        "prefetch.max_records",
        "prefetch-max-records",
        &["HYDRA_PREFETCH_MAX_RECORDS"],
        Kind::Number,
        "100000",
        "1000 to 10000000",
        "Most looked-up records kept; the oldest keys leave first.",
    ),
    setting(
        "prefetch.max_memory",
        "prefetch-max-memory",
        &["HYDRA_PREFETCH_MAX_MEMORY"],
        Kind::Size,
        "64 MiB",
        "1 MiB to 64 GiB",
        "Memory for looked-up records.",
    ),
    setting(
        "prefetch.keep_seconds",
        "prefetch-keep-seconds",
        &["HYDRA_PREFETCH_KEEP_SECONDS"],
        Kind::Number,
        "3600",
        "1 to 3600",
        "A looked-up record is served for so many seconds after the look-up that found it; no later look-up makes \
         that longer.",
    ),
    setting(
        "prefetch.routers",
        "prefetch-routers",
        &["HYDRA_PREFETCH_ROUTERS"],
        Kind::List,
        "",
        "at most 16 URLs such as https://cid.contact, each with inline or background before it or nothing; \
         empty for none",
        "Delegated routers (IPNI, someguy, another hydra) that are asked beside the DHT. `inline URL`: whoever \
         asks for providers waits for it, up to prefetch.inline_milliseconds. background, or nothing: what it \
         knows is for the next asker.",
    ),
    setting(
        "prefetch.inline_milliseconds",
        "prefetch-inline-milliseconds",
        &["HYDRA_PREFETCH_INLINE_MILLISECONDS"],
        Kind::Number,
        "300",
        "50 to 5000",
        "How long whoever asks for providers waits for inline routers.",
    ),
    setting(
        "prefetch.router_requests_per_second",
        "prefetch-router-requests-per-second",
        &["HYDRA_PREFETCH_ROUTER_REQUESTS_PER_SECOND"],
        Kind::Number,
        "100",
        "1 to 10000",
        "Most requests a second to one delegated router.",
    ),
    setting(
        "prefetch.router_requests",
        "prefetch-router-requests",
        &["HYDRA_PREFETCH_ROUTER_REQUESTS"],
        Kind::Number,
        "32",
        "1 to 1000",
        "Most requests under way to one delegated router.",
    ),
    setting(
        "peers.log",
        "peer-log",
        &["HYDRA_PEER_LOG"],
        Kind::Text,
        "",
        "a file; empty for none",
        "A file for one JSON line each time a peer tells a head who it is: time, peer, agent, head, address \
         group. It says who was here: mind what the law says of such records.",
    ),
    setting(
        "peers.log_max_size",
        "peer-log-max-size",
        &["HYDRA_PEER_LOG_MAX_SIZE"],
        Kind::Size,
        "64 MiB",
        "64 KiB to 1 TiB",
        "The peer log begins a new file at this size; the old one becomes NAME.1, that one NAME.2.",
    ),
    setting(
        "peers.log_files",
        "peer-log-files",
        &["HYDRA_PEER_LOG_FILES"],
        Kind::Number,
        "8",
        "1 to 1000",
        "Files of the peer log that are kept, the current one included.",
    ),
    setting(
        "control.socket",
        "control-socket",
        &["HYDRA_CONTROL_SOCKET"],
        Kind::Text,
        "auto",
        "a path of at most 107 bytes, or auto",
        "The socket for everything hydractl does (0660). auto is control.sock in $RUNTIME_DIRECTORY, else in \
         /run/hydra for root and for whoever may write /var/lib/hydrad, else in $XDG_RUNTIME_DIR/hydra, else \
         in the data directory.",
    ),
    setting(
        "control.observe_socket",
        "observe-socket",
        &["HYDRA_OBSERVE_SOCKET"],
        Kind::Text,
        "auto",
        "a path of at most 107 bytes, or auto",
        "The socket for looking only. auto is beside the control socket, under its name with observe for \
         control.",
    ),
    Setting {
        flag_alias: Some("httpapi-addr"),
        ..setting(
            "http.listen",
            "http-listen",
            &["HYDRA_HTTP_LISTEN"],
            Kind::List,
            "127.0.0.1:7779",
            "addresses with ports such as 127.0.0.1:7779 and [::1]:7779, at most 8; port 0 for any free one; or off",
            "Where the HTTP API listens. It tells everything the hydra knows to whoever may connect: an address \
             other than loopback is taken only together with http.expose.",
        )
    },
    setting(
        "http.expose",
        "expose-http",
        &["HYDRA_EXPOSE_HTTP"],
        Kind::Switch,
        "false",
        "true or false",
        "Lets http.listen hold addresses that other machines reach. There is no TLS and no login.",
    ),
    setting(
        "http.hosts",
        "http-hosts",
        &["HYDRA_HTTP_HOSTS"],
        Kind::List,
        "",
        "names such as hydra.example.org, at most 64",
        "Names by which clients reach the HTTP API, besides addresses and localhost. Requests for other names \
         are refused: that is how a web page would reach a loopback address.",
    ),
    setting(
        "http.max_connections",
        "http-max-connections",
        &["HYDRA_HTTP_MAX_CONNECTIONS"],
        Kind::Number,
        "1024",
        "1 to 65536",
        "Most connections to the HTTP API; beyond them the longest idle one is closed for a new one.",
    ),
    Setting {
        flag_alias: Some("metrics-addr"),
        ..setting(
            "metrics.listen",
            "metrics-listen",
            &["HYDRA_METRICS_LISTEN"],
            Kind::List,
            "127.0.0.1:9758",
            "addresses with ports such as 127.0.0.1:9758 and [::1]:9758, at most 8; port 0 for any free one; or off",
            "Where /metrics, /healthz and /readyz are served. An address other than loopback is taken only \
             together with metrics.expose.",
        )
    },
    setting(
        "metrics.expose",
        "expose-metrics",
        &["HYDRA_EXPOSE_METRICS"],
        Kind::Switch,
        "false",
        "true or false",
        "Lets metrics.listen hold addresses that other machines reach. There is no TLS and no login.",
    ),
    setting(
        "metrics.hosts",
        "metrics-hosts",
        &["HYDRA_METRICS_HOSTS"],
        Kind::List,
        "",
        "names such as hydra.example.org, at most 64",
        "Names by which scrapers reach the metrics, besides addresses and localhost. Requests for other names \
         are refused: that is how a web page would reach a loopback address.",
    ),
    setting(
        "metrics.per_head",
        "metrics-per-head",
        &["HYDRA_METRICS_PER_HEAD"],
        Kind::Switch,
        "true",
        "true or false",
        "Series of each head by itself, with the label head. There are none above 64 heads.",
    ),
    setting(
        "metrics.compatibility",
        "metrics-compatibility",
        &["HYDRA_METRICS_COMPATIBILITY"],
        Kind::Switch,
        "false",
        "true or false",
        "Also tells what hydra-booster told, under its names (hydrabooster_...), for its dashboards.",
    ),
    setting(
        "http.token_file",
        "http-token-file",
        &["HYDRA_HTTP_TOKEN_FILE"],
        Kind::Text,
        "auto",
        "a file, or auto",
        "The token that /idgen/ asks for, because it hands out private keys. auto is http-token in the data \
         directory; a file that is not there is made at the start (0600).",
    ),
    setting(
        "http.idgen_lease_seconds",
        "http-idgen-lease-seconds",
        &["HYDRA_HTTP_IDGEN_LEASE_SECONDS"],
        Kind::Number,
        "604800",
        "10 to 31536000",
        "How long another hydra has an id that it got from /idgen/add. hydrad renews its ids in time; the \
         predecessor does not, and must be restarted within it.",
    ),
    setting(
        "routing.listen",
        "routing-listen",
        &["HYDRA_ROUTING_LISTEN"],
        Kind::List,
        "off",
        "addresses with ports such as 127.0.0.1:8190 and [::1]:8190, at most 8; port 0 for any free one; or off",
        "Where Delegated Routing V1 is served over HTTP (/routing/v1/providers, peers, ipns, dht/closest/peers). \
         An address other than loopback is taken only together with routing.expose.",
    ),
    setting(
        "routing.expose",
        "expose-routing",
        &["HYDRA_EXPOSE_ROUTING"],
        Kind::Switch,
        "false",
        "true or false",
        "Lets routing.listen hold addresses that other machines reach. There is no TLS: put a proxy before it.",
    ),
    setting(
        "routing.hosts",
        "routing-hosts",
        &["HYDRA_ROUTING_HOSTS"],
        Kind::List,
        "",
        "names such as routing.example.org, at most 64; empty for any",
        "Names by which clients reach Delegated Routing, besides addresses and localhost; requests for others \
         are refused. Empty: any, for everybody is told the same.",
    ),
    setting(
        "routing.max_connections",
        "routing-max-connections",
        &["HYDRA_ROUTING_MAX_CONNECTIONS"],
        Kind::Number,
        "4096",
        "1 to 65536",
        "Most connections to Delegated Routing; beyond them the longest idle one is closed for a new one.",
    ),
    setting(
        "routing.requests_per_second",
        "routing-requests-per-second",
        &["HYDRA_ROUTING_REQUESTS_PER_SECOND"],
        Kind::Number,
        "200",
        "0 to 1000000; 0 for as many as it likes",
        "Most requests a second of one client address (of IPv6, a /56); more are answered 429. Programs of this \
         machine are not limited; a proxy on it says by X-Forwarded-For whom it asks for.",
    ),
    setting(
        "routing.lookups_per_second",
        "routing-lookups-per-second",
        &["HYDRA_ROUTING_LOOKUPS_PER_SECOND"],
        Kind::Number,
        "10",
        "1 to 10000",
        "Most look-ups in the network a second for one client address, this machine's programs included: each \
         costs requests to some twenty peers. What the hydra has itself is not counted.",
    ),
    setting(
        "routing.lookups",
        "routing-lookups",
        &["HYDRA_ROUTING_LOOKUPS"],
        Kind::Number,
        "64",
        "1 to 1000",
        "Most look-ups in the network under way for all clients of Delegated Routing; beyond them 503 is the \
         answer.",
    ),
    live(setting(
        "limits.max_connections",
        "max-connections",
        &["HYDRA_MAX_CONNECTIONS"],
        Kind::Number,
        "auto",
        "1 to 10000000, or auto",
        "Most connections of all heads together. auto follows memory and files.",
    )),
    live(setting(
        "limits.max_connections_per_ip",
        "max-connections-per-ip",
        &["HYDRA_MAX_CONNECTIONS_PER_IP"],
        Kind::Number,
        "auto",
        "1 to 1000000, or auto",
        "Most connections with one public IPv4 address or IPv6 /56, of all heads together. auto is 8 for \
         each head, and at least 64.",
    )),
    live(setting(
        "limits.handshakes_per_second",
        "handshakes-per-second",
        &["HYDRA_HANDSHAKES_PER_SECOND"],
        Kind::Number,
        "5000",
        "1 to 100000",
        "Most new incoming connections a second; a handshake costs about a millisecond of a core.",
    )),
    setting(
        "limits.max_memory",
        "max-memory",
        &["HYDRA_MAX_MEMORY"],
        Kind::Size,
        "auto",
        "64 MiB to 64 TiB, or auto",
        "Memory the daemon keeps within. auto is 90 % of the smaller of the cgroup's limit and RAM.",
    ),
    live(setting(
        "limits.max_files",
        "max-files",
        &["HYDRA_MAX_FILES"],
        Kind::Number,
        "auto",
        "64 to 1000000000, or auto",
        "Files and sockets the daemon keeps within. auto is the process's limit (LimitNOFILE= in the unit).",
    )),
    setting(
        "log.format",
        "log-format",
        &["HYDRA_LOG_FORMAT"],
        Kind::Text,
        "text",
        "text or json",
        "Lines for people, or one JSON object a line.",
    ),
    live(setting(
        "log.level",
        "log-level",
        &["HYDRA_LOG_LEVEL"],
        Kind::Text,
        "info",
        "off, error, warn, info, debug or trace, and target=level for parts, joined by commas",
        "What is logged, such as info or info,hydrad::dht=debug.",
    )),
    setting(
        "ui.theme",
        "ui-theme",
        &["HYDRA_UI_THEME"],
        Kind::Text,
        "none",
        "none, logey or gooey",
        "hydra-booster's screens: logey prints its status line on stdout every 5 seconds, gooey says how to start \
         `hydractl top`, which took its place.",
    ),
];
