//! Types of values that only settings have.

use std::fmt;
use std::str::FromStr;

/// A number of bytes. Reads "65536", "64 KiB", "80 GB"; K, M, G, T count in thousands and
/// Ki, Mi, Gi, Ti in 1024s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// Which addresses the hydra deals with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressPolicy {
    /// Those that anyone on the Internet can reach.
    Public,
    /// All, for private networks.
    Any,
}

/// Which keys are looked up when they are asked for and not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrefetchScope {
    Any,
    /// Those that a head is near to.
    Near,
    /// None.
    Off,
}

/// When heads may serve on a public network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reachability {
    /// Once another peer has dialled the head back.
    Auto,
    /// At once: the operator knows that the ports are open.
    AssumePublic,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// hydra-booster's screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UiTheme {
    None,
    /// Its status line, every 5 s.
    Logey,
    /// Its full screen, which `hydractl top` took the place of.
    Gooey,
}

/// Where records are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BellyIndex {
    /// In memory, and what has no room there in segments on disk.
    Auto,
    /// In memory only.
    Memory,
    /// In segments on disk, but for what is not yet sealed.
    Segments,
}

/// What the DHT's protocol name begins with, such as `/ipfs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProtocolPrefix(String);

/// Longest prefix, in bytes.
pub const MAX_PREFIX: usize = 64;

impl ProtocolPrefix {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The DHT's protocol, such as `/ipfs/kad/1.0.0`.
    #[must_use]
    pub fn kad_protocol(&self) -> String {
        format!("{}/kad/1.0.0", self.0)
    }
}

impl FromStr for ProtocolPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = if !text.starts_with('/') {
            "does not begin with /"
        } else if text.ends_with('/') {
            "ends in /"
        } else if text.len() > MAX_PREFIX {
            "is too long"
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            "has white space or other than plain characters"
        } else if text.ends_with("/kad/1.0.0") {
            "is the whole protocol: leave /kad/1.0.0 out"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(fault.to_owned())
    }
}

/// Names of units, largest first, and what each counts.
const UNITS: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim();
        if number.is_empty() {
            return Err("is not a size: write a whole number and a unit, such as 64 KiB".to_owned());
        }
        // "64K" and "64Ki" are read as well as "64 kB" and "64 KiB".
        let names = |name: &str| {
            unit.eq_ignore_ascii_case(name) || unit.eq_ignore_ascii_case(name.trim_end_matches('B'))
        };
        let factor = if unit.is_empty() {
            1
        } else {
            let found = UNITS.iter().find(|(name, _)| names(name));
            found.ok_or("has a unit that is none of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB")?.1
        };
        let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        number.map(Self).ok_or_else(|| "is more bytes than there can be".to_owned())
    }
}

impl fmt::Display for Bytes {
    /// Exactly, in the unit with the smallest number: "64 KiB", "80 GB", "1001 B".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().filter(|(_, unit)| self.0.is_multiple_of(*unit));
        match whole.min_by_key(|(_, unit)| self.0 / unit) {
            Some((name, unit)) if self.0 > 0 => write!(f, "{} {name}", self.0 / unit),
            _ => write!(f, "{} B", self.0),
        }
    }
}

impl FromStr for AddressPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Public, Self::Any]
            .into_iter()
            .find(|policy| policy.to_string() == text)
            .ok_or_else(|| "is no address policy".to_owned())
    }
}

impl fmt::Display for AddressPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Any => "any",
        })
    }
}

impl FromStr for PrefetchScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Any, Self::Near, Self::Off]
            .into_iter()
            .find(|scope| scope.to_string() == text)
            .ok_or_else(|| "is no scope".to_owned())
    }
}

impl fmt::Display for PrefetchScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Near => "near",
            Self::Off => "off",
        })
    }
}

impl FromStr for Reachability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Auto, Self::AssumePublic]
            .into_iter()
            .find(|reachability| reachability.to_string() == text)
            .ok_or_else(|| "is none of them".to_owned())
    }
}

impl fmt::Display for Reachability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::AssumePublic => "assume-public",
        })
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Text, Self::Json]
            .into_iter()
            .find(|format| format.to_string() == text)
            .ok_or_else(|| "is no log format".to_owned())
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

impl FromStr for UiTheme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::None, Self::Logey, Self::Gooey]
            .into_iter()
            .find(|theme| theme.to_string() == text)
            .ok_or_else(|| "is no theme".to_owned())
    }
}

impl fmt::Display for UiTheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Logey => "logey",
            Self::Gooey => "gooey",
        })
    }
}

impl FromStr for BellyIndex {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Auto, Self::Memory, Self::Segments]
            .into_iter()
            .find(|index| index.to_string() == text)
            .ok_or_else(|| "is none of them".to_owned())
    }
}

impl fmt::Display for BellyIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Memory => "memory",
            Self::Segments => "segments",
        })
    }
}

impl fmt::Display for ProtocolPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_kinds_of_units() {
        for (text, bytes, shown) in [
            ("65536", 65_536, "64 KiB"),
            ("64 KiB", 65_536, "64 KiB"),
            ("64kib", 65_536, "64 KiB"),
            ("64Ki", 65_536, "64 KiB"),
            ("64k", 64_000, "64 kB"),
            ("80 GB", 80_000_000_000, "80 GB"),
            ("4MiB", 4 << 20, "4 MiB"),
            ("1001", 1001, "1001 B"),
            ("0", 0, "0 B"),
        ] {
            let read: Bytes = text.parse().expect(text);
            assert_eq!((read.0, read.to_string().as_str()), (bytes, shown), "{text}");
        }
        for text in ["", "KiB", "-1", "1.5 GB", "64 KiBs", "64 potatoes", "99999999999 TiB", "１ B"] {
            text.parse::<Bytes>().expect_err(text);
        }
    }

    #[test]
    fn a_prefix_is_one_clean_path() {
        assert_eq!("/ipfs".parse::<ProtocolPrefix>().expect("good").kad_protocol(), "/ipfs/kad/1.0.0");
        for text in
            ["", "/", "ipfs", "/ipfs/", "/my net", "/ipfs/kad/1.0.0", "/ä", &format!("/{}", "x".repeat(64))]
        {
            text.parse::<ProtocolPrefix>().expect_err(text);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_size_is_shown_as_it_is_read(bytes: u64) {
            proptest::prop_assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
        }

        #[test]
        fn reading_never_panics(text in "\\PC*") {
            drop((text.parse::<Bytes>(), text.parse::<ProtocolPrefix>()));
        }
    }
}
