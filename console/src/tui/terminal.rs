//! The terminal: taken over, drawn on, and always given back.
//!
//! Giving back happens once, whoever comes first: the end of the program, an error on its way
//! up, a panic in any thread, or a stop signal. Nothing else may write to the terminal.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use data_encoding::BASE64;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::state::State;
use super::view::{self, theme::Theme};

/// The longest text that goes into a clipboard, in bytes; terminals drop more than some 70 kB.
const CLIPBOARD: usize = 4_096;

/// The terminal is ours and has not been given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Holds the terminal of this process; gives it back when dropped.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal over: raw mode, alternate screen, pasted text marked as such, focus told.
    ///
    /// # Errors
    /// What the terminal said; it is given back as far as it was taken.
    pub fn take() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let usual = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                usual(panic);
            }));
        });
        take()?;
        Ok(Self(()))
    }

    /// Gives the terminal back for the time this process is stopped.
    pub fn suspend(&self) {
        give_back();
    }

    /// Takes it over again. The next picture must be drawn whole.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn resume(&self) -> io::Result<()> {
        if TAKEN.load(Ordering::SeqCst) { Ok(()) } else { take() }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// The terminal behind standard output, past the lock of `io::stdout`: whoever holds that must
/// not keep a panic in another thread from giving the terminal back.
///
/// # Errors
/// When there are no file descriptors left.
pub fn output() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    let taken = enable_raw_mode().and_then(|()| {
        execute!(output()?, EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, cursor::Hide)
    });
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Once; what fails here has nobody left to be told.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let written = output().and_then(|mut out| {
            execute!(
                out,
                EndSynchronizedUpdate,
                DisableFocusChange,
                DisableBracketedPaste,
                LeaveAlternateScreen,
                cursor::Show
            )
        });
        disable_raw_mode().and(written).unwrap_or_default();
    }
}

/// What is drawn on: a writer, and what it shows now.
pub struct Screen<W: Write> {
    terminal: Terminal<Synchronized<W>>,
    theme: Theme,
}

impl<W: Write> Screen<W> {
    /// A screen of the size of the terminal.
    ///
    /// # Errors
    /// When the terminal does not tell its size.
    pub fn new(writer: W, theme: Theme) -> io::Result<Self> {
        Self::with(writer, theme, Viewport::Fullscreen)
    }

    /// A screen of a size of its own, for tests.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn fixed(writer: W, theme: Theme, width: u16, height: u16) -> io::Result<Self> {
        Self::with(writer, theme, Viewport::Fixed(ratatui::layout::Rect::new(0, 0, width, height)))
    }

    fn with(writer: W, theme: Theme, viewport: Viewport) -> io::Result<Self> {
        let backend = Synchronized(CrosstermBackend::new(writer));
        Ok(Self { terminal: Terminal::with_options(backend, TerminalOptions { viewport })?, theme })
    }

    /// Draws with the next look from now on.
    pub fn next_theme(&mut self) {
        self.theme = self.theme.next();
    }

    /// Draws what changed, as one update.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn draw(&mut self, state: &State) -> io::Result<()> {
        let theme = &self.theme;
        self.terminal.draw(|frame| view::draw(frame, state, theme))?;
        Ok(())
    }

    /// What is drawn now, as a picture of the terminal's size.
    ///
    /// # Errors
    /// When the terminal does not tell its size.
    pub fn picture(&mut self, state: &State) -> io::Result<Buffer> {
        let size = self.terminal.size()?;
        Ok(view::buffer(state, (size.width, size.height), &self.theme))
    }

    /// Forgets what the terminal shows: the next picture is drawn whole.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Gives a text to the clipboard of the terminal (OSC 52); works over ssh.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        if text.len() > CLIPBOARD {
            return Ok(());
        }
        let out = &mut self.terminal.backend_mut().0;
        write!(out, "\x1b]52;c;{}\x07", BASE64.encode(text.as_bytes()))?;
        Write::flush(out)
    }
}

/// A crossterm backend whose frames reach the terminal whole: ratatui sends no marks for
/// synchronised updates by itself.
struct Synchronized<W: Write>(CrosstermBackend<W>);

impl<W: Write> Backend for Synchronized<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a ratatui::buffer::Cell)>,
    {
        queue!(self.0, BeginSynchronizedUpdate)?;
        self.0.draw(content)?;
        queue!(self.0, EndSynchronizedUpdate)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        // Hidden since the terminal was taken, and no picture shows one.
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<ratatui::layout::Position> {
        // The cursor is hidden and means nothing. Asking the terminal would wait for an answer
        // among the keys, which the event stream has long taken away.
        Ok(ratatui::layout::Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<ratatui::layout::Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    fn clear_region(&mut self, region: ratatui::backend::ClearType) -> io::Result<()> {
        self.0.clear_region(region)
    }

    fn size(&self) -> io::Result<ratatui::layout::Size> {
        self.0.size()
    }

    fn window_size(&mut self) -> io::Result<ratatui::backend::WindowSize> {
        self.0.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}
