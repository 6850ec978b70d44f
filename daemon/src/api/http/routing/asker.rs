//! Who asks, how much they may, and the headers that let web pages read every answer.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::{Config, Desk};
use crate::api::http::rates::{Rate, Rates};
use crate::api::http::{Client, Refusal};
use crate::telemetry::{Drop as Reason, drops};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Seconds' worth of requests, and of look-ups, that may come at once.
const BURST: f64 = 2.0;
const BURST_LOOKUPS: f64 = 5.0;

/// The client behind a request, as an extension of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker {
    ip: IpAddr,
    /// A program of this machine, which asks for itself.
    local: bool,
}

impl Asker {
    /// The peer of the connection. A proxy on this machine tells whom it asks for: what it
    /// appended last is its own word.
    fn of(client: Option<&Client>, headers: &HeaderMap) -> Self {
        let peer = client.map_or(Ipv4Addr::LOCALHOST.into(), |client| client.from.ip().to_canonical());
        let local = Self { ip: peer, local: peer.is_loopback() };
        if !local.local {
            return local;
        }
        let told = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|list| list.to_str().ok());
        let last =
            told.and_then(|list| list.rsplit(',').next()).and_then(|ip| ip.trim().parse::<IpAddr>().ok());
        last.map_or(local, |ip| Self { ip: ip.to_canonical(), local: false })
    }
}

/// What one client address may ask.
pub(super) struct Limits {
    requests: Option<Rates>,
    lookups: Rates,
}

impl Limits {
    pub(super) fn new(config: Config) -> Self {
        let rates = |per_second: u32, burst: f64| {
            let per_second = f64::from(per_second);
            Rates::new(Rate { per_second, burst: (per_second * burst).max(1.0) })
        };
        let requests = config.requests_per_second;
        Self {
            requests: (requests > 0).then(|| rates(requests, BURST)),
            lookups: rates(config.lookups_per_second.max(1), BURST_LOOKUPS),
        }
    }

    fn request(&self, asker: Asker) -> Result<(), Refusal> {
        match &self.requests {
            Some(rates) if !asker.local => take(rates, asker, "requests"),
            _ => Ok(()),
        }
    }

    /// Look-ups cost others something: programs of this machine have no more of them.
    pub(super) fn lookup(&self, asker: Asker) -> Result<(), Refusal> {
        take(&self.lookups, asker, "look-ups of what is not here")
    }
}

fn take(rates: &Rates, asker: Asker, what: &str) -> Result<(), Refusal> {
    rates.take(asker.ip, Instant::now()).map_err(|wait| {
        drops::count(Reason::RoutingRate);
        let reason = format!("more {what} from your address than one may make; ask more slowly");
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, reason).retry_after(wait.as_secs() + 1)
    })
}

/// Lets a request through that its client may make, and web pages of anyone read the answer.
pub(super) async fn admit(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let asker = Asker::of(request.extensions().get(), request.headers());
    let preflight = request.method() == Method::OPTIONS;
    let mut response = match desk.limits.request(asker) {
        Err(refusal) => refusal.into_response(),
        Ok(()) if preflight => StatusCode::NO_CONTENT.into_response(),
        Ok(()) => {
            request.extensions_mut().insert(asker);
            next.run(request).await
        }
    };
    allow(response.headers_mut(), preflight);
    response
}

/// Whatever is told here is told to everybody, and a record that is put is signed.
fn allow(headers: &mut HeaderMap, preflight: bool) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, PUT, OPTIONS"));
    if preflight {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Accept, Content-Type"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    } else {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Etag, Retry-After"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(peer: &str, forwarded: &[&str]) -> (String, bool) {
        let from = (peer.parse::<IpAddr>().expect("an address"), 1).into();
        let mut headers = HeaderMap::new();
        for list in forwarded {
            headers.append(FORWARDED_FOR, list.parse().expect("a header"));
        }
        let asker = Asker::of(Some(&Client { from, at: from }), &headers);
        (asker.ip.to_string(), asker.local)
    }

    #[test]
    fn a_proxy_on_this_machine_is_believed_and_nobody_else() {
        let is = |ip: &str, local| (ip.to_owned(), local);
        assert_eq!(asker("192.0.2.1", &["192.0.2.9"]), is("192.0.2.1", false));
        assert_eq!(asker("127.0.0.1", &[]), is("127.0.0.1", true));
        assert_eq!(asker("::ffff:127.0.0.1", &[]), is("127.0.0.1", true));
        assert_eq!(asker("::1", &["192.0.2.9"]), is("192.0.2.9", false));
        // what the client itself wrote comes before what the proxy adds
        assert_eq!(asker("127.0.0.1", &["10.0.0.1, 192.0.2.9"]), is("192.0.2.9", false));
        assert_eq!(asker("127.0.0.1", &["10.0.0.1", "2001:db8::1"]), is("2001:db8::1", false));
        assert_eq!(asker("127.0.0.1", &["nonsense"]), is("127.0.0.1", true));
    }
}
