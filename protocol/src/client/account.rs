//! Who we are and what names numbers have, read from `/proc` and `/etc`: enough to explain a
//! refused socket.
//!
//! Asks no name service; a user or group that is only known there appears as its number. Never
//! used to decide anything, only to explain what the kernel decided.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::{fs, io};

/// The account this process runs as.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Effective user id; `None` when `/proc` does not tell.
    pub uid: Option<u32>,
    /// Effective and supplementary group ids of this process.
    pub groups: Vec<u32>,
}

impl Account {
    pub(super) fn of_this_process() -> Self {
        fs::read_to_string("/proc/self/status").map(|text| Self::from_proc(&text)).unwrap_or_default()
    }

    /// Reads the `Uid:`, `Gid:` (real, effective, saved, file system) and `Groups:` lines.
    fn from_proc(status: &str) -> Self {
        let numbers = |label: &str| -> Vec<u32> {
            status
                .lines()
                .find_map(|line| line.strip_prefix(label))
                .map(|rest| rest.split_whitespace().filter_map(|word| word.parse().ok()).collect())
                .unwrap_or_default()
        };
        let effective = |label: &str| numbers(label).get(1).copied();
        let mut groups = numbers("Groups:");
        groups.extend(effective("Gid:"));
        Self { uid: effective("Uid:"), groups }
    }
}

/// Whom a socket is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketAccess {
    /// Permission bits.
    pub mode: u32,
    /// Name of its owner, or its number.
    pub owner: String,
    /// Name of its group, or its number.
    pub group: String,
    /// This process has that group.
    pub in_group: bool,
}

/// Whom the socket at a path is for.
///
/// # Errors
/// When it cannot be looked at.
pub fn socket_access(path: &Path) -> io::Result<SocketAccess> {
    let found = fs::metadata(path)?;
    Ok(SocketAccess {
        mode: found.mode() & 0o7777,
        owner: user_name(found.uid()),
        group: group_name(found.gid()),
        in_group: Account::of_this_process().groups.contains(&found.gid()),
    })
}

/// Name of a user, or its number when it has none.
pub(super) fn user_name(uid: u32) -> String {
    name_in(&fs::read_to_string("/etc/passwd").unwrap_or_default(), uid).unwrap_or_else(|| uid.to_string())
}

/// Name of a group, or its number when it has none.
pub(super) fn group_name(gid: u32) -> String {
    name_in(&fs::read_to_string("/etc/group").unwrap_or_default(), gid).unwrap_or_else(|| gid.to_string())
}

/// Whether `/etc/group` lists the user in the group, whatever this login knows of it.
pub(super) fn is_listed(user: &str, gid: u32) -> bool {
    listed_in(&fs::read_to_string("/etc/group").unwrap_or_default(), user, gid)
}

/// passwd(5) and group(5): `name:password:id:…`.
fn name_in(table: &str, id: u32) -> Option<String> {
    table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

fn listed_in(groups: &str, user: &str, gid: u32) -> bool {
    groups.lines().any(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        matches!(fields[..], [_, _, id, members] if id.parse() == Ok(gid)
            && members.split(',').any(|member| member.trim() == user))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_ids_are_read_from_proc() {
        let text =
            "Name:\thydractl\nUid:\t1000\t1001\t1000\t1000\nGid:\t100\t101\t100\t100\nGroups:\t24 27 \n";
        assert_eq!(Account::from_proc(text), Account { uid: Some(1001), groups: vec![24, 27, 101] });
        assert_eq!(Account::from_proc("nonsense"), Account::default());
    }

    #[test]
    fn names_are_found_by_their_numbers() {
        let group = "root:x:0:\nhydra:x:990:ana,ben\nempty:x:991:\nbroken\n";
        assert_eq!(name_in(group, 990).as_deref(), Some("hydra"));
        assert_eq!(name_in(group, 7), None);
        assert!(listed_in(group, "ben", 990));
        assert!(!listed_in(group, "be", 990));
        assert!(!listed_in(group, "", 7));
    }
}
