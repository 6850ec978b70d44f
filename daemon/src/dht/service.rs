//! The six requests, dispatched and bounded.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::belly::Belly;
use crate::dht::{Local, Misses, add_provider, find_node, get_providers, values};
use crate::limits::TokenBucket;
use crate::routing::contacts::{Contact, Contacts};
use crate::routing::policy::AddressPolicy;
use crate::routing::table::Table;
use crate::telemetry::{Drop as Reason, Requests, SeenBy};
use crate::wire::bounds::{MAX_MESSAGE, REPLY_MAX, REPLY_MAX_RUST};
use crate::wire::{Frame, Kind, Message};

/// Settings of the service.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// What is stored and handed out.
    pub policy: AddressPolicy,
    /// Largest reply, in bytes.
    pub reply_max: usize,
    /// Value records checked a second; a check costs 50 to 200 µs.
    pub validations_per_second: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { policy: AddressPolicy::Public, reply_max: REPLY_MAX, validations_per_second: 1000.0 }
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Served {
    Reply(Frame),
    /// Taken in; this kind has no reply.
    Silent,
    /// The stream is reset: the protocol has no error reply.
    Reset(Reason),
}

/// The DHT service of all heads.
pub struct Service {
    pub(super) config: Config,
    pub(super) belly: Arc<dyn Belly>,
    pub(super) table: Arc<Table>,
    pub(super) contacts: Arc<Contacts>,
    pub(super) validations: TokenBucket,
    /// What became of the requests of all heads; written where streams are served.
    pub requests: Requests,
    /// Where keys go that nobody here provides; without it nobody is told.
    pub(super) misses: Option<Arc<Misses>>,
    /// One PUT_VALUE at a time compares and stores under a key.
    pub(super) puts: [Mutex<()>; 16],
}

impl Service {
    #[must_use]
    pub fn new(config: Config, belly: Arc<dyn Belly>, table: Arc<Table>, contacts: Arc<Contacts>) -> Self {
        let rate = config.validations_per_second;
        Self {
            config: Config { reply_max: config.reply_max.min(MAX_MESSAGE), ..config },
            belly,
            table,
            contacts,
            validations: TokenBucket::new(rate, rate.max(1.0)),
            requests: Requests::default(),
            misses: None,
            puts: [const { Mutex::const_new(()) }; 16],
        }
    }

    /// Tells of each GET_PROVIDERS that finds nothing.
    #[must_use]
    pub fn with_misses(mut self, misses: Arc<Misses>) -> Self {
        self.misses = Some(misses);
        self
    }

    /// Answers one request that `from` sent to the head `to`.
    pub async fn handle(&self, to: &Local, from: &Contact, request: Message<'_>) -> Served {
        let Some(kind) = request.kind else { return Served::Reset(Reason::MessageInvalid) };
        self.contacts.unique.seen(SeenBy::Request, &from.key.0);
        match kind {
            Kind::FindNode => find_node::handle(self, to, from, &request).await,
            Kind::GetProviders => get_providers::handle(self, to, from, &request).await,
            Kind::AddProvider => add_provider::handle(self, to, from, &request),
            Kind::GetValue => values::get(self, to, from, &request).await,
            Kind::PutValue => values::put(self, &request).await,
            Kind::Ping => Served::Reply(crate::wire::Reply::of(&request.echo()).into_frame()),
        }
    }

    /// Bytes that a reply to this peer may have.
    pub(super) fn reply_max(&self, from: &Contact) -> usize {
        if from.small_replies() { self.config.reply_max.min(REPLY_MAX_RUST) } else { self.config.reply_max }
    }
}
