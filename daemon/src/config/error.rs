//! What is wrong with a configuration: the key, the place, the value, what is allowed.

use std::fmt;

use super::origin::Origin;

/// All that is wrong, in the order found; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<Problem>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, or the file when it is not about a key.
    pub subject: String,
    /// Where it stands; `None` when the subject says it.
    pub place: Option<Origin>,
    pub text: String,
    /// What to do, when `text` does not say it.
    pub next: Option<String>,
}

impl Problem {
    pub(super) fn at(key: &str, origin: &Origin, text: impl Into<String>) -> Self {
        Self { subject: key.to_owned(), place: Some(origin.clone()), text: text.into(), next: None }
    }

    pub(super) fn of(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { subject: subject.into(), place: None, text: text.into(), next: None }
    }

    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl ConfigErrors {
    /// Each thing that is wrong.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        if let Some(place) = &self.place {
            write!(f, " in {place}")?;
        }
        write!(f, ": {}", self.text)?;
        match &self.next {
            Some(next) => write!(f, "\n  {next}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "error: {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// The candidate a typing slip most likely meant.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.chars().take(64).collect();
    let allowed = (name.len() / 3).clamp(1, 3);
    let near = candidates.into_iter().map(|candidate| (distance(&name, candidate), candidate));
    near.filter(|(distance, _)| *distance <= allowed).min().map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, y) in b.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, x) in a.iter().enumerate() {
            let change = corner + usize::from(*x != y);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row[a.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_of_one_or_two_letters_are_recognised() {
        let keys = ["heads.count", "listen.ips", "name"];
        assert_eq!(nearest("heads.coutn", keys), Some("heads.count"));
        assert_eq!(nearest("nam", keys), Some("name"));
        assert_eq!(nearest("belly", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}
