//! A delegated router as an operator writes it: an address, and whether askers wait for it.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// What clients append themselves; operators often copy it too.
const API: &str = "/routing/v1";

/// Longest address, in bytes: it is shown in tables and written into records.
const MAX_URL: usize = 256;

/// One router, such as `https://cid.contact` or `inline http://127.0.0.1:8190`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// Without a slash at its end.
    base: String,
    /// Askers wait for it, for a little while.
    pub inline: bool,
}

impl Router {
    /// What `/routing/v1` comes after.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
}

impl fmt::Display for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl FromStr for Router {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (inline, address) = match text.trim().split_once(char::is_whitespace) {
            Some(("inline", address)) => (true, address.trim_start()),
            Some(("background", address)) => (false, address.trim_start()),
            Some(_) => return Err("begins with neither inline nor background".to_owned()),
            None => (false, text.trim()),
        };
        let url = Url::parse(address).map_err(|error| format!("is no URL: {error}"))?;
        let fault = if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            "is no http:// or https:// URL"
        } else if !url.username().is_empty() || url.password().is_some() {
            "has a user name or password, which would be shown"
        } else if url.query().is_some() || url.fragment().is_some() {
            "has a query or a fragment"
        } else if address.len() > MAX_URL {
            "is too long"
        } else {
            let base = url.as_str().trim_end_matches('/');
            let base = base.strip_suffix(API).unwrap_or(base).trim_end_matches('/');
            return Ok(Self { base: base.to_owned(), inline });
        };
        Err(fault.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_is_an_address_and_whether_askers_wait() {
        for (text, base, inline) in [
            ("https://cid.contact", "https://cid.contact", false),
            ("https://cid.contact/", "https://cid.contact", false),
            ("inline http://127.0.0.1:8190", "http://127.0.0.1:8190", true),
            ("background  http://[::1]:8190/routing/v1/", "http://[::1]:8190", false),
            ("https://example.org/ipfs", "https://example.org/ipfs", false),
            ("HTTPS://Example.ORG:443", "https://example.org", false),
        ] {
            let router: Router = text.parse().expect(text);
            assert_eq!((router.base(), router.inline), (base, inline), "{text}");
        }
        for text in [
            "",
            "cid.contact",
            "ftp://cid.contact",
            "https://",
            "https://me:secret@cid.contact",
            "https://cid.contact?x=1",
            "https://cid.contact#x",
            "sometimes https://cid.contact",
            "inline",
            &format!("https://{}", "x".repeat(300)),
        ] {
            text.parse::<Router>().expect_err(text);
        }
    }
}
