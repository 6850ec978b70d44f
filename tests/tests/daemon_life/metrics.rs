//! Metrics as Prometheus meets them: a real scrape, counters that move with real requests, what
//! they say against what `hydractl` says, and dashboards and alerts that ask for what exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use hydra_tests::harness::eventually;
use hydra_tests::raw::Message;
use hydra_tests::raw::message::kind;
use hydrad::api::metrics::{COMPATIBLE, Kind, LABELS, SUBJECTS, Series};
use hydrad::hydra::CODES;
use serde_json::Value;

use crate::http::{Answer, get, raw};
use crate::place::{Hydrad, PATIENCE, Place, fresh_keys, ping};

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

/// One family of a scrape.
#[derive(Debug, Default)]
struct Family {
    help: String,
    kind: String,
    unit: String,
    samples: Vec<Sample>,
}

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// A scrape, read as strictly as the specification has it.
struct Scrape(BTreeMap<String, Family>);

impl Scrape {
    fn read(text: &str) -> anyhow::Result<Self> {
        let body = text.strip_suffix("# EOF\n").context("it does not end in # EOF")?;
        let mut families = BTreeMap::<String, Family>::new();
        let mut now = String::new();
        for line in body.lines() {
            if let Some(rest) = line.strip_prefix("# ") {
                let mut words = rest.splitn(3, ' ');
                let (what, name) = (words.next().context("a word")?, words.next().context("a name")?);
                let text = words.next().context("a text")?.to_owned();
                if what == "HELP" {
                    ensure!(!families.contains_key(name), "{name} comes twice");
                    name.clone_into(&mut now);
                }
                ensure!(name == now, "{line:?} within {now}");
                let family = families.entry(now.clone()).or_default();
                match what {
                    "HELP" => family.help = text,
                    "TYPE" => family.kind = text,
                    "UNIT" => family.unit = text,
                    other => anyhow::bail!("{other} in {line:?}"),
                }
                continue;
            }
            let sample = Sample::read(line).with_context(|| format!("in {line:?}"))?;
            let suffix =
                sample.name.strip_prefix(now.as_str()).with_context(|| format!("{line:?} within {now}"))?;
            let family = families.get_mut(&now).context("a family")?;
            let allowed: &[&str] = match family.kind.as_str() {
                "counter" => &["_total"],
                "info" => &["_info"],
                "histogram" => &["_bucket", "_sum", "_count"],
                "gauge" | "unknown" => &[""],
                other => anyhow::bail!("type {other} of {now}"),
            };
            ensure!(allowed.contains(&suffix), "{line:?} is no sample of a {}", family.kind);
            family.samples.push(sample);
        }
        Ok(Self(families))
    }

    fn all(&self) -> impl Iterator<Item = &Sample> {
        self.0.values().flat_map(|family| &family.samples)
    }

    /// The sum of the samples of a name that have these labels; an error when there is none.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> anyhow::Result<f64> {
        let fits = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|v| v == value))
        };
        let found: Vec<f64> = self.all().filter(fits).map(|sample| sample.value).collect();
        ensure!(!found.is_empty(), "no sample of {name} with {labels:?}");
        Ok(found.iter().sum())
    }

    /// Every name that a query may ask for; families without a sample now are asked for, too.
    fn names(&self) -> BTreeSet<String> {
        let of = |(name, family): (&String, &Family)| -> Vec<String> {
            let suffixes: &[&str] = match family.kind.as_str() {
                "counter" => &["_total"],
                "info" => &["_info"],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
        };
        self.0.iter().flat_map(of).collect()
    }
}

impl Sample {
    fn read(line: &str) -> anyhow::Result<Self> {
        let (series, value) = line.rsplit_once(' ').context("no value")?;
        let (name, labels) = match series.split_once('{') {
            None => (series, ""),
            Some((name, rest)) => (name, rest.strip_suffix('}').context("no end of labels")?),
        };
        let mut read = BTreeMap::new();
        // no value of ours holds a quote or a comma
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (key, value) = label.split_once('=').context("no value of a label")?;
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).context("no quotes")?;
            ensure!(read.insert(key.to_owned(), value.to_owned()).is_none(), "{key} twice");
        }
        Ok(Self { name: name.to_owned(), labels: read, value: value.parse()? })
    }
}

async fn door(hydrad: &Hydrad) -> anyhow::Result<String> {
    let status = hydrad.status().await?;
    let door = status.doors.iter().find(|door| door.name == "metrics").context("no metrics door")?;
    Ok(door.addresses.first().context("it listens nowhere")?.clone())
}

async fn ask(hydrad: &Hydrad, accept: &str) -> anyhow::Result<Answer> {
    let door = door(hydrad).await?;
    let request =
        format!("GET /metrics HTTP/1.1\r\nHost: {door}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    raw(&door, request.as_bytes()).await
}

async fn scrape(hydrad: &Hydrad) -> anyhow::Result<Scrape> {
    let answer = ask(hydrad, OPEN_METRICS).await?;
    ensure!(answer.status == 200, "{answer:?}");
    ensure!(
        answer.head.contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{}",
        answer.head
    );
    Scrape::read(&answer.body)
}

fn series() -> impl Iterator<Item = &'static Series> {
    SUBJECTS.iter().flat_map(|(_, series)| series.iter().copied())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_holds_every_documented_series_with_help_type_unit_and_bounded_labels() -> anyhow::Result<()>
{
    let hydrad =
        Place::seeded(2)?.flag("name", "alasybil").flag("metrics-compatibility", "true").serving(2).await?;
    let _connected = hydrad.stream(0).await?;
    let scrape = scrape(&hydrad).await?;
    let documented: BTreeSet<String> =
        series().chain(COMPATIBLE.iter().copied()).map(Series::family).collect();
    assert_eq!(scrape.0.keys().cloned().collect::<BTreeSet<_>>(), documented);
    for series in series().chain(COMPATIBLE.iter().copied()) {
        let family = &scrape.0[&series.family()];
        assert_eq!(family.help, series.help, "{}", series.stem);
        assert_eq!(family.unit, series.unit.name(), "{}", series.stem);
        for sample in &family.samples {
            let mut labels: BTreeSet<&str> = sample.labels.keys().map(String::as_str).collect();
            if series.kind == Kind::Histogram {
                labels.remove("le");
            }
            assert_eq!(labels, series.labels.iter().copied().collect(), "{sample:?}");
            ensure!(sample.value.is_finite() && sample.value >= 0.0, "{sample:?}");
            if sample.name.starts_with("hydrabooster_") {
                continue;
            }
            for (key, value) in &sample.labels {
                ensure!(LABELS.iter().any(|(known, _)| known == key), "{sample:?}");
                let secret = ["12D3", "Qm", "bafy", "/ip4/", "127.0.0.1", "rust-libp2p"];
                ensure!(value.len() <= 64 && !secret.iter().any(|word| value.contains(word)), "{sample:?}");
            }
        }
    }
    histograms_add_up(&scrape)?;
    // as the predecessor's dashboards ask
    assert_eq!(scrape.sum("hydrabooster_heads", &[("name", "alasybil")])?, 2.0);
    assert_eq!(scrape.sum("hydrabooster_connected_peers", &[])?, 1.0);
    let peer = hydrad.head(0).await?.peer_id;
    assert_eq!(scrape.sum("hydrabooster_bootstrapped_heads", &[("peer_id", &peer)])?, 1.0);
    Ok(())
}

fn histograms_add_up(scrape: &Scrape) -> anyhow::Result<()> {
    for (name, family) in scrape.0.iter().filter(|(_, family)| family.kind == "histogram") {
        let mut by_labels = BTreeMap::<_, Vec<(f64, f64)>>::new();
        for sample in family.samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
            let mut labels = sample.labels.clone();
            let le = labels.remove("le").context("le")?;
            let le = if le == "+Inf" { f64::INFINITY } else { le.parse()? };
            by_labels.entry(labels).or_default().push((le, sample.value));
        }
        ensure!(!by_labels.is_empty(), "{name} has no buckets");
        for (labels, buckets) in by_labels {
            ensure!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name} {labels:?}: {buckets:?}");
            let labels: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let (edge, all) = *buckets.last().context("a bucket")?;
            ensure!(
                edge.is_infinite() && all == scrape.sum(&format!("{name}_count"), &labels)?,
                "{name} {labels:?}"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_move_with_requests_and_say_what_hydractl_says() -> anyhow::Result<()> {
    let hydrad = Place::seeded(2)?.flag("prefetch-scope", "off").serving(2).await?;
    let before = scrape(&hydrad).await?;
    let answered = |rpc| [("rpc", rpc), ("outcome", "answered")];
    assert_eq!(before.sum("hydra_dht_requests_total", &[])?, 0.0);

    hydrad.announce(1, &fresh_keys(3), "/ip4/127.0.0.1/tcp/4321").await?;
    let (node, mut stream) = hydrad.stream(0).await?;
    for key in fresh_keys(5) {
        stream.ask(&Message::new(kind::GET_PROVIDERS, key)).await?;
    }
    ping(&mut stream).await?;
    // an empty key is refused by a reset
    stream.send(&Message::new(kind::FIND_NODE, Vec::new())).await?;
    eventually(PATIENCE, || async {
        let now = scrape(&hydrad).await?;
        ensure!(now.sum("hydra_dht_requests_total", &[("rpc", "FIND_NODE"), ("outcome", "refused")])? == 1.0);
        ensure!(now.sum("hydra_drops_total", &[("reason", "request_refused")])? == 1.0);
        Ok(())
    })
    .await?;
    let now = scrape(&hydrad).await?;
    assert_eq!(now.sum("hydra_dht_requests_total", &answered("ADD_PROVIDER"))?, 3.0);
    assert_eq!(now.sum("hydra_dht_requests_total", &answered("GET_PROVIDERS"))?, 5.0);
    assert_eq!(now.sum("hydra_dht_requests_total", &answered("PING"))?, 2.0);
    assert_eq!(now.sum("hydra_dht_requests_total", &answered("FIND_NODE"))?, 0.0);
    let times = "hydra_dht_request_duration_seconds";
    assert_eq!(now.sum(&format!("{times}_count"), &[("rpc", "GET_PROVIDERS")])?, 5.0);
    ensure!(now.sum(&format!("{times}_sum"), &[("rpc", "GET_PROVIDERS")])? > 0.0);
    ensure!(now.sum("hydra_belly_lookup_duration_seconds_count", &[])? >= 1.0);
    assert_eq!(now.sum("hydra_head_requests_total", &[("head", "1"), ("rpc", "ADD_PROVIDER")])?, 3.0);
    assert_eq!(now.sum("hydra_prefetch_misses_total", &[])?, 5.0);
    assert_eq!(now.sum("hydra_prefetch_outcomes_total", &[("outcome", "paused")])?, 5.0);
    ensure!(now.sum("hydra_handshakes_total", &[("direction", "in"), ("outcome", "opened")])? >= 2.0);
    let opened = now.sum("process_start_time_seconds", &[])?;
    drop(node);

    // the same from both doors, once nothing moves any more
    eventually(PATIENCE, || async {
        let (status, now) = (hydrad.json(&["status"]).await?, scrape(&hydrad).await?);
        let same = |name: &str, labels: &[(&str, &str)], told: &Value| {
            let (scraped, told) = (now.sum(name, labels)?, told.as_f64().context("no number")?);
            ensure!(scraped == told, "{name} {labels:?} is {scraped}, status says {told}");
            anyhow::Ok(())
        };
        same("hydra_heads", &[], &status["heads"])?;
        same("hydra_heads", &[("state", "serving")], &status["heads_serving"])?;
        same("hydra_routing_table_peers", &[], &status["peers_live"])?;
        same("hydra_peers_connected", &[], &status["peers_connected"])?;
        same("hydra_connections", &[("direction", "in")], &status["connections_in"])?;
        same("hydra_connections", &[("direction", "out")], &status["connections_out"])?;
        same("hydra_connections", &[("transport", "tcp")], &status["connections_tcp"])?;
        same("hydra_connections_limit", &[], &status["connections_limit"])?;
        same("hydra_record_providers", &[], &status["providers"])?;
        same("hydra_belly_disk_bytes", &[], &status["belly_bytes"])?;
        same("hydra_memory_limit_bytes", &[], &status["memory_limit_bytes"])?;
        same("hydra_files_limit", &[], &status["files_limit"])?;
        let records =
            now.sum("hydra_records", &[("kind", "near")])? + now.sum("hydra_records", &[("kind", "far")])?;
        ensure!(Some(records) == status["records"].as_f64() && records == 3.0, "{records} records");
        for drop in status["drops"].as_array().context("drops")? {
            let (reason, count) = (drop["reason"].as_str().context("reason")?, &drop["count"]);
            match reason.strip_prefix("belly_") {
                Some(reason) => same("hydra_belly_drops_total", &[("reason", reason)], count)?,
                None => same("hydra_drops_total", &[("reason", reason)], count)?,
            }
        }
        ensure!(now.sum("process_start_time_seconds", &[])? == opened);
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_heads_and_health_the_process() -> anyhow::Result<()> {
    let hydrad = Place::seeded(1)?.serving(1).await?;
    let door = door(&hydrad).await?;
    let ready = get(&door, "/readyz").await?;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready: 1 of 1 heads serve\n"));
    hydrad.hydractl(&["heads", "stop", "head-0"]).await?.good();
    let ready = get(&door, "/readyz").await?;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.reason()?, "not ready: warming");
    assert_eq!(get(&door, "/healthz").await?.status, 200);
    hydrad.hydractl(&["heads", "start", "head-0"]).await?.good();
    eventually(PATIENCE, || async {
        let ready = get(&door, "/readyz").await?;
        ensure!(ready.status == 200, "{ready:?}");
        Ok(())
    })
    .await?;
    assert_eq!(get(&door, "/debug/pprof/cmdline").await?.status, 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn others_than_this_machine_scrape_only_when_that_is_said_twice() -> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("metrics-listen", "0.0.0.0:0");
    let refused = place.refused().await?;
    ensure!(refused.code == Some(2) && refused.words.contains("metrics.expose"), "{}", refused.words);
    let hydrad = place.flag("expose-metrics", "true").serving(1).await?;
    let status = hydrad.status().await?;
    let door = status.doors.iter().find(|door| door.name == "metrics").context("no door")?;
    ensure!(door.exposed, "{door:?}");
    hydrad.stop().await?;
    let hydrad = Place::seeded(1)?.flag("metrics-listen", "off").serving(1).await?;
    ensure!(hydrad.status().await?.doors.iter().all(|door| door.name != "metrics"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_told_one_by_one_only_where_that_is_wanted() -> anyhow::Result<()> {
    let with = Place::seeded(2)?.serving(2).await?;
    assert_eq!(scrape(&with).await?.sum("hydra_head_serving", &[])?, 2.0);
    with.stop().await?;
    let without = Place::seeded(2)?.flag("metrics-per-head", "false").serving(2).await?;
    let scrape = scrape(&without).await?;
    ensure!(scrape.all().all(|sample| !sample.labels.contains_key("head")));
    ensure!(!scrape.0.keys().any(|name| name.starts_with("hydrabooster_")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hydractl_prints_and_writes_what_a_scrape_has_also_where_there_is_no_door() -> anyhow::Result<()> {
    let place = Place::seeded(1)?.flag("metrics-listen", "off");
    let hydrad = place.serving(1).await?;
    let said = hydrad.hydractl(&["metrics", "print"]).await?;
    let families = |text: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        lines.map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect::<BTreeSet<_>>()
    };
    let documented: BTreeSet<String> = series().map(Series::name).collect();
    assert_eq!(families(said.good()), documented);
    let file = place.dir().join("hydra.prom");
    let path = file.display().to_string();
    let said = hydrad.hydractl(&["metrics", "write", &path]).await?;
    ensure!(said.code == Some(0) && said.out.is_empty() && said.err.contains("hydra.prom"), "{said:?}");
    assert_eq!(families(&fs::read_to_string(&file)?), documented);
    let said = hydrad.hydractl(&["metrics", "write", "/nowhere/hydra.prom"]).await?;
    ensure!(said.code == Some(1) && said.err.contains("/nowhere/hydra.prom"), "{said:?}");
    Ok(())
}

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets")
}

fn dashboards() -> anyhow::Result<Vec<(PathBuf, Value)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(assets().join("grafana"))? {
        let path = entry?.path();
        found.push((path.clone(), serde_json::from_str(&fs::read_to_string(&path)?)?));
    }
    ensure!(found.len() == 2, "{} dashboards", found.len());
    Ok(found)
}

/// Every expression below a value.
fn expressions(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| expressions(item, out)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if key == "expr" || key == "query" => out.push(text.to_owned()),
                    _ => expressions(value, out),
                }
            }
        }
        _ => {}
    }
}

/// Names of series in an expression: words outside of quotes that are ours by their beginning.
fn asked(expression: &str) -> impl Iterator<Item = &str> {
    let outside = expression.split('"').step_by(2);
    let words =
        outside.flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c))));
    words.filter(|word| {
        ["hydra_", "process_", "instance"].iter().any(|own| word.starts_with(own)) && *word != "instance"
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_rules_and_alerts_ask_for_series_that_a_live_scrape_has() -> anyhow::Result<()> {
    let hydrad = Place::seeded(1)?.serving(1).await?;
    let mut names = scrape(&hydrad).await?.names();
    let rules = fs::read_to_string(assets().join("prometheus/rules.yml"))?;
    let alerts = fs::read_to_string(assets().join("prometheus/alerts.yml"))?;
    names.extend(rules.lines().filter_map(|line| Some(line.trim().strip_prefix("- record: ")?.to_owned())));
    let mut expressions_ = Vec::new();
    for (_, dashboard) in dashboards()? {
        expressions(&dashboard, &mut expressions_);
    }
    let lines = rules.lines().chain(alerts.lines()).map(str::trim);
    let told = |line: &&str| {
        !["#", "- record:", "- alert:", "summary:", "description:"].iter().any(|w| line.starts_with(w))
    };
    expressions_.extend(lines.filter(told).map(str::to_owned));
    let mut checked = 0;
    for expression in &expressions_ {
        for name in asked(expression) {
            // of recording rules, the words after the colon are no series of their own
            ensure!(names.contains(name), "{name} is in no scrape: {expression}");
            checked += 1;
        }
    }
    ensure!(checked > 100, "{checked} names found");
    for (code, grave) in CODES {
        let own = alerts.contains(&format!("hydra_warning_level{{code=\"{code}\"}} == 2"));
        ensure!(own == *grave, "{code}: an alert of its own: {own}, may be grave: {grave}");
    }
    Ok(())
}

#[test]
fn dashboards_can_be_imported_anywhere_and_are_kept_sorted() -> anyhow::Result<()> {
    for (path, dashboard) in dashboards()? {
        let text = fs::read_to_string(&path)?;
        // serde_json's maps are sorted
        ensure!(text == serde_json::to_string_pretty(&dashboard)? + "\n", "{} is not sorted", path.display());
        let uid = dashboard["uid"].as_str().unwrap_or_default();
        ensure!(uid == format!("hydra-{}", path.file_stem().unwrap_or_default().to_string_lossy()), "{uid}");
        ensure!(dashboard["schemaVersion"] == 39 && dashboard.get("id").is_none(), "{}", path.display());
        ensure!(dashboard["templating"]["list"][0]["name"] == "DS_PROMETHEUS", "{}", path.display());
        let panels = dashboard["panels"].as_array().context("panels")?;
        let mut ids = BTreeSet::new();
        for panel in panels {
            ensure!(ids.insert(panel["id"].as_u64()), "two panels have one id: {panel}");
            ensure!(panel["type"] == "row" || panel["datasource"]["uid"] == "${DS_PROMETHEUS}", "{panel}");
        }
    }
    Ok(())
}

/// Runs `promtool`; `None` where it is not installed.
fn promtool(args: &[&str], input: Option<&str>) -> anyhow::Result<Option<(bool, String)>> {
    use std::io::Write as _;
    use std::process::Stdio;
    let started = Command::new("promtool")
        .args(args)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skipped();
            return Ok(None);
        }
        child => child?,
    };
    let mut stdin = child.stdin.take().context("stdin")?;
    stdin.write_all(input.unwrap_or_default().as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok(Some((output.status.success(), String::from_utf8_lossy(&said).into_owned())))
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped() {
    eprintln!("SKIPPED: promtool is not installed (Debian: apt-get install prometheus)");
}

#[test]
fn prometheus_takes_the_configuration_and_every_alert_fires_when_it_should() -> anyhow::Result<()> {
    for args in [
        &["check", "config", "assets/prometheus/prometheus.yml"][..],
        &["check", "rules", "assets/prometheus/rules.yml", "assets/prometheus/alerts.yml"],
        &["test", "rules", "tests/fixtures/prometheus/alerts.test.yml"],
    ] {
        let Some((good, said)) = promtool(args, None)? else { return Ok(()) };
        ensure!(good, "promtool {args:?}: {said}");
    }
    let alerts = fs::read_to_string(assets().join("prometheus/alerts.yml"))?;
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/prometheus/alerts.test.yml");
    let tests = fs::read_to_string(tests)?;
    for name in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        ensure!(
            tests.matches(&format!("alertname: {name}\n")).count() == 2,
            "{name} is tested silent and firing"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn older_scrapers_get_the_older_format() -> anyhow::Result<()> {
    let hydrad = Place::seeded(1)?.serving(1).await?;
    let answer = ask(&hydrad, "text/plain").await?;
    ensure!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
    ensure!(!answer.body.contains("# EOF") && !answer.body.contains("# UNIT"));
    ensure!(answer.body.contains("# TYPE hydra_drops_total counter\n"));
    let Some((_, said)) = promtool(&["check", "metrics"], Some(&answer.body))? else { return Ok(()) };
    // it complains of counts that end in no unit, not of the format
    ensure!(!said.contains("error while linting"), "{said}");
    Ok(())
}
