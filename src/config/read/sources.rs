//! Where a configuration's other parts come from: files and environment variables.

use std::{ffi::OsString, fs, io, os::unix::fs::MetadataExt, path::Path};

/// What is done about the passwords, keys and other secrets that a configuration names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// All are read: the configuration is about to be used.
    Needed,
    /// All are read but those that only the service's environment has: a variable, and the folder
    /// of systemd's credentials. What is missing there is a warning.
    OfTheService,
    /// None is read: the machine has none of them.
    LeftOut,
}

/// What a configuration may refer to. A trait, so that tests need neither a disk nor a changed
/// environment.
pub trait Sources {
    /// The content of a file.
    ///
    /// # Errors
    ///
    /// What the system says when it cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The permissions of a file, as stat(2) has them; `None` when there is no such file, or nobody
    /// knows.
    fn mode(&self, path: &Path) -> Option<u32> {
        _ = path;
        None
    }

    /// The value of an environment variable; `None` when it is not set.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// What is done about secrets.
    fn secrets(&self) -> Secrets {
        Secrets::Needed
    }
}

/// The files and the environment of this process.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Sources for System {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn mode(&self, path: &Path) -> Option<u32> {
        fs::metadata(path).ok().map(|metadata| metadata.mode())
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }
}

/// The files and the environment of a process that is not the service, and does not become it.
#[derive(Clone, Copy, Debug)]
pub struct Elsewhere(pub Secrets);

impl Sources for Elsewhere {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        System.read(path)
    }

    fn mode(&self, path: &Path) -> Option<u32> {
        System.mode(path)
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        System.variable(name)
    }

    fn secrets(&self) -> Secrets {
        self.0
    }
}
