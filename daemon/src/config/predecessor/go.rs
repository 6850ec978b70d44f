//! How Go reads the texts of flags: `strconv.ParseBool`, and `strconv.ParseInt` of base 0.

/// A truth value.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

/// A whole number, in decimal; 0x, 0o, 0b, a leading 0 and underscores are understood.
pub(super) fn number(text: &str) -> Result<i64, String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let plain = digits.replace('_', "");
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("is not a whole number".to_owned());
    }
    let number = i64::from_str_radix(&plain, radix).map_err(|_| "is not a whole number".to_owned())?;
    Ok(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_truths_are_read_as_go_reads_them() {
        for (text, value) in [
            ("0", 0),
            ("15", 15),
            ("-1", -1),
            ("+7", 7),
            ("0x10", 16),
            ("010", 8),
            ("0b11", 3),
            ("1_800", 1800),
        ] {
            assert_eq!(number(text), Ok(value), "{text}");
        }
        for text in ["", "-", "x", "1.5", "0x", "--1", "9223372036854775808", "1 ", "é"] {
            number(text).expect_err(text);
        }
        assert_eq!((truth("T"), truth("False")), (Ok(true), Ok(false)));
        truth("yes").expect_err("Go does not know it");
    }
}
