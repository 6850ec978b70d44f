//! Ids from another hydra: whom to ask, and with which token.

use std::path::Path;

use super::error::Problem;
use super::file;
use super::fill::Fill;
use super::surroundings::Surroundings;

/// Whom to ask for ids.
#[derive(Clone)]
pub struct IdgenConfig {
    /// Without a slash at the end.
    pub address: String,
    pub token: Option<String>,
}

impl std::fmt::Debug for IdgenConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdgenConfig({})", self.address)
    }
}

impl Fill {
    /// `Some(None)` when the ids come from a seed.
    pub(super) fn idgen(&mut self, at: &Surroundings) -> Option<Option<IdgenConfig>> {
        let (key, token_key) = ("identity.idgen", "identity.idgen_token_file");
        let address = self.one(key, address)?;
        let path = self.one(token_key, |text| Ok::<_, String>(text.to_owned()))?;
        if address.is_empty() {
            return Some(None);
        }
        for seed in ["identity.seed", "identity.seed_file"] {
            if self.is_given(seed) {
                let text = format!("there is also {seed} in {}; give one of them", self.top(seed).origin);
                self.problems.push(Problem::at(key, &self.top(key).origin, text));
                return None;
            }
        }
        let token = if path.is_empty() { None } else { Some(self.token(token_key, &path, at)?) };
        Some(Some(IdgenConfig { address, token }))
    }

    fn token(&mut self, key: &'static str, path: &str, at: &Surroundings) -> Option<String> {
        let read = file::text(&at.real(Path::new(path))).map(|text| text.trim().to_owned());
        let token = read.and_then(|token| match token.bytes().all(|byte| byte.is_ascii_graphic()) {
            true if !token.is_empty() => Ok(token),
            _ => Err("holds no token".to_owned()),
        });
        let problem = |why: String| Problem::at(key, &self.top(key).origin, format!("{path} {why}"));
        token.map_err(problem).map_err(|problem| self.problems.push(problem)).ok()
    }
}

/// An address as hydra-booster took it.
fn address(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match host {
        _ if text.is_empty() => Ok(String::new()),
        None => Err("does not begin with http:// or https://".to_owned()),
        // everyone on the machine could read a token there
        Some(host) if host.contains('@') => Err("names a user: the token belongs into a file".to_owned()),
        Some(host) if host.is_empty() || host.contains(['?', '#', ' ']) => Err("is no address".to_owned()),
        Some(_) => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_bases_without_secrets() {
        assert_eq!(address("http://10.0.0.1:7779/").as_deref(), Ok("http://10.0.0.1:7779"));
        assert_eq!(address("").as_deref(), Ok(""));
        for wrong in ["10.0.0.1:7779", "http://", "ftp://x", "http://a:b@c", "http://x?y", "http://a b"] {
            address(wrong).expect_err(wrong);
        }
    }
}
