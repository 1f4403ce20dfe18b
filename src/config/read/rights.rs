//! Files that others had better not read or change. They are used all the same: whoever runs
//! Pointsman is told.
//!
//! | file | who may not | why |
//! | --- | --- | --- |
//! | holds a secret | others read or write it, the group write it | they could log in, or sign |
//! | says what is run, or is run | others or the group write it | they would run what they like as us |
//! | the state folder | others or the group write into it | they could create overrides, or links |
//!
//! The group may read: a service whose user owns nothing gets its secrets that way.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// What is in a file that is not for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protected {
    /// A password, a token, a key.
    Secret,
    /// Commands, by name or as a program.
    Commands,
    /// What Pointsman believes at its next start. It is a folder.
    State,
}

/// A file that is open to those whom it is not for. It prints as one line with what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenFile {
    path: PathBuf,
    what: Protected,
    /// The nine bits of its permissions.
    mode: u32,
}

impl OpenFile {
    /// The file at `path` that holds `what`, if its `mode` (stat(2)) lets in somebody else.
    pub fn of(path: &Path, what: Protected, mode: u32) -> Option<Self> {
        let forbidden = match what {
            Protected::Secret => 0o027,
            Protected::Commands | Protected::State => 0o022,
        };
        let mode = mode & 0o777;
        (mode & forbidden != 0).then(|| Self { path: path.to_owned(), what, mode })
    }
}

impl fmt::Display for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, what, mode } = self;
        let (fault, change) = match what {
            Protected::Secret => ("holds a secret and is open to others", "640"),
            Protected::Commands => ("says what is run, and others may change it", "go-w"),
            Protected::State => ("holds the state, and others may write into it", "go-w"),
        };
        let path = path.display();
        write!(f, "{path} {fault} (mode {mode:03o}); run `chmod {change}` on it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_open_when_it_lets_in_whom_it_is_not_for() {
        use Protected::{Commands, Secret, State};
        for (what, mode, is_open) in [
            (Secret, 0o100_600, false),
            (Secret, 0o100_440, false),
            (Secret, 0o100_640, false),
            (Secret, 0o100_644, true),
            (Secret, 0o100_660, true),
            (Secret, 0o100_602, true),
            (Commands, 0o100_755, false),
            (Commands, 0o100_644, false),
            (Commands, 0o100_664, true),
            (Commands, 0o100_646, true),
            (State, 0o40_755, false),
            (State, 0o40_770, true),
            (State, 0o41_777, true),
        ] {
            let open = OpenFile::of(Path::new("/etc/x"), what, mode);
            assert_eq!(open.is_some(), is_open, "{what:?} {mode:o}");
        }
    }

    #[test]
    fn it_says_what_to_do() {
        let said = |what| OpenFile::of(Path::new("/etc/x"), what, 0o100_666).unwrap().to_string();
        assert_eq!(
            said(Protected::Secret),
            "/etc/x holds a secret and is open to others (mode 666); run `chmod 640` on it"
        );
        assert_eq!(
            said(Protected::Commands),
            "/etc/x says what is run, and others may change it (mode 666); run `chmod go-w` on it"
        );
    }
}
