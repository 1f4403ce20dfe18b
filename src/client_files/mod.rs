//! The files in which the clients of databases keep their logins: `~/.pgpass` of PostgreSQL's, `~/.my.cnf`
//! of MySQL's and MariaDB's. Commands that log in as somebody read them as `psql` and `mysql` do.

mod my_cnf;
mod pgpass;

use std::{
    env, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::unistd::{User, geteuid};

pub use self::{
    my_cnf::{OptionFile, read as option_file},
    pgpass::{Wanted, find as password},
};

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFile {
    /// `$PGPASSFILE`, else `~/.pgpass`.
    PgPass,
    /// `~/.my.cnf`.
    MyCnf,
}

/// Why a file that is there is left unread.
#[derive(Debug, thiserror::Error)]
pub enum UnreadFile {
    /// Others have rights to it that clients do not accept.
    #[error(
        "{} is left unread, as `psql` and `mysql` do: others have rights to it (mode {mode:03o}); \
         run `chmod 600` on it",
        path.display()
    )]
    Open {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The system does not give it.
    #[error("{} cannot be read: {source}", path.display())]
    System {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ClientFile {
    /// Its text; `None` when there is none.
    ///
    /// # Errors
    /// [`UnreadFile`].
    pub fn text(self) -> Result<Option<String>, UnreadFile> {
        let named = match self {
            Self::PgPass => env::var_os("PGPASSFILE").filter(|path| !path.is_empty()),
            Self::MyCnf => None,
        };
        let at_home = || home().map(|home| home.join(self.name()));
        match named.map(PathBuf::from).or_else(at_home) {
            Some(path) => text_of(&path, self.forbidden()),
            None => Ok(None),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::PgPass => ".pgpass",
            Self::MyCnf => ".my.cnf",
        }
    }

    /// The permissions of others that clients do not accept.
    fn forbidden(self) -> u32 {
        match self {
            Self::PgPass => 0o077,
            Self::MyCnf => 0o002,
        }
    }
}

/// The name of the system's user that runs this.
pub fn system_user() -> Option<String> {
    Some(User::from_uid(geteuid()).ok()??.name)
}

fn text_of(path: &Path, forbidden: u32) -> Result<Option<String>, UnreadFile> {
    let read = || {
        let mode = fs::metadata(path)?.mode();
        Ok(if mode & forbidden == 0 { Ok(fs::read_to_string(path)?) } else { Err(mode & 0o777) })
    };
    let path = path.to_owned();
    match read() {
        Ok(Ok(text)) => Ok(Some(text)),
        Ok(Err(mode)) => Err(UnreadFile::Open { path, mode }),
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(UnreadFile::System { path, source }),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn home() -> Option<PathBuf> {
    let named = env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(User::from_uid(geteuid()).ok()??.dir))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_others_may_read_is_left_unread_and_absence_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        assert!(text_of(&path, 0o077).unwrap().is_none());
        fs::write(&path, "a:b:c:d:e\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = text_of(&path, 0o077).unwrap_err().to_string();
        assert!(refused.contains("mode 640") && refused.contains("chmod 600"), "{refused}");
        assert!(text_of(&path, 0o002).unwrap().is_some());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(text_of(&path, 0o077).unwrap().as_deref(), Some("a:b:c:d:e\n"));
    }
}
