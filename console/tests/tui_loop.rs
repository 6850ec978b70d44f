//! The loop and what it writes: nothing while nothing happens, little when values come.

mod tui_common;

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures::{Stream, StreamExt as _, stream};
use hydra_protocol::v1::{Sample, WatchStatusResponse};
use hydractl::fixture;
use hydractl::tui::run::{Loop, Turn};
use hydractl::tui::state::{Message, State};
use hydractl::tui::terminal::Screen;
use hydractl::tui::view::theme::Theme;
use hydractl::tui::{Colours, Error, Symbols};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tui_common::{SECOND, keys, live};

/// Counts and keeps what is written.
#[derive(Clone, Default)]
struct Wire {
    count: Arc<AtomicUsize>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock()).into_owned()
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.count.fetch_add(bytes.len(), Ordering::SeqCst);
        self.bytes.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn screen(wire: &Wire) -> Screen<Wire> {
    let theme = Theme::new(Colours::Ansi, Symbols::Unicode);
    Screen::fixed(wire.clone(), theme, 120, 36).expect("a screen")
}

/// The second `at` seconds after the example: all values move a little, as they do.
fn second(at: i64) -> WatchStatusResponse {
    let mut status = fixture::status();
    let wave = |period: f64| 1.0 + 0.02 * (at as f64 / period).sin();
    status.at = fixture::ago(-at);
    status.uptime_seconds += at as f64;
    status.records += 1_900 * at.unsigned_abs();
    status.connections_in += at.unsigned_abs() % 7;
    let mut heads = fixture::heads();
    for (head, period) in heads.iter_mut().zip([7.0, 9.0, 11.0, 13.0, 17.0]) {
        if let Some(rates) = &mut head.rates_1m {
            rates.add_provider *= wave(period);
            rates.get_providers *= wave(period + 1.0);
        }
        head.connections_in += at.unsigned_abs() % 3;
    }
    let samples = fixture::samples();
    let like = samples.get(usize::try_from(at * 7 % 600).unwrap_or(0)).expect("a sample");
    let sample = Sample { at: fixture::ago(-at), ..*like };
    WatchStatusResponse {
        status: Some(status),
        heads,
        samples: vec![sample],
        ..WatchStatusResponse::default()
    }
}

#[test]
fn a_minute_of_values_costs_less_than_one_and_a_half_kilobytes_a_second() {
    let wire = Wire::default();
    let mut screen = screen(&wire);
    let mut state = live();
    screen.draw(&state).expect("drawn");
    let before = wire.count();
    for at in 1..=60 {
        state.apply(Message::Update(Box::new(second(at))), SECOND * u32::try_from(at).unwrap_or(0));
        screen.draw(&state).expect("drawn");
    }
    let rate = (wire.count() - before) / 60;
    assert!(rate > 0 && rate < 1_500, "{rate} bytes a second");
}

#[test]
fn every_picture_is_one_synchronised_update() {
    let wire = Wire::default();
    screen(&wire).draw(&live()).expect("drawn");
    let text = wire.text();
    assert!(text.starts_with("\x1b[?2026h"), "{:?}", text.get(..40));
    assert_eq!(text.matches("\x1b[?2026h").count(), text.matches("\x1b[?2026l").count());
    assert!(!text.contains("\x1b[6n"), "the terminal is never asked anything");
}

/// A loop over channels in place of a terminal and a daemon.
struct Rig {
    wire: Wire,
    messages: mpsc::Sender<Message>,
    events: mpsc::Sender<Event>,
    task: tokio::task::JoinHandle<Result<Turn, Error>>,
    commands: mpsc::Receiver<hydractl::tui::state::Command>,
}

fn rig(state: State) -> Rig {
    let wire = Wire::default();
    let (messages, mut from_daemon) = mpsc::channel(4);
    let (events, mut typed) = mpsc::channel::<Event>(64);
    let (to_daemon, commands) = mpsc::channel(1);
    let mut screen = screen(&wire);
    let task = tokio::spawn(async move {
        let mut events: Pin<Box<dyn Stream<Item = io::Result<Event>> + Send>> =
            stream::poll_fn(move |context| typed.poll_recv(context)).map(Ok).boxed();
        Loop::new(state)
            .turn(&mut screen, &mut events, &mut from_daemon, &to_daemon, std::future::pending())
            .await
    });
    Rig { wire, messages, events, task, commands }
}

fn typed(c: char) -> Event {
    Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))
}

#[tokio::test]
async fn a_screen_writes_nothing_between_two_updates() {
    let rig = rig(live());
    sleep(Duration::from_millis(300)).await;
    let drawn = rig.wire.count();
    assert!(drawn > 0);
    sleep(Duration::from_millis(1_200)).await;
    assert_eq!(rig.wire.count(), drawn, "idle");
    rig.messages.send(Message::Update(Box::new(second(1)))).await.expect("sent");
    sleep(Duration::from_millis(300)).await;
    let updated = rig.wire.count();
    assert!(updated > drawn);
    sleep(Duration::from_millis(800)).await;
    assert_eq!(rig.wire.count(), updated, "idle again");
    rig.events.send(typed('q')).await.expect("typed");
    assert!(matches!(rig.task.await.expect("joined"), Ok(Turn::Quit)));
}

#[tokio::test]
async fn a_storm_of_keys_is_drawn_at_most_thirty_times_a_second() {
    let rig = rig(live());
    sleep(Duration::from_millis(200)).await;
    let frames = || rig.wire.text().matches("\x1b[?2026h").count();
    let before = frames();
    for step in 0..100 {
        rig.events.send(typed(if step % 2 == 0 { 'j' } else { 'k' })).await.expect("typed");
        sleep(Duration::from_millis(5)).await;
    }
    sleep(Duration::from_millis(100)).await;
    let drawn = frames() - before;
    assert!((2..=32).contains(&drawn), "{drawn} pictures");
}

#[tokio::test]
async fn a_storm_of_values_does_not_keep_a_key_waiting() {
    let rig = rig(live());
    let messages = rig.messages.clone();
    let storm = tokio::spawn(async move {
        for at in 1.. {
            if messages.send(Message::Update(Box::new(second(at)))).await.is_err() {
                break;
            }
        }
    });
    sleep(Duration::from_millis(200)).await;
    rig.events.send(typed('q')).await.expect("typed");
    let turn = tokio::time::timeout(SECOND, rig.task).await.expect("q is heard").expect("joined");
    assert!(matches!(turn, Ok(Turn::Quit)));
    storm.await.expect("the storm ends");
}

#[tokio::test]
async fn a_connection_that_does_not_take_commands_does_not_stop_the_screen() {
    let mut rig = rig(tui_common::down());
    for _ in 0..5 {
        rig.events.send(typed('r')).await.expect("typed");
    }
    sleep(Duration::from_millis(200)).await;
    assert!(rig.commands.recv().await.is_some(), "the first is with the connection");
    assert!(rig.commands.try_recv().is_err(), "the others wait nowhere");
    rig.events.send(typed('q')).await.expect("typed");
    assert!(matches!(rig.task.await.expect("joined"), Ok(Turn::Quit)));
}

#[tokio::test]
async fn without_the_focus_values_are_drawn_seldom_and_keys_at_once() {
    let rig = rig(live());
    sleep(Duration::from_millis(200)).await;
    rig.events.send(Event::FocusLost).await.expect("told");
    sleep(Duration::from_millis(50)).await;
    let drawn = rig.wire.count();
    rig.messages.send(Message::Update(Box::new(second(5)))).await.expect("sent");
    sleep(Duration::from_millis(500)).await;
    assert_eq!(rig.wire.count(), drawn);
    rig.events.send(Event::FocusGained).await.expect("told");
    sleep(Duration::from_millis(200)).await;
    assert!(rig.wire.count() > drawn);
}

#[tokio::test]
async fn the_end_of_the_connection_task_is_told_and_not_a_picture_that_stands() {
    let rig = rig(live());
    drop(rig.messages);
    let ended = tokio::time::timeout(SECOND, rig.task).await.expect("it ends").expect("joined");
    assert!(matches!(ended, Err(Error::ConnectionEnded)));
}

#[test]
fn a_copied_id_reaches_the_terminal_as_osc_52() {
    let wire = Wire::default();
    let mut screen = screen(&wire);
    for effect in keys(&mut live(), "ggy") {
        let hydractl::tui::state::Effect::Copy(text) = effect else { panic!("{effect:?}") };
        screen.copy(&text).expect("written");
    }
    assert_eq!(
        wire.text(),
        "\x1b]52;c;MTJEM0tvb1dTbVlUeE40RFIyQllkcmt0N215SnBNYWJ2cGN1OFVZZDdKYnhlZHliTFVQWg==\x07"
    );
}
