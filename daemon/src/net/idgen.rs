//! Ids from another hydra over HTTP: the client of `/idgen/`.
//!
//! Works against hydra-booster's server, too, which knows neither tokens nor leases. Must not
//! keep keys: who asked does.

use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use jiff::Timestamp;
use libp2p::PeerId;
use libp2p::identity::Keypair;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};

/// One request may take this long.
const DEADLINE: Duration = Duration::from_secs(10);

/// A server that does not answer, or is busy, is asked again after these times: together they
/// outlast its restart.
const AGAIN: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// Ids of one renewal: what the server takes in one body.
pub const MAX_RENEWED: usize = 1000;

/// The header with the name of a lease.
const LEASE: &str = "hydra-lease";

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// The server of ids.
#[derive(Clone)]
pub struct Idgen {
    client: Client,
    base: String,
    token: Option<String>,
}

/// No id was got, or none given back.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdgenError {
    #[error("the idgen server {at} (identity.idgen) does not answer: {why}")]
    Unreachable { at: String, why: String },
    #[error("the idgen server {at} (identity.idgen) refused with {status}: {why}")]
    Refused { at: String, status: u16, why: String },
    #[error("the idgen server {at} (identity.idgen) sent what is no Ed25519 private key")]
    NoKey { at: String },
    #[error("set up the client of identity.idgen: {0}")]
    Setup(String),
}

/// What a renewal came to.
#[derive(Debug, Clone, Default)]
pub struct Renewal {
    /// Peer ids that are not leased to us, as the server wrote them.
    pub unknown: Vec<String>,
    pub expires: Option<SystemTime>,
}

#[derive(serde::Deserialize)]
struct Renewed {
    #[serde(rename = "Unknown", default)]
    unknown: Vec<String>,
    #[serde(rename = "Expires", default)]
    expires: String,
}

impl Idgen {
    /// A client of the server at a base address such as `http://10.0.0.1:7779`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(base: &str, token: Option<String>) -> Result<Self, IdgenError> {
        let client = Client::builder().timeout(DEADLINE).redirect(Policy::none()).build();
        let client = client.map_err(|error| IdgenError::Setup(error.to_string()))?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), token })
    }

    /// The server.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.base
    }

    /// Gets a new id, and the name of its lease: empty when the server knows none.
    ///
    /// # Errors
    /// When the server does not answer after several tries, refuses, or sends no key.
    pub async fn add(&self) -> Result<(Keypair, String), IdgenError> {
        let (body, lease) = self.patiently("add", "", StatusCode::OK).await?;
        let no_key = || IdgenError::NoKey { at: self.base.clone() };
        let text: String = serde_json::from_slice(&body).map_err(|_| no_key())?;
        let bytes = BASE64.decode(text.trim().as_bytes()).map_err(|_| no_key())?;
        Keypair::from_protobuf_encoding(&bytes).map(|key| (key, lease)).map_err(|_| no_key())
    }

    /// Gives an id back by its private key's protobuf: the lease of that name.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub async fn remove(&self, key: &[u8], lease: &str) -> Result<(), IdgenError> {
        let body = serde_json::Value::from(BASE64.encode(key)).to_string();
        let request = self.request("remove", body);
        let request = if lease.is_empty() { request } else { request.header(LEASE, lease) };
        self.send(request, StatusCode::NO_CONTENT).await.map(drop)
    }

    /// Renews leases.
    ///
    /// # Errors
    /// When the server does not answer, or refuses: hydra-booster's with 404.
    pub async fn renew(&self, named: &[(PeerId, String)]) -> Result<Renewal, IdgenError> {
        let mut all = Renewal::default();
        for some in named.chunks(MAX_RENEWED) {
            let renewal = self.renew_some(some).await?;
            all.unknown.extend(renewal.unknown);
            // the first to run out counts
            all.expires = all.expires.into_iter().chain(renewal.expires).min();
        }
        Ok(all)
    }

    async fn renew_some(&self, named: &[(PeerId, String)]) -> Result<Renewal, IdgenError> {
        let ids: serde_json::Map<String, serde_json::Value> =
            named.iter().map(|(peer, lease)| (peer.to_base58(), lease.as_str().into())).collect();
        let request = self.request("renew", serde_json::Value::from(ids).to_string());
        let (body, _) = self.send(request, StatusCode::OK).await?;
        let renewed: Renewed = serde_json::from_slice(&body).map_err(|error| IdgenError::Refused {
            at: self.base.clone(),
            status: 200,
            why: format!("no renewal: {error}"),
        })?;
        let expires = renewed.expires.parse::<Timestamp>().ok().map(SystemTime::from);
        Ok(Renewal { unknown: renewed.unknown, expires })
    }

    /// Asks until it is answered, or there is no hope.
    async fn patiently(
        &self,
        path: &str,
        body: &str,
        wanted: StatusCode,
    ) -> Result<(Vec<u8>, String), IdgenError> {
        for wait in AGAIN {
            match self.send(self.request(path, body.to_owned()), wanted).await {
                Err(IdgenError::Unreachable { .. }) => {}
                Err(IdgenError::Refused { status: 429 | 500..=599, .. }) => {}
                answer => return answer,
            }
            tracing::info!(at = self.base, "the idgen server is asked again in {} ms", wait.as_millis());
            tokio::time::sleep(wait).await;
        }
        self.send(self.request(path, body.to_owned()), wanted).await
    }

    fn request(&self, path: &str, body: String) -> RequestBuilder {
        let request = self.client.post(format!("{}/idgen/{path}", self.base));
        self.with_token(request).header("content-type", "application/json").body(body)
    }

    /// The body of an answer, and the lease that it names.
    async fn send(
        &self,
        request: RequestBuilder,
        wanted: StatusCode,
    ) -> Result<(Vec<u8>, String), IdgenError> {
        let unreachable =
            |error: reqwest::Error| IdgenError::Unreachable { at: self.base.clone(), why: causes(&error) };
        let mut answer = request.send().await.map_err(unreachable)?;
        let lease = answer.headers().get(LEASE).and_then(|name| name.to_str().ok());
        let lease = lease.unwrap_or_default().to_owned();
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + piece.len() > MAX_ANSWER {
                let why = format!("an answer of more than {MAX_ANSWER} bytes");
                return Err(IdgenError::Refused {
                    at: self.base.clone(),
                    status: answer.status().as_u16(),
                    why,
                });
            }
            body.extend_from_slice(&piece);
        }
        if answer.status() == wanted {
            return Ok((body, lease));
        }
        let said = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let why = said.and_then(|said| said["error"].as_str().map(str::to_owned));
        let why = why.unwrap_or_else(|| "without a reason".to_owned());
        Err(IdgenError::Refused { at: self.base.clone(), status: answer.status().as_u16(), why })
    }

    fn with_token(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// An error with what it came from: reqwest's own words leave that out.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
