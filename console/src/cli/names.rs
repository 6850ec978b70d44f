//! Several names, ids or CIDs for one command: as words, and with `-` one a line from stdin.
//!
//! Comes in: the words and stdin, a line at a time. Goes out: each name to the work of a command.
//! An error ends the work on its name only; the exit code is that of the worst. Holds no more
//! than a few lines at a time.

use std::io::{BufRead, Read as _};

use tokio::sync::mpsc;

use crate::error::{Error, Kind};
use crate::output::Format;
use crate::output::columns::Row;
use crate::output::list::List;
use crate::output::object;
use crate::ui::Ui;

/// What stands for the lines of stdin.
pub(super) const STDIN: &str = "-";

/// The longest name there is: a CID with the longest hash has fewer characters.
const LONGEST: u64 = 512;

/// Lines that one command reads: more is a file that was not meant.
const MOST: u64 = 1_000_000;

/// Lines read ahead of the work.
const AHEAD: usize = 64;

/// Does the work on each name.
///
/// # Errors
/// Of a single name its error. Of several the worst, after each was told; one that all have in
/// common, as there being no daemon, at once.
pub(super) async fn for_each(
    words: &[String],
    ui: &mut Ui<'_>,
    mut work: impl AsyncFnMut(&str, &mut Ui<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    if let [only] = words
        && only != STDIN
    {
        return work(only, ui).await;
    }
    let (mut worst, mut any): (Option<Kind>, bool) = (None, false);
    for word in words {
        let mut names = Names::of(word, ui);
        while let Some(name) = names.next().await {
            any = true;
            let outcome = match &name {
                Ok(name) => work(name, ui).await.map_err(|error| error.about(name)),
                Err(error) => Err(error.clone()),
            };
            ui.out.flush()?;
            let Err(error) = outcome else { continue };
            if concerns_all(error.kind()) {
                return Err(error);
            }
            ui.tell(&error);
            worst = worst.max_by_code(error.kind());
        }
    }
    if !any {
        ui.note("no names on standard input: nothing was done");
    }
    worst.map_or(Ok(()), |kind| Err(Error::told(kind)))
}

/// Does the work on each name and prints what it is about: a single name as an object, several
/// as a list. `silent` prints nothing.
///
/// # Errors
/// As [`for_each`].
pub(super) async fn for_each_row<R: Row>(
    words: &[String],
    silent: bool,
    ui: &mut Ui<'_>,
    mut work: impl AsyncFnMut(&str, &mut Ui<'_>) -> Result<(R, String), Error>,
) -> Result<(), Error> {
    let single = matches!(words, [only] if only != STDIN);
    let as_text = matches!(ui.format, Format::Auto | Format::Table) && ui.columns.is_empty();
    let mut list = if silent || single || as_text { None } else { Some(List::begin(ui)?) };
    let as_list = !ui.columns.is_empty() && ui.format.is_text();
    let mut first = true;
    let outcome = for_each(words, ui, async |name: &str, ui: &mut Ui<'_>| {
        let (row, text) = work(name, ui).await?;
        match &mut list {
            _ if silent => Ok(()),
            Some(list) => list.push(ui, &row),
            None if as_list => crate::output::list::print(ui, &[row]).map(drop),
            None => {
                // what has several lines stands apart
                let gap =
                    if !std::mem::take(&mut first) && text.lines().nth(1).is_some() { "\n" } else { "" };
                object::print_row(ui, &row, &format!("{gap}{text}"))
            }
        }
    })
    .await;
    if let Some(list) = list
        && outcome.as_ref().err().is_none_or(|error| !concerns_all(error.kind()))
    {
        list.finish(ui)?;
    }
    outcome
}

/// Whether it would be the same with every other name.
const fn concerns_all(kind: Kind) -> bool {
    matches!(kind, Kind::NoDaemon | Kind::Permission | Kind::Version | Kind::Interrupted | Kind::BrokenPipe)
}

trait Worst {
    fn max_by_code(self, other: Kind) -> Self;
}

impl Worst for Option<Kind> {
    fn max_by_code(self, other: Kind) -> Self {
        self.filter(|kind| kind.exit_code() >= other.exit_code()).or(Some(other))
    }
}

/// One word, or the lines that it stands for.
enum Names {
    Word(Option<String>),
    Lines(mpsc::Receiver<Result<String, Error>>),
}

impl Names {
    fn of(word: &str, ui: &Ui<'_>) -> Self {
        if word != STDIN {
            return Self::Word(Some(word.to_owned()));
        }
        let (send, receive) = mpsc::channel(AHEAD);
        let input = ui.input();
        // a thread of its own: nobody may ever write the next line, and an interrupt still ends the program
        std::thread::spawn(move || {
            read(input(), |name| send.blocking_send(name).is_ok());
        });
        Self::Lines(receive)
    }

    async fn next(&mut self) -> Option<Result<String, Error>> {
        match self {
            Self::Word(word) => word.take().map(Ok),
            Self::Lines(lines) => lines.recv().await,
        }
    }
}

/// Reads names, a line each; blank lines and those that begin with # are none. A line that is
/// wrong is an error and the next is read. Ends when `give` says so.
fn read(mut input: Box<dyn BufRead + Send>, mut give: impl FnMut(Result<String, Error>) -> bool) {
    let wrong = |text: String| {
        Err(Error::new(Kind::Usage, format!("standard input: {text}")).hint("a name, an id or a CID a line"))
    };
    for number in 1..=MOST {
        let mut line = Vec::new();
        match (&mut input).take(LONGEST + 1).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                give(wrong(error.to_string()));
                return;
            }
        }
        let whole = line.ends_with(b"\n") || line.len() as u64 <= LONGEST;
        let name = match String::from_utf8(line) {
            _ if !whole => {
                if let Err(error) = skip_line(&mut *input) {
                    give(wrong(error.to_string()));
                    return;
                }
                wrong(format!("line {number} has more than {LONGEST} bytes"))
            }
            Err(_) => wrong(format!("line {number} is not UTF-8")),
            Ok(line) => match line.trim() {
                "" => continue,
                comment if comment.starts_with('#') => continue,
                name => Ok(name.to_owned()),
            },
        };
        if !give(name) {
            return;
        }
    }
    give(wrong(format!("more than {} lines", crate::output::text::commas(MOST))));
}

/// Reads to the end of the line, however far that is.
fn skip_line(input: &mut dyn BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(buffer.len(), |at| at + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: Vec<u8>) -> Vec<Result<String, String>> {
        let mut names = Vec::new();
        read(Box::new(std::io::Cursor::new(text)), |name| {
            names.push(name.map_err(|error| error.to_string()));
            names.len() < 5
        });
        names
    }

    #[test]
    fn a_line_is_a_name_and_blank_lines_and_comments_are_none() {
        let read = names(b"head-1\n\n  head-2 \r\n# not me\nhead-3".to_vec());
        assert_eq!(read, ["head-1", "head-2", "head-3"].map(|name| Ok(name.to_owned())));
        assert_eq!(names(Vec::new()), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_named_and_the_next_is_read() {
        let long = vec![b'x'; 100_000];
        let read = names([b"a\n", &long[..], b"\nb\n", &[0xff], b"\n", &long[..]].concat());
        let too_long = |line| Err(format!("standard input: line {line} has more than 512 bytes"));
        assert_eq!(
            read,
            [
                Ok("a".to_owned()),
                too_long(2),
                Ok("b".to_owned()),
                Err("standard input: line 4 is not UTF-8".to_owned()),
                too_long(5),
            ]
        );
        let fits = names([&long[..512], b"\n"].concat());
        assert_eq!(fits[0].as_ref().map(String::len), Ok(512));
    }

    #[test]
    fn a_file_without_end_ends() {
        let read = names(b"a\n".repeat(10));
        assert_eq!(read.len(), 5, "whoever reads has enough");
    }

    #[test]
    fn the_worst_has_the_highest_code() {
        let worst = None.max_by_code(Kind::NotFound).max_by_code(Kind::Usage);
        assert_eq!(worst, Some(Kind::NotFound));
        assert_eq!(worst.max_by_code(Kind::Timeout), Some(Kind::Timeout));
    }
}
