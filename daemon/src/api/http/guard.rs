//! Whom a door answers by the names in a request: a web page in a browser on this machine can
//! send requests to loopback, by its own name that it lets point there (DNS rebinding) or from
//! its own origin. Neither is answered.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, StatusCode, Version};

use crate::api::http::Refusal;

/// Web pages that may use a door.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origins {
    /// Those that come from the door itself.
    #[default]
    Same,
    /// Also these, such as `https://explore.example`.
    Listed(Vec<String>),
    /// All: for doors that only read and that tell everybody the same.
    Any,
}

/// What a door lets in.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    /// Names by which the door is reached, in lower case, besides addresses and `localhost`.
    pub(super) hosts: Vec<String>,
    pub(super) origins: Origins,
    /// Of the setting that holds `hosts`, for the reason.
    pub(super) hosts_setting: &'static str,
}

impl Guard {
    /// Lets a request through that came in at `local`.
    pub(super) fn check<B>(&self, request: &Request<B>, local: IpAddr) -> Result<(), Refusal> {
        let named = host(request.headers())?;
        if named.is_none() && request.uri().authority().is_none() && request.version() == Version::HTTP_11 {
            return Err(Refusal::bad_request("HTTP/1.1 needs a Host header"));
        }
        let authority = request.uri().authority().cloned();
        for name in [&authority, &named].into_iter().flatten() {
            self.check_host(name.host(), local)?;
        }
        self.check_origin(request.headers(), authority.or(named).as_ref())
    }

    fn check_host(&self, host: &str, local: IpAddr) -> Result<(), Refusal> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let known = match bare.parse::<IpAddr>() {
            // an address cannot be made to point elsewhere
            Ok(ip) => ip.to_canonical().is_loopback() || !local.to_canonical().is_loopback(),
            Err(_) => {
                let name = bare.trim_end_matches('.').to_ascii_lowercase();
                name == "localhost" || self.hosts.contains(&name)
            }
        };
        if known {
            return Ok(());
        }
        let text = format!(
            "Host is {host:?}, which is no name of this hydra; ask by address or localhost, or name it in {}",
            self.hosts_setting
        );
        Err(Refusal::new(StatusCode::FORBIDDEN, text))
    }

    fn check_origin(&self, headers: &HeaderMap, own: Option<&Authority>) -> Result<(), Refusal> {
        let listed = match &self.origins {
            Origins::Any => return Ok(()),
            Origins::Same => &[][..],
            Origins::Listed(listed) => listed,
        };
        for origin in headers.get_all(ORIGIN) {
            let text = origin.to_str().unwrap_or_default();
            let same = own.is_some_and(|own| {
                text.strip_prefix("http://").is_some_and(|it| it.eq_ignore_ascii_case(own.as_str()))
            });
            if !same && !listed.iter().any(|known| known.eq_ignore_ascii_case(text)) {
                let text = format!("Origin is {text:?}: web pages of others are not answered");
                return Err(Refusal::new(StatusCode::FORBIDDEN, text));
            }
        }
        Ok(())
    }
}

/// The one Host header.
fn host(headers: &HeaderMap) -> Result<Option<Authority>, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else { return Ok(None) };
    if hosts.next().is_some() {
        return Err(Refusal::bad_request("there is more than one Host header"));
    }
    let parsed = Authority::try_from(host.as_bytes());
    let parsed = parsed.map_err(|_| Refusal::bad_request("the Host header is no host"))?;
    if parsed.as_str().contains('@') {
        return Err(Refusal::bad_request("the Host header is no host"));
    }
    Ok(Some(parsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(origins: Origins) -> Guard {
        Guard { hosts: vec!["hydra.example".to_owned()], origins, hosts_setting: "http.hosts" }
    }

    fn status(guard: &Guard, local: &str, headers: &[(&str, &str)]) -> u16 {
        let request =
            headers.iter().fold(Request::builder().uri("/heads"), |r, (name, value)| r.header(*name, *value));
        let request = request.body(()).expect("a request");
        match guard.check(&request, local.parse().expect("an address")) {
            Ok(()) => 200,
            Err(refusal) => refusal.status().as_u16(),
        }
    }

    #[test]
    fn foreign_hosts_are_refused_and_own_names_are_not() {
        let guard = guard(Origins::Same);
        for (host, at_loopback, at_lan) in [
            ("127.0.0.1:7779", 200, 200),
            ("localhost", 200, 200),
            ("LocalHost.:80", 200, 200),
            ("[::1]:7779", 200, 200),
            ("hydra.example:1", 200, 200),
            ("192.0.2.7:7779", 403, 200),
            ("evil.example", 403, 403),
            ("localhost.evil.example", 403, 403),
            ("127.0.0.1.evil.example", 403, 403),
            ("user@localhost", 400, 400),
            ("a b", 400, 400),
            ("", 400, 400),
        ] {
            assert_eq!(status(&guard, "127.0.0.1", &[("host", host)]), at_loopback, "{host}");
            assert_eq!(status(&guard, "192.0.2.7", &[("host", host)]), at_lan, "{host}");
        }
        assert_eq!(status(&guard, "127.0.0.1", &[]), 400);
        assert_eq!(status(&guard, "127.0.0.1", &[("host", "localhost"), ("host", "localhost")]), 400);
    }

    #[test]
    fn a_name_in_the_request_line_counts_as_much_as_the_header() {
        let request = Request::builder().uri("http://evil.example/heads").header("host", "localhost");
        let request = request.body(()).expect("a request");
        let refused =
            guard(Origins::Same).check(&request, IpAddr::from([127, 0, 0, 1])).expect_err("foreign");
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    }

    #[test]
    fn pages_of_others_are_refused_unless_they_are_listed() {
        let with = |origins: Origins, origin| {
            status(&guard(origins), "127.0.0.1", &[("host", "localhost:7779"), ("origin", origin)])
        };
        assert_eq!(with(Origins::Same, "http://localhost:7779"), 200);
        for origin in ["http://evil.example", "https://localhost:7779", "http://localhost:80", "null", ""] {
            assert_eq!(with(Origins::Same, origin), 403, "{origin}");
            assert_eq!(with(Origins::Any, origin), 200, "{origin}");
        }
        let listed = Origins::Listed(vec!["https://explore.example".to_owned()]);
        assert_eq!(with(listed.clone(), "https://explore.example"), 200);
        assert_eq!(with(listed, "https://other.example"), 403);
    }
}
