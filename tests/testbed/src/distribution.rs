//! A folder of server programs that no package manager has installed.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;

use crate::account::{self, Account};

/// Programs that the account of their servers gets at.
#[derive(Clone, Debug)]
pub struct Distribution {
    path: PathBuf,
    _copy: Option<Arc<TempDir>>,
}

impl Distribution {
    /// The one at `path`, which has `program`. When `account` cannot get at it, because it lies in
    /// somebody's private directory, it gets a copy.
    pub fn at(path: &Path, program: &str, account: &Account) -> Self {
        let reachable = account
            .command(path.join(program))
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success());
        if reachable {
            return Self { path: path.to_path_buf(), _copy: None };
        }
        let copy = account.directory("pointsman-programs-");
        let mut command = std::process::Command::new("cp");
        command.arg("--archive").arg(path).arg(copy.path());
        account::run(&mut command);
        let name = path.file_name().expect("a distribution is a directory");
        Self { path: copy.path().join(name), _copy: Some(Arc::new(copy)) }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
