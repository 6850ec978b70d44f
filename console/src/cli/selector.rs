//! Names of heads and peers as one types them, or copies them from a table.

/// The form the daemon knows: of an abbreviated id, `12D3…dybLUPZ`, the tail that tells; dots
/// are taken for the ellipsis of an ASCII terminal.
pub(super) fn selector(typed: &str) -> &str {
    let tail = typed.rsplit_once('…').or_else(|| typed.rsplit_once("..")).map(|(_, tail)| tail);
    match tail {
        Some("") | None => typed.trim_end_matches('…'),
        Some(tail) => tail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abbreviated_id_is_its_tail() {
        assert_eq!(selector("12D3…dybLUPZ"), "dybLUPZ");
        assert_eq!(selector("…dybLUPZ"), "dybLUPZ");
        assert_eq!(selector("12D3...dybLUPZ"), "dybLUPZ");
        assert_eq!(selector("12D3KooWS…"), "12D3KooWS");
        assert_eq!(selector("head-3"), "head-3");
    }
}
