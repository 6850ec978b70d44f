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

    /// Gets a new id.
    ///
    /// # Errors
    /// When the server does not answer after several tries, refuses, or sends no key.
    pub async fn add(&self) -> Result<Keypair, IdgenError> {
        let body = self.patiently("add", "", StatusCode::OK).await?;
        let no_key = || IdgenError::NoKey { at: self.base.clone() };
        let text: String = serde_json::from_slice(&body).map_err(|_| no_key())?;
        let bytes = BASE64.decode(text.trim().as_bytes()).map_err(|_| no_key())?;
        Keypair::from_protobuf_encoding(&bytes).map_err(|_| no_key())
    }

    /// Gives an id back.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    pub async fn remove(&self, key: &Keypair) -> Result<(), IdgenError> {
        let bytes = key.to_protobuf_encoding().map_err(|_| IdgenError::NoKey { at: self.base.clone() })?;
        let body = serde_json::Value::from(BASE64.encode(&bytes)).to_string();
        self.once("remove", body, StatusCode::NO_CONTENT).await.map(drop)
    }

    /// Renews leases.
    ///
    /// # Errors
    /// When the server does not answer, or refuses: hydra-booster's with 404.
    pub async fn renew(&self, peers: &[PeerId]) -> Result<Renewal, IdgenError> {
        let mut all = Renewal::default();
        for some in peers.chunks(MAX_RENEWED) {
            let renewal = self.renew_some(some).await?;
            all.unknown.extend(renewal.unknown);
            // the first to run out counts
            all.expires = all.expires.into_iter().chain(renewal.expires).min();
        }
        Ok(all)
    }

    async fn renew_some(&self, peers: &[PeerId]) -> Result<Renewal, IdgenError> {
        let ids: Vec<String> = peers.iter().map(|peer| peer.to_base58()).collect();
        let body = self.once("renew", serde_json::Value::from(ids).to_string(), StatusCode::OK).await?;
        let renewed: Renewed = serde_json::from_slice(&body).map_err(|error| IdgenError::Refused {
            at: self.base.clone(),
            status: 200,
            why: format!("no renewal: {error}"),
        })?;
        let expires = renewed.expires.parse::<Timestamp>().ok().map(SystemTime::from);
        Ok(Renewal { unknown: renewed.unknown, expires })
    }

    /// Asks until it is answered, or there is no hope.
    async fn patiently(&self, path: &str, body: &str, wanted: StatusCode) -> Result<Vec<u8>, IdgenError> {
        for wait in AGAIN {
            match self.once(path, body.to_owned(), wanted).await {
                Err(IdgenError::Unreachable { .. }) => {}
                Err(IdgenError::Refused { status: 429 | 500..=599, .. }) => {}
                answer => return answer,
            }
            tracing::info!(at = self.base, "the idgen server is asked again in {} ms", wait.as_millis());
            tokio::time::sleep(wait).await;
        }
        self.once(path, body.to_owned(), wanted).await
    }

    async fn once(&self, path: &str, body: String, wanted: StatusCode) -> Result<Vec<u8>, IdgenError> {
        let request = self.client.post(format!("{}/idgen/{path}", self.base));
        let request = request.header("content-type", "application/json").body(body);
        let unreachable =
            |error: reqwest::Error| IdgenError::Unreachable { at: self.base.clone(), why: causes(&error) };
        let mut answer = self.with_token(request).send().await.map_err(unreachable)?;
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
            return Ok(body);
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
