//! Data of servers that have never run, below cargo's folder for what is built: one for each program and
//! each way to initialise it.
//!
//! To initialise data takes a server seconds, and to copy it takes a moment.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use crate::{
    account::{self, Account},
    build_folder,
};

/// What `initialise` makes, as a folder `data` in the folder that it is given.
pub(crate) struct DataTemplate<'t, F: FnOnce(&Path)> {
    pub(crate) account: &'t Account,
    /// The program and its version.
    pub(crate) name: String,
    /// What else makes a difference.
    pub(crate) options: &'t [&'t str],
    pub(crate) initialise: F,
}

/// Who comes second waits for the first one's.
static MAKING: Mutex<()> = Mutex::new(());

impl<F: FnOnce(&Path)> DataTemplate<'_, F> {
    /// Makes a copy at `data`, which nothing is at yet. It is the account's, as the template is.
    pub(crate) fn copy_to(self, data: &Path) {
        let template = self.path();
        {
            let _turn = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
            if !template.exists() {
                self.make(&template);
            }
        }
        copy(&template, data);
    }

    fn path(&self) -> PathBuf {
        let mut hash = DefaultHasher::new();
        (self.options, format!("{:?}", self.account)).hash(&mut hash);
        let name = format!("{}-{:016x}", self.name, hash.finish());
        build_folder().join("data-templates").join(name)
    }

    /// Makes it whole or not at all, for another process may make the same.
    fn make(self, template: &Path) {
        let scratch = self.account.directory("pointsman-template-");
        (self.initialise)(scratch.path());
        let folder = template.parent().expect("it is in a folder");
        fs::create_dir_all(folder).expect("cargo's folder can be written to");
        let incoming = tempfile::tempdir_in(folder).expect("cargo's folder can be written to");
        let whole = incoming.path().join("data");
        copy(&scratch.path().join("data"), &whole);
        let moved = fs::rename(whole, template);
        assert!(moved.is_ok() || template.exists(), "{}: {moved:?}", template.display());
    }
}

/// The servers' account may not get at cargo's folder, so whoever runs the tests copies.
fn copy(from: &Path, to: &Path) {
    account::run(Command::new("cp").arg("--archive").args([from, to]));
}
