//! The PostgreSQL server programs of one major version, and the account that runs them.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use tempfile::TempDir;

use crate::{
    account::{self, Account},
    grants::Grants,
};

/// Where the programs of one version lie.
#[derive(Clone, Debug)]
pub struct Programs {
    directory: PathBuf,
    major: u32,
    account: Account,
    _copy: Option<Arc<TempDir>>,
}

impl Programs {
    /// Those of the newest PostgreSQL that Debian's packages have installed.
    ///
    /// # Panics
    /// When there is none.
    pub fn installed() -> Self {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        let newest = versions
            .flatten()
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
            .filter(|(_, path)| path.join("bin/postgres").exists())
            .max();
        let (major, path): (u32, PathBuf) =
            newest.expect("PostgreSQL is not installed; tests/run installs it");
        Self {
            directory: path.join("bin"),
            major,
            account: Account::named("postgres"),
            _copy: None,
        }
    }

    /// Those in `bin/` of an unpacked distribution of version `major`. When the server's account
    /// cannot get at them, because they lie in somebody's private directory, it gets a copy.
    pub fn unpacked(distribution: &Path, major: u32) -> Self {
        let account = Account::named("postgres");
        let reachable = account
            .command(distribution.join("bin/postgres"))
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success());
        if reachable {
            return Self { directory: distribution.join("bin"), major, account, _copy: None };
        }
        let copy = account.directory("pointsman-postgres-programs-");
        let mut command = Command::new("cp");
        command.arg("--archive").arg(distribution).arg(copy.path());
        account::run(&mut command);
        let name = distribution.file_name().expect("a distribution is a directory");
        Self {
            directory: copy.path().join(name).join("bin"),
            major,
            account,
            _copy: Some(Arc::new(copy)),
        }
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The account that runs them.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Where they lie.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A command that runs one of them under the server's account.
    pub fn command(&self, program: &str) -> Command {
        self.account.command(self.directory.join(program))
    }

    /// The same with these variables for the program itself.
    pub fn command_with(&self, environment: &[(OsString, OsString)], program: &str) -> Command {
        self.account.command_with(environment, self.directory.join(program))
    }

    /// The SQL that makes the probe's role in this version.
    pub fn grants(&self) -> Grants {
        Grants::printed("postgres", &self.major.to_string())
    }
}
