//! The connect errors on real sockets. The handshake itself is tested in the console, against a
//! daemon made up for it.

use std::os::unix::net::UnixListener;

use super::*;

const SHORT: Duration = Duration::from_millis(200);

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch directory")
}

#[tokio::test]
async fn a_path_without_a_socket_is_no_socket() {
    let dir = scratch();
    let path = dir.path().join("control.sock");
    assert!(matches!(connect(&path, SHORT).await, Err(ConnectError::NoSocket(at)) if at == path));
    // A file where a directory should be.
    std::fs::write(dir.path().join("file"), "").expect("write");
    let below = dir.path().join("file/control.sock");
    assert!(matches!(connect(&below, SHORT).await, Err(ConnectError::NoSocket(_))));
}

#[tokio::test]
async fn a_socket_without_its_owner_is_told_from_a_file_that_is_none() {
    let dir = scratch();
    let stale = dir.path().join("stale.sock");
    drop(UnixListener::bind(&stale).expect("bind"));
    assert!(matches!(connect(&stale, SHORT).await, Err(ConnectError::NobodyListens(_))));
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("write");
    assert!(matches!(connect(&file, SHORT).await, Err(ConnectError::NotASocket(_))));
}

#[tokio::test]
async fn a_path_of_108_bytes_is_too_long() {
    let path = PathBuf::from(format!("/{}", "x".repeat(107)));
    let error = connect(&path, SHORT).await.expect_err("too long");
    assert!(matches!(error, ConnectError::PathTooLong(_)), "{error}");
    assert!(error.to_string().starts_with("socket path of 108 bytes"), "{error}");
}

#[tokio::test]
async fn a_listener_that_never_answers_is_a_timeout() {
    let dir = scratch();
    let path = dir.path().join("mute.sock");
    let _listener = UnixListener::bind(&path).expect("bind");
    let error = connect(&path, SHORT).await.expect_err("mute");
    assert_eq!(error.to_string(), format!("no answer on {} within 0.2 s", path.display()));
}

#[tokio::test]
async fn the_first_telling_error_wins_over_absent_sockets() {
    let dir = scratch();
    let stale = dir.path().join("stale.sock");
    drop(UnixListener::bind(&stale).expect("bind"));
    let absent = |name: &str| dir.path().join(name);
    let sockets = [absent("a"), stale.clone(), absent("b")];
    let error = connect_first(&sockets, Access::Read, SHORT).await.expect_err("none answers");
    assert!(matches!(error, ConnectError::NobodyListens(at) if at == stale));
    let error = connect_first(&[absent("a"), absent("b")], Access::Read, SHORT).await.expect_err("none");
    assert!(matches!(error, ConnectError::NoSocket(at) if at == absent("b")));
}

#[test]
fn sockets_are_looked_for_where_the_flag_the_variable_and_the_user_say() {
    let system = || PathBuf::from(SYSTEM_SOCKET);
    let look = |asked: Option<&str>, variables: &[(&str, &str)]| {
        candidates_from(asked.map(Path::new), |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    };
    assert_eq!(look(None, &[]), vec![system()]);
    assert_eq!(look(None, &[("HYDRA_SOCKET", "")]), vec![system()]);
    assert_eq!(
        look(None, &[("XDG_RUNTIME_DIR", "/run/user/7")]),
        ["/run/user/7/hydra/control.sock".into(), system()]
    );
    assert_eq!(look(None, &[("HYDRA_SOCKET", "/a"), ("XDG_RUNTIME_DIR", "/b")]), [PathBuf::from("/a")]);
    assert_eq!(look(Some("/c"), &[("HYDRA_SOCKET", "/a")]), [PathBuf::from("/c")]);
}

#[test]
fn the_observe_socket_is_beside_the_control_socket() {
    let beside = |path: &str| observe_beside(Path::new(path));
    assert_eq!(beside("/run/hydra/control.sock"), Some("/run/hydra/observe.sock".into()));
    assert_eq!(beside("/tmp/x.sock"), Some("/tmp/observe.sock".into()));
    assert_eq!(beside("/run/hydra/observe.sock"), None);
}
