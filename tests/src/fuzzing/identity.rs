//! Seeds and index sets, as operators write them.

use hydrad::identity::{IndexSet, Seed};

/// Reads a seed; no refusal repeats what may be a secret.
pub fn seed_parse(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Seed::parse(&text) {
        Ok((seed, _)) => {
            let (again, trimmed) = Seed::parse(&seed.to_base64()).expect("what we write we read");
            assert_eq!(again.as_bytes(), seed.as_bytes());
            assert_eq!(trimmed.to_string(), "");
        }
        Err(error) => {
            let (inner, _) = Seed::trim(&text);
            let told = error.to_string();
            // our own words have a space now and then, and a secret has none
            let secret = inner.len() >= 20 && !inner.contains(char::is_whitespace);
            assert!(!secret || !told.contains(inner), "{told}");
        }
    }
}

/// Reads a set of indices; it comes back as it was written.
pub fn index_set(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(set) = text.parse::<IndexSet>() else { return };
    assert_eq!(set.to_string().parse::<IndexSet>().as_ref(), Ok(&set));
    assert_eq!(set.iter().count(), set.capacity() as usize);
    assert!(set.size().is_none_or(|size| size == set.capacity()));
    let free = set.free(20, |index| index % 3 == 0);
    assert!(free.len() <= 20 && free.iter().all(|index| set.contains(*index) && index % 3 != 0));
}
