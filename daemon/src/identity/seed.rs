//! The seed: 32 bytes from which all heads' keys follow.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

/// Length of a seed in bytes.
pub const SEED_BYTES: usize = 32;

/// The secret of a hydra. `Debug` does not show it and there is no `Display`: only
/// [`Seed::to_base64`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; SEED_BYTES]);

/// What stood around a seed and was left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Something stood before it.
    pub leading: bool,
    /// Something other than one newline stood after it.
    pub trailing: bool,
    /// One newline stood after it, as `echo` and editors leave it.
    pub newline: bool,
}

/// Why a text is not a seed. It tells lengths and positions, never the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    #[error("it is empty; a seed is 32 bytes, 44 characters of base64")]
    Empty,
    #[error("{characters} characters are {bytes} bytes; a seed is 32, 44 of base64")]
    Length { characters: usize, bytes: usize },
    #[error(
        "character {position} of {characters} is not base64 (A–Z a–z 0–9 + /, or - _ in their place, and = at the end)"
    )]
    NotBase64 { position: usize, characters: usize },
    #[error("{characters} characters are no whole base64; a seed is 32 bytes, 44 characters of base64")]
    Broken { characters: usize },
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

impl Seed {
    /// A new seed from the operating system's random numbers.
    ///
    /// # Errors
    /// [`SeedError::NoRandomness`] when the system has none.
    pub fn generate() -> Result<Self, SeedError> {
        let mut bytes = [0; SEED_BYTES];
        SysRng.try_fill_bytes(&mut bytes).map_err(|_| SeedError::NoRandomness)?;
        Ok(Self(bytes))
    }

    #[must_use]
    pub fn from_bytes(bytes: [u8; SEED_BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads base64 of the standard or URL alphabet, with or without padding. White space,
    /// newlines and NULs around it are left out; the second value says which.
    ///
    /// # Errors
    /// [`SeedError`] counts characters and bytes.
    pub fn parse(text: &str) -> Result<(Self, Trimmed), SeedError> {
        let (seed, trimmed) = Self::trim(text);
        if seed.is_empty() {
            return Err(SeedError::Empty);
        }
        Ok((Self::decode(seed)?, trimmed))
    }

    /// The text without what [`Seed::parse`] leaves out, and what that was.
    #[must_use]
    pub fn trim(text: &str) -> (&str, Trimmed) {
        let outside = |c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}';
        let body = text.trim_start_matches(outside);
        let seed = body.trim_end_matches(outside);
        let tail = &body[seed.len()..];
        let newline = matches!(tail, "\n" | "\r\n");
        let leading = body.len() != text.len();
        (seed, Trimmed { leading, trailing: !tail.is_empty() && !newline, newline })
    }

    fn decode(text: &str) -> Result<Self, SeedError> {
        let characters = text.chars().count();
        let url = text.contains(['-', '_']);
        let encoding = match (url, text.ends_with('=')) {
            (false, true) => BASE64,
            (false, false) => BASE64_NOPAD,
            (true, true) => BASE64URL,
            (true, false) => BASE64URL_NOPAD,
        };
        let strange = |c: char| !(c.is_ascii_alphanumeric() || "+/-_=".contains(c));
        if let Some(at) = text.chars().position(strange) {
            return Err(SeedError::NotBase64 { position: at + 1, characters });
        }
        let bytes = encoding.decode(text.as_bytes()).map_err(|_| {
            // A wrong count is the likelier slip: say how many bytes the characters stand for.
            let digits = text.trim_end_matches('=').len();
            let bytes = digits * 6 / 8;
            if bytes == SEED_BYTES {
                SeedError::Broken { characters }
            } else {
                SeedError::Length { characters, bytes }
            }
        })?;
        let length = bytes.len();
        let bytes = bytes.try_into().map_err(|_| SeedError::Length { characters, bytes: length })?;
        Ok(Self(bytes))
    }

    /// The secret itself, as `hydrad seed new` prints it: standard alphabet, padded.
    #[must_use]
    pub fn to_base64(&self) -> String {
        BASE64.encode(&self.0)
    }

    /// The secret bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; SEED_BYTES] {
        &self.0
    }

    /// Sixteen hex digits that tell seeds apart and do not give them away: a hash of all 256
    /// bits under a name of its own.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::new().chain_update(b"hydrad seed fingerprint\0").chain_update(self.0).finalize();
        data_encoding::HEXLOWER.encode(&digest[..8])
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(secret, 32 bytes)")
    }
}

impl fmt::Display for Trimmed {
    /// Such as "trailing newline trimmed"; empty when nothing was.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.leading, self.trailing, self.newline) {
            (false, false, false) => Ok(()),
            (false, false, true) => f.write_str("trailing newline trimmed"),
            (false, true, _) => f.write_str("trailing white space trimmed"),
            (true, false, false) => f.write_str("leading white space trimmed"),
            (true, _, _) => f.write_str("leading and trailing white space trimmed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "hjHT+Yq82BHSWwa1wZDAX/O/JkWDX3Y6xTHRIk+XbFY=";

    fn parse(text: &str) -> Result<Seed, SeedError> {
        Seed::parse(text).map(|(seed, _)| seed)
    }

    #[test]
    fn both_alphabets_with_and_without_padding_are_the_same_seed() {
        let expected = parse(TEXT).expect("a good seed");
        let url = TEXT.replace('+', "-").replace('/', "_");
        for text in [TEXT.trim_end_matches('='), &url, url.trim_end_matches('=')] {
            assert_eq!(parse(text).expect("a good seed").as_bytes(), expected.as_bytes(), "{text}");
        }
        assert_eq!(expected.to_base64(), TEXT);
    }

    #[test]
    fn white_space_newlines_and_nuls_around_a_seed_are_trimmed_and_said() {
        for (text, said) in [
            (TEXT.to_owned(), ""),
            (format!("{TEXT}\n"), "trailing newline trimmed"),
            (format!("{TEXT}\r\n"), "trailing newline trimmed"),
            (format!("{TEXT}\0"), "trailing white space trimmed"),
            (format!(" {TEXT}"), "leading white space trimmed"),
            (format!("\t{TEXT} \n\0"), "leading and trailing white space trimmed"),
        ] {
            let (seed, trimmed) = Seed::parse(&text).expect("a good seed");
            assert_eq!(seed.to_base64(), TEXT);
            assert_eq!(trimmed.to_string(), said, "{text:?}");
        }
    }

    #[test]
    fn errors_count_characters_and_bytes_and_never_show_the_text() {
        let message = |text: &str| parse(text).expect_err("a bad seed").to_string();
        let encoded = |bytes: usize| BASE64.encode(&vec![0x5a; bytes]);
        assert_eq!(message(&encoded(30)), "40 characters are 30 bytes; a seed is 32, 44 of base64");
        assert_eq!(message(&encoded(31)), "44 characters are 31 bytes; a seed is 32, 44 of base64");
        assert_eq!(message(&encoded(33)), "44 characters are 33 bytes; a seed is 32, 44 of base64");
        assert_eq!(message("Wlpa!lpa"), SeedError::NotBase64 { position: 5, characters: 8 }.to_string());
        assert_eq!(message(" \n"), SeedError::Empty.to_string());
        assert_eq!(message("Wlpaa"), "5 characters are 3 bytes; a seed is 32, 44 of base64");
        // Bits left over in the last character: 43 characters, but not what any encoder writes.
        let odd = format!("{}B", &TEXT[..42]);
        assert_eq!(parse(&odd), Err(SeedError::Broken { characters: 43 }));
        for text in [encoded(30), odd] {
            assert!(!message(&text).contains(&text));
        }
    }

    #[test]
    fn two_new_seeds_differ_and_debug_hides_them() {
        let (one, two) = (Seed::generate().expect("random"), Seed::generate().expect("random"));
        assert_ne!(one.as_bytes(), two.as_bytes());
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_eq!(format!("{one:?}"), "Seed(secret, 32 bytes)");
        assert_eq!(format!("{:?}", Some(&one)), "Some(Seed(secret, 32 bytes))");
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC*") {
            drop(Seed::parse(&text));
        }

        #[test]
        fn what_is_written_is_read(bytes: [u8; 32]) {
            let seed = Seed::from_bytes(bytes);
            let (read, trimmed) = Seed::parse(&seed.to_base64()).expect("a good seed");
            assert_eq!(read.as_bytes(), &bytes);
            assert_eq!(trimmed, Trimmed::default());
        }
    }
}
