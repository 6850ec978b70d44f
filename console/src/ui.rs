//! Where a command reads and writes, and how it should look there.
//!
//! The process has one, tests have their own. stdout is for data, everything else goes to
//! stderr; no other module touches either.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal as _, Write};

use jiff::Timestamp;

use crate::error::{Error, Kind};
use crate::output::Format;
use crate::output::look::Look;
use crate::pager::{self, Paged, Screen};

/// What is kept of words beside the data until the data is printed; beyond it they come at once.
const NOTES_MAX_BYTES: usize = 64 << 10;

/// When to print in colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR or TERM=dumb says otherwise; CLICOLOR_FORCE insists.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What surrounds the program.
pub struct Surroundings<'a> {
    /// For data.
    pub out: Box<dyn Write + 'a>,
    /// For everything else.
    pub err: Box<dyn Write + 'a>,
    /// Reads the answer to a question; called on a thread of its own.
    pub read_line: fn() -> io::Result<String>,
    /// What `-` stands for; read on a thread of its own.
    pub input: fn() -> Box<dyn BufRead + Send>,
    /// A person reads stdout.
    pub terminal: bool,
    /// A person can be asked: stdin and stderr are a terminal.
    pub can_ask: bool,
    /// A person reads stderr.
    pub err_terminal: bool,
    /// An environment variable.
    pub variable: fn(&str) -> Option<OsString>,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// Rows and columns of the terminal that stdout is.
    pub screen: fn() -> Option<Screen>,
}

impl<'a> Surroundings<'a> {
    /// Those of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self {
            out: Box::new(BufWriter::with_capacity(64 << 10, io::stdout())),
            err: Box::new(io::stderr()),
            read_line: || {
                let mut line = String::new();
                io::stdin().read_line(&mut line).map(|_| line)
            },
            input: || Box::new(BufReader::new(io::stdin())),
            terminal: io::stdout().is_terminal(),
            can_ask: io::stdin().is_terminal() && io::stderr().is_terminal(),
            err_terminal: io::stderr().is_terminal(),
            variable: |name| std::env::var_os(name),
            now: Timestamp::now,
            screen: || {
                let (columns, rows) = crossterm::terminal::size().ok()?;
                Some(Screen { rows: rows.into(), columns: columns.into() })
            },
        }
    }

    fn set(&self, name: &str) -> Option<String> {
        (self.variable)(name).map(|value| value.to_string_lossy().into_owned()).filter(|v| !v.is_empty())
    }

    /// <https://no-color.org>, <https://bixense.com/clicolors>.
    fn colour(&self, colour: Colour) -> bool {
        match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if self.set("NO_COLOR").is_some() => false,
            Colour::Auto if self.set("CLICOLOR_FORCE").is_some_and(|force| force != "0") => true,
            Colour::Auto => self.terminal && self.set("TERM").is_none_or(|term| term != "dumb"),
        }
    }

    /// The locale's character set, as setlocale(3) looks for it; none means "C".
    fn utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.set(name));
        locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
    }

    /// Binds them to what the command line asks for.
    #[must_use]
    pub fn into_ui(self, format: Format, colour: Colour) -> Ui<'a> {
        let look = Look {
            terminal: self.terminal,
            colour: self.colour(colour),
            utf8: self.utf8(),
            now: (self.now)(),
        };
        let dumb = self.set("TERM").is_some_and(|term| term == "dumb");
        let pager = if self.terminal && !dumb { pager::named(self.variable) } else { None };
        let (out, err) = (self.out, self.err);
        Ui {
            out,
            err,
            read_line: self.read_line,
            input: self.input,
            can_ask: self.can_ask,
            err_terminal: self.err_terminal,
            look,
            format,
            headers: true,
            quiet: false,
            columns: Vec::new(),
            now: self.now,
            screen: self.screen,
            pager,
            notes: None,
        }
    }
}

/// Where and how this command prints.
pub struct Ui<'a> {
    /// For data.
    pub out: Box<dyn Write + 'a>,
    /// For everything else.
    pub err: Box<dyn Write + 'a>,
    read_line: fn() -> io::Result<String>,
    input: fn() -> Box<dyn BufRead + Send>,
    can_ask: bool,
    err_terminal: bool,
    /// How things look.
    pub look: Look,
    /// The encoder.
    pub format: Format,
    /// Print the titles of tables and CSV.
    pub headers: bool,
    /// Say only what was asked for.
    pub quiet: bool,
    /// Chosen columns; empty is the usual ones.
    pub columns: Vec<String>,
    now: fn() -> Timestamp,
    screen: fn() -> Option<Screen>,
    /// Command line of the pager, where there is one.
    pager: Option<String>,
    /// What is said only when the data is printed.
    notes: Option<String>,
}

impl Ui<'_> {
    /// Prints without a pager, however long it gets.
    pub fn without_pager(&mut self) {
        self.pager = None;
    }

    /// Has what is printed from now on go through a pager when it does not fit on the screen.
    pub fn page(&mut self) {
        let Some((pager, screen)) = self.pager.take().zip((self.screen)()) else { return };
        let out = std::mem::replace(&mut self.out, Box::new(io::sink()));
        self.out = Box::new(Paged::new(out, pager, screen));
        self.hold_notes();
    }

    /// Ends the output: waits for a pager, then says what was to be said beside the data.
    pub fn end(&mut self) {
        drop(std::mem::replace(&mut self.out, Box::new(io::sink())));
        let notes = self.held_notes();
        self.err.write_all(notes.as_bytes()).unwrap_or_default();
    }

    /// Leaves a line that a terminal shows an interrupt on.
    pub fn end_line(&mut self) {
        if self.err_terminal {
            self.err.write_all(b"\n").unwrap_or_default();
        }
    }

    /// The clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Rows and columns of the terminal that stdout is.
    #[must_use]
    pub fn screen(&self) -> Option<Screen> {
        (self.screen)()
    }

    /// Keeps what is said beside the data until it is asked for.
    pub fn hold_notes(&mut self) {
        self.notes.get_or_insert_default();
    }

    /// What was said since; from now on it is said at once again.
    pub fn held_notes(&mut self) -> String {
        self.notes.take().unwrap_or_default()
    }

    /// Says something beside the data; nothing when quiet.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            self.aside(format!("{text}\n"));
        }
    }

    /// Says something on stderr, after the data when both are for the same eyes. A stderr that is
    /// gone is no reason to stop.
    fn aside(&mut self, text: String) {
        let text = self.look.fold(text);
        match &mut self.notes {
            Some(notes) if notes.len() < NOTES_MAX_BYTES => *notes += &text,
            _ => self.err.write_all(text.as_bytes()).unwrap_or_default(),
        }
    }

    /// Says how far something is, on the last line of a terminal, in place of what was said so
    /// before; an empty text takes that away. Nothing elsewhere, and nothing when quiet.
    pub fn progress(&mut self, text: &str) {
        const CLEAR: &str = "\r\x1b[K";
        if self.err_terminal && !self.quiet && self.notes.is_none() {
            let text = self.look.fold(format!("{CLEAR}{text}"));
            self.err.write_all(text.as_bytes()).unwrap_or_default();
            self.err.flush().unwrap_or_default();
        }
    }

    /// Tells an error, quiet or not.
    pub fn tell(&mut self, error: &Error) {
        self.aside(error.report());
    }

    /// A line of data.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn say(&mut self, text: &str) -> Result<(), Error> {
        let text = self.look.fold(format!("{text}\n"));
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Opens what `-` stands for.
    #[must_use]
    pub const fn input(&self) -> fn() -> Box<dyn BufRead + Send> {
        self.input
    }

    /// Whether there is somebody to ask.
    #[must_use]
    pub const fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// Asks a person and returns the answer without its newline. Reads on a thread of its own, so
    /// that an interrupt still ends the program.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&mut self, question: &str) -> Result<String, Error> {
        let question = self.look.fold(question.to_owned());
        self.out.flush()?;
        self.err.write_all(question.as_bytes())?;
        self.err.flush()?;
        let answer = tokio::task::spawn_blocking(self.read_line).await;
        match answer {
            Ok(Ok(answer)) => Ok(answer.trim_end_matches(['\r', '\n']).to_owned()),
            Ok(Err(error)) => Err(Error::new(Kind::Failed, format!("cannot read the answer: {error}"))),
            Err(_) => Err(Error::new(Kind::Failed, "cannot read the answer")),
        }
    }
}
