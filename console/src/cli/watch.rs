//! `--watch`: the same question again and again, until interrupted.
//!
//! On a terminal the answer is drawn over the one before, in one write and cut to the screen; in a
//! pipe each follows the other. A daemon that goes away is waited for.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::time::MissedTickBehavior;

use super::span;
use crate::error::{Error, Kind};
use crate::output::Format;
use crate::output::fit;
use crate::output::look::Tone;
use crate::pager::Screen;
use crate::ui::Ui;

/// The shortest pause: a question is work for the daemon.
const SHORTEST: Duration = Duration::from_millis(100);

/// The cursor goes home; the terminal shows nothing until the end of the drawing (where it knows that).
const BEGIN: &str = "\x1b[?2026h\x1b[H";

/// What the drawing before had below is taken away.
const END: &str = "\x1b[J\x1b[?2026l";

/// The rest of a line of the drawing before is taken away.
const END_OF_LINE: &str = "\x1b[K\n";

#[derive(Args, Clone, Debug, Default)]
pub(super) struct Watch {
    /// Again and again, every 2 s or so often: -w, --watch=500ms, --watch=10
    #[arg(short = 'w', long = "watch", value_name = "TIME", num_args = 0..=1, require_equals = true,
          default_missing_value = "2s", value_parser = pause)]
    pub(super) every: Option<Duration>,
}

fn pause(text: &str) -> Result<Duration, String> {
    let pause = span::parse(text)?;
    if pause < SHORTEST { Err("at least 100ms".to_owned()) } else { Ok(pause) }
}

/// Does `once` again and again.
///
/// # Errors
/// What no later answer can mend, and whatever the first says.
pub(super) async fn run(
    every: Duration,
    ui: &mut Ui<'_>,
    mut once: impl AsyncFnMut(&mut Ui<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let live = ui.look.terminal && ui.format.is_text();
    let mut shown = Shown { every, last: None, gone: false };
    loop {
        ticks.tick().await;
        ui.look.now = ui.now();
        let (outcome, answer) = captured(ui, live, &mut once).await;
        match outcome {
            Err(error) if !is_answer(error.kind()) => match error.kind() {
                Kind::NoDaemon | Kind::Timeout if shown.last.is_some() => shown.lost(&error, live, ui)?,
                _ => return Err(error),
            },
            _ => shown.answered(answer, live, ui)?,
        }
        ui.out.flush()?;
    }
}

/// Whether the command said all it has to say: a hydra that is not well is an answer.
const fn is_answer(kind: Kind) -> bool {
    matches!(kind, Kind::Unhealthy)
}

/// What the reader has seen.
struct Shown {
    every: Duration,
    /// The last answer and when it came.
    last: Option<(Timestamp, String)>,
    gone: bool,
}

impl Shown {
    fn answered(&mut self, answer: String, live: bool, ui: &mut Ui<'_>) -> Result<(), Error> {
        let first = self.last.is_none();
        if live {
            let title =
                format!("every {} s · {} UTC · Ctrl-C ends", self.every.as_secs_f64(), clock(ui.look.now));
            let title = ui.look.paint(Tone::Off, &title);
            draw(&title, &answer, first, ui)?;
        } else {
            if self.gone {
                ui.note("hydrad answers again");
            }
            if !first && ui.format.is_text() {
                ui.out.write_all(b"\n")?;
            }
            ui.out.write_all(answer.as_bytes())?;
            ui.headers &= ui.format != Format::Csv;
        }
        self.gone = false;
        self.last = Some((ui.look.now, answer));
        Ok(())
    }

    /// The daemon does not answer: what it said last stays, with its time.
    fn lost(&mut self, error: &Error, live: bool, ui: &mut Ui<'_>) -> Result<(), Error> {
        let every = self.every.as_secs_f64();
        match (&self.last, live) {
            (Some((at, answer)), true) => {
                let symbol = ui.look.paint(Tone::Broken, Tone::Broken.symbol());
                let at = clock(*at);
                // what matters first: the end is cut on a narrow terminal
                let title = format!("{symbol} no answer since {at} UTC · tries every {every} s · {error}");
                let answer = answer.clone();
                draw(&title, &answer, false, ui)?;
            }
            _ if !self.gone => ui.note(&format!("{error}; tries again every {every} s")),
            _ => {}
        }
        self.gone = true;
        Ok(())
    }
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Draws a title and an answer over what was drawn before. The last row stays free for the cursor.
fn draw(title: &str, answer: &str, first: bool, ui: &mut Ui<'_>) -> Result<(), Error> {
    let screen = ui.screen().unwrap_or(Screen { rows: usize::MAX, columns: usize::MAX });
    let text = frame(title, answer, screen);
    // what stood on the screen goes up, where it can be found again
    let scrolled = if first { "\n".repeat(screen.rows.min(1_000)) } else { String::new() };
    let text = ui.look.fold(format!("{scrolled}{BEGIN}{text}{END}"));
    ui.out.write_all(text.as_bytes())?;
    Ok(())
}

/// The lines of a drawing, each with what takes the rest of the line away.
fn frame(title: &str, answer: &str, screen: Screen) -> String {
    let room = screen.rows.saturating_sub(2);
    let lines = answer.lines().count();
    let fit = |line: &str| fit::cut(line, screen.columns) + END_OF_LINE;
    let mut text = fit(title);
    if lines <= room {
        text.extend(answer.lines().map(fit));
    } else {
        let shown = room.saturating_sub(1);
        text.extend(answer.lines().take(shown).map(fit));
        text += &fit(&format!("… {} lines more: a taller terminal, or --limit", lines - shown));
    }
    text
}

/// What a command printed, notes included when both are for the same eyes.
async fn captured(
    ui: &mut Ui<'_>,
    live: bool,
    once: &mut impl AsyncFnMut(&mut Ui<'_>) -> Result<(), Error>,
) -> (Result<(), Error>, String) {
    let buffer = Buffer::default();
    let out = std::mem::replace(&mut ui.out, Box::new(buffer.clone()));
    if live {
        ui.hold_notes();
    }
    let outcome = once(ui).await;
    ui.out = out;
    let mut answer = String::from_utf8_lossy(&buffer.0.borrow()).into_owned();
    if live {
        answer += &ui.held_notes();
    }
    (outcome, answer)
}

/// Memory that is written to in one place and read in another.
#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_has_a_line_less_than_the_screen_and_says_what_is_left_out() {
        let screen = Screen { rows: 5, columns: 8 };
        let text = |answer: &str| frame("title", answer, screen).replace(END_OF_LINE, "|");
        assert_eq!(text("a\nb\nc\n"), "title|a|b|c|");
        assert_eq!(text("a\nb\nc\nd\n"), "title|a|b|… 2 line|");
        assert_eq!(text("123456789\n"), "title|12345678|");
        let tiny = Screen { rows: 1, columns: 1 };
        assert_eq!(frame("title", "a\n", tiny).replace(END_OF_LINE, "|"), "t|…|");
    }

    #[test]
    fn a_pause_is_a_time_and_not_too_short() {
        assert_eq!(pause("10"), Ok(Duration::from_secs(10)));
        assert!(pause("10ms").is_err() && pause("often").is_err());
    }
}
