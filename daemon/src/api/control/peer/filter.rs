//! Which peers an operator wants to see: terms that must all fit.
//!
//! Owns the little language of `SurveyPeersRequest.filter`. A term costs next to nothing a peer:
//! fifty thousand are looked at each second while somebody watches.

use std::fmt::Write as _;

use crate::api::control::peer::known::Known;

/// Longest filter, in bytes.
const MAX_BYTES: usize = 256;

/// Most terms of a filter.
const MAX_TERMS: usize = 16;

/// Terms with a name.
const FIELDS: &str = "agent, id, key, ip, head, via, dir";

/// Letters of base58btc, by value.
const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// What fits.
#[derive(Debug, Default)]
pub(super) struct Filter {
    terms: Vec<Term>,
}

#[derive(Debug)]
struct Term {
    not: bool,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Text { text: String, id: Id, ip: bool },
    Fuzzy(String),
    Agent(String),
    Id(Id),
    Key(String),
    Ip(String),
    Head(u32),
    Quic(bool),
    Inbound(bool),
}

/// A beginning or an end of a peer id.
#[derive(Debug)]
struct Id {
    text: String,
    /// The last letters as a number, and how many numbers there are of so many letters: an id
    /// is only written out when it ends so. None: no id ends so.
    tail: Option<(u64, u64)>,
}

impl Filter {
    /// Reads a filter; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("filter: {} bytes; at most {MAX_BYTES}", text.len()));
        }
        let words = text.split_whitespace();
        let terms: Vec<Term> = words.filter_map(|word| term(word).transpose()).collect::<Result<_, _>>()?;
        if terms.len() > MAX_TERMS {
            return Err(format!("filter: {} terms; at most {MAX_TERMS}", terms.len()));
        }
        Ok(Self { terms })
    }

    /// Whether a peer fits; `scratch` saves an allocation a peer.
    pub(super) fn fits(&self, known: &Known, scratch: &mut String) -> bool {
        self.terms.iter().all(|term| term.test.fits(known, scratch) != term.not)
    }
}

/// A term; none while only its beginning was typed.
fn term(word: &str) -> Result<Option<Term>, String> {
    let (not, word) = word.strip_prefix('!').map_or((false, word), |word| (true, word));
    let test = match word.split_once(':') {
        Some((field, value)) if is_name(field) => {
            if value.is_empty() {
                return Ok(None);
            }
            field_test(field, value)?
        }
        _ => match word.strip_prefix('~') {
            Some(letters) => Test::Fuzzy(letters.to_lowercase()),
            None => Test::Text {
                text: word.to_lowercase(),
                id: Id::of(word),
                ip: word.bytes().all(|b| b.is_ascii_hexdigit() || b".:".contains(&b)),
            },
        },
    };
    Ok((word.len() > usize::from(word.starts_with('~'))).then_some(Term { not, test }))
}

/// "agent", and not the beginning of an IPv6 address.
fn is_name(field: &str) -> bool {
    let letters = !field.is_empty() && field.bytes().all(|b| b.is_ascii_lowercase());
    letters && !field.bytes().all(|b| b.is_ascii_hexdigit())
}

fn field_test(field: &str, value: &str) -> Result<Test, String> {
    Ok(match field {
        "agent" => Test::Agent(value.to_lowercase()),
        "id" => Test::Id(Id::of(value)),
        "key" => Test::Key(value.to_lowercase()),
        "ip" => Test::Ip(value.to_lowercase()),
        "head" => {
            let index = value.strip_prefix("head-").unwrap_or(value).parse();
            Test::Head(index.map_err(|_| format!("filter: head:{value}: give a head's number"))?)
        }
        // a part of a word is enough: it is being typed
        "via" => Test::Quic(one_of("via", value, ["quic", "tcp"])?),
        "dir" => Test::Inbound(one_of("dir", value, ["in", "out"])?),
        _ => return Err(format!("filter: no field {field}; there are {FIELDS}, and text without one")),
    })
}

fn one_of(field: &str, value: &str, words: [&str; 2]) -> Result<bool, String> {
    let place = words.iter().position(|word| word.starts_with(value));
    place
        .map(|place| place == 0)
        .ok_or_else(|| format!("filter: {field}:{value}: give {field}:{} or {field}:{}", words[0], words[1]))
}

impl Test {
    fn fits(&self, known: &Known, scratch: &mut String) -> bool {
        match self {
            Self::Text { text, id, ip } => {
                contains(known.agent(), text)
                    || (*ip && written(known, scratch).contains(text.as_str()))
                    || id.fits(known)
            }
            Self::Fuzzy(letters) => has_letters(known.agent(), letters),
            Self::Agent(text) => contains(known.agent(), text),
            Self::Id(id) => id.fits(known),
            Self::Key(hex) => begins(&known.key.0, hex),
            Self::Ip(text) => written(known, scratch).starts_with(text.as_str()),
            Self::Head(index) => {
                let side = crate::routing::contacts::Side::Head(*index);
                known.contacts().iter().any(|contact| contact.side == side)
            }
            Self::Quic(quic) => known.oldest().is_some_and(|contact| contact.quic == *quic),
            Self::Inbound(inbound) => known.oldest().is_some_and(|contact| contact.inbound == *inbound),
        }
    }
}

impl Id {
    fn of(text: &str) -> Self {
        let text = text.trim_matches('…').to_owned();
        let last = text.as_bytes().last_chunk::<5>().map_or(text.as_bytes(), <[u8; 5]>::as_slice);
        let value = |letter: &u8| BASE58.iter().position(|known| known == letter).map(|value| value as u64);
        let digits: Option<Vec<u64>> = last.iter().map(value).collect();
        let tail = digits.map(|digits| {
            digits.iter().fold((0, 1), |(number, numbers), digit| (number * 58 + digit, numbers * 58))
        });
        Self { text, tail }
    }

    fn fits(&self, known: &Known) -> bool {
        let Some((tail, numbers)) = self.tail else { return false };
        let bytes = known.peer.as_ref();
        let head = [bytes.code() as u8, bytes.size()];
        let number =
            head.iter().chain(bytes.digest()).fold(0, |rest, byte| (rest << 8 | u64::from(*byte)) % numbers);
        // every id begins with one of these two: 12D3… (a key), Qm… (a hash)
        let may_begin = self.text.starts_with(['1', 'Q']);
        if number != tail && !may_begin {
            return false;
        }
        let id = known.peer.to_base58();
        id.ends_with(&self.text) || id.starts_with(&self.text)
    }
}

/// The IP address in letters.
fn written<'a>(known: &Known, scratch: &'a mut String) -> &'a str {
    scratch.clear();
    if let Some((ip, _)) = known.host() {
        // a String takes whatever is written
        write!(scratch, "{ip}").ok();
    }
    scratch
}

/// Whether a text has another in it, which is in lower case.
fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let same = |window: &[u8]| window.iter().zip(part).all(|(a, b)| a.to_ascii_lowercase() == *b);
    part.is_empty() || text.windows(part.len()).any(same)
}

fn has_letters(text: &str, letters: &str) -> bool {
    let mut text = text.bytes().map(|byte| byte.to_ascii_lowercase());
    letters.bytes().all(|letter| text.any(|byte| byte == letter))
}

fn begins(key: &[u8], hex: &str) -> bool {
    let digits = key.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default());
    hex.len() <= 2 * key.len() && hex.chars().zip(digits).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::control::peer::known::tests::{connected, member};

    fn fits(filter: &str, known: &Known) -> bool {
        Filter::parse(filter).expect("a filter").fits(known, &mut String::new())
    }

    #[test]
    fn every_term_must_fit() {
        let peer = connected("kubo/0.39.0/1f4a7c9", "/ip4/192.0.2.169/udp/4001/quic-v1", &[0, 2], true);
        let hex = peer.key.hex();
        for filter in [
            "",
            "kubo",
            "KUBO 0.39",
            "~kb9",
            "agent:kubo head:2 ip:192.0.2. !js",
            "head:head-0",
            "192.0.2.169",
            "via:quic dir:in",
            "via: dir: head: agent: ! ~",
            "!head:1 !via:tcp !dir:out",
            "…",
        ] {
            assert!(fits(filter, &peer), "{filter}");
        }
        assert!(fits(&format!("key:{}", &hex[..5]), &peer) && fits(&format!("key:{hex}"), &peer));
        for filter in ["js", "kubo js", "!kubo", "head:1", "ip:92.0", "~ok", "via:tcp", "dir:out", "key:xyz"]
        {
            assert!(!fits(filter, &peer), "{filter}");
        }
        assert!(!fits(&format!("key:{hex}0"), &peer));
        let known = member("", "/ip6/2001:db8::7/tcp/1", None);
        assert!(fits("ip:2001:db8::", &known) && fits("2001:db8::7", &known) && fits("!head:0", &known));
        assert!(!fits("dir:in", &known) && !fits("!kubo dir:out", &known));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        let refused = |filter: &str| Filter::parse(filter).expect_err("refused");
        assert!(refused("agnet:kubo").contains("no field agnet; there are agent, id,"));
        assert!(refused("head:x").contains("a head's number"));
        assert!(refused("via:relay").contains("via:quic or via:tcp"));
        assert!(refused(&"a ".repeat(17)).contains("17 terms"));
        assert!(refused(&"a".repeat(257)).contains("257 bytes"));
    }

    proptest! {
        #[test]
        fn a_peer_is_found_by_any_end_and_beginning_of_its_id(cut in 1..40usize) {
            let peer = connected("", "/ip4/192.0.2.1/tcp/1", &[0], true);
            let id = peer.peer.to_base58();
            prop_assert!(fits(&id[id.len() - cut..], &peer));
            let [end, beginning] = [format!("id:…{}", &id[id.len() - cut..]), format!("id:{}…", &id[..cut])];
            prop_assert!(fits(&end, &peer));
            prop_assert!(fits(&beginning, &peer));
            let other = connected("", "/ip4/192.0.2.1/tcp/1", &[0], true);
            prop_assert!(cut < 12 || !fits(&id[id.len() - cut..], &other));
        }

        #[test]
        fn no_filter_makes_it_panic(filter in "\\PC{0,40}") {
            let peer = connected("kubo", "/ip4/192.0.2.1/tcp/1", &[0], true);
            if let Ok(filter) = Filter::parse(&filter) {
                filter.fits(&peer, &mut String::new());
            }
        }
    }
}
