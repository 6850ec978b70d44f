//! Long output, a screen at a time: what does not fit on the terminal goes through a pager.
//!
//! Comes in: what is printed, and the pager's command line. Goes out: to the terminal itself as
//! long as it fits on one screen, else to the pager's standard input. Holds one screen. A pager
//! that is not there is no reason to print nothing; one that is quit early is a closed pipe.

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::output::fit;

/// What pages when nothing else is named: ends by itself on one screen (F), shows colour (R), and
/// leaves the text where it is (X).
const USUAL: &str = "less -FRX";

/// Options of `less` for whoever names it without any.
const LESS: (&str, &str) = ("LESS", "FRX");

/// Written to the pager at a time: the first screen comes soon.
const BUFFER: usize = 8 << 10;

/// Characters that only a shell understands.
const SHELL: &[char] =
    &['|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '"', '\'', '*', '?', '[', '#', '~', '%'];

/// Which pager the surroundings name, `$HYDRA_PAGER` before `$PAGER`; `None` when they say not to.
pub(crate) fn named(variable: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    let named = ["HYDRA_PAGER", "PAGER"].iter().find_map(|name| variable(name));
    let pager = named.map_or_else(|| USUAL.to_owned(), |named| named.to_string_lossy().trim().to_owned());
    (!pager.is_empty() && pager != "cat").then_some(pager)
}

/// Rows and columns of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Lines.
    pub rows: usize,
    /// Cells of a line.
    pub columns: usize,
}

/// An output that becomes a pager when it gets too long.
pub(crate) struct Paged<'a> {
    inner: Box<dyn Write + 'a>,
    pager: String,
    screen: Screen,
    state: State,
}

enum State {
    /// It may still fit: what there is, and the rows it takes.
    Held(Vec<u8>, usize),
    /// It does not.
    Paging(BufWriter<ChildStdin>, Child),
    /// There is no pager.
    Through,
}

impl<'a> Paged<'a> {
    pub(crate) fn new(inner: Box<dyn Write + 'a>, pager: String, screen: Screen) -> Self {
        Self { inner, pager, screen, state: State::Held(Vec::new(), 0) }
    }

    /// Holds a text; once it does not fit, everything goes where it will go from now on.
    fn hold(&mut self, text: &[u8]) -> io::Result<()> {
        let State::Held(held, rows) = &mut self.state else { return Ok(()) };
        let mut begin = held.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        held.extend_from_slice(text);
        while let Some(length) = held[begin..].iter().position(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(&held[begin..begin + length]);
            *rows += fit::rows(&line, self.screen.columns);
            begin += length + 1;
        }
        // the prompt that follows needs a row, too
        if *rows < self.screen.rows {
            return Ok(());
        }
        let held = std::mem::take(held);
        match start(&self.pager) {
            Ok((mut child, stdin)) => {
                let mut stdin = BufWriter::with_capacity(BUFFER, stdin);
                let written = stdin.write_all(&held).and_then(|()| stdin.flush());
                if written.is_err() {
                    // quit before its first screen: it has the terminal until it ends
                    child.wait().ok();
                }
                self.state = State::Paging(stdin, child);
                written
            }
            Err(_) => {
                self.state = State::Through;
                self.inner.write_all(&held)
            }
        }
    }
}

impl Write for Paged<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Held(..) => self.hold(text).map(|()| text.len()),
            State::Paging(pager, _) => pager.write(text),
            State::Through => self.inner.write(text),
        }
    }

    /// What still fits on the screen stays held: only the end tells where it goes.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Held(..) => Ok(()),
            State::Paging(pager, _) => pager.flush(),
            State::Through => self.inner.flush(),
        }
    }
}

impl Drop for Paged<'_> {
    /// The end: prints what fits, or waits until the pager was quit, which has the terminal.
    fn drop(&mut self) {
        match std::mem::replace(&mut self.state, State::Through) {
            State::Held(held, _) => {
                // a terminal that is gone has nobody to tell
                self.inner.write_all(&held).and_then(|()| self.inner.flush()).ok();
            }
            State::Paging(mut stdin, mut child) => {
                // whoever quit it has read enough
                stdin.flush().ok();
                drop(stdin.into_parts());
                child.wait().ok();
            }
            State::Through => {}
        }
    }
}

/// Starts the pager, through a shell when only that understands its command line.
fn start(pager: &str) -> io::Result<(Child, ChildStdin)> {
    let mut command = if pager.contains(SHELL) {
        let mut shell = Command::new("sh");
        shell.args(["-c", pager]);
        shell
    } else {
        let mut words = pager.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        command
    };
    if std::env::var_os(LESS.0).is_none() {
        command.env(LESS.0, LESS.1);
    }
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let stdin = child.stdin.take().ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
    Ok((child, stdin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(variables: &[(&str, &str)]) -> Option<String> {
        named(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_pager_is_named_by_the_nearest_variable() {
        assert_eq!(name(&[]).as_deref(), Some("less -FRX"));
        assert_eq!(name(&[("PAGER", "most")]).as_deref(), Some("most"));
        assert_eq!(name(&[("PAGER", "most"), ("HYDRA_PAGER", "less -S")]).as_deref(), Some("less -S"));
        assert_eq!(name(&[("PAGER", "most"), ("HYDRA_PAGER", "")]), None);
        assert_eq!(name(&[("PAGER", "cat")]), None);
    }

    fn printed(lines: usize, pager: &str, screen: Screen) -> (String, io::Result<()>) {
        let mut out = Vec::new();
        let mut paged = Paged::new(Box::new(&mut out), pager.to_owned(), screen);
        let written = (0..lines).try_for_each(|line| writeln!(paged, "line {line}"));
        drop(paged);
        (String::from_utf8(out).expect("utf-8"), written)
    }

    const SCREEN: Screen = Screen { rows: 10, columns: 80 };

    #[test]
    fn what_fits_on_the_screen_needs_no_pager() {
        let (out, written) = printed(9, "false", SCREEN);
        assert!(written.is_ok() && out.ends_with("line 8\n"), "{out}");
        let (out, _) = printed(0, "false", SCREEN);
        assert_eq!(out, "");
    }

    #[test]
    fn what_does_not_fit_goes_through_the_pager_whole() {
        let dir = tempfile::tempdir().expect("scratch");
        let file = dir.path().join("paged");
        let (out, written) = printed(1_000, &format!("cat > {}", file.display()), SCREEN);
        assert!(written.is_ok() && out.is_empty(), "{out}");
        let paged = std::fs::read_to_string(file).expect("a file");
        assert_eq!(paged.lines().count(), 1_000);
        let narrow = Screen { columns: 3, ..SCREEN };
        let (out, _) = printed(5, "true", narrow);
        assert_eq!(out, "", "lines that wrap take more rows");
    }

    #[test]
    fn a_pager_that_is_not_there_is_done_without() {
        let (out, written) = printed(1_000, "/nowhere/less", SCREEN);
        assert!(written.is_ok());
        assert_eq!(out.lines().count(), 1_000);
    }

    #[test]
    fn a_pager_that_is_quit_early_is_a_closed_pipe() {
        let (_, written) = printed(1_000_000, "true", SCREEN);
        assert_eq!(written.expect_err("nobody reads").kind(), io::ErrorKind::BrokenPipe);
    }
}
