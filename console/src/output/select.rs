//! Which rows of a list are printed and in what order: `--filter`, `--sort-by`, `--limit`.
//!
//! One way for every list, over its columns. Rows in, a decision or an order out; prints nothing.
//! A test looks at what a pipe is shown: full ids, absolute times, plain digits.

use std::cmp::Ordering;

use super::columns::{Column, Rank, Row, find};
use super::look::Look;
use crate::error::{Error, Kind};

/// Rows that are held to be sorted: beyond it the memory of a small machine is at stake.
pub const MOST_SORTED: usize = 1_000_000;

/// Tests that one command line may have.
const MOST_TESTS: usize = 64;

/// How a value is compared, longest first: `!=` is not `=`.
const OPERATORS: [(&str, Operator); 8] = [
    ("!=", Operator::Not),
    ("!~", Operator::Without),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("=", Operator::Is),
    ("~", Operator::Contains),
    (">", Operator::More),
    ("<", Operator::Less),
];

/// What a test asks of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// The whole value, or a whole word of it.
    Is,
    Not,
    /// Some of the value.
    Contains,
    Without,
    More,
    Less,
    AtLeast,
    AtMost,
}

/// One test of a row.
struct Test<R: 'static> {
    /// The columns of which one has to fit; of "not" all.
    columns: Vec<&'static Column<R>>,
    operator: Operator,
    /// In lower case.
    wanted: String,
    /// The same as a number, for those that compare numbers.
    number: f64,
}

/// What is chosen of a list.
pub struct Selection<R: 'static> {
    tests: Vec<Test<R>>,
    order: Option<(&'static Column<R>, bool)>,
    limit: usize,
}

impl<R: Row> Selection<R> {
    /// Everything, in the order it comes.
    #[must_use]
    pub const fn all() -> Self {
        Self { tests: Vec::new(), order: None, limit: usize::MAX }
    }

    /// What the words of a command line choose.
    ///
    /// # Errors
    /// Usage: a column that is none, or a test that has no meaning.
    pub fn of(filters: &[String], sort_by: Option<&str>, limit: Option<u64>) -> Result<Self, Error> {
        if filters.len() > MOST_TESTS {
            return Err(Error::new(Kind::Usage, format!("more than {MOST_TESTS} filters")));
        }
        let order = match sort_by.map(|by| by.strip_prefix('-').map_or((by, false), |key| (key, true))) {
            Some((key, descending)) => Some((find::<R>(key)?, descending)),
            None => None,
        };
        Ok(Self {
            tests: filters.iter().map(|filter| Test::parse(filter)).collect::<Result<_, _>>()?,
            order,
            limit: limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        })
    }

    /// How many rows the source has to give: all, unless the first ones are the chosen ones.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        if self.tests.is_empty() && self.order.is_none() { self.limit as u64 } else { u64::MAX }
    }

    /// Printed at most.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Whether all rows have to be known before the first is printed.
    #[must_use]
    pub const fn sorts(&self) -> bool {
        self.order.is_some()
    }

    /// Whether a row is chosen.
    #[must_use]
    pub fn fits(&self, row: &R, look: &Look) -> bool {
        self.tests.iter().all(|test| test.fits(row, look))
    }

    /// Puts rows in order; equal ones keep theirs.
    pub fn sort(&self, rows: &mut [R], look: &Look) {
        let Some((column, descending)) = self.order else { return };
        rows.sort_by_cached_key(|row| {
            let rank = column.rank(row, look);
            if descending { Ranked::Down(rank) } else { Ranked::Up(rank) }
        });
    }
}

/// A rank that knows its direction.
#[derive(PartialEq)]
enum Ranked {
    Up(Rank),
    Down(Rank),
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Up(one), Self::Up(other)) => one.compare(other),
            (Self::Down(one), Self::Down(other)) => other.compare(one),
            (Self::Up(_), Self::Down(_)) => Ordering::Less,
            (Self::Down(_), Self::Up(_)) => Ordering::Greater,
        }
    }
}

impl<R: Row> Test<R> {
    /// Reads `agent=kubo`; a text without an operator is looked for in all columns.
    fn parse(text: &str) -> Result<Self, Error> {
        let Some(at) = text.find(['!', '=', '~', '<', '>']) else {
            let (columns, operator) = (R::columns().iter().collect(), Operator::Contains);
            return Ok(Self { columns, operator, wanted: text.to_lowercase(), number: f64::NAN });
        };
        let (key, rest) = text.split_at(at);
        let found = OPERATORS.iter().find_map(|(sign, operator)| Some((rest.strip_prefix(sign)?, *operator)));
        let (wanted, operator) = found.ok_or_else(|| {
            Error::new(Kind::Usage, format!("no filter: {text:?}")).hint(
                "COLUMN=WORD, COLUMN!=WORD, COLUMN~TEXT, COLUMN!~TEXT, COLUMN>NUMBER, COLUMN<NUMBER, or a text",
            )
        })?;
        let column = find::<R>(key.trim())?;
        let wanted = wanted.trim().to_lowercase();
        let number = match operator {
            Operator::More | Operator::Less | Operator::AtLeast | Operator::AtMost => {
                column.number(&wanted).map_err(|why| Error::new(Kind::Usage, format!("{text:?}: {why}")))?
            }
            _ => f64::NAN,
        };
        Ok(Self { columns: vec![column], operator, wanted, number })
    }

    fn fits(&self, row: &R, look: &Look) -> bool {
        match self.operator {
            Operator::Is => self.any(row, look, is),
            Operator::Not => !self.any(row, look, is),
            Operator::Contains => self.any(row, look, |value, wanted| value.contains(wanted)),
            Operator::Without => !self.any(row, look, |value, wanted| value.contains(wanted)),
            Operator::More => self.compares(row, look, |order| order == Ordering::Greater),
            Operator::Less => self.compares(row, look, |order| order == Ordering::Less),
            Operator::AtLeast => self.compares(row, look, |order| order != Ordering::Less),
            Operator::AtMost => self.compares(row, look, |order| order != Ordering::Greater),
        }
    }

    fn any(&self, row: &R, look: &Look, fits: fn(&str, &str) -> bool) -> bool {
        self.columns.iter().any(|column| fits(&column.exact(row, look).to_lowercase(), &self.wanted))
    }

    /// What is not known is neither more nor less.
    fn compares(&self, row: &R, look: &Look, fits: fn(Ordering) -> bool) -> bool {
        self.columns.iter().any(|column| match column.rank(row, look) {
            Rank::Number(number) if number.is_finite() => number.partial_cmp(&self.number).is_some_and(fits),
            _ => false,
        })
    }
}

fn is(value: &str, wanted: &str) -> bool {
    value == wanted || (!wanted.is_empty() && value.split_whitespace().any(|word| word == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::dto::{Event, Head, Peer};

    fn look() -> Look {
        Look { terminal: false, colour: false, utf8: true, now: crate::fixture::now() }
    }

    fn heads() -> Vec<Head> {
        crate::fixture::heads().iter().map(Head::from).collect()
    }

    /// The names of the heads that a filter leaves, in order.
    fn chosen(filters: &[&str], sort_by: Option<&str>) -> Result<Vec<String>, Error> {
        let filters: Vec<String> = filters.iter().map(|&filter| filter.to_owned()).collect();
        let selection = Selection::<Head>::of(&filters, sort_by, None)?;
        let mut rows: Vec<Head> = heads().into_iter().filter(|head| selection.fits(head, &look())).collect();
        selection.sort(&mut rows, &look());
        Ok(rows.into_iter().map(|head| head.name.trim_start_matches("head-").to_owned()).collect())
    }

    #[test]
    fn a_filter_looks_at_a_column_or_at_all_of_them() {
        let names = |filters: &[&str]| chosen(filters, None).expect("a filter").join(" ");
        assert_eq!(names(&["name=head-2"]), "2");
        assert_eq!(names(&["NAME!=HEAD-2"]), "0 1 3 4");
        assert_eq!(names(&["address~203.0.113"]), "0 1 2");
        assert_eq!(names(&["address!~203.0.113", "name!=head-4"]), "3");
        assert_eq!(names(&["198.51.100"]), "3 4");
        assert_eq!(names(&["conns>=498"]), names(&["conns>497"]));
        assert_eq!(names(&["conns>0.4k", "conns<1M"]), "0 1 2 3 4");
        assert_eq!(names(&["state=serv"]), "", "a part of a word is no word");
        assert_eq!(names(&["addresses=/ip4/203.0.113.7/tcp/30001"]), "1", "one of several words");
        assert_eq!(names(&["reason="]), "0 1 2 3 4", "not known is empty");
    }

    #[test]
    fn an_agent_is_found_by_its_name() {
        let peers: Vec<Peer> = crate::fixture::peers().iter().map(Peer::from).collect();
        let fits = |filter: &str| {
            let selection = Selection::<Peer>::of(&[filter.to_owned()], None, None).expect("a filter");
            peers.iter().filter(|peer| selection.fits(peer, &look())).count()
        };
        assert!(fits("agent=kubo") > 0 && fits("agent=kubo") < peers.len());
        assert_eq!(fits("agent=kubo") + fits("agent!=kubo"), peers.len());
        assert_eq!(
            fits("rtt>0.1") + fits("rtt<=0.1"),
            peers.iter().filter(|p| p.rtt_seconds.is_some()).count()
        );
    }

    #[test]
    fn what_has_no_meaning_is_a_mistake_with_a_hint() {
        for wrong in ["colour=red", "name!", "conns>many", "state>3", "conns>"] {
            let error = chosen(&[wrong], None).expect_err(wrong);
            assert_eq!(error.kind(), Kind::Usage, "{wrong}");
        }
        let error = chosen(&["colour=red"], None).expect_err("no column");
        assert!(error.report().contains("there are name, key, peer_id, state,"), "{}", error.report());
        assert_eq!(chosen(&[], Some("-colour")).expect_err("no column").kind(), Kind::Usage);
        assert_eq!(chosen(&vec!["name=a"; 65], None).expect_err("too many").kind(), Kind::Usage);
    }

    #[test]
    fn rows_are_sorted_both_ways_and_equal_ones_stay() {
        let sorted = |by| chosen(&[], Some(by)).expect("a column").join(" ");
        assert_eq!(sorted("name"), "0 1 2 3 4");
        assert_eq!(sorted("-name"), "4 3 2 1 0");
        assert_eq!(sorted("state"), sorted("-state"));
    }

    #[test]
    fn a_list_without_ranks_sorts_by_what_it_shows() {
        let mut events: Vec<Event> = crate::fixture::events().iter().map(Event::from).collect();
        let selection = Selection::<Event>::of(&[], Some("-at"), None).expect("a column");
        selection.sort(&mut events, &look());
        let times: Vec<_> = events.iter().map(|event| event.at).collect();
        assert!(times.is_sorted_by(|one, other| one >= other), "{times:?}");
    }
}
