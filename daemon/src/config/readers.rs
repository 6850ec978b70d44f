//! From a text to a value, with the fault in words that follow the text: `"x" is …`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use super::addresses::{AddressTemplate, MAX_TEMPLATES};
use super::listen::{ListenIp, MAX_LISTEN};
use super::paths::MAX_SOCKET_PATH;
use super::surroundings::Surroundings;
use super::values::Bytes;

pub(super) fn socket(path: PathBuf) -> Result<PathBuf, String> {
    let bytes = path.as_os_str().len();
    if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err("is not the path of a socket".to_owned());
    }
    if bytes > MAX_SOCKET_PATH {
        return Err(format!(
            "has {bytes} bytes; the kernel takes {MAX_SOCKET_PATH} of a socket's path (unix(7))"
        ));
    }
    Ok(path)
}

/// A path that nobody wrote: the error has to name it.
pub(super) fn unnamed(path: PathBuf) -> Result<PathBuf, String> {
    let shown = path.display().to_string();
    socket(path).map_err(|fault| format!("stands for {shown}, which {fault}"))
}

pub(super) fn name(text: &str, at: &Surroundings) -> Result<String, String> {
    let good = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        (1..=64).contains(&text.len()) && text.bytes().all(plain)
    };
    match text {
        "auto" if good(&at.hostname) => Ok(at.hostname.clone()),
        "auto" => Ok("hydra".to_owned()),
        text if good(text) => Ok(text.to_owned()),
        _ => Err("is no name".to_owned()),
    }
}

pub(super) fn number(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, String> {
    move |text| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("is not a whole number".to_owned());
        }
        let number = text.parse::<u64>().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| "is out of range".to_owned())
    }
}

pub(super) fn bytes(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<Bytes, String> {
    move |text| {
        let bytes: Bytes = text.parse()?;
        if range.contains(&bytes.0) { Ok(bytes) } else { Err("is out of range".to_owned()) }
    }
}

pub(super) fn auto<T>(
    read: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<Option<T>, String> {
    move |text| if text == "auto" { Ok(None) } else { read(text).map(Some) }
}

pub(super) fn quoted<T: FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse()
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" | "" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

pub(super) fn small(number: Option<u64>) -> Option<Option<u32>> {
    number.map(|number| u32::try_from(number).ok()).map_or(Some(None), |small| small.map(Some))
}

pub(super) fn level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    // EnvFilter takes a lone word that is no level for a target and logs all of it.
    let lone = text.split(',').map(str::trim).find(|part| !part.contains('=') && !LEVELS.contains(part));
    if lone.is_some() {
        return Err("has a part that is no level".to_owned());
    }
    match EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("is refused: {error}")),
    }
}

pub(super) fn listen(written: &[String]) -> Result<Vec<ListenIp>, String> {
    if written.is_empty() {
        return Err("the list is empty".to_owned());
    }
    if written.len() > MAX_LISTEN {
        return Err(format!("{} addresses are more than {MAX_LISTEN}", written.len()));
    }
    let mut ips = Vec::new();
    for text in written {
        let ip: ListenIp = text.parse().map_err(|fault| format!("\"{}\" {fault}", shorten(text)))?;
        if ips.contains(&ip) {
            return Err(format!("\"{}\" stands there twice", shorten(text)));
        }
        ips.push(ip);
    }
    if ips.len() > 1 && ips.contains(&ListenIp::Auto) {
        return Err("auto stands alone".to_owned());
    }
    Ok(ips)
}

pub(super) fn templates(written: &[String]) -> Result<Vec<AddressTemplate>, String> {
    if written.len() > MAX_TEMPLATES {
        return Err(format!("{} addresses are more than {MAX_TEMPLATES}", written.len()));
    }
    let read = |text: &String| text.parse().map_err(|fault| format!("\"{}\" {fault}", shorten(text)));
    written.iter().map(read).collect()
}

/// Bounded, and on one line.
pub(super) fn shorten(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(120).map(clean).collect();
    if text.chars().nth(120).is_some() {
        shown.push('…');
    }
    shown
}
