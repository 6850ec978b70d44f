//! What hydrad does not start with, and how it says so.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use data_encoding::BASE64;

use crate::place::{Place, hydractl};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_directory_is_refused_by_name_and_pid() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let mut first = place.serving(1).await?;
    let other = Place::seeded(1)?.data_dir(place.data());
    let refusal = other.refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    for text in [
        &place.data().display().to_string(),
        &format!("is in use by hydrad with pid {}", first.pid()),
        "--data-dir",
    ] {
        assert!(refusal.words.contains(text), "no {text:?} in {}", refusal.words);
    }
    // by another name of the directory too
    symlink(place.data(), other.dir().join("link"))?;
    let by_link = Place::seeded(1)?.data_dir(&other.dir().join("link"));
    assert_eq!(by_link.refused().await?.code, Some(1));
    first.serve(1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_control_socket_is_refused_and_the_first_goes_on() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    let mut first = place.serving(1).await?;
    for flag in ["control-socket", "observe-socket"] {
        let taken = if flag == "control-socket" { place.control() } else { place.observe() };
        let refusal = Place::new()?.flag(flag, taken.display()).refused().await?;
        assert_eq!(refusal.code, Some(1), "{}", refusal.words);
        let text = format!("another hydrad (pid {}) answers on {}", first.pid(), taken.display());
        assert!(refusal.words.contains(&text), "no {text:?} in {}", refusal.words);
        first.serve(1).await?;
        hydractl(&taken, &["status"]).await?.good();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_dead_daemon_is_replaced_and_a_file_that_is_none_is_not() -> anyhow::Result<()> {
    let place = Place::seeded(1)?;
    place.serving(1).await?.kill().await?;
    assert!(place.control().exists(), "a killed daemon cannot remove its socket");
    let said = hydractl(&place.control(), &["status"]).await?;
    assert!(said.code == Some(3) && said.err.contains("nobody listens on"), "{said:?}");
    place.serving(1).await?.stop().await?;
    // one of which no lock is left
    drop(UnixListener::bind(place.control())?);
    place.serving(1).await?.stop().await?;

    fs::write(place.control(), "keep me")?;
    let refusal = place.refused().await?;
    assert_eq!(refusal.code, Some(1));
    assert!(refusal.words.contains("exists and is no socket"), "{}", refusal.words);
    assert_eq!(fs::read_to_string(place.control())?, "keep me");
    let said = hydractl(&place.dir().join("none"), &["status"]).await?;
    assert!(said.code == Some(3) && said.err.contains("no socket at"), "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_path_that_the_kernel_does_not_take_is_refused_with_its_length() -> anyhow::Result<()> {
    let mut place = Place::new()?;
    for (length, fits) in [(107, true), (108, false)] {
        let dir = place.dir().display().to_string();
        let path = format!("{dir}/{}", "s".repeat(length - dir.len() - 1));
        place.set("control-socket", &path);
        if fits {
            place.serving(1).await?.stop().await?;
        } else {
            let refusal = place.refused().await?;
            assert!(matches!(refusal.code, Some(1 | 2)), "{}", refusal.words);
            for text in ["108 bytes", "107", "control"] {
                assert!(refusal.words.contains(text), "no {text:?} in {}", refusal.words);
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_refused_with_file_line_key_and_what_is_allowed() -> anyhow::Result<()> {
    let place = Place::new()?.without("heads");
    let file = place.dir().join("hydrad.toml");
    let path = file.display().to_string();
    let short = BASE64.encode(&[7; 31]);
    let place = place.flag("config", &path);
    for (text, expected) in [
        ("name = \"x\"\n[heads]\ncuont = 5\n", &["hydrad.toml", ":3", "heads.cuont", "count"][..]),
        ("[haeds]\ncount = 5\n", &["hydrad.toml", ":1", "haeds"]),
        ("[heads]\ncount = -5\n", &["hydrad.toml", ":2", "heads.count", "-5", "0 to 10000"]),
        ("[heads]\ncount = 10001\n", &["hydrad.toml", ":2", "heads.count", "10001", "0 to 10000"]),
        ("[heads]\ncount = \"five\"\n", &["hydrad.toml", ":2", "heads.count", "five"]),
        ("[heads\ncount = 5\n", &["hydrad.toml", ":1"]),
        ("[identity]\nid_offset = 3\nindexes = \"0..4\"\n", &["hydrad.toml", "id_offset", "indexes"]),
        (
            &format!("[identity]\nseed = \"{short}\"\n"),
            &["hydrad.toml", ":2", "identity.seed", "31 bytes", "32"],
        ),
        ("[limits]\nmax_files = 0\nmax_connections = -1\n", &["limits.max_files", "limits.max_connections"]),
    ] {
        fs::write(&file, text)?;
        let refusal = place.refused().await?;
        assert_eq!(refusal.code, Some(2), "{text}: {}", refusal.words);
        for word in expected {
            assert!(refusal.words.contains(word), "{text}: no {word:?} in {}", refusal.words);
        }
        assert!(!refusal.words.contains(&short), "the seed is shown: {}", refusal.words);
        assert!(!place.data().exists(), "{text}: a refused start made something");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_of_31_bytes_is_refused_wherever_it_stands() -> anyhow::Result<()> {
    let short = BASE64.encode(&[7; 31]);
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), &short)?;
    let path = file.path().display().to_string();
    for (place, named) in [
        (Place::new()?.flag("random-seed", &short), "--random-seed"),
        (Place::new()?.variable("HYDRA_RANDOM_SEED", &short), "HYDRA_RANDOM_SEED"),
        (Place::new()?.flag("random-seed-file", &path), path.as_str()),
    ] {
        let refusal = place.refused().await?;
        assert_eq!(refusal.code, Some(2), "{}", refusal.words);
        for text in [named, "31 bytes", "32"] {
            assert!(refusal.words.contains(text), "no {text:?} in {}", refusal.words);
        }
        assert!(!refusal.words.contains(&short), "the seed is shown: {}", refusal.words);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_anyone_may_write_is_refused() -> anyhow::Result<()> {
    let place = Place::new()?;
    fs::create_dir(place.data())?;
    fs::write(place.data().join("notes.txt"), "somebody's")?;
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o777))?;
    let refusal = place.refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    assert!(refusal.words.contains("may be written by anyone (mode 0777)"), "{}", refusal.words);
    // a state that others could read is made private
    let place = Place::new()?;
    place.serving(1).await?.stop().await?;
    let state = place.data().join("state.db");
    fs::set_permissions(&state, fs::Permissions::from_mode(0o644))?;
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o755))?;
    place.serving(1).await?.stop().await?;
    let mode = |path: &Path| anyhow::Ok(fs::metadata(path)?.permissions().mode() & 0o777);
    assert_eq!((mode(place.data())?, mode(&state)?), (0o700, 0o600));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_another_user_is_refused_with_what_to_do() -> anyhow::Result<()> {
    if !rustix::process::geteuid().is_root() {
        hydra_tests::harness::binaries::skip("becoming another user needs root");
        return Ok(());
    }
    let someone = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let place = Place::new()?.under(&someone);
    // may look, not write
    fs::set_permissions(place.dir(), fs::Permissions::from_mode(0o755))?;
    let refusal = place.refused().await?;
    if refusal.words.contains("setpriv") || refusal.code == Some(126) {
        hydra_tests::harness::binaries::skip("another user cannot run the program here");
        return Ok(());
    }
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    for text in ["make the data directory", "Permission denied", "let uid 65534 write there", "--data-dir"] {
        assert!(refusal.words.contains(text), "no {text:?} in {}", refusal.words);
    }
    // root's own state, opened to all
    fs::create_dir(place.data())?;
    let refusal = place.refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    assert!(refusal.words.contains("Permission denied"), "{}", refusal.words);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_refused_and_left_as_it_is() -> anyhow::Result<()> {
    let place = Place::new()?;
    place.serving(1).await?.stop().await?;
    let state = place.data().join("state.db");
    let mut bytes = fs::read(&state)?;
    bytes.truncate(bytes.len() / 2);
    bytes[..16].fill(b'x');
    fs::write(&state, &bytes)?;
    let refusal = place.refused().await?;
    assert_eq!(refusal.code, Some(1), "{}", refusal.words);
    for text in ["state.db is damaged", "hydrad state restore"] {
        assert!(refusal.words.contains(text), "no {text:?} in {}", refusal.words);
    }
    assert_eq!(fs::read(&state)?, bytes);
    Ok(())
}
