//! The pictures of the documentation are drawn from a recording of the example hydra, and are
//! those that the program draws today. Make them anew: `HYDRA_BLESS=1 cargo test --workspace --test pictures`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hydractl::fixture::server::{FakeHydrad, World};
use hydractl::picture::{Kind, Theme, screen};
use hydractl::tui::connection::{Connection, Target, start};
use hydractl::tui::picture::picture;
use hydractl::tui::recording::Recorder;
use hydractl::tui::state::{Command, Message, State};
use hydractl::tui::{Colours, Options, Symbols};

/// What each picture shows: its name, what is typed after `:`, columns and rows.
const PICTURES: [(&str, &str, (u16, u16)); 9] = [
    ("overview", "", (120, 36)),
    ("overview-80x24", "", (80, 24)),
    ("heads", "heads", (120, 36)),
    ("head", "head 2", (120, 36)),
    ("peers", "peers", (120, 36)),
    ("records", "records", (120, 36)),
    ("prefetch", "prefetch", (120, 36)),
    ("network", "network", (120, 36)),
    ("log", "log", (120, 36)),
];

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures")
}

fn recording() -> PathBuf {
    pictures().join("lerna.ndjson")
}

fn blesses() -> bool {
    std::env::var_os("HYDRA_BLESS").is_some()
}

/// What the example tells: one update, and the answer to each question of each page, in the
/// order of the pages. Times are left out, so that the same answers give the same recording.
async fn told() -> Vec<Message> {
    let directory = tempfile::tempdir().expect("a directory");
    let _daemon = FakeHydrad::start(directory.path(), World::default()).expect("a made-up daemon");
    let socket = directory.path().join("control.sock");
    let mut connection = start(Target { socket: Some(socket), interval: Duration::from_secs(60) });
    let mut told = Vec::new();
    let mut state = State::new(Duration::from_secs(1), true);
    while state.shown().is_none() {
        let message = next(&mut connection).await;
        state.apply(message.clone(), Duration::ZERO);
        told.push(message);
    }
    let mut wants = Vec::new();
    for (_, page, _) in PICTURES {
        let mut state = state.clone();
        state.open_with(page).expect("a page");
        wants.extend(state.wants().into_iter().filter(|ask| !wants.contains(ask)).collect::<Vec<_>>());
    }
    connection.commands.send(Command::Want(wants.clone())).await.expect("the task lives");
    let mut answers: Vec<Option<Message>> = vec![None; wants.len()];
    while answers.iter().any(Option::is_none) {
        let message = next(&mut connection).await;
        if let Message::Told { ask, .. } = &message
            && let Some(at) = wants.iter().position(|want| want == ask)
        {
            answers[at] = Some(message);
        }
    }
    told.into_iter().chain(answers.into_iter().flatten()).collect()
}

async fn next(connection: &mut Connection) -> Message {
    let message = tokio::time::timeout(Duration::from_secs(20), connection.messages.recv()).await;
    message.expect("in time").expect("the task lives")
}

fn options(page: &str, replay: PathBuf) -> Options {
    Options {
        socket: None,
        read_only: true,
        interval: Duration::from_secs(1),
        symbols: Symbols::Unicode,
        colours: Colours::Ansi,
        open: page.to_owned(),
        record: None,
        replay: Some(replay),
    }
}

#[tokio::test]
async fn recording_and_pictures_of_the_documentation_are_those_of_today() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = if blesses() { recording() } else { directory.path().join("lerna.ndjson") };
    let mut recorder = Recorder::create(&path).expect("a file");
    for message in told().await {
        recorder.take(&message, Duration::ZERO);
    }
    recorder.finish().expect("written");
    let (new, kept) = (std::fs::read(&path).expect("it"), std::fs::read(recording()).unwrap_or_default());
    assert!(new == kept, "the example changed; HYDRA_BLESS=1 cargo test --workspace --test pictures");

    for (name, page, size) in PICTURES {
        let cells = picture(&options(page, recording()), size).await.expect("a picture");
        let drawn = screen::draw(&cells, Theme::Dark, Kind::Svg).expect("drawn");
        let path = pictures().join(format!("{name}.svg"));
        if blesses() {
            std::fs::write(&path, &drawn).expect("written");
        }
        let kept = std::fs::read(&path).unwrap_or_default();
        assert!(kept == drawn, "{name}.svg is old; HYDRA_BLESS=1 cargo test --workspace --test pictures");
        let text = screen::text(&cells);
        assert!(text.contains("lerna"), "{name}:\n{text}");
    }
}
