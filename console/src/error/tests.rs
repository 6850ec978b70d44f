//! Which exit code each failure has.

use std::path::PathBuf;

use hydra_protocol::client::SpokenVersion;

use super::*;

#[test]
fn every_kind_has_the_documented_exit_code() {
    let codes = Kind::ALL.map(Kind::exit_code);
    assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8, 130, 0]);
}

#[test]
fn every_code_of_the_daemon_has_its_exit_code() {
    let table = [
        (Code::Unknown, 1),
        (Code::AlreadyExists, 1),
        (Code::ResourceExhausted, 1),
        (Code::FailedPrecondition, 1),
        (Code::Aborted, 1),
        (Code::Internal, 1),
        (Code::DataLoss, 1),
        (Code::InvalidArgument, 2),
        (Code::OutOfRange, 2),
        (Code::Unavailable, 3),
        (Code::PermissionDenied, 4),
        (Code::Unauthenticated, 4),
        (Code::NotFound, 5),
        (Code::DeadlineExceeded, 6),
        (Code::Cancelled, 6),
        (Code::Unimplemented, 7),
    ];
    for (code, exit) in table {
        assert_eq!(Error::from(Status::new(code, "why")).kind().exit_code(), exit, "{code:?}");
    }
}

#[test]
fn every_failure_to_connect_has_its_exit_code_and_a_next_step() {
    let path = || PathBuf::from("/run/hydra/control.sock");
    let denied = |needs_relogin| ConnectError::PermissionDenied {
        path: path(),
        mode: 0o660,
        owner: "hydrad".into(),
        group: "hydra".into(),
        user: "ana".into(),
        in_group: false,
        needs_relogin,
    };
    let theirs = SpokenVersion { program: "2.1.0".into(), api: "hydra.v2".into() };
    let table = [
        (ConnectError::NoSocket(path()), 3),
        (ConnectError::NobodyListens(path()), 3),
        (ConnectError::NotASocket(path()), 3),
        (denied(false), 4),
        (denied(true), 4),
        (ConnectError::PathTooLong(path()), 2),
        (ConnectError::Timeout { path: path(), after: std::time::Duration::from_secs(2) }, 6),
        (ConnectError::Version { ours: SpokenVersion::ours(), theirs }, 7),
        (ConnectError::Other { path: path(), text: "what".into() }, 3),
    ];
    for (error, exit) in table {
        let error = Error::from(error);
        assert_eq!(error.kind().exit_code(), exit, "{error}");
        assert!(!error.hints().is_empty(), "{error}");
    }
    assert_eq!(
        Error::from(denied(false)).report(),
        "error: permission denied on /run/hydra/control.sock (0660 hydrad:hydra): ana is not in group hydra\n  \
         sudo usermod -aG hydra ana, then log out and in      reading needs no group: status, top, list, show\n"
    );
}

#[test]
fn a_refusal_cannot_move_the_cursor() {
    let error = Error::from(Status::not_found("no \x1b[2Jhead\nhint \x07here"));
    assert_eq!(error.report(), "error: no \u{fffd}[2Jhead\n  hint \u{fffd}here\n");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let error = Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
    assert_eq!((error.kind().exit_code(), error.report()), (0, String::new()));
}
