//! Which series are kept: name, unit, what a longer step is made of, and what it means.

/// Heads that have series of their own; the first by index.
pub const HEADS: usize = 30;

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    PerSecond,
    Count,
    Bytes,
    BytesPerSecond,
    Seconds,
    Ratio,
}

impl Unit {
    /// Its name in JSON and CSV.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "per_second",
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes_per_second",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
        }
    }
}

/// What the value of a longer step is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// The mean of its measured seconds.
    Mean,
    /// The largest of its seconds.
    Most,
    /// Their sum.
    Sum,
}

impl Fold {
    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Most => "most",
            Self::Sum => "sum",
        }
    }
}

macro_rules! series {
    ($($id:ident $name:literal $unit:ident $fold:ident $meaning:literal,)*) => {
        /// A series of the whole hydra.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Series { $(#[doc = $meaning] $id,)* }

        impl Series {
            /// Every series, in the order in which they are listed.
            pub const ALL: &[Self] = &[$(Self::$id,)*];

            /// Its name in commands and files.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$id => $name,)* }
            }

            #[must_use]
            pub fn unit(self) -> Unit {
                match self { $(Self::$id => Unit::$unit,)* }
            }

            #[must_use]
            pub fn fold(self) -> Fold {
                match self { $(Self::$id => Fold::$fold,)* }
            }

            /// What it means, for people.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$id => $meaning,)* }
            }
        }
    };
}

series! {
    PutValue "requests.put_value" PerSecond Mean "PUT_VALUE taken in.",
    GetValue "requests.get_value" PerSecond Mean "GET_VALUE taken in.",
    AddProvider "requests.add_provider" PerSecond Mean "ADD_PROVIDER taken in.",
    GetProviders "requests.get_providers" PerSecond Mean "GET_PROVIDERS taken in.",
    FindNode "requests.find_node" PerSecond Mean "FIND_NODE taken in.",
    Ping "requests.ping" PerSecond Mean "PING taken in.",
    Found "requests.found" PerSecond Mean "GET_PROVIDERS answered with a provider.",
    Resets "requests.resets" PerSecond Mean "Streams reset by us.",
    BytesIn "requests.bytes_in" BytesPerSecond Mean "Bytes of requests.",
    BytesOut "requests.bytes_out" BytesPerSecond Mean "Bytes of replies.",
    ScoutBytesIn "scout.bytes_in" BytesPerSecond Mean "Bytes of answers to the scout's requests.",
    ScoutBytesOut "scout.bytes_out" BytesPerSecond Mean "Bytes of the scout's requests.",
    GetProvidersP50 "latency.get_providers.p50" Seconds Mean "Half of a second's GET_PROVIDERS took at most this; longer steps: the mean.",
    GetProvidersP99 "latency.get_providers.p99" Seconds Most "99 % of a second's GET_PROVIDERS took at most this; longer steps: the worst second.",
    GetProvidersP999 "latency.get_providers.p999" Seconds Most "99.9 % of a second's GET_PROVIDERS took at most this; longer steps: the worst second.",
    FindNodeP50 "latency.find_node.p50" Seconds Mean "Half of a second's FIND_NODE took at most this; longer steps: the mean.",
    FindNodeP99 "latency.find_node.p99" Seconds Most "99 % of a second's FIND_NODE took at most this; longer steps: the worst second.",
    FindNodeP999 "latency.find_node.p999" Seconds Most "99.9 % of a second's FIND_NODE took at most this; longer steps: the worst second.",
    AddProviderP50 "latency.add_provider.p50" Seconds Mean "Half of a second's ADD_PROVIDER took at most this; longer steps: the mean.",
    AddProviderP99 "latency.add_provider.p99" Seconds Most "99 % of a second's ADD_PROVIDER took at most this; longer steps: the worst second.",
    AddProviderP999 "latency.add_provider.p999" Seconds Most "99.9 % of a second's ADD_PROVIDER took at most this; longer steps: the worst second.",
    CommitP50 "latency.commit.p50" Seconds Mean "Half of a second's commits to the disk took at most this; longer steps: the mean.",
    CommitP99 "latency.commit.p99" Seconds Most "99 % of a second's commits to the disk took at most this; longer steps: the worst second.",
    CommitP999 "latency.commit.p999" Seconds Most "99.9 % of a second's commits to the disk took at most this; longer steps: the worst second.",
    ConnectionsIn "connections.in" Count Mean "Open connections that peers made.",
    ConnectionsOut "connections.out" Count Mean "Open connections that we made.",
    PeersLive "peers.live" Count Mean "DHT servers in the routing table.",
    PeersJoined "peers.joins" PerSecond Mean "DHT servers that came to the routing table.",
    PeersLeft "peers.leaves" PerSecond Mean "DHT servers that left the routing table.",
    Heads "heads.all" Count Mean "Heads.",
    HeadsServing "heads.serving" Count Mean "Heads that serve.",
    Presence "heads.presence" Ratio Mean "Of the servers nearest to the heads, the share that lists them.",
    Announced "records.announced" Count Mean "Provider records that have not expired.",
    Near "records.near" Count Mean "Of them, those near one of our heads.",
    Prefetched "records.prefetched" Count Mean "Prefetched records.",
    Written "records.written" PerSecond Mean "Provider records written to disk.",
    Expired "records.expired" PerSecond Mean "Provider records whose time was over.",
    Dropped "records.dropped" PerSecond Mean "Provider records refused, or given up before their time, for want of room.",
    BellyBytes "belly.bytes" Bytes Mean "Bytes of the belly on disk.",
    Misses "prefetch.misses" PerSecond Mean "GET_PROVIDERS for which the belly had nothing.",
    OutcomeFound "prefetch.found" PerSecond Mean "Misses that ended so: found.",
    OutcomeNotFound "prefetch.not_found" PerSecond Mean "Misses that ended so: not found.",
    OutcomeTimedOut "prefetch.timed_out" PerSecond Mean "Misses that ended so: timed out.",
    OutcomeSourceFailed "prefetch.source_failed" PerSecond Mean "Misses that ended so: source failed.",
    OutcomeRefused5m "prefetch.refused_5m" PerSecond Mean "Misses that ended so: refused, failed < 5 min ago.",
    OutcomeRefused1h "prefetch.refused_1h" PerSecond Mean "Misses that ended so: refused, failed < 1 h ago.",
    OutcomeQueueFull "prefetch.queue_full" PerSecond Mean "Misses that ended so: queue full.",
    OutcomeNotOurs "prefetch.not_ours" PerSecond Mean "Misses that ended so: not ours.",
    OutcomeJoined "prefetch.joined" PerSecond Mean "Misses that ended so: joined.",
    OutcomePaused "prefetch.paused" PerSecond Mean "Misses that ended so: paused.",
    Waiting "prefetch.waiting" Count Most "Keys that wait to be looked up.",
    WaitingLimit "prefetch.waiting_limit" Count Most "Keys that may wait.",
    SizeByCrawl "network.by_crawl" Count Mean "Servers of the network, counted by the crawl.",
    SizeByDistance "network.by_distance" Count Mean "Servers of the network, by how near the nearest of random keys are.",
    SizeByDistanceError "network.by_distance_error" Count Mean "One standard error of network.by_distance.",
    Coverage "network.coverage" Ratio Mean "Share of keys that have one of our heads among their 20 nearest servers.",
    Rss "memory.rss" Bytes Mean "Resident memory of the daemon.",
    Starts "hydrad.starts" Count Sum "Starts of the daemon: where this is not 0, it was restarted.",
}

impl Series {
    /// Requests by `wire::Kind`.
    pub const KINDS: [Self; 6] =
        [Self::PutValue, Self::GetValue, Self::AddProvider, Self::GetProviders, Self::FindNode, Self::Ping];

    /// Outcomes of misses, by [`Outcome::ALL`](crate::telemetry::Outcome::ALL).
    pub const OUTCOMES: [Self; 10] = [
        Self::OutcomeFound,
        Self::OutcomeNotFound,
        Self::OutcomeTimedOut,
        Self::OutcomeSourceFailed,
        Self::OutcomeRefused5m,
        Self::OutcomeRefused1h,
        Self::OutcomeQueueFull,
        Self::OutcomeNotOurs,
        Self::OutcomeJoined,
        Self::OutcomePaused,
    ];
}

/// A second's value of every series; what was not measured is absent.
#[derive(Debug, Clone, PartialEq)]
pub struct Readings(pub(super) Vec<f32>);

impl Default for Readings {
    fn default() -> Self {
        Self(vec![f32::NAN; Series::ALL.len()])
    }
}

impl Readings {
    /// Notes a value; seven digits of it are kept.
    pub fn set(&mut self, series: Series, value: f64) {
        self.0[series as usize] = value as f32;
    }

    /// Notes a value where there is one.
    pub fn set_known(&mut self, series: Series, value: Option<f64>) {
        self.set(series, value.unwrap_or(f64::NAN));
    }

    /// The value, if it was measured.
    #[must_use]
    pub fn get(&self, series: Series) -> Option<f64> {
        Some(self.0[series as usize]).filter(|value| !value.is_nan()).map(f64::from)
    }
}

/// The series of each head, minute by minute: the end of its name, its unit, and what it means.
pub const HEAD_SERIES: [(&str, Unit, &str); 3] = [
    ("requests", Unit::PerSecond, "Requests that the head took in."),
    ("connections", Unit::Count, "Open connections of the head."),
    ("presence", Unit::Ratio, "Of the servers nearest to the head, the share that lists it."),
];

/// The name of a head's series: "head-3.requests".
#[must_use]
pub fn head_series(index: u32, end: &str) -> String {
    format!("head-{index}.{end}")
}
