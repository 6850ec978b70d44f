//! The secret that key material is handed out for: made at the first start, kept in a file
//! that only this user reads.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use sha2::{Digest as _, Sha256};

use super::Refusal;

/// Bytes of a new token.
const BYTES: usize = 24;

/// The shortest and the longest that an operator may choose, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 16..=256;

/// The token cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{operation} the token {} (http.token_file): {reason}", path.display())]
pub struct TokenError {
    operation: &'static str,
    path: PathBuf,
    reason: String,
}

/// What a client must know. Never shown.
#[derive(Clone)]
pub struct Token {
    /// Compared instead of the token, so that the time it takes tells nothing.
    digest: [u8; 32],
    /// Of its file, without the directory.
    name: Arc<str>,
}

impl Token {
    /// Reads the token, or makes one. Blocks: it is called once, at the start.
    ///
    /// # Errors
    /// A file that cannot be read or made, that others may read, or that holds no token.
    pub fn load(path: &Path) -> Result<Self, TokenError> {
        let failed = |operation, reason| TokenError { operation, path: path.to_owned(), reason };
        let text = match fs::read_to_string(path) {
            Ok(text) => {
                let mode = fs::metadata(path).map(|found| found.mode() & 0o777).unwrap_or(0);
                if mode & 0o007 != 0 {
                    return Err(failed(
                        "use",
                        format!("everyone may read it (mode {mode:04o}); chmod 0600 it"),
                    ));
                }
                text
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(path).map_err(|error| failed("make", error.to_string()))?
            }
            Err(error) => return Err(failed("read", error.to_string())),
        };
        let text = text.trim();
        if !LENGTH.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let reason = "it is not 16 to 256 plain characters; remove it and a new one is made";
            return Err(failed("use", reason.to_owned()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self { digest: digest(text.as_bytes()), name: name.into() })
    }

    /// Lets a request through that has the token: as `Bearer`, or as the password of `Basic`,
    /// which is how the predecessor sends `http://any:TOKEN@host`.
    ///
    /// # Errors
    /// 401 with what to send.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(given);
        match given {
            Some(given) if digest(&given) == self.digest => Ok(()),
            given => {
                let what = if given.is_some() { "that is not the token" } else { "it takes the token" };
                // the name alone: where our files lie is nobody's business
                let text = format!(
                    "{what}: send Authorization: Bearer TOKEN (curl -u :TOKEN); it stands in the server's {} (http.token_file)",
                    self.name
                );
                Err(Refusal::new(StatusCode::UNAUTHORIZED, text))
            }
        }
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn given(header: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let both = BASE64.decode(rest.trim().as_bytes()).ok()?;
    let colon = both.iter().position(|byte| *byte == b':')?;
    both.get(colon + 1..).map(<[u8]>::to_vec)
}

fn make(path: &Path) -> io::Result<String> {
    let text = BASE64URL_NOPAD.encode(&rand::random::<[u8; BYTES]>());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    tracing::info!(path = %path.display(), "a token for /idgen/ was made");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn allowed(token: &Token, header: &str) -> bool {
        let value = HeaderValue::try_from(header).expect("a header");
        token.check(&HeaderMap::from_iter([(AUTHORIZATION, value)])).is_ok()
    }

    #[test]
    fn a_token_is_made_once_and_only_its_holder_is_let_in() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        let token = Token::load(&path).expect("made");
        let text = fs::read_to_string(&path).expect("written");
        let text = text.trim();
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        for good in [
            format!("Bearer {text}"),
            format!("bearer {text}"),
            format!("Basic {}", BASE64.encode(format!("anyone:{text}").as_bytes())),
        ] {
            assert!(allowed(&token, &good), "{good}");
            assert!(allowed(&Token::load(&path).expect("read again"), &good));
        }
        for bad in ["", "Bearer", "Bearer ", "Bearer x", "Basic !!", &format!("Digest {text}"), text] {
            assert!(!allowed(&token, bad), "{bad}");
        }
        token.check(&HeaderMap::new()).expect_err("no token");
    }

    #[test]
    fn a_file_that_is_no_secret_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token");
        fs::write(&path, "0123456789abcdef").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        assert!(Token::load(&path).err().expect("open to all").to_string().contains("chmod 0600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        Token::load(&path).map(drop).expect("good");
        fs::write(&path, "short").expect("written");
        assert!(Token::load(&path).is_err());
    }
}
