//! The PostgreSQL server programs of one major version, and the account that runs them.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{account::Account, distribution::Distribution, grants::Grants};

/// Where the programs of one version lie.
#[derive(Clone, Debug)]
pub struct Programs {
    directory: PathBuf,
    major: u32,
    account: Account,
    _distribution: Option<Distribution>,
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
            _distribution: None,
        }
    }

    /// Those in `bin/` of an unpacked distribution of version `major`.
    pub fn unpacked(distribution: &Path, major: u32) -> Self {
        let account = Account::named("postgres");
        let distribution = Distribution::at(distribution, "bin/postgres", &account);
        let directory = distribution.path().join("bin");
        Self { directory, major, account, _distribution: Some(distribution) }
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
